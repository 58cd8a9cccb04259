//! The rows of collections in SQLite.

use eventlog::{CollectionName, OriginId, Timestamp, TrackId};
use rusqlite::{Connection, Row, params};

use super::facts::Facts;
use super::query::Column;
use super::rows::{CollectionRows, Definition, Entry};
use crate::plays::PlayRows;
use crate::sql::{Sql, undecodable};
use crate::view::Rows;

/// The columns of a track's row, texts in the order of [`Column::EVERY`].
macro_rules! track_columns {
    () => {
        "living, added, origin, title, artist, albumartist, album, genre, composer, path, tags, \
         date, disc, number, rating, length_ms, shown_artist, shown_title"
    };
}

/// What tracks' rows mean: for the view's digest.
pub(super) const MEANING: &str =
    concat!("SELECT id, ", track_columns!(), " FROM track ORDER BY id");

/// The rows of collections during one transaction.
pub struct SqliteRows<'c>(Sql<'c>);

impl<'c> SqliteRows<'c> {
    pub(super) const fn new(connection: &'c Connection) -> Self {
        Self(Sql::new(connection))
    }
}

impl Rows for SqliteRows<'_> {
    fn finish(self) -> rusqlite::Result<()> {
        self.0.finish()
    }
}

impl CollectionRows for SqliteRows<'_> {
    fn entry(&mut self, track: TrackId) -> Option<Entry> {
        let select = concat!("SELECT ", track_columns!(), " FROM track WHERE id = ?");
        self.0.one(select, [track.0.cast_signed()], read_entry)
    }

    fn put_entry(&mut self, track: TrackId, entry: &Entry) {
        let Facts {
            texts: [title, artist, albumartist, album, genre, composer, path],
            tags,
            ..
        } = &entry.facts;
        let facts = &entry.facts;
        self.0.run(
            concat!(
                "INSERT OR REPLACE INTO track (id, ",
                track_columns!(),
                ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ),
            params![
                track.0.cast_signed(),
                entry.living,
                entry.added_at.0,
                entry.origin.as_str(),
                title,
                artist,
                albumartist,
                album,
                genre,
                composer,
                path,
                tags,
                facts.date,
                facts.disc,
                facts.number,
                facts.rating,
                facts.length_ms,
                facts.artist,
                facts.title,
            ],
        );
    }

    fn end_of(&mut self, origin: &OriginId) {
        let update = "UPDATE track SET living = 0 WHERE origin = ? AND living = 1";
        self.0.run(update, [origin.as_str()]);
    }

    fn put_definition(&mut self, name: &CollectionName, definition: &Definition) {
        self.0.run(
            "INSERT OR REPLACE INTO collection (name, definition, defined_at, position) \
             VALUES (?, ?, ?, ?)",
            params![
                name.as_str(),
                definition.text,
                definition.defined_at.0,
                definition.position.0.cast_signed(),
            ],
        );
    }

    fn remove_definition(&mut self, name: &CollectionName) {
        let delete = "DELETE FROM collection WHERE name = ?";
        self.0.run(delete, [name.as_str()]);
    }

    fn plays(&mut self) -> &mut impl PlayRows {
        &mut self.0
    }
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let mut texts = <[Box<str>; Column::EVERY.len()]>::default();
    for (at, text) in (3..).zip(&mut texts) {
        *text = row.get(at)?;
    }
    Ok(Entry {
        living: row.get(0)?,
        added_at: Timestamp(row.get(1)?),
        origin: row.get_ref(2)?.as_str()?.parse().map_err(undecodable)?,
        facts: Facts {
            texts,
            tags: row.get(10)?,
            date: row.get(11)?,
            disc: row.get(12)?,
            number: row.get(13)?,
            rating: row.get(14)?,
            length_ms: row.get(15)?,
            artist: row.get(16)?,
            title: row.get(17)?,
        },
    })
}
