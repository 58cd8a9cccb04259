//! What can go wrong with the index.

use std::io;
use std::path::PathBuf;

use eventlog::StoreError;
use projections::ViewError;
use tantivy::TantivyError;
use tantivy::directory::error::OpenReadError;

/// Why the index cannot be kept or asked.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// It is being built for the first time, or anew after an upgrade: ask again in a moment.
    #[error("the search index is being built; ask again in a moment")]
    NotReady,
    /// It is closed: MusicFS is ending.
    #[error("the search index is closed")]
    Closed,
    /// A fault of MusicFS itself.
    #[error("keeping the search index failed: {0}")]
    Bug(&'static str),
    /// This machine has no thread for it.
    #[error("no thread can be had for the search index: {0}")]
    Thread(io::Error),
    /// Its directory cannot be made, read or deleted.
    #[error("cannot use the search index {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The index cannot be read or written.
    #[error("cannot use the search index {path}: {source}")]
    Index {
        /// Its directory.
        path: PathBuf,
        /// What Tantivy said.
        source: TantivyError,
    },
    /// The catalog cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] StoreError),
}

impl SearchError {
    /// True where the index itself is to blame, or may be, and not the disk's being full or away.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Bug(_) => true,
            Self::Index { source, .. } => is_damage(source),
            _ => false,
        }
    }
}

/// True for what no later attempt can make good: all but what the system refuses.
pub(crate) fn is_damage(error: &TantivyError) -> bool {
    // Files that are too short, or hold something else, are told as such errors, too.
    let is_the_file = |error: &io::Error| error.raw_os_error().is_none();
    match error {
        TantivyError::IoError(error)
        | TantivyError::OpenReadError(OpenReadError::IoError {
            io_error: error, ..
        }) => is_the_file(error),
        TantivyError::OpenWriteError(_)
        | TantivyError::LockFailure(..)
        | TantivyError::ErrorInThread(_) => false,
        _ => true,
    }
}
