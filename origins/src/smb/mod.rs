//! Folders of SMB shares, spoken to directly (SMB 2.0.2 to 3.1.1).
//!
//! Nothing here can write (ORG-2): files are opened for reading what is there, and no request that
//! changes anything is made. Names are text, as the protocol has them; characters that it forbids
//! are carried as macOS and Samba's `catia` and `fruit` do it.

mod error;
mod file;
mod requests;
mod server;
mod share;
mod walk;

use std::sync::Arc;

use async_trait::async_trait;
use eventlog::{OriginId, OriginPath, Revision};
use futures::stream::BoxStream;
use smb2::pack::FileTime;

use crate::origin::{
    Depth, Directory, ErrorKind, Origin, OriginError, OriginFile, WalkError, Watch,
};
use crate::settings::SmbSettings;

use error::Failure;
use file::SmbFile;
use server::Server;
use share::Share;

/// A folder of an SMB share as an origin.
///
/// Links are what the server makes of them: some follow those that stay within the share. What it
/// shows as a link is not there, nor is a folder that holds itself. Samba shows pipes as empty files;
/// sessions stay open until the server ends them. A revision is size and time of
/// the last write, in steps of 100 ns.
#[derive(Debug)]
pub struct SmbOrigin {
    id: OriginId,
    server: Arc<Server>,
}

impl SmbOrigin {
    /// An origin of a folder. Nothing is connected before the first call.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where the settings cannot be meant: no host, no share.
    pub fn new(id: OriginId, settings: SmbSettings) -> Result<Self, OriginError> {
        let missing = if settings.host.is_empty() {
            Some("host: name the server")
        } else if settings.share.is_empty() {
            Some("share: name the one that holds the music")
        } else {
            None
        };
        if let Some(missing) = missing {
            return Err(OriginError {
                kind: ErrorKind::Io,
                message: format!("the SMB origin {id} has no {missing}"),
            });
        }
        let server = Arc::new(Server::new(settings));
        Ok(Self { id, server })
    }
}

#[async_trait]
impl Origin for SmbOrigin {
    fn id(&self) -> &OriginId {
        &self.id
    }

    fn walk(
        &self,
        from: &OriginPath,
        depth: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>> {
        walk::walk(Arc::clone(&self.server), from.clone(), depth)
    }

    async fn stat(&self, path: &OriginPath) -> Result<Revision, OriginError> {
        let server = &self.server;
        let look = async |share: Arc<Share>| match share.look(&server.at(path)?).await {
            Ok(state) if !state.attributes.is_directory() => {
                Ok(revision(state.size, state.modified))
            }
            Ok(_) => Err(Failure::not_there("it is no file")),
            Err(failure) if failure.is_not_found() => Err(server.missing(&share, failure).await),
            Err(failure) => Err(failure),
        };
        let found = server.with_session(look).await;
        found.map_err(|failure| server.told("look at", path, failure))
    }

    async fn open(
        &self,
        path: &OriginPath,
        expected: &Revision,
    ) -> Result<Arc<dyn OriginFile>, OriginError> {
        let server = Arc::clone(&self.server);
        let file = SmbFile::open(server, path.clone(), expected.clone()).await?;
        Ok(Arc::new(file))
    }

    async fn check(&self) -> Result<(), OriginError> {
        let server = &self.server;
        let look = async |share: Arc<Share>| server.look_at_root(&share).await;
        let found = server.with_session(look).await;
        found.map_err(|failure| server.told("reach", &OriginPath::root(), failure))
    }

    fn watch(&self) -> Result<Option<Watch>, OriginError> {
        Ok(None)
    }
}

/// The revision that a file's state stands for.
fn revision(size: u64, modified: FileTime) -> Revision {
    /// 1970 in steps of 100 ns since 1601.
    const UNIX_EPOCH: i128 = 116_444_736_000_000_000;
    let since = (i128::from(modified.0) - UNIX_EPOCH) * 100;
    let mtime_ns = match modified {
        FileTime::ZERO => 0,
        _ => i64::try_from(since).unwrap_or(if since < 0 { i64::MIN } else { i64::MAX }),
    };
    Revision {
        size,
        mtime_ns,
        tag: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_steps_of_a_hundred_nanoseconds() {
        let at = |ticks| revision(1, FileTime(ticks)).mtime_ns;
        assert_eq!(at(0), 0);
        assert_eq!(at(116_444_736_000_000_001), 100);
        assert_eq!(at(116_444_735_999_999_999), -100);
        assert_eq!(at(u64::MAX), i64::MAX);
        assert_eq!(at(1), i64::MIN);
    }
}
