//! Files behind HTTP: S3-compatible services and WebDAV servers.
//!
//! Nothing here can write: the only methods are `GET`, `HEAD` and `PROPFIND` (ORG-2). A call is one
//! attempt; retries and limits of time and rate are the caller's. `docs/adr/0007` says why this is
//! no use of a storage library.

mod answer;
mod escape;
mod http;
mod listing;
mod read;
mod s3;
mod webdav;
mod xml;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eventlog::{OriginId, OriginPath, Revision};
use futures::stream::BoxStream;
use reqwest::{Method, Request, Url};

use crate::checksum::Checksum;
use crate::origin::{
    Depth, Directory, ErrorKind, Origin, OriginError, OriginFile, WalkError, Watch,
};
use crate::settings::{S3Settings, WebdavSettings};

use http::Http;

/// A bucket of an S3-compatible service or a folder of a WebDAV server.
pub struct RemoteOrigin {
    id: OriginId,
    server: Arc<dyn Server>,
}

impl RemoteOrigin {
    /// An origin of what a bucket holds, or of what is below a prefix in it. Nothing is asked of
    /// the service yet.
    ///
    /// # Errors
    /// Where the settings cannot be right, whatever the service says.
    pub fn s3(id: OriginId, settings: &S3Settings) -> Result<Self, OriginError> {
        let server = Arc::new(s3::Bucket::new(settings)?);
        Ok(Self { id, server })
    }

    /// An origin of a WebDAV folder. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// Where the settings cannot be right, whatever the server says.
    pub fn webdav(id: OriginId, settings: &WebdavSettings) -> Result<Self, OriginError> {
        let server = Arc::new(webdav::Folder::new(settings)?);
        Ok(Self { id, server })
    }
}

/// What differs between the services.
#[async_trait]
trait Server: Send + Sync + 'static {
    /// How requests are sent.
    fn http(&self) -> &Http;

    /// A request for a file, with all that it needs to be let in.
    fn request(&self, method: Method, path: &OriginPath) -> Result<Request, OriginError>;

    /// Where a path is, for people.
    fn place(&self, path: &OriginPath) -> String;

    /// True where a tag in a revision can be sent as `If-Match`: where all of them are strong
    /// (RFC 9110 §13.1.1).
    fn tags_are_strong(&self) -> bool;

    /// What an answer that is no success means.
    fn refusal(&self, doing: &str, refused: &answer::Refused) -> OriginError;

    /// As [`Origin::walk`].
    fn walk(
        self: Arc<Self>,
        from: OriginPath,
        depth: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>>;

    /// As [`Origin::stat`], except that a missing file may be all that is known of a missing root.
    async fn stat(&self, path: &OriginPath) -> Result<Revision, OriginError>;

    /// As [`OriginFile::checksum`], with errors as of [`stat`](Self::stat).
    async fn checksum(
        &self,
        _path: &OriginPath,
        _revision: &Revision,
    ) -> Result<Option<Checksum>, OriginError> {
        Ok(None)
    }

    /// As [`Origin::check`]; [`ErrorKind::Offline`] where the root is not there.
    async fn check(&self) -> Result<(), OriginError>;
}

/// A file is gone only where what it was in is still there: otherwise the origin is what is missing
/// (ORG-6).
async fn gone_or_away(server: &dyn Server, error: OriginError) -> OriginError {
    if error.kind != ErrorKind::NotFound {
        return error;
    }
    server.check().await.err().unwrap_or(error)
}

#[async_trait]
impl Origin for RemoteOrigin {
    fn id(&self) -> &OriginId {
        &self.id
    }

    fn walk(
        &self,
        from: &OriginPath,
        depth: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>> {
        Arc::clone(&self.server).walk(from.clone(), depth)
    }

    async fn stat(&self, path: &OriginPath) -> Result<Revision, OriginError> {
        match self.server.stat(path).await {
            Ok(revision) => Ok(revision),
            Err(error) => Err(gone_or_away(&*self.server, error).await),
        }
    }

    async fn open(
        &self,
        path: &OriginPath,
        expected: &Revision,
    ) -> Result<Arc<dyn OriginFile>, OriginError> {
        // Each read proves the revision; only where there is nothing to read, none does.
        if expected.size == 0 && self.stat(path).await? != *expected {
            return Err(changed(&self.server.place(path)));
        }
        Ok(Arc::new(RemoteFile {
            server: Arc::clone(&self.server),
            path: path.clone(),
            revision: expected.clone(),
        }))
    }

    async fn check(&self) -> Result<(), OriginError> {
        self.server.check().await
    }

    fn watch(&self) -> Result<Option<Watch>, OriginError> {
        Ok(None)
    }
}

/// A file at one revision. Holds no connection: each read is a request that proves the revision.
struct RemoteFile {
    server: Arc<dyn Server>,
    path: OriginPath,
    revision: Revision,
}

#[async_trait]
impl OriginFile for RemoteFile {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        match read::read(&*self.server, &self.path, &self.revision, offset, len).await {
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(gone_or_away(&*self.server, error).await),
        }
    }

    async fn checksum(&self) -> Result<Option<Checksum>, OriginError> {
        match self.server.checksum(&self.path, &self.revision).await {
            Ok(checksum) => Ok(checksum),
            Err(error) => Err(gone_or_away(&*self.server, error).await),
        }
    }
}

fn changed(place: &str) -> OriginError {
    OriginError {
        kind: ErrorKind::Changed,
        message: format!("{place} has changed since it was listed"),
    }
}

/// An address from settings, as a folder: it ends in a slash.
fn address(text: &str) -> Result<Url, OriginError> {
    let wrong = |why: &str| OriginError {
        kind: ErrorKind::Io,
        message: format!("{text} cannot be used as an address: {why}"),
    };
    let mut url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("write http://HOST/… or https://HOST/…"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The address is shown to people.
        let message = "an address holds a user or password: give them as credentials".to_owned();
        let kind = ErrorKind::Io;
        return Err(OriginError { kind, message });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("leave out what begins with ? or #"));
    }
    let folder = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&folder);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folders_without_secrets() {
        let ended = |text| address(text).map(String::from).map_err(|e| e.message);
        assert_eq!(ended("http://h:8/a").unwrap(), "http://h:8/a/");
        assert_eq!(ended("https://h").unwrap(), "https://h/");
        assert_eq!(ended("https://h/a%20b//").unwrap(), "https://h/a%20b/");
        for bad in ["", "h/a", "ftp://h/", "http://h/?a", "http://h/#a"] {
            assert!(ended(bad).is_err(), "{bad}");
        }
        let told = ended("http://u:hunter2@h/").unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
    }
}
