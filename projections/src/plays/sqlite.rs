//! Rows of plays in SQLite: the tables of `plays.sql`, whichever view has them.

use eventlog::{Position, Timestamp, TrackId};
use rusqlite::{Row, params};

use super::rows::{Play, PlayRows, Tallies, Tally};
use crate::sql::Sql;

/// What plays mean: for the digests of the views that have these tables.
pub(crate) const MEANING: [&str; 2] = [
    "SELECT position, track, reader, began, ended, followed FROM play ORDER BY position",
    "SELECT track, plays, first, last, folded_plays, folded_first, folded_last FROM tally \
     ORDER BY track",
];

impl PlayRows for Sql<'_> {
    fn last_of(&mut self, reader: Option<&str>) -> Option<Play> {
        let select = "SELECT position, track, reader, began, ended, followed FROM play \
                      WHERE reader IS ? ORDER BY position DESC LIMIT 1";
        self.one(select, [reader], read_play)
    }

    fn put_play(&mut self, play: &Play) {
        self.run(
            "INSERT INTO play (position, track, reader, began, ended, followed) \
             VALUES (?, ?, ?, ?, ?, ?)",
            params![
                play.position.0.cast_signed(),
                play.track.0.cast_signed(),
                play.reader.as_deref(),
                play.began.0,
                play.ended.0,
                play.followed.map(|position| position.0.cast_signed()),
            ],
        );
    }

    fn remove_until(&mut self, through: Position) -> Vec<TrackId> {
        // A log holds no such position; an event may.
        let through = i64::try_from(through.0).unwrap_or(i64::MAX);
        let select = "SELECT DISTINCT track FROM play WHERE position <= ? ORDER BY track";
        let tracks = self.all(select, [through], |row| read_track(row, 0));
        self.run("DELETE FROM play WHERE position <= ?", [through]);
        self.run(
            "UPDATE play SET followed = NULL WHERE followed <= ?",
            [through],
        );
        tracks
    }

    fn told(&mut self, track: TrackId) -> Tally {
        let select = "SELECT count(*), coalesce(min(ended), 0), coalesce(max(ended), 0) FROM play \
                      WHERE track = ?";
        let told = self.one(select, [track.0.cast_signed()], |row| read_tally(row, 0));
        told.unwrap_or_default()
    }

    fn tallies(&mut self, track: TrackId) -> Tallies {
        let select = "SELECT plays, first, last, folded_plays, folded_first, folded_last \
                      FROM tally WHERE track = ?";
        let read = |row: &Row<'_>| {
            Ok(Tallies {
                all: read_tally(row, 0)?,
                folded: read_tally(row, 3)?,
            })
        };
        let tallies = self.one(select, [track.0.cast_signed()], read);
        tallies.unwrap_or_default()
    }

    fn put_tallies(&mut self, track: TrackId, tallies: &Tallies) {
        let track = track.0.cast_signed();
        let Tallies { all, folded } = tallies;
        if all.plays == 0 {
            self.run("DELETE FROM tally WHERE track = ?", [track]);
            return;
        }
        self.run(
            "INSERT OR REPLACE INTO tally (track, plays, first, last, folded_plays, folded_first, \
             folded_last) VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                track,
                all.plays.cast_signed(),
                all.first.0,
                all.last.0,
                folded.plays.cast_signed(),
                folded.first.0,
                folded.last.0,
            ],
        );
    }
}

fn read_play(row: &Row<'_>) -> rusqlite::Result<Play> {
    let followed = row.get::<_, Option<i64>>(5)?;
    Ok(Play {
        position: Position(row.get::<_, i64>(0)?.cast_unsigned()),
        track: read_track(row, 1)?,
        reader: row.get(2)?,
        began: Timestamp(row.get(3)?),
        ended: Timestamp(row.get(4)?),
        followed: followed.map(|position| Position(position.cast_unsigned())),
    })
}

/// Reads plays, first and last from the column `at` on.
pub(crate) fn read_tally(row: &Row<'_>, at: usize) -> rusqlite::Result<Tally> {
    Ok(Tally {
        plays: row.get::<_, i64>(at)?.cast_unsigned(),
        first: Timestamp(row.get(at + 1)?),
        last: Timestamp(row.get(at + 2)?),
    })
}

pub(crate) fn read_track(row: &Row<'_>, at: usize) -> rusqlite::Result<TrackId> {
    Ok(TrackId(row.get::<_, i64>(at)?.cast_unsigned()))
}
