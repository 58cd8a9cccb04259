//! The tree: virtual directories and names, by inode.
//!
//! Names are a pure function of the living tracks and the layout. In each directory, the tracks that
//! want one name are served by id: the lowest gets the name, the others the first free number. A
//! directory of that name comes before any file.

pub mod alike;
mod copies;
mod digest;
mod directories;
mod fold;
pub mod memory;
mod moves;
mod names;
mod node;
mod reader;
mod rows;
mod sqlite;

use eventlog::Recorded;
use rusqlite::Connection;

pub use fold::{apply, settle};
pub use node::{Ino, Node, NodeKind, TreeStats};
pub use reader::TreeReader;
pub use rows::{Entry, EntryKind, Library, Noted, Numbered, TrackEntry, TreeRows};

use crate::view::{Changes, View};

/// The tree as a view of the log.
#[derive(Debug)]
pub struct Tree;

impl View for Tree {
    const NAME: &'static str = "tree";
    const REVISION: u32 = 3;
    const FORMAT: u32 = 2;
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
