//! The floor of MusicFS: the facts, and the append-only log that keeps them.
//!
//! Domain types ([`event`], [`tags`], [`id`]) know nothing of how they are stored; `wire` does.
//! Every store keeps the contract in [`store`]: [`SqliteStore`] is the one that lasts,
//! [`MemoryStore`] is for tests, and `conformance` (feature `test-support`)
//! holds both to it.

pub mod collection;
#[cfg(feature = "test-support")]
pub mod conformance;
pub mod decide;
pub mod event;
pub mod id;
pub mod memory;
pub mod pin;
mod record;
pub mod sqlite;
pub mod store;
mod subject;
pub mod subscribe;
pub mod tags;
pub mod wire;

pub use collection::CollectionName;
pub use event::{Body, Event, NewEvent, Recorded, Subject};
pub use id::{
    CauseId, ContentId, EventId, Locator, OriginId, OriginPath, Position, Revision, SidecarId,
    Timestamp, TrackId,
};
pub use memory::MemoryStore;
pub use pin::{PinTarget, TreePath};
pub use sqlite::SqliteStore;
pub use store::{EventStore, Filter, Folding, StoreError};
pub use subscribe::subscribe;
pub use tags::{AudioFormat, Field, Media, Tags};
