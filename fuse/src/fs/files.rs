//! Opening, reading and closing files.

use std::fs::File;
use std::sync::Arc;

use eventlog::TrackId;

use super::Filesystem;
use crate::errno::{ErrorKind, FsError};
use crate::inodes::{Backing, Caching};
use crate::library::{Ino, Original};
use crate::operations::Operation;

pub(super) struct OpenFile {
    pub(super) ino: Ino,
    caching: Caching,
    bytes: Bytes,
}

enum Bytes {
    Original {
        track: TrackId,
        original: Box<dyn Original>,
    },
    Generated(Arc<[u8]>),
    /// The kernel has them.
    Passed,
}

/// What an open gives.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub handle: u64,
    /// How the kernel serves it.
    pub caching: Caching,
}

impl Filesystem {
    /// Opens a file for reading. May take as long as the origin does.
    ///
    /// `register` asks the session for passthrough of a file, and answers at once.
    ///
    /// # Errors
    /// [`ErrorKind::Stale`] where the original is not what the library knows: the owner of the
    /// originals is told. [`ErrorKind::Busy`] while the kernel reads an earlier state by itself.
    pub fn open(
        &self,
        ino: Ino,
        register: &dyn Fn(&File) -> Option<Backing>,
    ) -> Result<Opened, FsError> {
        let _running = self.operations.begin(Operation::Open);
        if ino.is_special() {
            let bytes = Bytes::Generated(self.specials.open(ino)?);
            return Ok(self.opened(OpenFile {
                ino,
                caching: Caching::Direct,
                bytes,
            }));
        }
        let (track, size) = self.track(ino)?;
        let original = self
            .originals
            .open(track)
            .inspect_err(|error| self.report(track, error))?;
        let actual = original.revision().size;
        if actual != size {
            self.originals.changed(track);
            return Err(FsError::new(
                ErrorKind::Stale,
                format!("track {track} has {actual} bytes, {size} were expected; rescanning it"),
            ));
        }
        let caching = self.inodes.open(ino, original.as_ref(), register)?;
        let bytes = match caching {
            Caching::Passthrough(_) => Bytes::Passed,
            Caching::Pages { .. } | Caching::Direct => Bytes::Original { track, original },
        };
        Ok(self.opened(OpenFile {
            ino,
            caching,
            bytes,
        }))
    }

    /// Reads into `buffer`; fewer bytes than it takes only at the file's end. May take as long as
    /// the origin does.
    ///
    /// # Errors
    /// [`ErrorKind::Stale`] once the original has changed.
    pub fn read(&self, handle: u64, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        let _running = self.operations.begin(Operation::Read);
        let file = self.files.get(handle).ok_or(ErrorKind::BadHandle)?;
        match &file.bytes {
            Bytes::Original { track, original } => original
                .read_at(buffer, offset)
                .inspect_err(|error| self.report(*track, error)),
            Bytes::Generated(content) => {
                let rest = usize::try_from(offset)
                    .ok()
                    .and_then(|start| content.get(start..));
                let piece = rest.unwrap_or_default();
                let len = piece.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..len), piece.get(..len)) {
                    to.copy_from_slice(from);
                }
                Ok(len)
            }
            Bytes::Passed => Err(FsError::new(
                ErrorKind::Bug,
                format!(
                    "inode {} is passed through and was read nevertheless",
                    file.ino
                ),
            )),
        }
    }

    /// Closes a file.
    pub fn release(&self, handle: u64) {
        if let Some(file) = self.files.remove(handle) {
            self.inodes.close(file.ino, &file.caching);
        }
    }

    /// Open handles on files.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.files.len()
    }

    fn opened(&self, file: OpenFile) -> Opened {
        let caching = file.caching.clone();
        Opened {
            handle: self.files.insert(file),
            caching,
        }
    }

    fn report(&self, track: TrackId, error: &FsError) {
        if error.kind == ErrorKind::Stale {
            self.originals.changed(track);
        }
    }
}
