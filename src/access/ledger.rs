//! Which events reads become: one for each, but one in all for a program that looks into many tracks
//! for a moment each (CTL-4). Pure: it is told what ended and what time it is.
//!
//! What an open was can be told only by what follows. A player that probes a file, closes it and
//! opens it again has read it once; whatever opens a hundred files in a row has looked for tags, or
//! copied. So a read that ended waits, at most for a minute, until it is clear:
//!
//! 1. The same process opens the same track again within [`REOPEN`], or still has it open: one read.
//! 2. It took [`LONG`] or longer: listed. Bytes do not decide, since a copy reads all of them, and
//!    where the kernel reads by itself there are none to be seen.
//! 3. It was shorter: it joins what programs of that name did shortly before. Once that is
//!    [`MANY_TRACKS`] or [`MANY_READS`], it is a scan, and becomes one event at the end of the minute,
//!    or [`QUIET`] after its last read. What stays below is listed.
//!
//! By name and not by process, since `find … -exec ffprobe` is one process a track.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use eventlog::TrackId;
use fuse::Access;

/// A track that is opened again so soon after it was closed was not closed in earnest.
pub(crate) const REOPEN: Duration = Duration::from_secs(3);
/// Whoever has a track open for so long does more than look into it.
pub(crate) const LONG: Duration = Duration::from_secs(10);
/// A program that reads nothing for so long has finished what it did.
pub(super) const QUIET: Duration = Duration::from_secs(5);
/// What one event of a scan covers at most.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// So many tracks for a moment each are a scan; a few are somebody who looks for a song.
pub(super) const MANY_TRACKS: usize = 10;
/// So many reads are one too, be it of few tracks.
pub(super) const MANY_READS: usize = 100;
/// Reads whose re-opening is waited for, at most: some 10 MB.
pub(super) const MOST_ENDED: usize = 1 << 16;
/// Programs whose short reads are brought together, at most; those of others are listed.
pub(super) const MOST_NAMES: usize = 256;

/// A process, and what it reads.
pub(super) type Key = (u32, TrackId);
type Name = Option<Box<str>>;

/// One read: an open, or several that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) track: TrackId,
    pub(super) name: Name,
    pub(super) bytes: Option<u64>,
    pub(super) opens: u64,
    pub(super) opened: Instant,
    pub(super) closed: Instant,
}

/// What a program did that looked into many tracks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) name: Name,
    pub(super) tracks: u64,
    pub(super) bytes: Option<u64>,
    pub(super) opens: u64,
    pub(super) since: Instant,
    pub(super) until: Instant,
}

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Read(Reading),
    Scan(Scan),
}

/// Reads that ended and are not decided on.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    ended: HashMap<Key, Reading>,
    /// Short reads, by the program's name.
    rounds: BTreeMap<Name, Round>,
    /// What is decided.
    entries: Vec<Entry>,
}

/// What programs of one name did for a while.
#[derive(Debug)]
struct Round {
    since: Instant,
    last: Instant,
    short: Short,
}

#[derive(Debug)]
enum Short {
    Few(Vec<Reading>),
    Many(Tally),
}

#[derive(Debug, Default)]
struct Tally {
    tracks: HashSet<TrackId>,
    bytes: Option<u64>,
    opens: u64,
    span: Option<(Instant, Instant)>,
}

impl Ledger {
    /// Takes in a read that ended. Gives it back where too many wait already.
    pub(super) fn take(&mut self, access: Access) -> Result<(), Access> {
        let key = (access.reader.process, access.track);
        if let Some(reading) = self.ended.get_mut(&key) {
            if access.opened <= reading.closed + REOPEN {
                reading.join(&access);
                return Ok(());
            }
            let earlier = std::mem::replace(reading, Reading::of(access));
            self.judge(earlier);
        } else if self.ended.len() >= MOST_ENDED {
            return Err(access);
        } else {
            self.ended.insert(key, Reading::of(access));
        }
        Ok(())
    }

    /// What has become clear by now, in the order in which it ended; `opened` tells since when
    /// something is open, where it is.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        opened: impl Fn(&Key) -> Option<Instant>,
    ) -> Vec<Entry> {
        for (key, reading) in &mut self.ended {
            let until = reading.closed + REOPEN;
            if until <= now && opened(key).is_some_and(|again| again <= until) {
                // Not over, but open again.
                reading.closed = now;
            }
        }
        self.judge_ended(|reading| reading.closed + REOPEN <= now);
        let names: Vec<Name> = self.rounds.keys().cloned().collect();
        for name in names {
            let ended = |round: &Round| match round {
                _ if now >= round.last + REOPEN + QUIET => Some(false),
                _ if now >= round.since + MINUTE => Some(true),
                _ => None,
            };
            if let Some(goes_on) = self.rounds.get(&name).and_then(ended) {
                self.end_round(&name, goes_on);
            }
        }
        self.decided()
    }

    /// All that there is, decided as it stands.
    pub(super) fn close(&mut self) -> Vec<Entry> {
        self.judge_ended(|_| true);
        let names: Vec<Name> = self.rounds.keys().cloned().collect();
        for name in names {
            self.end_round(&name, false);
        }
        self.decided()
    }

    /// True where nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.rounds.is_empty() && self.entries.is_empty()
    }

    /// Reads that wait, a scan counted as one.
    pub(super) fn len(&self) -> usize {
        let short = self.rounds.values().map(|round| match &round.short {
            Short::Few(readings) => readings.len(),
            Short::Many(tally) => usize::from(tally.opens > 0),
        });
        self.ended.len() + self.entries.len() + short.sum::<usize>()
    }

    fn judge_ended(&mut self, over: impl Fn(&Reading) -> bool) {
        let over = self.ended.extract_if(|_, reading| over(reading));
        let mut readings: Vec<_> = over.map(|(_, reading)| reading).collect();
        readings.sort_by_key(|reading| (reading.closed, reading.track));
        for reading in readings {
            self.judge(reading);
        }
    }

    fn judge(&mut self, reading: Reading) {
        let is_long = reading.closed.duration_since(reading.opened) >= LONG;
        let has_room = self.rounds.len() < MOST_NAMES || self.rounds.contains_key(&reading.name);
        if is_long || !has_room {
            self.entries.push(Entry::Read(reading));
            return;
        }
        let closed = reading.closed;
        let round = self
            .rounds
            .entry(reading.name.clone())
            .or_insert_with(|| Round {
                since: closed,
                last: closed,
                short: Short::Few(Vec::new()),
            });
        round.last = round.last.max(closed);
        round.short.add(reading);
    }

    /// Ends a round. A scan that goes on is one in the next minute, too, however little it reads.
    fn end_round(&mut self, name: &Name, goes_on: bool) {
        let Some(Round { since, last, short }) = self.rounds.remove(name) else {
            return;
        };
        match short {
            Short::Few(readings) => self.entries.extend(readings.into_iter().map(Entry::Read)),
            Short::Many(tally) => {
                self.entries
                    .extend(tally.scan(name.clone()).map(Entry::Scan));
                if goes_on {
                    let next = Round {
                        since: since + MINUTE,
                        last,
                        short: Short::Many(Tally::default()),
                    };
                    self.rounds.insert(name.clone(), next);
                }
            }
        }
    }

    fn decided(&mut self) -> Vec<Entry> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by_key(|entry| match entry {
            Entry::Read(reading) => reading.closed,
            Entry::Scan(scan) => scan.until,
        });
        entries
    }
}

impl Reading {
    fn of(access: Access) -> Self {
        Self {
            track: access.track,
            name: access.reader.name,
            bytes: access.bytes,
            opens: 1,
            opened: access.opened,
            closed: access.closed,
        }
    }

    /// Takes in another open of the same track. Bytes are known where those of all opens are.
    fn join(&mut self, access: &Access) {
        self.opens += 1;
        self.opened = self.opened.min(access.opened);
        self.closed = self.closed.max(access.closed);
        self.bytes = self
            .bytes
            .zip(access.bytes)
            .map(|(sum, more)| sum.saturating_add(more));
    }
}

impl Short {
    fn add(&mut self, reading: Reading) {
        match self {
            Self::Many(tally) => tally.add(&reading),
            Self::Few(readings) => {
                readings.push(reading);
                let tracks: HashSet<_> = readings.iter().map(|reading| reading.track).collect();
                if tracks.len() >= MANY_TRACKS || readings.len() >= MANY_READS {
                    let mut tally = Tally::default();
                    readings.iter().for_each(|reading| tally.add(reading));
                    *self = Self::Many(tally);
                }
            }
        }
    }
}

impl Tally {
    fn add(&mut self, reading: &Reading) {
        self.tracks.insert(reading.track);
        self.opens += reading.opens;
        if let Some(bytes) = reading.bytes {
            self.bytes = Some(self.bytes.unwrap_or(0).saturating_add(bytes));
        }
        let (since, until) = self.span.unwrap_or((reading.opened, reading.closed));
        self.span = Some((since.min(reading.opened), until.max(reading.closed)));
    }

    /// What it says; nothing of one that nothing was added to.
    fn scan(self, name: Name) -> Option<Scan> {
        let (since, until) = self.span?;
        Some(Scan {
            name,
            tracks: self.tracks.len() as u64,
            bytes: self.bytes,
            opens: self.opens,
            since,
            until,
        })
    }
}

#[cfg(test)]
mod tests;
