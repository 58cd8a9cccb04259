//! The order of a collection that somebody plays, by its playlist or its directory.

use std::collections::VecDeque;

use eventlog::TrackId;
use parking_lot::Mutex;
use projections::ViewError;

use super::next::{Heard, Next};
use crate::collections::Played;

/// Processes of which it is remembered what they played last.
const REMEMBERED: usize = 64;

/// The tracks after one in the collection that is being played.
pub(super) struct Playlist {
    played: Played,
    last: Mutex<VecDeque<Heard>>,
}

impl Playlist {
    pub(super) const fn new(played: Played) -> Self {
        let last = Mutex::new(VecDeque::new());
        Self { played, last }
    }

    /// What the process played before, if it is known; from now on, this.
    fn before(&self, heard: Heard) -> Option<TrackId> {
        let mut last = self.last.lock();
        let known = last.iter().position(|it| it.process == heard.process);
        let before = known.and_then(|known| last.remove(known));
        last.truncate(REMEMBERED - 1);
        last.push_front(heard);
        before.map(|it| it.track)
    }
}

impl Next for Playlist {
    fn after(&self, heard: Heard, most: usize) -> Result<Vec<TrackId>, ViewError> {
        Ok(self.played.after(self.before(heard), heard.track, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_goes_on_with_what_it_played() {
        let playlist = Playlist::new(Played::default());
        let before = |process, track| {
            let before = playlist.before(Heard::of(process, TrackId(track)));
            before.map(|track| track.0)
        };
        assert_eq!(before(1, 10), None);
        assert_eq!(before(2, 20), None);
        assert_eq!(before(1, 11), Some(10));
        assert_eq!(before(2, 21), Some(20));
        for (process, _) in (100..).zip(0..REMEMBERED) {
            assert_eq!(before(process, 1), None);
        }
        assert_eq!(before(1, 12), None);
    }
}
