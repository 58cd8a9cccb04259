//! Full-text search of the catalog (FIND-1, FIND-2).
//!
//! The index is a view of the catalog's living tracks: a document of a track is a pure function of the
//! track's row. It follows the log: which tracks an event is about tells what to put in anew, and the
//! position goes into the payload of the same commit. Whatever a crash leaves, following on from that
//! position makes it right, since to put a track in twice is to put it in once. An index that is missing,
//! damaged or of another revision is built from the catalog.

mod compile;
mod error;
mod follow;
mod highlight;
mod index;
mod keeper;
mod meaning;
pub mod query;
mod ranking;
mod schema;
mod searcher;
mod words;
mod writing;

pub use error::SearchError;
pub use highlight::Marker;
pub use keeper::Search;
pub use meaning::replay_of;
pub use query::{Query, QueryError};
pub use schema::Shown;
pub use searcher::{Hit, Page, Searcher, Snapshot};
