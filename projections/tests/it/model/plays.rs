//! What plays must come to, kept the slow and plain way.

use std::collections::BTreeMap;

use eventlog::{Event, Position, Recorded, Timestamp, TrackId};
use projections::Tally;
use projections::plays::memory::MemoryPlays;

/// A read as the log tells of it.
struct Read {
    position: Position,
    track: TrackId,
    reader: Option<String>,
    open_ms: u64,
    ended: Timestamp,
    /// How long the track was then.
    length_ms: Option<u64>,
}

/// The raw facts.
#[derive(Default)]
pub(super) struct PlayModel {
    lengths: BTreeMap<TrackId, Option<u64>>,
    reads: Vec<Read>,
    /// Sums, as they were told.
    sums: Vec<(TrackId, Tally)>,
}

impl PlayModel {
    pub(super) fn observe(&mut self, event: &Recorded) {
        let Some(fact) = event.event() else { return };
        match fact {
            Event::TrackDiscovered { track, media, .. }
            | Event::TrackReturned { track, media, .. }
            | Event::TrackContentChanged { track, media, .. }
            | Event::TrackTagsRead { track, media, .. }
            | Event::TrackMoved {
                track,
                media: Some(media),
                ..
            } => {
                self.lengths.insert(*track, media.audio.duration_ms);
            }
            Event::TrackRead {
                track,
                duration_ms,
                reader,
                ..
            } => self.reads.push(Read {
                position: event.position,
                track: *track,
                reader: reader.clone(),
                open_ms: *duration_ms,
                ended: event.recorded_at,
                length_ms: self.lengths.get(track).copied().flatten(),
            }),
            Event::AccessFolded { through, plays } => {
                self.reads.retain(|read| read.position > *through);
                self.sums.extend(plays.iter().map(|sum| {
                    let tally = Tally {
                        plays: sum.reads,
                        first: sum.last,
                        last: sum.last,
                    };
                    (sum.track, tally)
                }));
            }
            _ => {}
        }
    }

    /// Those reads that are plays.
    fn plays(&self) -> Vec<&Read> {
        let is_play = |read: &&Read| {
            let enough = match read.length_ms {
                None | Some(0) => 30_000,
                Some(length) => (length / 2).clamp(1_000, 240_000),
            };
            read.open_ms >= enough
        };
        self.reads.iter().filter(is_play).collect()
    }

    /// Plays by track, as sorted lists of when they ended.
    pub(super) fn compare(&self, found: &MemoryPlays) -> Result<(), String> {
        let plays = self.plays();
        let began = |read: &Read| read.ended.0 - i64::try_from(read.open_ms).unwrap() * 1000;
        if plays.len() != found.plays.len() {
            return Err(format!("{} plays, found {found:#?}", plays.len()));
        }
        for (at, play) in plays.iter().enumerate() {
            let before = plays[..at].iter().rev();
            let last = before.into_iter().find(|it| it.reader == play.reader);
            let followed = last.filter(|last| {
                let soon = began(play) - last.ended.0 <= 600_000_000;
                soon && last.track != play.track && began(last) < began(play)
            });
            let found = &found.plays[&play.position];
            let is_same = found.track == play.track
                && found.began.0 == began(play)
                && found.ended == play.ended
                && found.followed == followed.map(|last| last.position);
            if !is_same {
                return Err(format!("at {}: {found:?}", play.position));
            }
        }
        let mut tallies: BTreeMap<TrackId, Vec<Tally>> = BTreeMap::new();
        for (track, tally) in &self.sums {
            tallies.entry(*track).or_default().push(*tally);
        }
        for play in plays {
            let tally = Tally {
                plays: 1,
                first: play.ended,
                last: play.ended,
            };
            tallies.entry(play.track).or_default().push(tally);
        }
        let sum = |tallies: &Vec<Tally>| Tally {
            plays: tallies.iter().map(|it| it.plays).sum(),
            first: tallies.iter().map(|it| it.first).min().unwrap(),
            last: tallies.iter().map(|it| it.last).max().unwrap(),
        };
        let expected: BTreeMap<_, _> = tallies.iter().map(|(id, it)| (*id, sum(it))).collect();
        let found: BTreeMap<_, _> = found.tallies.iter().map(|(id, it)| (*id, it.all)).collect();
        if found == expected {
            return Ok(());
        }
        Err(format!("expected {expected:#?}\nfound {found:#?}"))
    }
}
