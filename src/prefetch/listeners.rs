//! Who listens to what: told by what is open, since when, and how it is read. No I/O.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use eventlog::TrackId;
use fuse::Reading;

use super::Heard;
use crate::access::{LONG, REOPEN};

/// Whoever still reads so long after the open is not looking for tags.
const READS_ON: Duration = Duration::from_secs(3);

/// How long after a track was closed its listener is taken to go on.
const LEFT: Duration = Duration::from_secs(60);

/// What processes have open, and had a moment ago.
#[derive(Debug, Default)]
pub(super) struct Listeners(HashMap<Heard, Span>);

/// A track that a process has open, or several opens that belong together.
#[derive(Debug)]
struct Span {
    since: Instant,
    /// When the present open was.
    opened: Instant,
    /// Bytes of it, and of those before.
    bytes: u64,
    earlier: u64,
    /// When it was last seen to have been read on.
    read: Instant,
    /// When it was last seen to be open.
    last: Instant,
    /// Whether it was told of.
    told: bool,
}

impl Span {
    const fn of(reading: &Reading, now: Instant) -> Self {
        Self {
            since: reading.since,
            opened: reading.since,
            bytes: 0,
            earlier: 0,
            read: reading.since,
            last: now,
            told: false,
        }
    }

    fn goes_on(&mut self, reading: &Reading, now: Instant) {
        if reading.since > self.last + REOPEN {
            *self = Self::of(reading, now);
        } else if reading.since > self.opened {
            self.earlier += self.bytes;
            (self.opened, self.bytes) = (reading.since, 0);
        }
        if reading.bytes > self.bytes {
            (self.bytes, self.read) = (reading.bytes, now);
        }
        self.last = now;
    }

    fn is_listening(&self, size: u64, now: Instant) -> bool {
        let all = self.earlier.saturating_add(self.bytes);
        let is_read = self.read >= self.since + READS_ON || all >= size.div_ceil(2);
        now >= self.since + LONG && is_read
    }
}

/// What has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Tracks that are listened to from now on, those that were opened first come first.
    pub(super) begun: Vec<Heard>,
    /// Tracks that are not any more.
    pub(super) over: Vec<Heard>,
}

impl Listeners {
    /// Takes in what processes have open. Whoever has a track open for [`LONG`], and reads it on or has
    /// read half of it, listens to it. What looks for tags opens it for a moment, even if a file server
    /// then leaves it open for its clients for a while. Whoever opens it again at once, as some players
    /// do for each stretch, has had it open all along.
    pub(super) fn look(&mut self, open: &HashMap<(u32, TrackId), Reading>, now: Instant) -> Look {
        let mut begun: Vec<(Instant, Heard)> = Vec::new();
        for ((process, track), reading) in open {
            let heard = Heard::of(*process, *track);
            let span = self.0.entry(heard);
            let span = span.or_insert_with(|| Span::of(reading, now));
            span.goes_on(reading, now);
            if !span.told && span.is_listening(reading.size, now) {
                span.told = true;
                begun.push((span.since, heard));
            }
        }
        begun.sort();
        let begun: Vec<Heard> = begun.into_iter().map(|(_, heard)| heard).collect();
        let goes_on = |heard: &Heard| begun.iter().any(|next| next.process == heard.process);
        let over = self.0.extract_if(|heard, span| {
            span.last < now && (now >= span.last + LEFT || span.told && goes_on(heard))
        });
        let over = over.filter(|(_, span)| span.told).map(|(heard, _)| heard);
        let over = over.collect();
        Look { begun, over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const SIZE: u64 = 1_000;

    /// Bytes of a track that were read after so many seconds.
    type Pace = fn(u32) -> u64;
    const PLAYED: Pace = |seconds| u64::from(seconds) * 10;
    const TAKEN_AT_ONCE: Pace = |_| SIZE;
    const LOOKED_INTO: Pace = |_| 100;

    /// A process and a track that it has open, from when until when, and how it reads.
    type Open = (u32, u64, u32, u32, Pace);

    /// Looks once a second; when somebody began to listen, and to what, and to what nobody does any more.
    fn course(open: &[Open], seconds: u32) -> Vec<(u32, Vec<u64>, Vec<u64>)> {
        let (mut listeners, zero) = (Listeners::default(), Instant::now());
        let tracks = |heard: Vec<Heard>| heard.into_iter().map(|it| it.track.0).collect();
        let looks = (0..seconds).filter_map(|second| {
            let is_open = |it: &&Open| (it.2..it.3).contains(&second);
            let open = open.iter().filter(is_open);
            let open = open.map(|(process, track, since, _, pace)| {
                let reading = Reading {
                    since: zero + SECOND * *since,
                    bytes: pace(second - since),
                    size: SIZE,
                };
                ((*process, TrackId(*track)), reading)
            });
            let look = listeners.look(&open.collect(), zero + SECOND * second);
            let changed = look != Look::default();
            changed.then(|| (second, tracks(look.begun), tracks(look.over)))
        });
        looks.collect()
    }

    #[test]
    fn who_has_a_track_open_for_long_listens_until_the_next_one() {
        for pace in [PLAYED, TAKEN_AT_ONCE] {
            let album = [
                (1, 1, 0, 30, pace),
                (1, 2, 30, 60, pace),
                (1, 3, 60, 62, pace),
            ];
            let expected = [
                (10, vec![1], vec![]),
                (40, vec![2], vec![1]),
                (119, vec![], vec![2]),
            ];
            assert_eq!(course(&album, 200), expected);
        }
    }

    #[test]
    fn who_looks_for_a_moment_does_not() {
        let scan = (0..50).map(|at| (1, u64::from(at), at, at + 9, TAKEN_AT_ONCE));
        assert_eq!(course(&scan.collect::<Vec<_>>(), 100), []);
    }

    #[test]
    fn what_is_left_open_is_not_listened_to() {
        let scan = (0..50).map(|at| (1, u64::from(at), at, at + 60, LOOKED_INTO));
        assert_eq!(course(&scan.collect::<Vec<_>>(), 150), []);
    }

    #[test]
    fn opened_again_at_once_is_open_all_along() {
        let stretches = [
            (1, 1, 0, 5, LOOKED_INTO),
            (1, 1, 7, 12, LOOKED_INTO),
            (1, 1, 70, 82, PLAYED),
        ];
        let expected = [(10, vec![1], vec![]), (80, vec![1], vec![])];
        assert_eq!(course(&stretches, 90), expected);
    }

    #[test]
    fn two_who_listen_are_two() {
        let both = [
            (1, 1, 0, 30, PLAYED),
            (2, 50, 2, 30, PLAYED),
            (1, 2, 30, 45, PLAYED),
        ];
        let expected = [
            (10, vec![1], vec![]),
            (12, vec![50], vec![]),
            (40, vec![2], vec![1]),
        ];
        assert_eq!(course(&both, 60), expected);
    }
}
