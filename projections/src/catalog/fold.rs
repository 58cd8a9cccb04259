//! Events into the catalog's rows.

use eventlog::event::{OriginSpec, ScanSummary};
use eventlog::{
    Event, Locator, Media, OriginId, OriginPath, Recorded, Revision, SidecarId, TrackId,
};

use crate::fact;

use super::rows::{CatalogRows, Head, Held, OriginState, SidecarRow};

/// Folds one event in. Events about the file of a track that is not living change nothing, except
/// those that bring it back.
pub fn apply(rows: &mut impl CatalogRows, event: &Recorded) {
    if let Some(track) = fact::numbered(event) {
        rows.number_used(track);
    }
    if let Some(sidecar) = fact::numbered_sidecar(event) {
        rows.sidecar_number_used(sidecar);
    }
    let Some(fact) = fact::of(event) else { return };
    match fact {
        Event::OriginAdded { origin, spec } => origin_added(rows, event, origin, spec),
        Event::OriginChanged { origin, spec } => {
            with_origin(rows, origin, |state| state.spec = Some(spec.clone()));
        }
        Event::OriginRemoved { origin } => origin_removed(rows, event, origin),
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
            appear(rows, event, *track, locator, media);
        }
        Event::TrackContentChanged {
            track,
            revision,
            media,
        }
        | Event::TrackTagsRead {
            track,
            revision,
            media,
        } => {
            change(rows, event, *track, None, revision, Some(media));
        }
        Event::TrackMoved {
            track,
            from: _,
            to,
            revision,
            media,
        } => {
            change(rows, event, *track, Some(to), revision, media.as_ref());
        }
        Event::TrackVanished { track } => vanish(rows, event, *track),
        Event::SidecarFound { sidecar, locator } => {
            put_sidecar(rows, event, *sidecar, locator.clone());
        }
        Event::SidecarChanged { sidecar, revision } => {
            if let Some(SidecarRow { mut locator, .. }) = rows.sidecar(*sidecar) {
                locator.revision.clone_from(revision);
                put_sidecar(rows, event, *sidecar, locator);
            }
        }
        Event::SidecarVanished { sidecar } => rows.remove_sidecar(*sidecar),
        Event::ScanFinished { origin, summary } => scan_finished(rows, event, origin, *summary),
        Event::RemovalsHeld {
            origin,
            missing,
            known,
        } => {
            let held = Held {
                missing: *missing,
                known: *known,
                cause: event.cause,
            };
            with_origin(rows, origin, |state| state.held = Some(held));
        }
        Event::LayoutChanged { layout } => rows.put_layout(layout),
        Event::PinAdded { target } => rows.put_pin(target, event.recorded_at, event.position),
        Event::PinRemoved { target } => rows.remove_pin(target),
        Event::ScanStarted { .. }
        | Event::CollectionDefined { .. }
        | Event::CollectionRemoved { .. }
        | Event::TrackRead { .. }
        | Event::AccessScanned { .. }
        | Event::AccessFolded { .. } => {}
    }
}

/// An origin that comes anew, or comes back, has not been listed yet.
fn origin_added(
    rows: &mut impl CatalogRows,
    event: &Recorded,
    origin: &OriginId,
    spec: &OriginSpec,
) {
    let state = OriginState {
        spec: Some(spec.clone()),
        added_at: event.recorded_at,
        ..OriginState::default()
    };
    rows.put_origin(origin, &state);
}

fn origin_removed(rows: &mut impl CatalogRows, event: &Recorded, origin: &OriginId) {
    for track in rows.living_of(origin) {
        vanish(rows, event, track);
    }
    for sidecar in rows.sidecars_of(origin) {
        rows.remove_sidecar(sidecar);
    }
    with_origin(rows, origin, |state| *state = OriginState::default());
}

fn put_sidecar(
    rows: &mut impl CatalogRows,
    event: &Recorded,
    sidecar: SidecarId,
    locator: Locator,
) {
    // Found anew, it may be elsewhere.
    rows.remove_sidecar(sidecar);
    rows.put_sidecar(&SidecarRow {
        id: sidecar,
        locator,
        changed_at: event.recorded_at,
    });
}

fn with_origin(
    rows: &mut impl CatalogRows,
    origin: &OriginId,
    change: impl FnOnce(&mut OriginState),
) {
    if let Some(mut state) = rows.origin(origin).filter(|state| state.spec.is_some()) {
        change(&mut state);
        rows.put_origin(origin, &state);
    }
}

/// A complete listing settles what an earlier one had held; the scan that held it does not.
fn scan_finished(
    rows: &mut impl CatalogRows,
    event: &Recorded,
    origin: &OriginId,
    summary: ScanSummary,
) {
    with_origin(rows, origin, |state| {
        if summary.complete && summary.whole {
            state.listed_at.get_or_insert(event.recorded_at);
            state.held = state
                .held
                .filter(|held| held.cause.is_some() && held.cause == event.cause);
        }
        state.last_scan = Some(summary);
    });
}

fn appear(
    rows: &mut impl CatalogRows,
    event: &Recorded,
    track: TrackId,
    locator: &Locator,
    media: &Media,
) {
    let before = rows.head(track);
    match &before {
        Some(head) if head.living => count(rows, head, -1),
        Some(_) => {}
        None => rows.count_known(),
    }
    let first = before.map(|head| (head.discovered_at, head.first_position));
    let (discovered_at, first_position) = first.unwrap_or((event.recorded_at, event.position));
    let head = Head {
        origin: locator.origin.clone(),
        path: locator.path.clone(),
        revision: locator.revision.clone(),
        content: media.content,
        living: true,
        discovered_at,
        changed_at: event.recorded_at,
        first_position,
        last_position: event.position,
    };
    count(rows, &head, 1);
    rows.put_head(track, &head);
    rows.put_media(track, media);
}

fn change(
    rows: &mut impl CatalogRows,
    event: &Recorded,
    track: TrackId,
    path: Option<&OriginPath>,
    revision: &Revision,
    media: Option<&Media>,
) {
    let Some(mut head) = rows.head(track).filter(|head| head.living) else {
        return;
    };
    count(rows, &head, -1);
    if let Some(path) = path {
        head.path.clone_from(path);
    }
    head.revision.clone_from(revision);
    if let Some(media) = media {
        head.content = media.content;
        rows.put_media(track, media);
    }
    count(rows, &head, 1);
    touch(rows, event, track, head);
}

fn vanish(rows: &mut impl CatalogRows, event: &Recorded, track: TrackId) {
    let Some(mut head) = rows.head(track).filter(|head| head.living) else {
        return;
    };
    count(rows, &head, -1);
    head.living = false;
    touch(rows, event, track, head);
}

fn touch(rows: &mut impl CatalogRows, event: &Recorded, track: TrackId, mut head: Head) {
    head.changed_at = event.recorded_at;
    head.last_position = event.position;
    rows.put_head(track, &head);
}

fn count(rows: &mut impl CatalogRows, head: &Head, tracks: i64) {
    let bytes = head.revision.size.cast_signed().wrapping_mul(tracks);
    rows.count(&head.origin, &head.path.parent(), tracks, bytes);
}
