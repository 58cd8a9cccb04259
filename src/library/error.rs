//! Why the library is not changed as somebody wants it.

use std::path::PathBuf;

use eventlog::decide::{NotACollection, NotPinned};
use eventlog::{CollectionName, OriginId, StoreError, TreePath};
use projections::ViewError;
use projections::layout::TemplateError;

use super::RootError;

/// An origin of the configuration that will not do.
#[derive(Debug)]
pub struct Refused {
    /// Its id.
    pub id: OriginId,
    /// Its root.
    pub root: Vec<u8>,
    /// Why.
    pub error: LibraryError,
}

/// Why an origin was not added, removed or scanned.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The id is taken.
    #[error("there is an origin {0} already; remove it first, or choose another id with ID=PATH")]
    Exists(OriginId),
    /// Every track of the one would be a second one of the other.
    #[error("{} lies within the origin {origin}, or holds it; its music is in the library already", root.display())]
    Overlaps {
        /// The origin that is there.
        origin: OriginId,
        /// The folder that was to be another.
        root: PathBuf,
    },
    /// There is no such origin.
    #[error("there is no origin {0}; `musicfs origin list` shows those that there are")]
    Unknown(OriginId),
    /// The template cannot be used.
    #[error(transparent)]
    Layout(#[from] TemplateError),
    /// The layout is not for a command to change.
    #[error(
        "the configuration names the layout: change `layout.template` or `layout.names` there, then `musicfs reload`"
    )]
    Configured,
    /// The tree has nothing at a path.
    #[error("there is nothing at {0} in the tree")]
    NotInTree(TreePath),
    /// What is to be unpinned is not pinned.
    #[error(transparent)]
    NotPinned(#[from] NotPinned),
    /// The collection is not for anybody to change.
    #[error("{:?} is a collection that is always there", .0.as_str())]
    BuiltIn(CollectionName),
    /// What is to be removed was not made.
    #[error(transparent)]
    NotACollection(#[from] NotACollection),
    /// The root will not do.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The log took no event.
    #[error(transparent)]
    Log(#[from] StoreError),
    /// A view could not be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The views do not catch up with the log.
    #[error("the views are behind the log; see the daemon's messages, and try again")]
    Behind,
    /// The daemon is shutting down.
    #[error("the daemon is shutting down")]
    Stopping,
}
