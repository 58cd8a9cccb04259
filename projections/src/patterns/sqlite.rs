//! The patterns' rows in SQLite.

use eventlog::TrackId;
use rusqlite::Connection;

use super::rows::PatternRows;
use crate::plays::PlayRows;
use crate::sql::Sql;
use crate::view::Rows;

/// The patterns' rows during one transaction.
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

impl PatternRows for SqliteRows<'_> {
    fn length(&mut self, track: TrackId) -> Option<u64> {
        let select = "SELECT ms FROM length WHERE track = ?";
        let length: Option<i64> = self
            .0
            .one(select, [track.0.cast_signed()], |row| row.get(0));
        length.map(i64::cast_unsigned)
    }

    fn put_length(&mut self, track: TrackId, length_ms: Option<u64>) {
        let track = track.0.cast_signed();
        match length_ms {
            Some(length) => self.0.run(
                "INSERT OR REPLACE INTO length (track, ms) VALUES (?, ?)",
                [track, length.cast_signed()],
            ),
            None => self.0.run("DELETE FROM length WHERE track = ?", [track]),
        };
    }

    fn plays(&mut self) -> &mut impl PlayRows {
        &mut self.0
    }
}
