//! Opening, reading and closing files.

use std::fs::File;
use std::sync::Arc;

use eventlog::TrackId;

use super::Filesystem;
use crate::audience::{Reader, Visit};
use crate::errno::{ErrorKind, FsError};
use crate::inodes::{Backing, Caching};
use crate::library::{FileId, Ino, Lane, Located, Original};
use crate::operations::Operation;

pub(super) struct OpenFile {
    pub(super) ino: Ino,
    lane: Lane,
    caching: Caching,
    bytes: Bytes,
    /// Where somebody is told of it.
    pub(super) visit: Option<Visit>,
}

enum Bytes {
    Original {
        of: FileId,
        original: Box<dyn Original>,
    },
    Generated(Arc<[u8]>),
    /// The kernel has them.
    Passed,
}

/// A file that was found, and is to be opened.
pub struct Opening {
    ino: Ino,
    found: Found,
}

enum Found {
    Generated(Lane),
    Original {
        of: FileId,
        size: u64,
        located: Box<dyn Located>,
    },
}

impl Opening {
    /// What it hangs with.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match &self.found {
            Found::Generated(lane) => *lane,
            Found::Original { located, .. } => located.lane(),
        }
    }
}

/// What an open gives.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub handle: u64,
    /// How the kernel serves it.
    pub caching: Caching,
}

/// What a handle kept; a read that is under way may still use it. Dropping it may wait for the
/// origin.
pub struct Closed {
    _file: Arc<OpenFile>,
}

impl From<Arc<OpenFile>> for Closed {
    fn from(file: Arc<OpenFile>) -> Self {
        Self { _file: file }
    }
}

impl Filesystem {
    /// Finds what is to be opened. Answered at once.
    ///
    /// # Errors
    /// Where there is no such file, or no origin that has it is reachable.
    pub fn find(&self, ino: Ino) -> Result<Opening, FsError> {
        if ino.is_special() {
            let found = Found::Generated(self.specials.lane(ino));
            return Ok(Opening { ino, found });
        }
        let (of, size) = self.file(ino)?;
        let located = self.originals.locate(of)?;
        let found = Found::Original { of, size, located };
        Ok(Opening { ino, found })
    }

    /// Opens a file for reading. May take as long as the origin does.
    ///
    /// `thread` is the one that asks, 0 where that is not known; it waits for the answer. `register`
    /// asks the session for passthrough of a file, and answers at once.
    ///
    /// # Errors
    /// [`ErrorKind::Stale`] where the original is not what the library knows: the owner of the
    /// originals is told. [`ErrorKind::Busy`] while the kernel reads an earlier state by itself.
    pub fn open(
        &self,
        opening: Opening,
        thread: u32,
        register: &dyn Fn(&File) -> Option<Backing>,
    ) -> Result<Opened, FsError> {
        let _running = self.operations.begin(Operation::Open);
        let lane = opening.lane();
        let Opening { ino, found } = opening;
        let (caching, bytes, visit) = match found {
            Found::Generated(_) => {
                let bytes = Bytes::Generated(self.specials.open(ino)?);
                (self.specials.caching(ino)?, bytes, None)
            }
            Found::Original { of, size, located } => {
                let original = located.open().inspect_err(|error| self.report(of, error))?;
                let actual = original.revision().size;
                if actual != size {
                    self.originals.changed(of);
                    return Err(FsError::new(
                        ErrorKind::Stale,
                        format!("{of} has {actual} bytes, {size} were expected; rescanning it"),
                    ));
                }
                let caching = self.inodes.open(ino, original.as_ref(), register)?;
                let bytes = match caching {
                    Caching::Passthrough(_) => Bytes::Passed,
                    Caching::Pages { .. } | Caching::Direct => Bytes::Original { of, original },
                };
                let track = of.track();
                let visit = track.and_then(|track| self.visit(track, thread, size, &caching));
                (caching, bytes, visit)
            }
        };
        let file = OpenFile {
            ino,
            lane,
            caching: caching.clone(),
            bytes,
            visit,
        };
        let handle = self.files.insert(file);
        Ok(Opened { handle, caching })
    }

    /// What an open file hangs with.
    #[must_use]
    pub fn lane(&self, handle: u64) -> Option<Lane> {
        self.files.get(handle).map(|file| file.lane)
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
            Bytes::Original { of, original } => {
                let read = original.read_at(buffer, offset);
                if let (Ok(len), Some(visit)) = (&read, &file.visit) {
                    visit.gave(*len);
                }
                read.inspect_err(|error| self.report(*of, error))
            }
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

    /// Closes a file. Answered at once; what is left to be dropped says where that may wait.
    pub fn release(&self, handle: u64) -> Option<(Lane, Closed)> {
        let file = self.close(handle)?;
        self.tell(&file);
        Some((file.lane, file.into()))
    }

    /// Closes a file whose opening nobody waits for any more; else as [`release`](Self::release).
    pub fn abandon(&self, handle: u64) -> Option<(Lane, Closed)> {
        let file = self.close(handle)?;
        // The kernel was told of no revision, and may have pages of an earlier one.
        self.inodes.forget(file.ino);
        Some((file.lane, file.into()))
    }

    fn close(&self, handle: u64) -> Option<Arc<OpenFile>> {
        let file = self.files.remove(handle)?;
        self.inodes.close(file.ino, &file.caching);
        Some(file)
    }

    /// Open handles on files.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.files.len()
    }

    /// What is told of an open once it ends: nothing of our own.
    fn visit(&self, track: TrackId, thread: u32, size: u64, caching: &Caching) -> Option<Visit> {
        if self.audiences.is_empty() {
            return None;
        }
        let reader = Reader::of(thread);
        let counted = match caching {
            Caching::Direct | Caching::Pages { keep: false } => true,
            Caching::Pages { keep: true } | Caching::Passthrough(_) => false,
        };
        (reader.process != std::process::id()).then(|| Visit::begin(track, reader, size, counted))
    }

    /// Tells that a file is no longer open.
    pub(super) fn tell(&self, file: &OpenFile) {
        if let Some(visit) = &file.visit {
            let access = visit.end();
            for audience in &self.audiences {
                audience.read(access.clone());
            }
        }
    }

    fn report(&self, file: FileId, error: &FsError) {
        if error.kind == ErrorKind::Stale {
            self.originals.changed(file);
        }
    }
}
