//! A log that reads otherwise than it was written: later, differently, or not at all.

use std::sync::Arc;

use async_trait::async_trait;
use eventlog::{
    CauseId, EventStore, Filter, Folding, MemoryStore, NewEvent, Position, Recorded, StoreError,
    Timestamp,
};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;

type Bend = dyn Fn(Recorded) -> Result<Recorded, StoreError> + Send + Sync;

/// A log whose events are bent as they are read.
pub(crate) struct Bent {
    log: Arc<MemoryStore>,
    bend: Box<Bend>,
    /// True while reads from the first event on have to wait, and how many came.
    held: watch::Sender<(bool, usize)>,
}

impl Bent {
    pub(crate) fn new(
        log: Arc<MemoryStore>,
        bend: impl Fn(Recorded) -> Result<Recorded, StoreError> + Send + Sync + 'static,
    ) -> Self {
        let (bend, held) = (Box::new(bend), watch::Sender::new((false, 0)));
        Self { log, bend, held }
    }

    /// Makes rebuilds wait for their first event, or lets them go on.
    pub(crate) fn hold_rebuilds(&self, hold: bool) {
        self.held.send_modify(|held| held.0 = hold);
    }

    /// Returns once a rebuild asked for its first event.
    pub(crate) fn wait_for_a_rebuild(&self) {
        let began = std::time::Instant::now();
        while self.held.borrow().1 == 0 {
            assert!(began.elapsed().as_secs() < 60, "nobody rebuilds");
            std::thread::yield_now();
        }
    }
}

#[async_trait]
impl EventStore for Bent {
    async fn append(
        &self,
        expected: Position,
        events: &[NewEvent],
    ) -> Result<Position, StoreError> {
        self.log.append(expected, events).await
    }

    fn read(
        &self,
        after: Position,
        until: Option<Position>,
        filter: Filter,
    ) -> BoxStream<'_, Result<Recorded, StoreError>> {
        let begun = async move {
            if after == Position::START {
                self.held.send_modify(|held| held.1 += 1);
                let mut held = self.held.subscribe();
                let freed = held.wait_for(|(held, _)| !held);
                // A test that failed meanwhile waits for the views to end.
                let _ = tokio::time::timeout(std::time::Duration::from_secs(20), freed).await;
            }
            self.log.read(after, until, filter)
        };
        let events = stream::once(begun).flatten();
        events.map(|event| (self.bend)(event?)).boxed()
    }

    fn head(&self) -> Position {
        self.log.head()
    }

    fn heads(&self) -> watch::Receiver<Position> {
        self.log.heads()
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, StoreError> {
        self.log.position_at(time).await
    }

    async fn fold_access(
        &self,
        older_than: Timestamp,
        now: Timestamp,
        cause: Option<CauseId>,
    ) -> Result<Folding, StoreError> {
        self.log.fold_access(older_than, now, cause).await
    }
}
