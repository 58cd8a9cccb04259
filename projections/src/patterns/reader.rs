//! What others ask of the patterns.

use std::sync::Arc;

use eventlog::{Position, Timestamp, TrackId};
use rusqlite::{OptionalExtension, params_from_iter};

use crate::error::ViewError;
use crate::file::read_position;
use crate::plays::Tally;
use crate::plays::sqlite::{read_tally, read_track};
use crate::pool::Source;

/// Tracks that are told to follow one, at most.
const FOLLOWERS: i64 = 8;

/// When a play began, as an hour of the day in UTC; as `patterns.indexes.sql` has it.
macro_rules! hour {
    () => {
        "(began / 3600000000) % 24"
    };
}

const HOUR_MICROS: i64 = 3_600_000_000;

/// How far back it is looked for what is usual.
const RECENT_MICROS: i64 = 30 * 24 * HOUR_MICROS;

/// How often a track was played, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// How often, and first and last when.
    pub all: Tally,
    /// How many plays began in which hour of the day, in UTC; of those that the log still tells of
    /// one by one.
    pub hours: [u64; 24],
}

/// Answers from the patterns as last committed. Cheap to clone; for any number of threads; follows
/// rebuilds. Every method fails only where the view's file cannot be read.
///
/// Tracks that vanished are among the answers: who shows them knows which there are.
#[derive(Clone)]
pub struct PatternsReader {
    source: Arc<Source>,
}

impl PatternsReader {
    pub(crate) const fn new(source: Arc<Source>) -> Self {
        Self { source }
    }

    /// How often a track was played, and when. All is 0 where it never was.
    pub fn heard(&self, track: TrackId) -> Result<Heard, ViewError> {
        let tally = "SELECT plays, first, last FROM tally WHERE track = ?";
        let hours = concat!(
            "SELECT ",
            hour!(),
            ", count(*) FROM play WHERE track = ? GROUP BY 1"
        );
        let key = [track.0.cast_signed()];
        self.source.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let all = transaction
                .prepare_cached(tally)?
                .query_row(key, |row| read_tally(row, 0))
                .optional()?;
            let mut heard = Heard {
                all: all.unwrap_or_default(),
                ..Heard::default()
            };
            let mut statement = transaction.prepare_cached(hours)?;
            let mut rows = statement.query(key)?;
            while let Some(row) = rows.next()? {
                // Before 1970 hours are negative.
                let hour = usize::try_from(row.get::<_, i64>(0)?.rem_euclid(24)).unwrap_or(0);
                if let Some(plays) = heard.hours.get_mut(hour) {
                    *plays += row.get::<_, i64>(1)?.cast_unsigned();
                }
            }
            Ok(heard)
        })
    }

    /// The tracks that were played most often, with how often and when; of equal ones, the one that
    /// was played last comes first.
    pub fn most_played(&self, limit: usize) -> Result<Vec<(TrackId, Tally)>, ViewError> {
        let select = "SELECT plays, first, last, track FROM tally \
                      ORDER BY plays DESC, last DESC, track LIMIT ?";
        self.tallies(select, limit)
    }

    /// The tracks that were played last, the last one first.
    pub fn recently_played(&self, limit: usize) -> Result<Vec<(TrackId, Tally)>, ViewError> {
        let select = "SELECT plays, first, last, track FROM tally \
                      ORDER BY last DESC, track LIMIT ?";
        self.tallies(select, limit)
    }

    /// The tracks that were played right after a track by the same program, and how often: within 10
    /// minutes of its end. At most 8, those that came most often first, then those that came last.
    pub fn followers(&self, track: TrackId) -> Result<Vec<(TrackId, u64)>, ViewError> {
        let select = "SELECT later.track, count(*) FROM play AS former \
                      JOIN play AS later ON later.followed = former.position \
                      WHERE former.track = ? GROUP BY later.track \
                      ORDER BY count(*) DESC, max(later.position) DESC LIMIT ?";
        self.counts(select, &[track.0.cast_signed(), FOLLOWERS])
    }

    /// The tracks that are usually played at this hour of the day: those whose plays began within it, in
    /// UTC, on at least `days` of the 30 days before `now`, and on how many. Those of most days come
    /// first, and of equal ones the one that was played last. One that was played within the last 60
    /// minutes is left out: it is over for today.
    pub fn usual_at(
        &self,
        now: Timestamp,
        days: u64,
        limit: usize,
    ) -> Result<Vec<(TrackId, u64)>, ViewError> {
        let select = concat!(
            "SELECT track, count(DISTINCT began / 86400000000) FROM play WHERE ",
            hour!(),
            " = ? AND began >= ? GROUP BY track \
             HAVING count(DISTINCT began / 86400000000) >= ? AND max(began) <= ? \
             ORDER BY 2 DESC, max(began) DESC, track LIMIT ?"
        );
        let (hour, limit) = (
            now.0 / HOUR_MICROS % 24,
            i64::try_from(limit).unwrap_or(i64::MAX),
        );
        let days = i64::try_from(days).unwrap_or(i64::MAX);
        let (since, until) = (
            now.0.saturating_sub(RECENT_MICROS),
            now.0.saturating_sub(HOUR_MICROS),
        );
        self.counts(select, &[hour, since, days, until, limit])
    }

    /// Up to where the patterns were computed.
    pub fn position(&self) -> Result<Position, ViewError> {
        self.source.read(read_position)
    }

    fn tallies(&self, select: &str, limit: usize) -> Result<Vec<(TrackId, Tally)>, ViewError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_map([limit], |row| {
                    Ok((read_track(row, 3)?, read_tally(row, 0)?))
                })?
                .collect()
        })
    }

    fn counts(&self, select: &str, asked: &[i64]) -> Result<Vec<(TrackId, u64)>, ViewError> {
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_map(params_from_iter(asked), |row| {
                    Ok((read_track(row, 0)?, row.get::<_, i64>(1)?.cast_unsigned()))
                })?
                .collect()
        })
    }
}
