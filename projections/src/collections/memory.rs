//! The rows of collections in plain maps: what the reference model and the fold's tests run on.

use std::collections::BTreeMap;

use eventlog::{CollectionName, OriginId, TrackId};

use super::rows::{CollectionRows, Definition, Entry};
use crate::plays::PlayRows;
use crate::plays::memory::MemoryPlays;

/// Collections in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryCollections {
    /// Tracks, also such as vanished.
    pub tracks: BTreeMap<TrackId, Entry>,
    /// What was defined.
    pub definitions: BTreeMap<CollectionName, Definition>,
    /// What was played.
    pub plays: MemoryPlays,
}

impl CollectionRows for MemoryCollections {
    fn entry(&mut self, track: TrackId) -> Option<Entry> {
        self.tracks.get(&track).cloned()
    }

    fn put_entry(&mut self, track: TrackId, entry: &Entry) {
        self.tracks.insert(track, entry.clone());
    }

    fn end_of(&mut self, origin: &OriginId) {
        let tracks = self.tracks.values_mut();
        for entry in tracks.filter(|entry| entry.origin == *origin) {
            entry.living = false;
        }
    }

    fn put_definition(&mut self, name: &CollectionName, definition: &Definition) {
        self.definitions.insert(name.clone(), definition.clone());
    }

    fn remove_definition(&mut self, name: &CollectionName) {
        self.definitions.remove(name);
    }

    fn plays(&mut self) -> &mut impl PlayRows {
        &mut self.plays
    }
}
