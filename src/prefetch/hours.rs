//! What is usually played at this hour of the day.

use eventlog::{Timestamp, TrackId};
use projections::{PatternsReader, ViewError};

use super::next::{Heard, Next};

/// On how many days something has to have been played within the hour, so that it is usual: of the last
/// 30 days, as the patterns tell.
const USUAL: u64 = 3;

/// The tracks that were played within this hour of the day on three days or more, those of most days
/// first, but not those of the last 60 minutes.
///
/// Hours are those of UTC: whoever lives by summer time is an hour off for some days after each change.
pub struct Hours {
    patterns: PatternsReader,
    now: fn() -> Timestamp,
}

impl Hours {
    /// What the patterns know of the hour that it is then.
    #[must_use]
    pub const fn new(patterns: PatternsReader, now: fn() -> Timestamp) -> Self {
        Self { patterns, now }
    }
}

impl Next for Hours {
    fn after(&self, heard: Heard, most: usize) -> Result<Vec<TrackId>, ViewError> {
        let usual = self.patterns.usual_at((self.now)(), USUAL, most + 1)?;
        let usual = usual.into_iter().map(|(track, _)| track);
        Ok(usual.filter(|it| *it != heard.track).take(most).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eventlog::{Event, EventStore, MemoryStore, NewEvent};
    use projections::{ViewName, Views};

    use super::*;

    const MINUTE: i64 = 60_000_000;
    const DAY: i64 = 24 * 60 * MINUTE;

    /// 20:30 of some day.
    fn now() -> Timestamp {
        Timestamp(20_000 * DAY + (20 * 60 + 30) * MINUTE)
    }

    /// A track that was played, so many days ago, for five minutes until then.
    fn played(track: u64, days: i64, hour: i64, minute: i64) -> NewEvent {
        let read = Event::TrackRead {
            track: TrackId(track),
            bytes: None,
            duration_ms: 300_000,
            reader: None,
        };
        NewEvent {
            recorded_at: Timestamp((20_000 - days) * DAY + (hour * 60 + minute) * MINUTE),
            ..NewEvent::now(read, None)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_played_at_this_hour_on_three_days_is_usual() {
        let log: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
        let mut plays = Vec::new();
        for days in 1..=4 {
            plays.push(played(1, days, 20, 10));
            plays.push(played(2, days, 20, 50));
            plays.push(played(3, days, 19, 50));
            plays.push(played(5, days, 20, 20));
        }
        for days in 1..=3 {
            // One on three days, one on one, one so long ago that it is forgotten.
            plays.push(played(6, days, 20, 30));
            plays.push(played(4, 1, 20, 30 + days));
            plays.push(played(7, 30 + days, 20, 30));
        }
        // Played today already.
        plays.push(played(5, 0, 20, 20));
        plays.sort_by_key(|play| play.recorded_at);
        log.append(log.head(), &plays).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let handle = tokio::runtime::Handle::current();
        let views = Views::open(dir.path(), log.clone(), &handle).unwrap();
        let reached = views.wait_for_view(ViewName::Patterns, log.head());
        reached.await.unwrap();

        let hours = Hours::new(views.patterns(), now);
        let after = |track, most| -> Vec<u64> {
            let heard = Heard::of(0, TrackId(track));
            let tracks = hours.after(heard, most).unwrap();
            tracks.into_iter().map(|track| track.0).collect()
        };
        assert_eq!(after(9, 9), [2, 1, 6]);
        assert_eq!(after(2, 9), [1, 6]);
        assert_eq!(after(2, 1), [1]);
        tokio::task::block_in_place(move || drop(views));
    }
}
