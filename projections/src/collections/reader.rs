//! What others ask of collections.

use std::sync::Arc;

use eventlog::{CollectionName, Position, Timestamp, TrackId};
use rusqlite::params_from_iter;

use super::query::Query;
use super::select::select;
use crate::error::ViewError;
use crate::file::read_position;
use crate::plays::sqlite::read_track;
use crate::pool::Source;
use crate::sql::undecodable;

/// Answers from collections as last committed. Cheap to clone; for any number of threads; follows
/// rebuilds. Every method fails only where the view's file cannot be read.
#[derive(Clone)]
pub struct CollectionsReader {
    source: Arc<Source>,
}

/// A collection that was defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionRow {
    /// What it is called.
    pub name: CollectionName,
    /// The query, as it was written: one of a newer version may say what this one does not know.
    pub definition: String,
    /// Since when it is that.
    pub defined_at: Timestamp,
}

/// A track that a query finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The track.
    pub track: TrackId,
    /// Who performs it, for people.
    pub artist: Option<Box<str>>,
    /// Its title.
    pub title: Option<Box<str>>,
    /// How long it is, in milliseconds.
    pub length_ms: Option<u64>,
}

impl CollectionsReader {
    pub(crate) const fn new(source: Arc<Source>) -> Self {
        Self { source }
    }

    /// What was defined, by name.
    pub fn definitions(&self) -> Result<Vec<DefinitionRow>, ViewError> {
        let select = "SELECT name, definition, defined_at FROM collection ORDER BY name";
        self.source.read(|connection| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok(DefinitionRow {
                    name: row.get_ref(0)?.as_str()?.parse().map_err(undecodable)?,
                    definition: row.get(1)?,
                    defined_at: Timestamp(row.get(2)?),
                })
            };
            connection
                .prepare_cached(select)?
                .query_map([], read)?
                .collect()
        })
    }

    /// The decades of which there are living tracks, by their first years.
    pub fn decades(&self) -> Result<Vec<u16>, ViewError> {
        // From one to the next by the index, so that it takes no longer for more tracks.
        let select = "WITH RECURSIVE decade (first) AS ( \
                      SELECT min(date) / 100000 FROM track WHERE living = 1 AND date >= 10000000 \
                      UNION ALL SELECT (SELECT min(date) / 100000 FROM track \
                      WHERE living = 1 AND date >= (first + 1) * 100000) \
                      FROM decade WHERE first IS NOT NULL) \
                      SELECT first * 10 FROM decade WHERE first IS NOT NULL AND first < 1000";
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_map([], |row| row.get(0))?
                .collect()
        })
    }

    /// The living tracks that a query finds at a moment, in its order, at most so many. How many the
    /// query itself wants is for whoever knows which of them are shown.
    pub fn find(
        &self,
        query: &Query,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Member>, ViewError> {
        let select = select(query, now, limit);
        self.source.read(|connection| {
            let read = |row: &rusqlite::Row<'_>| {
                let length = row.get::<_, Option<i64>>(3)?;
                Ok(Member {
                    track: read_track(row, 0)?,
                    artist: row.get(1)?,
                    title: row.get(2)?,
                    length_ms: length.map(i64::cast_unsigned),
                })
            };
            connection
                .prepare_cached(&select.sql)?
                .query_map(params_from_iter(&select.parameters), read)?
                .collect()
        })
    }

    /// Up to where collections were computed.
    pub fn position(&self) -> Result<Position, ViewError> {
        self.source.read(read_position)
    }
}
