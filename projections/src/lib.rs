//! Views: state folded from the event log, and the machinery that keeps, serves and rebuilds them.
//!
//! A [`View`](view::View) is a schema and a pure fold. Its runner reads the log after the view's own
//! position, folds, commits rows and position in one transaction, and only then publishes. Each view
//! is one SQLite file that may be deleted at any time.

mod batch;
pub mod catalog;
pub mod collections;
mod digest;
mod error;
mod fact;
mod feed;
pub mod file;
mod generations;
mod keeper;
pub mod layout;
mod lull;
pub mod nice;
pub mod patterns;
pub mod plays;
mod pool;
mod replay;
mod runner;
mod sql;
pub mod tree;
mod trouble;
pub mod view;
mod views;

pub use catalog::{
    CatalogCounts, CatalogReader, KnownFile, OriginRow, PinRow, SidecarRow, TrackRow,
};
pub use collections::{CollectionsReader, DefinitionRow, Member};
pub use digest::Digest;
pub use error::ViewError;
pub use lull::{Wanted, lull};
pub use patterns::{Heard, PatternsReader};
pub use plays::Tally;
pub use pool::Soundness;
pub use replay::{OnProgress, ReplayReport};
pub use tree::{Ino, Node, NodeKind, TreeReader, TreeStats};
pub use view::{Change, Published};
pub use views::{UnknownView, ViewName, Views};
