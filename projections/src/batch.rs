//! Reads the log in batches, and folds them in.

use eventlog::{EventStore, Filter, Position, Recorded, StoreError};
use futures::StreamExt;
use tokio::runtime::Handle;

use crate::error::ViewError;
use crate::file::ViewFile;
use crate::view::{Changes, View};

/// Events in one transaction: many share what the transaction costs, yet it is soon over.
pub(crate) const BATCH: usize = 5_000;

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
        let mut stream = log.read(after, Some(until), Filter::default());
        while let Some(event) = stream.next().await {
            let event = event?;
            let position = after.plus(events.len() as u64).next();
            if event.position != position {
                let reason = format!("event {} follows {after}", event.position);
                return Err(StoreError::Damaged { position, reason });
            }
            events.push(event);
        }
        Ok(events)
    })
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
