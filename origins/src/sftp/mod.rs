//! Folders of SFTP servers, over SSH.
//!
//! Nothing here can write (ORG-2): the requests that there are (`wire`) have none that does, and
//! files are opened for reading. Names are bytes, as the server has them.

mod error;
mod file;
mod handles;
mod host;
mod known_hosts;
mod link;
mod login;
mod place;
mod server;
mod session;
mod walk;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventlog::{OriginId, OriginPath, Revision};
use futures::stream::BoxStream;

use crate::origin::{
    Depth, Directory, ErrorKind, Origin, OriginError, OriginFile, WalkError, Watch,
};
use crate::settings::SftpSettings;

use error::Failure;
use file::SftpFile;
use server::Server;
use wire::Kind;

/// After which time without a request a session is closed (ORG-9).
const IDLE: Duration = Duration::from_secs(60);

/// A folder of an SFTP server as an origin.
///
/// Symlinks that stay within the folder are followed, all others are not there, as for a
/// [`LocalOrigin`](crate::LocalOrigin). A revision is size and modification time, which this protocol
/// tells in whole seconds: two changes within one second that keep the size look the same.
#[derive(Debug)]
pub struct SftpOrigin {
    id: OriginId,
    server: Arc<Server>,
}

impl SftpOrigin {
    /// An origin of a folder. Nothing is connected before the first call.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where the settings cannot be meant: no host, no user, no way to log in.
    pub fn new(id: OriginId, settings: SftpSettings) -> Result<Self, OriginError> {
        Self::closing_after(id, settings, IDLE)
    }

    /// As [`new`](Self::new), with another time after which an unused session is closed.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn closing_after(
        id: OriginId,
        settings: SftpSettings,
        idle: Duration,
    ) -> Result<Self, OriginError> {
        let missing = if settings.host.is_empty() {
            Some("host: name the server")
        } else if settings.user.is_empty() {
            Some("user: name who logs in")
        } else if settings.logins.is_empty() {
            Some("way to log in: give a key, the agent or a password")
        } else if settings.root.contains(&0) {
            Some("folder: its name holds NUL")
        } else {
            None
        };
        if let Some(missing) = missing {
            return Err(OriginError {
                kind: ErrorKind::Io,
                message: format!("the SFTP origin {id} has no {missing}"),
            });
        }
        let server = Arc::new(Server::new(settings, idle));
        Ok(Self { id, server })
    }
}

#[async_trait]
impl Origin for SftpOrigin {
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
        let look = async |session: Arc<session::Session>| {
            let found = place::find(&session, server.root(), path).await?;
            let revision = found.attributes.revision();
            match (found.attributes.kind(), revision) {
                (Kind::File, Some(revision)) => Ok(revision),
                _ => Err(Failure::not_there("it is no file")),
            }
        };
        server.call("look at", path, look).await
    }

    async fn open(
        &self,
        path: &OriginPath,
        expected: &Revision,
    ) -> Result<Arc<dyn OriginFile>, OriginError> {
        let server = Arc::clone(&self.server);
        let file = SftpFile::open(server, path.clone(), expected.clone()).await?;
        Ok(Arc::new(file))
    }

    async fn check(&self) -> Result<(), OriginError> {
        let server = &self.server;
        let look = async |session: Arc<session::Session>| {
            place::look_at_root(&session, server.root()).await
        };
        server.call("reach", &OriginPath::root(), look).await
    }

    fn watch(&self) -> Result<Option<Watch>, OriginError> {
        Ok(None)
    }
}
