//! A file of this machine, opened at one revision.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eventlog::Revision;
use rustix::fs;
use rustix::io::Errno;

use super::blocking;
use super::error::failed;
use super::list::revision;
use super::remote::remote;
use crate::origin::{ErrorKind, OriginError, OriginFile};

/// A regular file, open read-only, that is read only as long as it is in its revision.
#[derive(Debug)]
pub(super) struct LocalFile {
    open: Arc<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    revision: Revision,
    /// For messages; the file may have moved since.
    place: PathBuf,
}

impl LocalFile {
    pub(super) fn new(file: File, revision: Revision, place: PathBuf) -> Self {
        Self {
            open: Arc::new(Open {
                file,
                revision,
                place,
            }),
        }
    }
}

#[async_trait]
impl OriginFile for LocalFile {
    fn revision(&self) -> &Revision {
        &self.open.revision
    }

    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        let open = Arc::clone(&self.open);
        blocking(move || {
            let left = open.revision.size.saturating_sub(offset);
            let mut bytes = vec![0; len.min(usize::try_from(left).unwrap_or(usize::MAX))];
            let read = read_checked(&open.file, &open.revision, &mut bytes, offset);
            let count = read.map_err(|error| OriginError {
                kind: error.kind,
                message: format!("{}: {}", open.place.display(), error.message),
            })?;
            bytes.truncate(count);
            Ok(Bytes::from(bytes))
        })
        .await
    }

    fn local(&self) -> Option<&File> {
        Some(&self.open.file)
    }

    fn disk(&self) -> Option<&File> {
        let on_a_share = remote(&self.open.file).map_or(true, |kind| kind.is_some());
        (!on_a_share).then_some(&self.open.file)
    }
}

/// Reads from `offset` into `buffer`, and makes sure that the file is in `revision` still; gives
/// the number of bytes, fewer than asked for only at the file's end. Blocks.
///
/// The state is looked at after the bytes are read. A write moves the modification time before it
/// moves the first byte, so bytes of another state never pass; except those stored through a
/// shared memory map, of which the kernel keeps time only roughly (`mmap(2)`).
///
/// # Errors
/// [`ErrorKind::Changed`] where size or modification time differ, or the file's server has lost
/// it; else what reading gave.
pub fn read_checked(
    file: &File,
    revision: &Revision,
    buffer: &mut [u8],
    offset: u64,
) -> Result<usize, OriginError> {
    let left = usize::try_from(revision.size.saturating_sub(offset)).unwrap_or(usize::MAX);
    let wanted = buffer.len().min(left);
    let (wanted, _) = buffer.split_at_mut(wanted);
    let mut count = 0;
    while let Some(rest) = wanted.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(count as u64)) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(lost(Errno::from_io_error(&error).unwrap_or(Errno::IO))),
        }
    }
    unchanged(file, revision)?;
    if count < wanted.len() {
        return Err(failed(
            "read the file: it is shorter than it says",
            Errno::IO,
        ));
    }
    Ok(count)
}

/// Fails unless the open file is in `revision`.
pub(super) fn unchanged(file: &File, expected: &Revision) -> Result<(), OriginError> {
    let stat = fs::fstat(file).map_err(lost)?;
    let found = revision(&stat);
    if (found.size, found.mtime_ns) == (expected.size, expected.mtime_ns) {
        return Ok(());
    }
    Err(OriginError {
        kind: ErrorKind::Changed,
        message: format!(
            "the file changed: {} bytes now, {} before; open it again",
            found.size, expected.size
        ),
    })
}

/// A server that no longer knows an open file says ESTALE: it was replaced or removed there.
fn lost(errno: Errno) -> OriginError {
    if errno == Errno::STALE {
        let message = "the file was replaced on its server; open it again".to_owned();
        return OriginError {
            kind: ErrorKind::Changed,
            message,
        };
    }
    failed("read the file", errno)
}
