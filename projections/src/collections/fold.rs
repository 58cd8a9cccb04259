//! Events into the rows of collections.

use eventlog::{Event, Media, OriginPath, Recorded, TrackId};

use super::facts::Facts;
use super::rows::{CollectionRows, Definition, Entry};
use crate::{fact, plays};

/// Folds one event in. Events about the file of a track that is not living change nothing, except
/// those that bring it back; plays are of the track, whether it lives or not.
pub fn apply(rows: &mut impl CollectionRows, event: &Recorded) {
    let Some(fact) = fact::of(event) else { return };
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
            let before = rows.entry(*track);
            let entry = Entry {
                living: true,
                added_at: before.map_or(event.recorded_at, |before| before.added_at),
                origin: locator.origin.clone(),
                facts: Facts::of(media, &locator.path),
            };
            rows.put_entry(*track, &entry);
        }
        Event::TrackContentChanged { track, media, .. }
        | Event::TrackTagsRead { track, media, .. } => {
            change(rows, *track, |facts| facts.told(media));
        }
        Event::TrackMoved {
            track, to, media, ..
        } => change(rows, *track, |facts| moved(facts, media.as_ref(), to)),
        Event::TrackVanished { track } => {
            if let Some(entry) = rows.entry(*track).filter(|entry| entry.living) {
                let living = false;
                rows.put_entry(*track, &Entry { living, ..entry });
            }
        }
        Event::OriginRemoved { origin } => rows.end_of(origin),
        Event::CollectionDefined { name, definition } => {
            let definition = Definition {
                text: definition.as_str().into(),
                defined_at: event.recorded_at,
                position: event.position,
            };
            rows.put_definition(name, &definition);
        }
        Event::CollectionRemoved { name } => rows.remove_definition(name),
        Event::TrackRead {
            track,
            bytes: _,
            duration_ms,
            reader,
        } => {
            let length = rows.entry(*track).and_then(|entry| entry.facts.length_ms);
            let (length, reader) = (length.map(i64::cast_unsigned), reader.as_deref());
            plays::read(rows.plays(), event, *track, *duration_ms, reader, length);
        }
        Event::AccessFolded { through, plays } => {
            plays::fold_away(rows.plays(), *through, plays);
        }
        Event::OriginAdded { .. }
        | Event::OriginChanged { .. }
        | Event::ScanStarted { .. }
        | Event::ScanFinished { .. }
        | Event::RemovalsHeld { .. }
        | Event::SidecarFound { .. }
        | Event::SidecarChanged { .. }
        | Event::SidecarVanished { .. }
        | Event::LayoutChanged { .. }
        | Event::PinAdded { .. }
        | Event::PinRemoved { .. }
        | Event::AccessScanned { .. } => {}
    }
}

fn change(rows: &mut impl CollectionRows, track: TrackId, facts: impl FnOnce(Facts) -> Facts) {
    if let Some(entry) = rows.entry(track).filter(|entry| entry.living) {
        let facts = facts(entry.facts);
        rows.put_entry(track, &Entry { facts, ..entry });
    }
}

fn moved(facts: Facts, media: Option<&Media>, to: &OriginPath) -> Facts {
    match media {
        Some(media) => Facts::of(media, to),
        None => facts.moved(to),
    }
}
