//! An SFTP server and its folder: what all calls of an origin share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use eventlog::OriginPath;
use futures::FutureExt;

use super::error::Failure;
use super::handles::Handles;
use super::place::Root;
use super::session::Session;
use crate::origin::OriginError;
use crate::pool::Pool;
use crate::settings::SftpSettings;

#[derive(Debug)]
pub(super) struct Server {
    settings: Arc<SftpSettings>,
    root: Root,
    pool: Arc<Pool<Session>>,
    handles: Handles,
}

impl Server {
    pub(super) fn new(settings: SftpSettings, idle: Duration) -> Self {
        let settings = Arc::new(settings);
        let to = Arc::clone(&settings);
        let connect = move || Session::connect(Arc::clone(&to), idle).boxed();
        Self {
            root: Root::new(&settings.root),
            pool: Arc::new(Pool::new(settings.connections, connect)),
            settings,
            handles: Handles::default(),
        }
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Files that are open at the server.
    pub(super) fn handles(&self) -> &Handles {
        &self.handles
    }

    /// The failure of `doing` (such as "list") with what is at `path`.
    pub(super) fn told(&self, doing: &str, path: &OriginPath, failure: Failure) -> OriginError {
        let place = self.root.at(path);
        let place = String::from_utf8_lossy(&place);
        failure.told(format_args!("{doing} {}:{place}", self.settings.host))
    }

    /// Does `work` over a session, and once more over another where that session ended.
    pub(super) async fn with_session<T, F>(
        &self,
        work: impl Fn(Arc<Session>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        match work(self.pool.session().await?).await {
            Err(Failure::Lost(why)) => {
                tracing::debug!(host = self.settings.host, %why, "a session ended; once more");
                work(self.pool.session().await?).await
            }
            done => done,
        }
    }

    /// As [`with_session`](Self::with_session), for who gives up with a message.
    pub(super) async fn call<T, F>(
        &self,
        doing: &str,
        path: &OriginPath,
        work: impl Fn(Arc<Session>) -> F,
    ) -> Result<T, OriginError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let done = self.with_session(work).await;
        done.map_err(|failure| self.told(doing, path, failure))
    }
}
