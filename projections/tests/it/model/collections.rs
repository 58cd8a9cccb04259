//! What collections must rest on, kept the slow and plain way.

use std::collections::BTreeMap;

use eventlog::{
    CollectionName, Event, Media, OriginId, OriginPath, Position, Recorded, Timestamp, TrackId,
};
use projections::collections::memory::MemoryCollections;
use projections::collections::{Definition, Entry, Facts};

use super::plays::PlayModel;

struct Track {
    living: bool,
    added_at: Timestamp,
    origin: OriginId,
    path: OriginPath,
    media: Media,
}

/// The raw facts.
#[derive(Default)]
pub(super) struct CollectionModel {
    tracks: BTreeMap<TrackId, Track>,
    definitions: BTreeMap<CollectionName, (String, Timestamp, Position)>,
    plays: PlayModel,
}

impl CollectionModel {
    pub(super) fn observe(&mut self, event: &Recorded) {
        let Some(fact) = event.event() else { return };
        match fact {
            Event::TrackDiscovered {
                track,
                locator,
                media,
            }
            | Event::TrackReturned {
                track,
                locator,
                media,
            } => {
                let before = self.tracks.get(track);
                let now = Track {
                    living: true,
                    added_at: before.map_or(event.recorded_at, |before| before.added_at),
                    origin: locator.origin.clone(),
                    path: locator.path.clone(),
                    media: media.clone(),
                };
                self.tracks.insert(*track, now);
            }
            Event::TrackTagsRead { track, media, .. }
            | Event::TrackContentChanged { track, media, .. } => {
                self.living(*track, |known| known.media = media.clone());
            }
            Event::TrackMoved {
                track, to, media, ..
            } => self.living(*track, |known| {
                known.path = to.clone();
                if let Some(media) = media {
                    known.media = media.clone();
                }
            }),
            Event::TrackVanished { track } => self.living(*track, |known| known.living = false),
            Event::OriginRemoved { origin } => {
                let tracks = self.tracks.values_mut();
                for track in tracks.filter(|track| track.origin == *origin) {
                    track.living = false;
                }
            }
            Event::CollectionDefined { name, definition } => {
                let defined = (definition.clone(), event.recorded_at, event.position);
                self.definitions.insert(name.clone(), defined);
            }
            Event::CollectionRemoved { name } => drop(self.definitions.remove(name)),
            _ => {}
        }
        // What a track that is gone says of itself is not listened to.
        let is_told = match fact {
            Event::TrackTagsRead { track, .. }
            | Event::TrackContentChanged { track, .. }
            | Event::TrackMoved { track, .. } => {
                self.tracks.get(track).is_some_and(|known| known.living)
            }
            _ => true,
        };
        if is_told {
            self.plays.observe(event);
        }
    }

    fn living(&mut self, track: TrackId, change: impl FnOnce(&mut Track)) {
        if let Some(known) = self.tracks.get_mut(&track).filter(|known| known.living) {
            change(known);
        }
    }

    pub(super) fn compare(&self, found: &MemoryCollections) -> Result<(), String> {
        let entry = |track: &Track| Entry {
            living: track.living,
            added_at: track.added_at,
            origin: track.origin.clone(),
            facts: Facts::of(&track.media, &track.path),
        };
        let tracks = self.tracks.iter();
        let expected: BTreeMap<_, _> = tracks.map(|(id, track)| (*id, entry(track))).collect();
        if expected != found.tracks {
            return Err(format!("expected {expected:#?}\nfound {:#?}", found.tracks));
        }
        let definitions = self.definitions.iter();
        let definitions = definitions.map(|(name, (text, defined_at, position))| {
            let definition = Definition {
                text: text.as_str().into(),
                defined_at: *defined_at,
                position: *position,
            };
            (name.clone(), definition)
        });
        let definitions: BTreeMap<_, _> = definitions.collect();
        if definitions != found.definitions {
            return Err(format!("found {:#?}", found.definitions));
        }
        self.plays.compare(&found.plays)
    }
}
