//! What can go wrong with the store itself. None of it is ever a reader's trouble: what cannot be
//! kept is passed through.

use std::io;
use std::path::PathBuf;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Its directory cannot be used.
    #[error("cannot use the content store {}: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There are files in its directory that are not its own.
    #[error(
        "{} holds files that are not the content store's, and it would delete them: set cache.dir to \
         a folder of its own, an empty or a new one",
        path.display()
    )]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error(
        "the content store {} is in use by another process; each library needs one of its own: set \
         cache.dir in the configuration of one of them",
        path.display()
    )]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// Its index cannot be used.
    #[error(
        "cannot use the index of the content store, {}: {source}; what is in the store is a copy: \
         if this goes on, stop MusicFS and delete the directory",
        path.display()
    )]
    Index {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}
