//! The catalog's rows in a plain map: what the reference model and the fold's tests run on.

use std::collections::BTreeMap;

use eventlog::event::LayoutSpec;
use eventlog::{Media, OriginId, OriginPath, PinTarget, Position, SidecarId, Timestamp, TrackId};

use super::rows::{CatalogRows, Head, OriginState, SidecarRow};

/// Tracks and bytes.
pub type Count = (i64, i64);

/// A catalog in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryCatalog {
    /// Origins, also such as left.
    pub origins: BTreeMap<OriginId, OriginState>,
    /// Tracks, also such as vanished.
    pub heads: BTreeMap<TrackId, Head>,
    /// What they say about themselves.
    pub media: BTreeMap<TrackId, Media>,
    /// Living tracks and their bytes, by origin.
    pub by_origin: BTreeMap<OriginId, Count>,
    /// Living tracks by directory; none with 0.
    pub by_directory: BTreeMap<(OriginId, OriginPath), i64>,
    /// Tracks ever known.
    pub known: u64,
    /// The highest number that an event was about.
    pub highest: Option<TrackId>,
    /// Sidecars.
    pub sidecars: BTreeMap<SidecarId, SidecarRow>,
    /// The highest number of a sidecar that an event was about.
    pub highest_sidecar: Option<SidecarId>,
    /// The layout in force, unless it is the default.
    pub layout: Option<LayoutSpec>,
    /// What is pinned, since when, by which event.
    pub pins: BTreeMap<PinTarget, (Timestamp, Position)>,
}

impl CatalogRows for MemoryCatalog {
    fn origin(&mut self, id: &OriginId) -> Option<OriginState> {
        self.origins.get(id).cloned()
    }

    fn put_origin(&mut self, id: &OriginId, state: &OriginState) {
        self.origins.insert(id.clone(), state.clone());
    }

    fn head(&mut self, track: TrackId) -> Option<Head> {
        self.heads.get(&track).cloned()
    }

    fn put_head(&mut self, track: TrackId, head: &Head) {
        self.heads.insert(track, head.clone());
    }

    fn put_media(&mut self, track: TrackId, media: &Media) {
        self.media.insert(track, media.clone());
    }

    fn living_of(&mut self, origin: &OriginId) -> Vec<TrackId> {
        let of_it = |head: &Head| head.living && head.origin == *origin;
        self.heads
            .iter()
            .filter(|(_, head)| of_it(head))
            .map(|(track, _)| *track)
            .collect()
    }

    fn sidecar(&mut self, sidecar: SidecarId) -> Option<SidecarRow> {
        self.sidecars.get(&sidecar).cloned()
    }

    fn put_sidecar(&mut self, row: &SidecarRow) {
        self.sidecars.insert(row.id, row.clone());
    }

    fn remove_sidecar(&mut self, sidecar: SidecarId) {
        self.sidecars.remove(&sidecar);
    }

    fn sidecars_of(&mut self, origin: &OriginId) -> Vec<SidecarId> {
        let of_it = |row: &&SidecarRow| row.locator.origin == *origin;
        self.sidecars
            .values()
            .filter(of_it)
            .map(|row| row.id)
            .collect()
    }

    fn sidecar_number_used(&mut self, sidecar: SidecarId) {
        self.highest_sidecar = self.highest_sidecar.max(Some(sidecar));
    }

    fn count(&mut self, origin: &OriginId, directory: &OriginPath, tracks: i64, bytes: i64) {
        let of_origin = self.by_origin.entry(origin.clone()).or_default();
        of_origin.0 += tracks;
        of_origin.1 = of_origin.1.wrapping_add(bytes);
        let of_directory = self
            .by_directory
            .entry((origin.clone(), directory.clone()))
            .or_default();
        *of_directory += tracks;
        if *of_directory == 0 {
            self.by_directory
                .remove(&(origin.clone(), directory.clone()));
        }
    }

    fn count_known(&mut self) {
        self.known += 1;
    }

    fn number_used(&mut self, track: TrackId) {
        self.highest = self.highest.max(Some(track));
    }

    fn put_layout(&mut self, layout: &LayoutSpec) {
        self.layout = Some(layout.clone());
    }

    fn put_pin(&mut self, target: &PinTarget, added_at: Timestamp, position: Position) {
        let pin = self.pins.entry(target.clone());
        pin.or_insert((added_at, position));
    }

    fn remove_pin(&mut self, target: &PinTarget) {
        self.pins.remove(target);
    }
}
