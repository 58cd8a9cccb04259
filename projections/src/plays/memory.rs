//! Rows of plays in plain maps: what the reference model and the folds' tests run on.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::{Position, TrackId};

use super::rows::{Play, PlayRows, Tallies, Tally};

/// Plays in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryPlays {
    /// Those that the log tells of one by one.
    pub plays: BTreeMap<Position, Play>,
    /// How often, by track.
    pub tallies: BTreeMap<TrackId, Tallies>,
}

impl PlayRows for MemoryPlays {
    fn last_of(&mut self, reader: Option<&str>) -> Option<Play> {
        let mut plays = self.plays.values().rev();
        plays.find(|play| play.reader.as_deref() == reader).cloned()
    }

    fn put_play(&mut self, play: &Play) {
        self.plays.insert(play.position, play.clone());
    }

    fn remove_until(&mut self, through: Position) -> Vec<TrackId> {
        let later = self.plays.split_off(&through.next());
        let gone = std::mem::replace(&mut self.plays, later);
        for play in self.plays.values_mut() {
            play.followed = play.followed.filter(|followed| *followed > through);
        }
        let tracks: BTreeSet<TrackId> = gone.values().map(|play| play.track).collect();
        tracks.into_iter().collect()
    }

    fn told(&mut self, track: TrackId) -> Tally {
        let of_it = self.plays.values().filter(|play| play.track == track);
        let one = |play: &Play| Tally {
            plays: 1,
            first: play.ended,
            last: play.ended,
        };
        of_it.map(one).fold(Tally::default(), Tally::and)
    }

    fn tallies(&mut self, track: TrackId) -> Tallies {
        self.tallies.get(&track).copied().unwrap_or_default()
    }

    fn put_tallies(&mut self, track: TrackId, tallies: &Tallies) {
        if tallies.all.plays == 0 {
            self.tallies.remove(&track);
        } else {
            self.tallies.insert(track, *tallies);
        }
    }
}
