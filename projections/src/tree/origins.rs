//! Origins that have tracks, in SQLite.

use std::collections::BTreeSet;

use eventlog::OriginId;

use crate::sql::{Sql, undecodable};

/// The origins that have living tracks, or once had some. Most libraries have one: then nothing is
/// elsewhere, and nobody needs to look.
pub(super) struct Origins(BTreeSet<OriginId>);

impl Origins {
    pub(super) fn load(sql: &mut Sql<'_>) -> Self {
        let read = |row: &rusqlite::Row<'_>| row.get_ref(0)?.as_str()?.parse().map_err(undecodable);
        let origins = sql.all("SELECT id FROM origin", [], read);
        Self(origins.into_iter().collect())
    }

    /// A track of that origin is there.
    pub(super) fn note(&mut self, sql: &mut Sql<'_>, origin: &OriginId) {
        if !self.0.contains(origin) {
            sql.run("INSERT INTO origin (id) VALUES (?)", [origin.as_str()]);
            self.0.insert(origin.clone());
        }
    }

    /// True where no other origin has, or had, tracks.
    pub(super) fn is_only(&self, origin: &OriginId) -> bool {
        self.0.iter().all(|known| known == origin)
    }
}
