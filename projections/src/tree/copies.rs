//! Which tracks are to be shown, and which come and go with an event.
//!
//! A track is shown where it has an entry. Those of one origin are all shown, however many are alike:
//! as long as no other origin has one, nobody is asked.

use eventlog::TrackId;

use super::alike::{self, Alike};
use super::directories::Edit;
use super::moves::{Move, Target};
use super::node::Ino;
use super::rows::{TrackEntry, TreeRows};

impl<R: TreeRows> Edit<'_, R> {
    /// True for a living track that is to be shown.
    pub(super) fn is_to_be_shown(&mut self, track: TrackId, entry: &TrackEntry) -> bool {
        let Some(key) = entry.alike(self.layout.duplicates()) else {
            return true;
        };
        if !self.rows.is_elsewhere(key, &entry.origin) {
            return true;
        }
        let sets = self.sets(key);
        sets.is_empty() || sets.iter().any(|set| set.first() == Some(&track))
    }

    /// After a track's row changed: whether it is to be shown, if it still lives, and the others that
    /// come or go with it.
    pub(super) fn regroup(
        &mut self,
        track: TrackId,
        before: Option<&TrackEntry>,
        after: Option<&TrackEntry>,
    ) -> (bool, Vec<Move>) {
        let rule = self.layout.duplicates();
        let keyed = |entry: Option<&TrackEntry>| {
            let entry = entry?;
            Some((entry.alike(rule)?, entry.origin.clone()))
        };
        let (before, after) = (keyed(before), keyed(after));
        let before = before.filter(|before| after.as_ref() != Some(before));
        let (mut is_shown, mut moves, mut done) = (true, Vec::new(), None);
        for (key, origin) in before.into_iter().chain(after) {
            if done == Some(key) || !self.rows.is_elsewhere(key, &origin) {
                continue;
            }
            done = Some(key);
            for set in self.sets(key) {
                for (number, one) in set.into_iter().enumerate() {
                    if one == track {
                        is_shown = number == 0;
                    } else {
                        moves.extend(self.turned(one, number == 0));
                    }
                }
            }
        }
        (is_shown, moves)
    }

    /// How a track comes to be shown or hidden, if it is not already.
    fn turned(&mut self, track: TrackId, is_to_be_shown: bool) -> Option<Move> {
        let is_shown = self.rows.entry(Ino::of_track(track)).is_some();
        if is_shown == is_to_be_shown {
            return None;
        }
        let entry = self.rows.track(track)?;
        let (from, to) = if is_to_be_shown {
            (None, Some(Target::of(self.place(&entry), &entry)))
        } else {
            (Some(entry.beside), None)
        };
        Some(Move { track, from, to })
    }

    /// Alike tracks in sets; none where there are so many that one more or less is of no account.
    fn sets(&mut self, key: u64) -> Vec<Vec<TrackId>> {
        let tracks = self.rows.tracks_alike(key, alike::MOST + 2);
        if tracks.len() > alike::MOST + 1 {
            return Vec::new();
        }
        let rule = self.layout.duplicates();
        let alike = tracks.into_iter().filter_map(|track| {
            let entry = self.rows.track(track)?;
            Some(Alike::of(track, &entry, rule))
        });
        alike::sets(alike.collect())
    }
}
