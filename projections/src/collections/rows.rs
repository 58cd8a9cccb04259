//! What the fold of collections asks of its rows.

use eventlog::{CollectionName, OriginId, Position, Timestamp, TrackId};

use super::facts::Facts;
use crate::plays::PlayRows;

/// Rows of collections. No operation can fail in the fold's eyes.
pub trait CollectionRows {
    /// A track's row.
    fn entry(&mut self, track: TrackId) -> Option<Entry>;

    /// Writes a track's row.
    fn put_entry(&mut self, track: TrackId, entry: &Entry);

    /// Notes that the tracks of an origin live no more.
    fn end_of(&mut self, origin: &OriginId);

    /// Writes a definition, over any other of that name.
    fn put_definition(&mut self, name: &CollectionName, definition: &Definition);

    /// Takes a definition out, where it is there.
    fn remove_definition(&mut self, name: &CollectionName);

    /// The plays.
    fn plays(&mut self) -> &mut impl PlayRows;
}

/// The row of a track, which stays when the track vanishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// False once it vanished, until it returns.
    pub living: bool,
    /// When it was first seen.
    pub added_at: Timestamp,
    /// The origin that has it.
    pub origin: OriginId,
    /// What conditions look at.
    pub facts: Facts,
}

/// A definition's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The query, as it was written.
    pub text: Box<str>,
    /// Since when.
    pub defined_at: Timestamp,
    /// The position of the event.
    pub position: Position,
}
