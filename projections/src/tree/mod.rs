//! The tree: virtual directories and names, by inode.
//!
//! Names are a pure function of the living tracks and the layout. In each directory, the tracks that
//! want one name are served by id: the lowest gets the name, the others the first free number. A
//! directory of that name comes before any file.

pub mod alike;
mod beside;
mod copies;
mod cover;
mod digest;
mod directories;
mod fold;
mod homes;
pub mod memory;
mod moves;
mod names;
mod node;
mod origins;
mod reader;
mod rows;
mod sidecar_rows;
mod sidecars;
mod sqlite;
mod sqlite_sidecars;

use eventlog::Recorded;
use rusqlite::Connection;

pub use beside::{Beside, Folder};
pub use cover::MAX_COVER;
pub use fold::{apply, settle};
pub use node::{Ino, Node, NodeKind, TreeStats};
pub use reader::{CoverFile, CoverSource, TreeReader};
pub use rows::{Entry, EntryKind, Library, Noted, Numbered, TrackEntry, TreeRows};
pub use sidecar_rows::{Home, SidecarEntry, SidecarRows};

use crate::view::{Changes, View};

/// The tree as a view of the log.
#[derive(Debug)]
pub struct Tree;

impl View for Tree {
    const NAME: &'static str = "tree";
    const REVISION: u32 = 5;
    const FORMAT: u32 = 3;
    const IS_AWAITED: bool = true;
    const SCHEMA: &'static str = include_str!("../../../migrations/views/tree.sql");
    const INDEXES: &'static str = include_str!("../../../migrations/views/tree.indexes.sql");
    type Rows<'c> = sqlite::SqliteRows<'c>;

    fn rows(connection: &Connection) -> Self::Rows<'_> {
        sqlite::SqliteRows::new(connection)
    }

    fn apply(rows: &mut Self::Rows<'_>, event: &Recorded) -> Changes {
        fold::apply(rows, event)
    }

    fn settle(rows: &mut Self::Rows<'_>) -> Changes {
        fold::settle(rows)
    }

    fn digest(connection: &Connection, hasher: &mut blake3::Hasher) -> rusqlite::Result<()> {
        digest::digest(connection, hasher)
    }
}
