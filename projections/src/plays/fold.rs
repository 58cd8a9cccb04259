//! Reads, and sums of them, into rows of plays.

use eventlog::event::FoldedPlays;
use eventlog::{Position, Recorded, Timestamp, TrackId};

use super::rows::{Play, PlayRows, Tallies, Tally};
use super::{PAUSE_MICROS, is_play};
use crate::fact;

/// Takes in a read of a track that is so long.
pub(crate) fn read(
    rows: &mut impl PlayRows,
    event: &Recorded,
    track: TrackId,
    open_ms: u64,
    reader: Option<&str>,
    length_ms: Option<u64>,
) {
    if !is_play(open_ms, length_ms) {
        return;
    }
    let ended = event.recorded_at;
    let micros = i64::try_from(open_ms)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000);
    let began = Timestamp(ended.0.saturating_sub(micros));
    let before = rows.last_of(reader);
    let followed = before.filter(|before| {
        let pause = began.0.saturating_sub(before.ended.0);
        before.track != track && before.began < began && pause <= PAUSE_MICROS
    });
    rows.put_play(&Play {
        position: event.position,
        track,
        reader: reader.map(Into::into),
        began,
        ended,
        followed: followed.map(|before| before.position),
    });
    let mut tallies = rows.tallies(track);
    tallies.all = tallies.all.and(Tally {
        plays: 1,
        first: ended,
        last: ended,
    });
    rows.put_tallies(track, &tallies);
}

/// Takes in what reads come to that were folded away, in place of those up to there that were counted
/// one by one. Sums of several events belong together: the first of them makes the place.
pub(crate) fn fold_away(rows: &mut impl PlayRows, through: Position, sums: &[FoldedPlays]) {
    for track in rows.remove_until(through) {
        count(rows, track, Tally::default());
    }
    for sum in sums.iter().filter(|sum| fact::is_valid(sum.track)) {
        let folded = Tally {
            plays: sum.reads,
            first: sum.last,
            last: sum.last,
        };
        count(rows, sum.track, folded);
    }
}

/// Counts a track's plays anew, with some more that were folded.
fn count(rows: &mut impl PlayRows, track: TrackId, more: Tally) {
    let folded = rows.tallies(track).folded.and(more);
    let all = folded.and(rows.told(track));
    rows.put_tallies(track, &Tallies { all, folded });
}
