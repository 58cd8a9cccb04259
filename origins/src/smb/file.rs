//! A file of an SMB share, opened at one revision.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use eventlog::{OriginPath, Revision};
use futures::StreamExt;
use futures::stream;

use super::error::Failure;
use super::requests::State;
use super::revision;
use super::server::Server;
use super::share::Share;
use crate::origin::{ErrorKind, OriginError, OriginFile};

/// Requests of one read that are under way at once, at most.
const AHEAD: usize = 4;

/// Most bytes that room is made for before they are there: sizes are a server's word.
const ROOM: usize = 16 * 1024 * 1024;

/// A file that is read only as long as it is in its revision. Nothing is open at the server between
/// two reads: each one opens the file, looks at its state, reads, and looks again when it closes it.
#[derive(Debug)]
pub(super) struct SmbFile {
    server: Arc<Server>,
    path: OriginPath,
    given: String,
    revision: Revision,
}

impl SmbFile {
    /// Opens the file at `expected`.
    pub(super) async fn open(
        server: Arc<Server>,
        path: OriginPath,
        expected: Revision,
    ) -> Result<Self, OriginError> {
        let given = server
            .at(&path)
            .map_err(|failure| server.told("open", &path, failure))?;
        let file = Self {
            server,
            path,
            given,
            revision: expected,
        };
        // A byte, so that a file that may not be read is refused now.
        let opened = file.server.with_session(async |share: Arc<Share>| {
            match share.read(&file.given, 0, 1).await {
                Ok(read) => file.unchanged(&read.before),
                Err(failure) if failure.is_not_found() => {
                    Err(file.server.missing(&share, failure).await)
                }
                Err(failure) => Err(failure),
            }
        });
        opened.await.map_err(|failure| file.told("open", failure))?;
        Ok(file)
    }

    async fn read(&self, share: &Share, offset: u64, len: usize) -> Result<Bytes, Failure> {
        let end = offset.saturating_add(len as u64);
        let most = share.max_read();
        let parts = (offset..end).step_by(most as usize).map(|from| {
            let len = u32::try_from(end - from).map_or(most, |left| left.min(most));
            self.part(share, from, len)
        });
        let mut parts = stream::iter(parts).buffered(AHEAD);
        let mut bytes = BytesMut::with_capacity(len.min(ROOM));
        while let Some(part) = parts.next().await {
            bytes.extend_from_slice(&part?);
        }
        Ok(bytes.freeze())
    }

    /// One part of what is read, whole.
    async fn part(&self, share: &Share, offset: u64, len: u32) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        // A server may give less than it was asked for, and more when asked again.
        while bytes.len() < len as usize {
            let left = len - u32::try_from(bytes.len()).unwrap_or(len);
            let read = share
                .read(&self.given, offset + bytes.len() as u64, left)
                .await?;
            self.unchanged(&read.before)?;
            self.unchanged(&read.after)?;
            if read.bytes.is_empty() {
                let what = "the file is shorter than it says";
                return Err(Failure::told_as(ErrorKind::Io, what));
            }
            if bytes.is_empty() {
                bytes = read.bytes;
            } else {
                bytes.extend_from_slice(&read.bytes);
            }
        }
        Ok(bytes)
    }

    fn unchanged(&self, found: &State) -> Result<(), Failure> {
        if found.attributes.is_directory() {
            return Err(Failure::not_there("it is no file"));
        }
        let found = revision(found.size, found.modified);
        if (found.size, found.mtime_ns) == (self.revision.size, self.revision.mtime_ns) {
            return Ok(());
        }
        let what = format!(
            "the file changed: {} bytes now, {} before; open it again",
            found.size, self.revision.size
        );
        Err(Failure::told_as(ErrorKind::Changed, &what))
    }

    fn told(&self, doing: &str, failure: Failure) -> OriginError {
        self.server.told(doing, &self.path, failure)
    }
}

#[async_trait]
impl OriginFile for SmbFile {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        let left = self.revision.size.saturating_sub(offset);
        let len = len.min(usize::try_from(left).unwrap_or(usize::MAX));
        if len == 0 {
            return Ok(Bytes::new());
        }
        let read = self.server.with_session(async |share: Arc<Share>| {
            match self.read(&share, offset, len).await {
                Err(failure) if failure.is_not_found() => {
                    Err(self.server.missing(&share, failure).await)
                }
                read => read,
            }
        });
        read.await.map_err(|failure| self.told("read", failure))
    }
}
