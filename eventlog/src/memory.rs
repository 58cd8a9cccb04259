//! A log that lasts as long as its process, for tests. It stores what the real one stores, bytes
//! and hashes included, and keeps the same contract.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;

use crate::event::{NewEvent, Recorded};
use crate::id::{CauseId, EventId, Position, Timestamp};
use crate::record::{Admission, Entry, ROOT, Stored, Summary, admit};
use crate::store::{EventStore, Filter, Folding, StoreError};

/// Events looked at in one go by a reader.
const PAGE: usize = 512;

/// A log in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    log: Mutex<Log>,
    heads: watch::Sender<Position>,
}

#[derive(Debug, Default)]
struct Log {
    events: Vec<Stored>,
    ids: HashSet<EventId>,
    horizon: Position,
}

impl Log {
    fn head(&self) -> Position {
        Position(self.events.len() as u64)
    }

    fn write(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let previous = self.events.last().map_or(ROOT, |last| last.chain);
            self.ids.insert(EventId(entry.id));
            let position = self.head().next().0;
            self.events.push(entry.place(position, &previous));
        }
    }

    /// Events after a position that a filter lets through, and how far it looked.
    fn page(&self, after: Position, until: Position, filter: &Filter) -> (Vec<Stored>, Position) {
        let index = |position: Position| usize::try_from(position.0).unwrap_or(usize::MAX);
        let start = index(after).min(self.events.len());
        let end = index(until)
            .min(self.events.len())
            .min(start + PAGE)
            .max(start);
        let looked_at = self.events.get(start..end).unwrap_or_default();
        let wanted = |stored: &&Stored| filter.lets(&stored.entry.kind, &stored.entry.subject);
        (
            looked_at.iter().filter(wanted).cloned().collect(),
            Position(end as u64),
        )
    }
}

impl MemoryStore {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // Nothing that can panic happens between two changes that belong together.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entries(events: &[NewEvent]) -> Result<Vec<Entry>, StoreError> {
    Ok(events.iter().map(Entry::new).collect::<Result<_, _>>()?)
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append(
        &self,
        expected: Position,
        events: &[NewEvent],
    ) -> Result<Position, StoreError> {
        let entries = entries(events)?;
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        let mut log = self.log();
        if let Admission::Write = admit(expected, log.head(), &ids, &log.ids)? {
            log.write(entries);
            self.heads.send_replace(log.head());
        }
        Ok(log.head())
    }

    fn read(
        &self,
        after: Position,
        until: Option<Position>,
        filter: Filter,
    ) -> BoxStream<'_, Result<Recorded, StoreError>> {
        let until = until.unwrap_or_else(|| self.head());
        let horizon = self.log().horizon;
        if filter.names_access() && after < horizon {
            return stream::iter([Err(StoreError::BelowHorizon { horizon })]).boxed();
        }
        let pages = stream::unfold(after, move |after| {
            let (page, seen) = self.log().page(after, until, &filter);
            let more = (seen > after).then_some((stream::iter(page), seen));
            std::future::ready(more)
        });
        pages.flatten().map(Stored::into_recorded).boxed()
    }

    fn head(&self) -> Position {
        self.log().head()
    }

    fn heads(&self) -> watch::Receiver<Position> {
        self.heads.subscribe()
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, StoreError> {
        let log = self.log();
        let found = log
            .events
            .iter()
            .rev()
            .find(|stored| stored.entry.recorded_at <= time.0);
        Ok(found.map_or(Position::START, |stored| Position(stored.position)))
    }

    async fn fold_access(
        &self,
        older_than: Timestamp,
        now: Timestamp,
        cause: Option<CauseId>,
    ) -> Result<Folding, StoreError> {
        let mut log = self.log();
        let mut summary = Summary::default();
        let access = log.events.iter().filter(|stored| stored.entry.is_access());
        for stored in access.take_while(|stored| stored.entry.recorded_at < older_than.0) {
            if stored.entry.payload.is_some() && !summary.add(&stored.clone().into_recorded()?) {
                break;
            }
        }
        let (folded, through) = (summary.folded(), summary.through());
        if folded > 0 {
            let summary = entries(&summary.into_events(now, cause))?;
            let old = log
                .events
                .iter_mut()
                .filter(|stored| stored.position <= through.0);
            for stored in old.filter(|stored| stored.entry.is_access()) {
                stored.entry.payload = None;
            }
            log.write(summary);
            log.horizon = through;
            self.heads.send_replace(log.head());
        }
        Ok(Folding {
            folded,
            head: log.head(),
        })
    }
}
