//! Events into the patterns' rows.

use eventlog::{Event, Recorded};

use super::rows::PatternRows;
use crate::{fact, plays};

/// Folds one event in. Plays outlive their track: one that returns has them again.
pub fn apply(rows: &mut impl PatternRows, event: &Recorded) {
    let Some(fact) = fact::of(event) else { return };
    match fact {
        Event::TrackDiscovered { track, media, .. }
        | Event::TrackReturned { track, media, .. }
        | Event::TrackContentChanged { track, media, .. }
        | Event::TrackTagsRead { track, media, .. }
        | Event::TrackMoved {
            track,
            media: Some(media),
            ..
        } => rows.put_length(*track, media.audio.duration_ms),
        Event::TrackRead {
            track,
            bytes: _,
            duration_ms,
            reader,
        } => {
            let length = rows.length(*track);
            let reader = reader.as_deref();
            plays::read(rows.plays(), event, *track, *duration_ms, reader, length);
        }
        Event::AccessFolded { through, plays } => {
            plays::fold_away(rows.plays(), *through, plays);
        }
        Event::OriginAdded { .. }
        | Event::OriginChanged { .. }
        | Event::OriginRemoved { .. }
        | Event::TrackMoved { media: None, .. }
        | Event::TrackVanished { .. }
        | Event::ScanStarted { .. }
        | Event::ScanFinished { .. }
        | Event::RemovalsHeld { .. }
        | Event::LayoutChanged { .. }
        | Event::PinAdded { .. }
        | Event::PinRemoved { .. }
        | Event::CollectionDefined { .. }
        | Event::CollectionRemoved { .. }
        | Event::SidecarFound { .. }
        | Event::SidecarChanged { .. }
        | Event::SidecarVanished { .. }
        | Event::AccessScanned { .. } => {}
    }
}
