//! Patterns: what is played how often, when, and what follows what.

mod fold;
pub mod memory;
mod reader;
mod rows;
mod sqlite;

use eventlog::Recorded;
use rusqlite::Connection;

pub use fold::apply;
pub use reader::{Heard, PatternsReader};
pub use rows::PatternRows;

use crate::digest::feed;
use crate::plays::sqlite::MEANING;
use crate::view::{Changes, View};

/// What is played, as a view of the log.
#[derive(Debug)]
pub struct Patterns;

impl View for Patterns {
    const NAME: &'static str = "patterns";
    const REVISION: u32 = 2;
    const FORMAT: u32 = 1;
    const SCHEMA: &'static str = concat!(
        include_str!("../../../migrations/views/patterns.sql"),
        include_str!("../../../migrations/views/plays.sql")
    );
    const INDEXES: &'static str = include_str!("../../../migrations/views/patterns.indexes.sql");
    type Rows<'c> = sqlite::SqliteRows<'c>;

    fn rows(connection: &Connection) -> Self::Rows<'_> {
        sqlite::SqliteRows::new(connection)
    }

    fn apply(rows: &mut Self::Rows<'_>, event: &Recorded) -> Changes {
        fold::apply(rows, event);
        Changes::none()
    }

    fn digest(connection: &Connection, hasher: &mut blake3::Hasher) -> rusqlite::Result<()> {
        feed(
            connection,
            hasher,
            "SELECT track, ms FROM length ORDER BY track",
        )?;
        let mut rest = MEANING.iter();
        rest.try_for_each(|select| feed(connection, hasher, select))
    }
}
