//! What can go wrong with the index.

use std::path::PathBuf;

use eventlog::StoreError;
use projections::ViewError;

/// Why the index cannot be kept or asked.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// It is being built for the first time, or anew after an upgrade: ask again in a moment.
    #[error("the search index is being built; ask again in a moment")]
    NotReady,
    /// It is closed: MusicFS is ending.
    #[error("the search index is closed")]
    Closed,
    /// Its directory cannot be made, read or deleted.
    #[error("cannot use the search index {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The index cannot be read or written.
    #[error("cannot use the search index {path}: {source}")]
    Index {
        /// Its directory.
        path: PathBuf,
        /// What Tantivy said.
        source: tantivy::TantivyError,
    },
    /// The catalog cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] StoreError),
}
