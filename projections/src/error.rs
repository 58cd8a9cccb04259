//! Why a view did not answer.

use std::path::PathBuf;

use eventlog::{Position, StoreError};

/// Why a view did not answer. None of these loses anything: views are rebuilt from the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The view's file is damaged or cannot be read.
    #[error("cannot read the {view} at {path}: {source}; `musicfs replay {view}` rebuilds it")]
    Unreadable {
        /// The view.
        view: &'static str,
        /// Its file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The view's file cannot be written.
    #[error("cannot write the {view} at {path}: {source}; it stays as it was")]
    Unwritable {
        /// The view.
        view: &'static str,
        /// Its file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The directory of the views cannot be used.
    #[error("cannot use {path} for views: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing to read yet.
    #[error("there is no {view} in {path} yet: mount once, or run `musicfs replay {view}`")]
    Missing {
        /// The view.
        view: &'static str,
        /// The directory of the views.
        path: PathBuf,
    },
    /// The log did not give its events.
    #[error("the views cannot go on: {0}")]
    Log(#[from] StoreError),
    /// The log ends before the position asked for.
    #[error("the log ends at position {head}, before {wanted}")]
    BeyondHead {
        /// The position asked for.
        wanted: Position,
        /// The log's head.
        head: Position,
    },
    /// Another rebuild or check of the same view is under way.
    #[error("the {0} is being rebuilt or checked already; wait for that to end")]
    Busy(&'static str),
    /// The view's code failed, and did so again on a rebuild.
    #[error(
        "the {0} stands still after an internal error that the log of the daemon names; please report \
         it, and restart to try again"
    )]
    Stopped(&'static str),
    /// The views were shut down.
    #[error("the views were shut down")]
    Closed,
}
