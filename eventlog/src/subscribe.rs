//! Following a log live, without a channel that could overflow (LOG-3).

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::event::Recorded;
use crate::id::Position;
use crate::store::{EventStore, Filter, StoreError};

/// All events after a position that the filter lets through: first those that are there, then
/// each as it comes, for ever.
///
/// Every event is read from the log, at the reader's own speed: a slow reader misses nothing, gets
/// nothing twice, and costs no more memory than a fast one. Ends after the first error; subscribe
/// anew from the last position that was dealt with.
pub fn subscribe(
    store: Arc<dyn EventStore>,
    after: Position,
    filter: Filter,
) -> BoxStream<'static, Result<Recorded, StoreError>> {
    async_stream::try_stream! {
        let mut heads = store.heads();
        let mut seen = after;
        loop {
            // Marked as seen before reading: a head that comes meanwhile wakes us afterwards.
            heads.mark_unchanged();
            let head = store.head();
            if head > seen {
                let mut events = store.read(seen, Some(head), filter.clone());
                while let Some(event) = events.next().await {
                    yield event?;
                }
                seen = head;
            } else if heads.changed().await.is_err() {
                // The store is held here, so that its sender is there for as long.
                break;
            }
        }
    }
    .boxed()
}
