//! What the catalog's fold asks of its rows.

use eventlog::event::{LayoutSpec, OriginSpec, ScanSummary};
use eventlog::{
    CauseId, ContentId, Locator, Media, OriginId, OriginPath, PinTarget, Position, Revision,
    SidecarId, Timestamp, TrackId,
};

/// Rows of the catalog. No operation can fail in the fold's eyes.
pub trait CatalogRows {
    /// An origin's row.
    fn origin(&mut self, id: &OriginId) -> Option<OriginState>;

    /// Writes an origin's row.
    fn put_origin(&mut self, id: &OriginId, state: &OriginState);

    /// A track's row, apart from its media.
    fn head(&mut self, track: TrackId) -> Option<Head>;

    /// Writes a track's row.
    fn put_head(&mut self, track: TrackId, head: &Head);

    /// Writes what a track says about itself.
    fn put_media(&mut self, track: TrackId, media: &Media);

    /// The living tracks of an origin, by id.
    fn living_of(&mut self, origin: &OriginId) -> Vec<TrackId>;

    /// A sidecar's row.
    fn sidecar(&mut self, sidecar: SidecarId) -> Option<SidecarRow>;

    /// Writes the row of a sidecar that has none, and counts it into its directory.
    fn put_sidecar(&mut self, row: &SidecarRow);

    /// Deletes a sidecar's row, where it has one, and counts it out of its directory.
    fn remove_sidecar(&mut self, sidecar: SidecarId);

    /// The sidecars of an origin, by id.
    fn sidecars_of(&mut self, origin: &OriginId) -> Vec<SidecarId>;

    /// Takes note of a sidecar's number, for [the highest](super::CatalogReader::max_sidecar_id).
    fn sidecar_number_used(&mut self, sidecar: SidecarId);

    /// Counts living tracks, and their bytes, into or out of an origin and a directory of it. Bytes
    /// count modulo 2⁶⁴: exact for any real disk, and for sparse files the same in whatever order.
    fn count(&mut self, origin: &OriginId, directory: &OriginPath, tracks: i64, bytes: i64);

    /// Counts one more track that was ever known.
    fn count_known(&mut self);

    /// Takes note of a track's number, for [the highest](super::CatalogReader::max_track_id).
    fn number_used(&mut self, track: TrackId);

    /// Writes the layout in force.
    fn put_layout(&mut self, layout: &LayoutSpec);

    /// Writes a pin, unless it is there already.
    fn put_pin(&mut self, target: &PinTarget, added_at: Timestamp, position: Position);

    /// Takes a pin out, where it is there.
    fn remove_pin(&mut self, target: &PinTarget);
}

/// An origin's row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OriginState {
    /// What it is; absent once it left the library.
    pub spec: Option<OriginSpec>,
    /// When it last joined the library.
    pub added_at: Timestamp,
    /// When the first complete listing since then ended.
    pub listed_at: Option<Timestamp>,
    /// Removals that wait for the user's word.
    pub held: Option<Held>,
    /// How the last listing that found something ended.
    pub last_scan: Option<ScanSummary>,
}

/// Removals that wait for the user's word (ORG-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// How many tracks the listing lacks.
    pub missing: u64,
    /// Of how many.
    pub known: u64,
    /// The scan that held them.
    pub cause: Option<CauseId>,
}

/// All that the catalog knows of a sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarRow {
    /// The sidecar.
    pub id: SidecarId,
    /// Where its file is, and in which state.
    pub locator: Locator,
    /// When the last event about it was recorded.
    pub changed_at: Timestamp,
}

/// A track's row, apart from its media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The origin that has its file.
    pub origin: OriginId,
    /// The file's path there.
    pub path: OriginPath,
    /// The file's state.
    pub revision: Revision,
    /// The identity of its sound.
    pub content: ContentId,
    /// False once it vanished, until it returns.
    pub living: bool,
    /// When it was first seen.
    pub discovered_at: Timestamp,
    /// When the last event about its file was recorded.
    pub changed_at: Timestamp,
    /// The position of the event that discovered it.
    pub first_position: Position,
    /// The position of the last event about its file.
    pub last_position: Position,
}
