//! Reads the log in batches, and folds them in.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use eventlog::{Body, Event, EventStore, Filter, Media, Position, Recorded, StoreError};
use futures::StreamExt;
use tokio::runtime::Handle;

use crate::error::ViewError;
use crate::file::ViewFile;
use crate::view::{Changes, View};

/// Events in one transaction: many share what the transaction costs, yet it is soon over.
pub(crate) const BATCH: usize = 5_000;

/// Bytes of text in one batch, about: one event may carry a mebibyte of tags.
const BATCH_BYTES: usize = 8 << 20;

/// Batches that are read before they are asked for.
const AHEAD: usize = 2;

/// A log, as views read it.
pub(crate) struct Reader<'l> {
    pub(crate) log: &'l dyn EventStore,
    pub(crate) runtime: &'l Handle,
    pub(crate) newer: &'l Newer,
}

impl Reader<'_> {
    /// Reads the events that follow `after`, up to and with `until`, at most a batch of them.
    pub(crate) fn read(
        &self,
        after: Position,
        until: Position,
    ) -> Result<Vec<Recorded>, StoreError> {
        let until = until.min(after.plus(BATCH as u64));
        self.runtime.block_on(async {
            let mut events = Vec::new();
            let mut bytes = 0;
            let mut stream = self.log.read(after, Some(until), Filter::default());
            while let Some(event) = stream.next().await {
                let event = event?;
                let position = after.plus(events.len() as u64).next();
                if event.position != position {
                    let reason = format!("event {} follows {after}", event.position);
                    return Err(StoreError::Damaged { position, reason });
                }
                bytes += weight(&event);
                events.push(event);
                if bytes >= BATCH_BYTES {
                    break;
                }
            }
            Ok(events)
        })
    }
}

impl Reader<'_> {
    /// Hands over batch by batch what follows `after`, up to and with `until`. While one is worked on,
    /// the next are read and decoded.
    fn read_ahead(
        &self,
        after: Position,
        until: Position,
        mut each: impl FnMut(Vec<Recorded>) -> Result<ControlFlow<()>, ViewError>,
    ) -> Result<(), ViewError> {
        if after >= until {
            return Ok(());
        }
        let first = self.read(after, until)?;
        let after = first.last().map_or(until, |event| event.position);
        if after >= until {
            return each(first).map(drop);
        }
        thread::scope(|scope| {
            let (sender, batches) = sync_channel(AHEAD);
            scope.spawn(move || self.send(after, until, &sender));
            for batch in std::iter::once(Ok(first)).chain(batches) {
                if each(batch?)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Sends batches until the end, the first error, or until nobody takes them any more.
    fn send(
        &self,
        mut after: Position,
        until: Position,
        to: &SyncSender<Result<Vec<Recorded>, StoreError>>,
    ) {
        while after < until {
            let batch = self.read(after, until);
            let last = batch.as_ref().ok().and_then(|events| events.last());
            after = last.map_or(until, |event| event.position);
            if to.send(batch).is_err() {
                return;
            }
        }
    }
}

/// Kinds and versions of events that a newer MusicFS wrote, each told of once (LOG-4).
#[derive(Default)]
pub(crate) struct Newer(Mutex<HashSet<(Box<str>, u16)>>);

impl Newer {
    fn tell(&self, view: &str, event: &Recorded) {
        if !matches!(event.body, Body::Unknown) {
            return;
        }
        let (kind, version) = (&event.kind, event.version);
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert((kind.clone(), version)) {
            let first = event.position.0;
            tracing::warn!(
                view, %kind, version, first,
                "events of a newer MusicFS are kept and skipped; upgrade to have them shown"
            );
        }
    }
}

/// About how many bytes of an event are its own text: what makes one event larger than another.
fn weight(event: &Recorded) -> usize {
    let tags = |media: &Media| -> usize {
        let values = media.tags.iter().flat_map(|(_, values)| values);
        let defects = media.defects.iter().map(|defect| &defect.detail);
        values.chain(defects).map(String::len).sum()
    };
    match event.event() {
        Some(
            Event::TrackDiscovered { media, .. }
            | Event::TrackReturned { media, .. }
            | Event::TrackContentChanged { media, .. }
            | Event::TrackTagsRead { media, .. },
        ) => tags(media),
        Some(Event::TrackMoved { media, .. }) => media.as_ref().map_or(0, tags),
        Some(Event::AccessFolded { plays, .. }) => size_of_val(plays.as_slice()),
        _ => 0,
    }
}

/// Folds all up to `until` into a view, batch by batch. After each was committed, `then` is told what
/// changed, and may end it early.
pub(crate) fn advance<V: View>(
    file: &mut ViewFile<V>,
    reader: &Reader<'_>,
    until: Position,
    mut then: impl FnMut(&ViewFile<V>, Changes) -> Result<ControlFlow<()>, ViewError>,
) -> Result<(), ViewError> {
    reader.read_ahead(file.position(), until, |events| {
        if events.is_empty() {
            return Err(ViewError::BeyondHead {
                wanted: until,
                head: file.position(),
            });
        }
        for event in &events {
            reader.newer.tell(V::NAME, event);
        }
        let changes = file.apply(&events)?.commit()?;
        then(file, changes)
    })
}

#[cfg(test)]
mod tests {
    use eventlog::conformance::samples;
    use eventlog::{Field, MemoryStore};

    use super::*;

    #[test]
    fn a_batch_ends_where_its_tags_grow_large() {
        let log = MemoryStore::new();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut events = samples::discoveries(0..24);
        for new in &mut events {
            if let Event::TrackDiscovered { media, .. } = &mut new.event {
                media.tags.push(Field::Lyrics, &"la".repeat(500_000));
            }
        }
        runtime
            .block_on(log.append(Position::START, &events))
            .unwrap();
        let reader = Reader {
            log: &log,
            runtime: runtime.handle(),
            newer: &Newer::default(),
        };
        let (mut after, mut batches) = (Position::START, Vec::new());
        while after < log.head() {
            let batch = reader.read(after, log.head()).unwrap();
            after = after.plus(batch.len() as u64);
            batches.push(batch.len());
        }
        assert_eq!(batches, [9, 9, 6]);
    }
}
