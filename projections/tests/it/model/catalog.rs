//! What the catalog must be, kept the slow and plain way.

use std::collections::BTreeMap;

use eventlog::event::LayoutSpec;
use eventlog::{
    Event, Locator, Media, OriginId, OriginPath, PinTarget, Position, Recorded, SidecarId, Subject,
    Timestamp, TrackId,
};
use projections::catalog::memory::MemoryCatalog;
use projections::catalog::{Head, Held, OriginState, SidecarRow};

/// The raw facts.
#[derive(Default)]
pub(super) struct CatalogModel {
    tracks: BTreeMap<TrackId, (Head, Media)>,
    origins: BTreeMap<OriginId, OriginState>,
    layout: Option<LayoutSpec>,
    highest: Option<TrackId>,
    pins: BTreeMap<PinTarget, (Timestamp, Position)>,
    sidecars: BTreeMap<SidecarId, SidecarRow>,
    highest_sidecar: Option<SidecarId>,
}

impl CatalogModel {
    pub(super) fn observe(&mut self, event: &Recorded) {
        match event.subject.parse() {
            Ok(Subject::Track(track)) => self.highest = self.highest.max(Some(track)),
            Ok(Subject::Sidecar(sidecar)) => {
                self.highest_sidecar = self.highest_sidecar.max(Some(sidecar));
            }
            _ => {}
        }
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
                let (head, known) = self
                    .tracks
                    .entry(*track)
                    .or_insert_with(|| (first_seen(event, locator, media), media.clone()));
                head.living = true;
                head.origin = locator.origin.clone();
                head.path = locator.path.clone();
                *known = media.clone();
                self.touch(event, *track, |head| {
                    head.revision = locator.revision.clone();
                });
            }
            Event::TrackTagsRead {
                track,
                revision,
                media,
            }
            | Event::TrackContentChanged {
                track,
                revision,
                media,
            } => {
                let changed = self.touch(event, *track, |head| head.revision = revision.clone());
                if let Some((_, known)) = self.tracks.get_mut(track).filter(|_| changed) {
                    *known = media.clone();
                }
            }
            Event::TrackMoved {
                track,
                to,
                revision,
                media,
                ..
            } => {
                let moved = self.touch(event, *track, |head| {
                    head.path = to.clone();
                    head.revision = revision.clone();
                });
                if let Some(media) = media.as_ref().filter(|_| moved) {
                    self.tracks.get_mut(track).unwrap().1 = media.clone();
                }
            }
            Event::TrackVanished { track } => {
                self.touch(event, *track, |head| head.living = false);
            }
            Event::OriginAdded { origin, spec } => {
                let spec = Some(spec.clone());
                let added_at = event.recorded_at;
                let state = OriginState {
                    spec,
                    added_at,
                    ..OriginState::default()
                };
                self.origins.insert(origin.clone(), state);
            }
            Event::OriginChanged { origin, spec } => {
                self.with(origin, |state| state.spec = Some(spec.clone()));
            }
            Event::OriginRemoved { origin } => {
                self.with(origin, |state| *state = OriginState::default());
                let gone: Vec<_> = self
                    .tracks
                    .iter()
                    .filter(|(_, (head, _))| head.origin == *origin)
                    .map(|(track, _)| *track)
                    .collect();
                for track in gone {
                    self.touch(event, track, |head| head.living = false);
                }
                self.sidecars.retain(|_, row| row.locator.origin != *origin);
            }
            Event::SidecarFound { sidecar, locator } => {
                let row = SidecarRow {
                    id: *sidecar,
                    locator: locator.clone(),
                    changed_at: event.recorded_at,
                };
                self.sidecars.insert(*sidecar, row);
            }
            Event::SidecarChanged { sidecar, revision } => {
                if let Some(row) = self.sidecars.get_mut(sidecar) {
                    row.locator.revision = revision.clone();
                    row.changed_at = event.recorded_at;
                }
            }
            Event::SidecarVanished { sidecar } => drop(self.sidecars.remove(sidecar)),
            Event::ScanFinished { origin, summary } => self.with(origin, |state| {
                state.last_scan = Some(*summary);
                if summary.whole && summary.complete {
                    state.listed_at = state.listed_at.or(Some(event.recorded_at));
                    state.held = state.held.filter(|held| held.cause == event.cause);
                }
            }),
            Event::RemovalsHeld {
                origin,
                missing,
                known,
            } => self.with(origin, |state| {
                state.held = Some(Held {
                    missing: *missing,
                    known: *known,
                    cause: event.cause,
                });
            }),
            Event::LayoutChanged { layout } => self.layout = Some(layout.clone()),
            Event::PinAdded { target } if !self.pins.contains_key(target) => {
                let pin = (event.recorded_at, event.position);
                self.pins.insert(target.clone(), pin);
            }
            Event::PinRemoved { target } => drop(self.pins.remove(target)),
            _ => {}
        }
        for (head, media) in self.tracks.values_mut() {
            head.content = media.content;
        }
    }

    fn with(&mut self, origin: &OriginId, change: impl FnOnce(&mut OriginState)) {
        if let Some(state) = self
            .origins
            .get_mut(origin)
            .filter(|state| state.spec.is_some())
        {
            change(state);
        }
    }

    fn touch(&mut self, event: &Recorded, track: TrackId, change: impl FnOnce(&mut Head)) -> bool {
        let living = self.tracks.get_mut(&track).filter(|(head, _)| head.living);
        if let Some((head, _)) = living {
            change(head);
            head.changed_at = event.recorded_at;
            head.last_position = event.position;
            return true;
        }
        false
    }

    pub(super) fn compare(&self, catalog: &MemoryCatalog) -> Result<(), String> {
        let mut by_origin: BTreeMap<OriginId, (i64, i64)> = BTreeMap::new();
        let mut by_directory: BTreeMap<(OriginId, OriginPath), i64> = BTreeMap::new();
        for (head, _) in self.tracks.values().filter(|(head, _)| head.living) {
            let count = by_origin.entry(head.origin.clone()).or_default();
            let size = head.revision.size.cast_signed();
            *count = (count.0 + 1, count.1.wrapping_add(size));
            *by_directory
                .entry((head.origin.clone(), head.path.parent()))
                .or_default() += 1;
        }
        let found: BTreeMap<_, _> = catalog
            .heads
            .iter()
            .map(|(track, head)| (*track, (head.clone(), catalog.media[track].clone())))
            .collect();
        let mut counted = catalog.by_origin.clone();
        counted.retain(|_, count| *count != (0, 0));
        if found != self.tracks {
            return Err(format!("expected {:#?}\nfound {found:#?}", self.tracks));
        }
        if catalog.origins != self.origins {
            return Err(format!(
                "expected {:#?}\nfound {:#?}",
                self.origins, catalog.origins
            ));
        }
        let is_counted = counted == by_origin && catalog.by_directory == by_directory;
        let is_known = catalog.known == self.tracks.len() as u64
            && catalog.layout == self.layout
            && catalog.highest == self.highest
            && catalog.pins == self.pins
            && catalog.sidecars == self.sidecars
            && catalog.highest_sidecar == self.highest_sidecar;
        if is_counted && is_known {
            return Ok(());
        }
        Err(format!(
            "expected {by_origin:?} {by_directory:?}\nfound {catalog:#?}"
        ))
    }
}

fn first_seen(event: &Recorded, locator: &Locator, media: &Media) -> Head {
    Head {
        origin: locator.origin.clone(),
        path: locator.path.clone(),
        revision: locator.revision.clone(),
        content: media.content,
        living: true,
        discovered_at: event.recorded_at,
        changed_at: event.recorded_at,
        first_position: event.position,
        last_position: event.position,
    }
}
