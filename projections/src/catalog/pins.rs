//! What is pinned: rows, and what readers ask of them.

use eventlog::{PinTarget, Timestamp, TreePath};
use rusqlite::{Row, params};

use super::CatalogReader;
use crate::error::ViewError;
use crate::sql::{Sql, undecodable};

/// Something that is pinned (CAS-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinRow {
    /// What.
    pub target: PinTarget,
    /// Since when.
    pub added_at: Timestamp,
}

impl CatalogReader {
    /// What is pinned, in the order in which it was.
    pub fn pins(&self) -> Result<Vec<PinRow>, ViewError> {
        let select = "SELECT target, value, added_at FROM pin ORDER BY position";
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_map([], read)?
                .collect()
        })
    }
}

/// What a target is kept as that is a query, or a collection.
const SEARCH: &str = "search";
const COLLECTION: &str = "collection";

/// A target as it is kept: what it is, and which.
fn parts(target: &PinTarget) -> (&'static str, &str) {
    match target {
        PinTarget::Path(path) => ("path", path.as_str()),
        PinTarget::Search(query) => (SEARCH, query),
        PinTarget::Collection(name) => (COLLECTION, name.as_str()),
    }
}

/// What was pinned before, stays as it was.
pub(super) fn put(sql: &mut Sql<'_>, target: &PinTarget, added_at: Timestamp, position: i64) {
    let (target, value) = parts(target);
    sql.run(
        "INSERT OR IGNORE INTO pin (target, value, added_at, position) VALUES (?, ?, ?, ?)",
        params![target, value, added_at.0, position],
    );
}

pub(super) fn remove(sql: &mut Sql<'_>, target: &PinTarget) {
    let (target, value) = parts(target);
    let delete = "DELETE FROM pin WHERE target = ? AND value = ?";
    sql.run(delete, [target, value]);
}

fn read(row: &Row<'_>) -> rusqlite::Result<PinRow> {
    let value = row.get_ref(1)?.as_str()?;
    // No other kind is ever written.
    let target = match row.get_ref(0)?.as_str()? {
        SEARCH => PinTarget::Search(value.into()),
        COLLECTION => PinTarget::Collection(value.parse().map_err(undecodable)?),
        _ => PinTarget::Path(TreePath::new(value).map_err(undecodable)?),
    };
    Ok(PinRow {
        target,
        added_at: Timestamp(row.get(2)?),
    })
}
