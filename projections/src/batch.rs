//! Reads the log in batches, and folds them in.

use eventlog::{Event, EventStore, Filter, Media, Position, Recorded, StoreError};
use futures::StreamExt;
use tokio::runtime::Handle;

use crate::error::ViewError;
use crate::file::ViewFile;
use crate::view::{Changes, View};

/// Events in one transaction: many share what the transaction costs, yet it is soon over.
pub(crate) const BATCH: usize = 5_000;

/// Bytes of text in one batch, about: one event may carry a mebibyte of tags.
const BATCH_BYTES: usize = 8 << 20;

/// Reads the events that follow `after`, up to and with `until`, at most a batch of them.
pub(crate) fn read(
    log: &dyn EventStore,
    runtime: &Handle,
    after: Position,
    until: Position,
) -> Result<Vec<Recorded>, StoreError> {
    let until = until.min(after.plus(BATCH as u64));
    runtime.block_on(async {
        let mut events = Vec::new();
        let mut bytes = 0;
        let mut stream = log.read(after, Some(until), Filter::default());
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

/// Folds the next batch up to `until` into a view. Returns what changed, or none where nothing was
/// left to do.
pub(crate) fn advance<V: View>(
    file: &mut ViewFile<V>,
    log: &dyn EventStore,
    runtime: &Handle,
    until: Position,
) -> Result<Option<Changes>, ViewError> {
    if file.position() >= until {
        return Ok(None);
    }
    let events = read(log, runtime, file.position(), until)?;
    if events.is_empty() {
        return Err(ViewError::BeyondHead {
            wanted: until,
            head: file.position(),
        });
    }
    file.apply(&events)?.commit().map(Some)
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
        let (mut after, mut batches) = (Position::START, Vec::new());
        while after < log.head() {
            let batch = read(&log, runtime.handle(), after, log.head()).unwrap();
            after = after.plus(batch.len() as u64);
            batches.push(batch.len());
        }
        assert_eq!(batches, [9, 9, 6]);
    }
}
