//! Plays: which reads are one, and what is counted of them. Shared by the views that tell of plays.
//!
//! A track was played where it was open for half of its length, or for four minutes: what looks into
//! files has them open for less. The log tells of reads one by one until they are folded (LOG-6). From
//! then on it tells, for each track, how many there were; how long each was is not known any more, so
//! that each counts. What was counted of them one by one gives way to that, in whatever order a view
//! comes to know of it: so one that met them folded from the start comes out the same.

mod fold;
pub mod memory;
mod rows;
pub(crate) mod sqlite;

pub(crate) use fold::{fold_away, read};
pub use rows::{Play, PlayRows, Tallies, Tally};

/// Who has a track open for so long has played it, however long it is.
const LONG_MS: u64 = 4 * 60 * 1000;
/// What makes a play of a track whose length is not known.
const UNKNOWN_MS: u64 = 30 * 1000;
/// What is shorter is no play, however short the track.
const SHORT_MS: u64 = 1000;
/// A play that begins so long after another's end, by the same program, does not follow it.
const PAUSE_MICROS: i64 = 10 * 60 * 1_000_000;

/// True where having a track open for so long is a play of it.
#[must_use]
pub fn is_play(open_ms: u64, length_ms: Option<u64>) -> bool {
    let enough = match length_ms {
        None | Some(0) => UNKNOWN_MS,
        Some(length) => (length / 2).clamp(SHORT_MS, LONG_MS),
    };
    open_ms >= enough
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_track_or_four_minutes_is_a_play() {
        for (open, length, expected) in [
            (120_000, Some(240_000), true),
            (119_999, Some(240_000), false),
            (240_000, Some(3_600_000), true),
            (239_999, Some(3_600_000), false),
            (30_000, None, true),
            (29_999, Some(0), false),
            (999, Some(1), false),
            (1_000, Some(1), true),
            (0, Some(u64::MAX), false),
        ] {
            assert_eq!(is_play(open, length), expected, "{open} of {length:?}");
        }
    }
}
