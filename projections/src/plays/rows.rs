//! What is kept of plays.

use eventlog::{Position, Timestamp, TrackId};

/// A play that the log tells of by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// The position of its event.
    pub position: Position,
    /// The track.
    pub track: TrackId,
    /// The program that played it, unless that is not told.
    pub reader: Option<Box<str>>,
    /// When it began.
    pub began: Timestamp,
    /// When it ended: was recorded, which is some seconds later.
    pub ended: Timestamp,
    /// The play of another track that it came right after, by the same program.
    pub followed: Option<Position>,
}

/// How often something was played, and when; nothing where never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How often.
    pub plays: u64,
    /// When the first play ended, of which that is known.
    pub first: Timestamp,
    /// When the last one ended.
    pub last: Timestamp,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.plays, other.plays) {
            (_, 0) => self,
            (0, _) => other,
            _ => Self {
                plays: self.plays.saturating_add(other.plays),
                first: self.first.min(other.first),
                last: self.last.max(other.last),
            },
        }
    }
}

/// The plays of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tallies {
    /// All of them.
    pub all: Tally,
    /// Those that the log tells only in sums.
    pub folded: Tally,
}

/// Rows of plays. No operation can fail in the fold's eyes.
pub trait PlayRows {
    /// The last play by a program.
    fn last_of(&mut self, reader: Option<&str>) -> Option<Play>;

    /// Writes a new play's row.
    fn put_play(&mut self, play: &Play);

    /// Deletes the plays up to a position, which no other then follows. Returns their tracks, each
    /// once.
    fn remove_until(&mut self, through: Position) -> Vec<TrackId>;

    /// What the rows of a track's plays come to.
    fn told(&mut self, track: TrackId) -> Tally;

    /// A track's tallies.
    fn tallies(&mut self, track: TrackId) -> Tallies;

    /// Writes a track's tallies; of one that was never played, deletes them.
    fn put_tallies(&mut self, track: TrackId, tallies: &Tallies);
}
