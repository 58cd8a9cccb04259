//! Collections (FIND-3): what was defined, and what queries find.
//!
//! A collection is a query, asked when somebody looks: nothing is kept of what it has, so that windows
//! of time move with the calendar by themselves.

mod builtin;
mod facts;
mod fields;
mod fold;
pub mod memory;
mod parse;
mod print;
mod problem;
pub mod query;
mod reader;
mod rows;
mod select;
mod sqlite;
mod text;

#[cfg(test)]
mod tests;

use eventlog::Recorded;
use rusqlite::Connection;

pub use builtin::{builtins, is_reserved};
pub use facts::Facts;
pub use fold::apply;
pub use problem::{Found, QueryError};
pub use query::Query;
pub use reader::{CollectionsReader, DefinitionRow, Member};
pub use rows::{CollectionRows, Definition, Entry};

use crate::digest::feed;
use crate::plays::sqlite::MEANING;
use crate::view::{Changes, View};

/// Collections as a view of the log.
#[derive(Debug)]
pub struct Collections;

impl View for Collections {
    const NAME: &'static str = "collections";
    const REVISION: u32 = 1;
    const FORMAT: u32 = 1;
    const SCHEMA: &'static str = concat!(
        include_str!("../../../migrations/views/collections.sql"),
        include_str!("../../../migrations/views/plays.sql")
    );
    const INDEXES: &'static str = include_str!("../../../migrations/views/collections.indexes.sql");
    type Rows<'c> = sqlite::SqliteRows<'c>;

    fn rows(connection: &Connection) -> Self::Rows<'_> {
        sqlite::SqliteRows::new(connection)
    }

    fn apply(rows: &mut Self::Rows<'_>, event: &Recorded) -> Changes {
        fold::apply(rows, event);
        Changes::none()
    }

    fn digest(connection: &Connection, hasher: &mut blake3::Hasher) -> rusqlite::Result<()> {
        let own = [
            sqlite::MEANING,
            "SELECT name, definition, defined_at, position FROM collection ORDER BY name",
        ];
        let mut all = own.iter().chain(&MEANING);
        all.try_for_each(|select| feed(connection, hasher, select))
    }
}
