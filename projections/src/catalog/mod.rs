//! The catalog: tracks, origins and tags as they now stand.

mod digest;
mod fold;
pub mod memory;
mod pins;
mod reader;
mod rows;
mod sqlite;
mod stored;

use eventlog::event::{OriginSpec, ScanSummary};
use eventlog::{Locator, Media, OriginId, Position, Recorded, Revision, Timestamp, TrackId};
use rusqlite::Connection;

pub use fold::apply;
pub use pins::PinRow;
pub use reader::CatalogReader;
pub use rows::{CatalogRows, Head, Held, OriginState, SidecarRow};

use crate::view::{Changes, View};

/// The catalog as a view of the log.
#[derive(Debug)]
pub struct Catalog;

/// The revision of the code that computes the catalog: what is made of its rows is made of these.
pub const REVISION: u32 = Catalog::REVISION;

impl View for Catalog {
    const NAME: &'static str = "catalog";
    const REVISION: u32 = 5;
    const FORMAT: u32 = 4;
    const IS_AWAITED: bool = true;
    const SCHEMA: &'static str = include_str!("../../../migrations/views/catalog.sql");
    const INDEXES: &'static str = include_str!("../../../migrations/views/catalog.indexes.sql");
    type Rows<'c> = sqlite::SqliteRows<'c>;

    fn rows(connection: &Connection) -> Self::Rows<'_> {
        sqlite::SqliteRows::new(connection)
    }

    fn apply(rows: &mut Self::Rows<'_>, event: &Recorded) -> Changes {
        fold::apply(rows, event);
        Changes::none()
    }

    fn digest(connection: &Connection, hasher: &mut blake3::Hasher) -> rusqlite::Result<()> {
        digest::digest(connection, hasher)
    }
}

/// All that the catalog knows of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRow {
    /// The track.
    pub id: TrackId,
    /// Where its file is; where it was last seen, if it vanished.
    pub locator: Locator,
    /// What it says about itself, or last said.
    pub media: Media,
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

/// What a rescan compares a listed file with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    /// The track.
    pub track: TrackId,
    /// The file's name in its directory.
    pub name: Box<[u8]>,
    /// Its state when it was read.
    pub revision: Revision,
}

/// An origin of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRow {
    /// Its id.
    pub id: OriginId,
    /// What it is.
    pub spec: OriginSpec,
    /// When it joined the library.
    pub added_at: Timestamp,
    /// When the first complete listing of the whole of it ended.
    pub listed: Option<Timestamp>,
    /// How many living tracks it has.
    pub tracks: u64,
    /// Removals that wait for the user's word: how many tracks are missing, out of how many.
    pub held_removals: Option<(u64, u64)>,
    /// How the last listing that found something ended.
    pub last_scan: Option<ScanSummary>,
}

/// The catalog in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CatalogCounts {
    /// Living tracks.
    pub tracks: u64,
    /// Tracks that vanished.
    pub vanished: u64,
    /// Bytes of the living tracks' files, modulo 2⁶⁴.
    pub bytes: u64,
    /// Origins.
    pub origins: u64,
}
