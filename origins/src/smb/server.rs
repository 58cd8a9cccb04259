//! An SMB server and its folder: what all calls of an origin share.

use std::future::Future;
use std::sync::Arc;

use eventlog::OriginPath;
use futures::FutureExt;

use super::error::Failure;
use super::share::Share;
use crate::origin::{ErrorKind, OriginError};
use crate::pool::Pool;
use crate::settings::SmbSettings;

#[derive(Debug)]
pub(super) struct Server {
    settings: Arc<SmbSettings>,
    pool: Arc<Pool<Share>>,
}

impl Server {
    pub(super) fn new(settings: SmbSettings) -> Self {
        let settings = Arc::new(settings);
        let to = Arc::clone(&settings);
        let connect = move || Share::connect(Arc::clone(&to)).boxed();
        Self {
            pool: Arc::new(Pool::new(settings.connections, connect)),
            settings,
        }
    }

    /// What to ask the server for. Its names are text: what is none is not there.
    pub(super) fn at(&self, path: &OriginPath) -> Result<String, Failure> {
        let text = |path: &OriginPath| String::from_utf8(path.as_bytes().to_vec());
        let (root, below) = (text(&self.settings.root), text(path));
        match (root, below) {
            (Ok(root), Ok(below)) if root.is_empty() => Ok(below),
            (Ok(root), Ok(below)) if below.is_empty() => Ok(root),
            (Ok(root), Ok(below)) => Ok(format!("{root}/{below}")),
            _ => Err(Failure::not_there("a name on an SMB share is UTF-8")),
        }
    }

    /// Does `work` over a session, and once more over another where that session ended.
    pub(super) async fn with_session<T, F>(
        &self,
        work: impl Fn(Arc<Share>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        match work(self.pool.session().await?).await {
            Err(failure) if failure.is_lost() => {
                tracing::debug!(
                    host = self.settings.host,
                    ?failure,
                    "a session ended; once more"
                );
                work(self.pool.session().await?).await
            }
            done => done,
        }
    }

    /// A file that is not there is gone only where the root is: `failure`, or that it is missing.
    pub(super) async fn missing(&self, share: &Share, failure: Failure) -> Failure {
        match self.look_at_root(share).await {
            Ok(()) => failure,
            Err(failure) => failure,
        }
    }

    /// Makes sure that the root is a folder that is there.
    pub(super) async fn look_at_root(&self, share: &Share) -> Result<(), Failure> {
        let root = self.at(&OriginPath::root())?;
        let gone = |what: &str| {
            let message = format!(
                "the origin's folder {root:?} on //{}/{} is {what}; check the server's disks",
                self.settings.host, self.settings.share
            );
            Failure::told_as(ErrorKind::Offline, &message)
        };
        match share.look(&root).await {
            Ok(state) if state.attributes.is_directory() => Ok(()),
            Ok(_) => Err(gone("no folder")),
            Err(failure) if failure.is_not_found() => Err(gone("not there")),
            Err(failure) => Err(failure),
        }
    }

    /// The failure of `doing` (such as "list") with what is at `path`.
    pub(super) fn told(&self, doing: &str, path: &OriginPath, failure: Failure) -> OriginError {
        let SmbSettings {
            host, share, root, ..
        } = &*self.settings;
        let slash = if root.is_root() { "" } else { "/" };
        failure.told(format_args!("{doing} //{host}/{share}/{root}{slash}{path}"))
    }
}
