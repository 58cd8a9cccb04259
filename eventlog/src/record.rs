//! An event between domain and disk: its columns, its hashes, the chain that joins it to the one
//! before. Shared by the stores, so that they cannot differ in what a hash covers.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use crate::event::{Body, Event, FoldedPlays, NewEvent, Recorded};
use crate::id::{CauseId, EventId, Position, Timestamp, TrackId};
use crate::store::StoreError;
use crate::wire::{self, WireError};

/// A BLAKE3-256 hash.
pub(crate) type Hash = [u8; 32];

/// What the first event is chained to.
pub(crate) const ROOT: Hash = [0; 32];

/// Tracks in one summary event; more become several events.
const PLAYS_PER_EVENT: usize = 4096;

/// All columns of an event that do not depend on its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: [u8; 16],
    pub(crate) recorded_at: i64,
    pub(crate) kind: Cow<'static, str>,
    pub(crate) version: u16,
    pub(crate) subject: String,
    pub(crate) cause: Option<[u8; 16]>,
    /// Absent once folded.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) payload_hash: Hash,
}

/// An event with all its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) position: u64,
    pub(crate) entry: Entry,
    pub(crate) chain: Hash,
}

impl Entry {
    pub(crate) fn new(new: &NewEvent) -> Result<Self, WireError> {
        let encoded = wire::encode(&new.event)?;
        Ok(Self {
            id: new.id.0,
            recorded_at: new.recorded_at.0,
            kind: Cow::Borrowed(encoded.kind),
            version: encoded.version,
            subject: new.event.subject().to_string(),
            cause: new.cause.map(|cause| cause.0.0),
            payload_hash: *blake3::hash(&encoded.payload).as_bytes(),
            payload: Some(encoded.payload),
        })
    }

    /// The entry at its place, chained to what is before it.
    pub(crate) fn place(self, position: u64, previous: &Hash) -> Stored {
        let chain = link(previous, position, &self);
        Stored {
            position,
            entry: self,
            chain,
        }
    }

    pub(crate) fn is_access(&self) -> bool {
        self.kind == wire::ACCESS_KIND
    }
}

/// BLAKE3-256 over the previous link and every column but the payload; texts with their length in
/// front, so that no two events can be written as the same bytes.
fn link(previous: &Hash, position: u64, entry: &Entry) -> Hash {
    static DOMAIN: LazyLock<blake3::Hasher> =
        LazyLock::new(|| blake3::Hasher::new_derive_key("musicfs event log 2026 chain v1"));
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(previous);
    bytes.extend_from_slice(&position.to_le_bytes());
    bytes.extend_from_slice(&entry.id);
    bytes.extend_from_slice(&entry.recorded_at.to_le_bytes());
    for text in [entry.kind.as_bytes(), entry.subject.as_bytes()] {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text);
    }
    bytes.extend_from_slice(&entry.version.to_le_bytes());
    bytes.push(u8::from(entry.cause.is_some()));
    bytes.extend_from_slice(&entry.cause.unwrap_or_default());
    bytes.extend_from_slice(&entry.payload_hash);
    *DOMAIN.clone().update(&bytes).finalize().as_bytes()
}

impl Stored {
    /// What its payload says, checked against its hash.
    pub(crate) fn body(&self) -> Result<Body, StoreError> {
        let Entry {
            kind,
            version,
            payload,
            payload_hash,
            ..
        } = &self.entry;
        let damaged = |reason| StoreError::Damaged {
            position: Position(self.position),
            reason,
        };
        let Some(payload) = payload else {
            return if self.entry.is_access() {
                Ok(Body::Folded)
            } else {
                Err(damaged("its payload is missing".to_owned()))
            };
        };
        if blake3::hash(payload).as_bytes() != payload_hash {
            return Err(damaged("its payload is not what was written".to_owned()));
        }
        wire::decode(kind, *version, payload).map_err(|error| damaged(error.to_string()))
    }

    /// The event, its payload checked against its hash.
    pub(crate) fn into_recorded(self) -> Result<Recorded, StoreError> {
        let body = self.body()?;
        let entry = self.entry;
        Ok(Recorded {
            position: Position(self.position),
            id: EventId(entry.id),
            recorded_at: Timestamp(entry.recorded_at),
            kind: entry.kind.into(),
            version: entry.version,
            subject: entry.subject.into(),
            cause: entry.cause.map(|cause| CauseId(EventId(cause))),
            body,
        })
    }
}

/// Goes along the chain, and stops at the first event that does not hold.
#[derive(Debug, Clone)]
pub(crate) struct ChainCheck {
    next: u64,
    previous: Hash,
}

impl ChainCheck {
    /// A check of what follows the event at `position`, whose link is `chain`.
    pub(crate) const fn after(position: u64, chain: Hash) -> Self {
        Self {
            next: position + 1,
            previous: chain,
        }
    }

    pub(crate) fn check(&mut self, stored: &Stored) -> Result<(), StoreError> {
        let Stored {
            position,
            entry,
            chain,
        } = stored;
        let damaged = |at, reason: &str| StoreError::Damaged {
            position: Position(at),
            reason: reason.into(),
        };
        if *position != self.next {
            return Err(damaged(self.next, "the event is missing"));
        }
        match &entry.payload {
            Some(payload) if *blake3::hash(payload).as_bytes() != entry.payload_hash => {
                return Err(damaged(*position, "its payload is not what was written"));
            }
            None if !entry.is_access() => {
                return Err(damaged(*position, "its payload is missing"));
            }
            _ => {}
        }
        if link(&self.previous, *position, entry) != *chain {
            return Err(damaged(
                *position,
                "it does not follow from the event before it",
            ));
        }
        self.next = *position + 1;
        self.previous = *chain;
        Ok(())
    }
}

/// What to do with a batch.
pub(crate) enum Admission {
    Write,
    /// It is in the log already.
    Repeated,
}

/// The contract of [`append`](crate::EventStore::append), given which ids the log has.
pub(crate) fn admit(
    expected: Position,
    head: Position,
    ids: &[EventId],
    present: &HashSet<EventId>,
) -> Result<Admission, StoreError> {
    let known = ids.iter().filter(|id| present.contains(id)).count();
    if known == ids.len() {
        return Ok(Admission::Repeated);
    }
    let mut seen = HashSet::new();
    if let Some(twice) = ids
        .iter()
        .find(|id| present.contains(id) || !seen.insert(**id))
    {
        return Err(StoreError::DuplicateId(*twice));
    }
    if expected != head {
        return Err(StoreError::WrongPosition {
            expected,
            actual: head,
        });
    }
    Ok(Admission::Write)
}

/// Sums up access events.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    plays: BTreeMap<TrackId, FoldedPlays>,
    folded: u64,
    through: Position,
}

impl Summary {
    /// Takes in one access event; they come in order. False for one that a newer version wrote,
    /// which is not taken in: what it says could not be summed up, and would be lost.
    pub(crate) fn add(&mut self, recorded: &Recorded) -> bool {
        let Some(Event::TrackRead { track, bytes, .. }) = recorded.event() else {
            return false;
        };
        self.folded += 1;
        self.through = recorded.position;
        let empty = FoldedPlays {
            track: *track,
            reads: 0,
            bytes: 0,
            last: recorded.recorded_at,
        };
        let plays = self.plays.entry(*track).or_insert(empty);
        plays.reads += 1;
        plays.bytes = plays.bytes.saturating_add(bytes.unwrap_or(0));
        plays.last = plays.last.max(recorded.recorded_at);
        true
    }

    /// How many were taken in.
    pub(crate) const fn folded(&self) -> u64 {
        self.folded
    }

    /// The last of them.
    pub(crate) const fn through(&self) -> Position {
        self.through
    }

    /// The events that stand for them.
    pub(crate) fn into_events(self, now: Timestamp, cause: Option<CauseId>) -> Vec<NewEvent> {
        let Self { plays, through, .. } = self;
        let plays: Vec<_> = plays.into_values().collect();
        let event = |plays: &[FoldedPlays]| NewEvent {
            id: EventId::generate(),
            recorded_at: now,
            cause,
            event: Event::AccessFolded {
                through,
                plays: plays.to_vec(),
            },
        };
        if plays.is_empty() {
            return vec![event(&[])];
        }
        plays.chunks(PLAYS_PER_EVENT).map(event).collect()
    }
}
