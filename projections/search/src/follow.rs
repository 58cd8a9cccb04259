//! Which tracks events are about. Pure.

use std::collections::BTreeSet;

use eventlog::{Event, OriginId, Recorded, TrackId};

/// What a stretch of the log may have changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) tracks: BTreeSet<TrackId>,
    /// Origins that left the library, with all their tracks.
    pub(crate) removed: BTreeSet<OriginId>,
}

impl Touched {
    pub(crate) fn is_empty(&self) -> bool {
        self.tracks.is_empty() && self.removed.is_empty()
    }

    pub(crate) fn note(&mut self, event: &Recorded) {
        match event.event() {
            Some(
                Event::TrackDiscovered { track, .. }
                | Event::TrackReturned { track, .. }
                | Event::TrackContentChanged { track, .. }
                | Event::TrackTagsRead { track, .. }
                | Event::TrackMoved { track, .. }
                | Event::TrackVanished { track },
            ) => {
                self.tracks.insert(*track);
            }
            Some(Event::OriginRemoved { origin }) => {
                self.removed.insert(origin.clone());
            }
            // Nothing that is searched, or what a newer MusicFS wrote.
            _ => {}
        }
    }
}
