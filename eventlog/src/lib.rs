//! The floor of MusicFS: the facts, and the append-only log that keeps them.
//!
//! Domain types ([`event`], [`tags`], [`id`]) know nothing of how they are stored; `wire` does.
//! Every store keeps the contract in [`store`].

pub mod decide;
pub mod event;
pub mod id;
pub mod store;
pub mod tags;
pub mod wire;

pub use event::{Body, Event, NewEvent, Recorded, Subject};
pub use id::{
    CauseId, ContentId, EventId, Locator, OriginId, OriginPath, Position, Revision, Timestamp,
    TrackId,
};
pub use store::{EventStore, Filter, StoreError};
pub use tags::{AudioFormat, Field, Media, Tags};
