//! Which collections somebody plays: those that were opened lately, in the order in which they are shown.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::TrackId;
use parking_lot::Mutex;

/// How many are remembered: programs that look at every file open all of them.
const REMEMBERED: usize = 32;

/// Whoever plays one begins so soon after opening it.
const BEGINS: Duration = Duration::from_secs(90);

/// Collections that were opened, the latest first. Cheap to clone; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Played(Arc<Mutex<VecDeque<Opened>>>);

struct Opened {
    /// The collection's directory.
    name: Box<str>,
    at: Instant,
    tracks: Arc<[TrackId]>,
}

impl Played {
    /// Somebody opened a collection's playlist, or followed a link of its directory.
    pub(super) fn opened(&self, name: &str, tracks: &Arc<[TrackId]>) {
        let mut all = self.0.lock();
        all.retain(|it| &*it.name != name);
        all.truncate(REMEMBERED - 1);
        all.push_front(Opened {
            name: name.into(),
            at: Instant::now(),
            tracks: Arc::clone(tracks),
        });
    }

    /// What comes after a track, at most `most`, for whoever played `before` it: in a collection where
    /// both follow one another, else in the one that was just opened; nothing where neither is so.
    pub(crate) fn after(
        &self,
        before: Option<TrackId>,
        track: TrackId,
        most: usize,
    ) -> Vec<TrackId> {
        let all = self.0.lock();
        let goes_on = all.iter().find_map(|it| {
            let place = it.place(track)?;
            (before.is_some() && it.at(place.checked_sub(1)?) == before).then_some((it, place))
        });
        let begins = || {
            let mut new = all.iter().take_while(|it| it.at.elapsed() < BEGINS);
            new.find_map(|it| Some((it, it.place(track)?)))
        };
        let found = goes_on.or_else(begins);
        let after = found.map(|(it, place)| it.tracks.iter().skip(place + 1).take(most));
        after.into_iter().flatten().copied().collect()
    }
}

impl Opened {
    fn place(&self, of: TrackId) -> Option<usize> {
        self.tracks.iter().position(|track| *track == of)
    }

    fn at(&self, place: usize) -> Option<TrackId> {
        self.tracks.get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [u64; 0] = [];

    fn tracks(of: impl IntoIterator<Item = u64>) -> Arc<[TrackId]> {
        of.into_iter().map(TrackId).collect()
    }

    fn after(played: &Played, before: Option<u64>, track: u64) -> Vec<u64> {
        let after = played.after(before.map(TrackId), TrackId(track), 2);
        after.iter().map(|track| track.0).collect()
    }

    #[test]
    fn what_was_just_opened_is_played_until_something_else_is_gone_on_with() {
        let played = Played::default();
        assert_eq!(after(&played, None, 1), NOTHING);
        played.opened("Best", &tracks([1, 5, 3, 9]));
        assert_eq!(after(&played, None, 1), [5, 3]);
        assert_eq!(after(&played, Some(1), 5), [3, 9]);
        assert_eq!(after(&played, None, 9), NOTHING);
        assert_eq!(after(&played, None, 2), NOTHING);
        // Another is opened, and the first is still gone on with.
        played.opened("New", &tracks([7, 5, 8]));
        assert_eq!(after(&played, Some(1), 5), [3, 9]);
        assert_eq!(after(&played, Some(7), 5), [8]);
        assert_eq!(after(&played, None, 5), [8]);
    }

    #[test]
    fn what_was_opened_long_ago_is_played_only_by_who_goes_on() {
        let played = Played::default();
        played.opened("Best", &tracks([1, 5, 3]));
        let long_ago = Instant::now().checked_sub(BEGINS).unwrap();
        played.0.lock().iter_mut().for_each(|it| it.at = long_ago);
        assert_eq!(after(&played, None, 1), NOTHING);
        assert_eq!(after(&played, Some(1), 5), [3]);
    }

    #[test]
    fn only_the_latest_are_remembered_each_once() {
        let played = Played::default();
        for _ in 0..3 {
            for number in 0..40 {
                played.opened(&number.to_string(), &tracks([number, 100]));
            }
        }
        assert_eq!(played.0.lock().len(), REMEMBERED);
        assert_eq!(after(&played, None, 39), [100]);
        assert_eq!(after(&played, None, 1), NOTHING);
    }
}
