//! The contract of an origin. `conformance` holds every implementation to it.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eventlog::{OriginId, OriginPath, Revision, Timestamp};
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use crate::checksum::Checksum;

/// Where originals are. Lists, stats, reads, watches; has no way to write (ORG-2).
///
/// Calls may take as long as the origin does; callers set time limits. Dropping a future or a
/// stream gives the call up.
#[async_trait]
pub trait Origin: Send + Sync + 'static {
    /// The id under which the library knows it.
    fn id(&self) -> &OriginId;

    /// Lists a directory, and with [`Depth::All`] everything below it.
    ///
    /// One item a directory, in any order, each complete: what an item does not name is not there.
    /// A directory that cannot be listed in full gives a [`WalkError`] naming it, and nothing of it
    /// or below it can be taken for gone. The stream ends after the last directory; where it ends
    /// without an error the listing was complete.
    fn walk(
        &self,
        from: &OriginPath,
        depth: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>>;

    /// The state of one file now.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] only where the origin was reached and has no such file.
    async fn stat(&self, path: &OriginPath) -> Result<Revision, OriginError>;

    /// Whether a file that is not found, and was at `path` at the time `known`, is missing because
    /// a disk or share is not mounted that was mounted within the origin: the folder that lacks it.
    /// Nothing below that folder can be taken for gone (ORG-6).
    ///
    /// # Errors
    /// Where the origin cannot be asked.
    async fn unmounted(
        &self,
        _path: &OriginPath,
        _known: Timestamp,
    ) -> Result<Option<OriginPath>, OriginError> {
        Ok(None)
    }

    /// Opens a file for reading at one revision. Where a request of its own would have to tell how the
    /// file is, the first read does.
    ///
    /// # Errors
    /// [`ErrorKind::Changed`] where the file is in another state than `expected`.
    async fn open(
        &self,
        path: &OriginPath,
        expected: &Revision,
    ) -> Result<Arc<dyn OriginFile>, OriginError>;

    /// As [`open`](Self::open), on the calling thread, which has to be one that may wait for a
    /// disk: for many files, the change of threads would cost more than the opening. `None` where
    /// the files are not on this machine.
    fn open_here(
        &self,
        _path: &OriginPath,
        _expected: &Revision,
    ) -> Option<Result<Arc<dyn OriginFile>, OriginError>> {
        None
    }

    /// True where its files are on disks of this machine: keeping copies of them would gain nothing.
    fn is_here(&self) -> bool {
        false
    }

    /// Asks whether the origin answers.
    ///
    /// # Errors
    /// Why it does not.
    async fn check(&self) -> Result<(), OriginError>;

    /// Starts watching; `None` where the origin can only be polled. Ends when dropped.
    ///
    /// # Errors
    /// Where watching should work and does not.
    fn watch(&self) -> Result<Option<Watch>, OriginError>;
}

/// A file opened at one revision.
#[async_trait]
pub trait OriginFile: Send + Sync + 'static {
    /// The revision it was opened at.
    fn revision(&self) -> &Revision;

    /// Reads up to `len` bytes from `offset`; fewer only at the file's end.
    ///
    /// # Errors
    /// [`ErrorKind::Changed`] once the file is no longer in its revision: bytes of two states are
    /// never mixed (FS-6).
    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError>;

    /// What the origin tells of all of the file's bytes, without sending them; `None` where it tells
    /// nothing that can be computed.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at).
    async fn checksum(&self) -> Result<Option<Checksum>, OriginError> {
        Ok(None)
    }

    /// The open file itself, for origins that are folders of this machine: for plain reads.
    fn local(&self) -> Option<&File> {
        None
    }

    /// The open file itself, where its reads end in any case, so that the kernel may do them without
    /// us (CAS-8): on a disk of this machine, and no share whose server may be gone (UP-5).
    fn disk(&self) -> Option<&File> {
        None
    }
}

/// How far below a directory a listing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The directory alone.
    One,
    /// The directory and everything below it.
    All,
}

/// One directory of an origin, listed in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Its path.
    pub path: OriginPath,
    /// Regular files in it, symlinks within the origin resolved; by name.
    pub files: Vec<Entry>,
    /// The names of directories in it; by name.
    pub directories: Vec<Box<[u8]>>,
}

/// A file in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, one part of a path.
    pub name: Box<[u8]>,
    /// Its state.
    pub revision: Revision,
}

/// A directory that could not be listed in full.
#[derive(Debug, thiserror::Error)]
#[error("cannot list {path}: {error}")]
pub struct WalkError {
    /// The directory.
    pub path: OriginPath,
    /// Why.
    #[source]
    pub error: OriginError,
}

/// What went wrong, by kind, so that callers can tell gone from unreachable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OriginError {
    /// The kind.
    pub kind: ErrorKind,
    /// What was done to what and how it failed, for people.
    pub message: String,
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The origin answered: there is no such file.
    NotFound,
    /// The origin answered: not for us.
    Denied,
    /// The file is no longer in the state that was asked for.
    Changed,
    /// The origin does not answer, or its root is not there.
    Offline,
    /// The origin asks us to wait.
    Throttled {
        /// How long, where it says.
        retry_after: Option<Duration>,
    },
    /// Too many open files, no memory: this machine's trouble, not the origin's.
    Exhausted,
    /// Anything else that reading gave.
    Io,
}

impl ErrorKind {
    /// True where the same call may succeed later.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::Offline | Self::Throttled { .. } | Self::Exhausted | Self::Io
        )
    }
}

/// A running watch. Dropping it ends the watch.
pub struct Watch {
    /// What changed, debounced (ORG-3). The channel ends when the watch is lost.
    pub events: mpsc::Receiver<Dirty>,
    /// What keeps the watch running.
    pub(crate) _guard: Box<dyn std::any::Any + Send>,
}

/// What has to be listed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dirty {
    /// These directories themselves; what is new below them, too.
    Directories(Vec<OriginPath>),
    /// Everything below the root: events were lost.
    Everything,
}
