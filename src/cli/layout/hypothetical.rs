//! The log as it would be with one more event.

use async_trait::async_trait;
use eventlog::event::LayoutSpec;
use eventlog::store::Folding;
use eventlog::{
    Body, CauseId, Event, EventId, EventStore, Filter, NewEvent, Position, Recorded, SqliteStore,
    StoreError, Timestamp,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::watch;

/// A log, and a change of layout that was never written.
pub(super) struct Hypothetical {
    log: SqliteStore,
    change: Recorded,
    heads: watch::Sender<Position>,
}

impl Hypothetical {
    pub(super) fn new(log: SqliteStore, layout: LayoutSpec) -> Self {
        let position = log.head().next();
        let change = Recorded {
            position,
            id: EventId::generate(),
            recorded_at: Timestamp::now(),
            kind: "layout.changed".into(),
            version: 1,
            subject: "library".into(),
            cause: None,
            body: Body::Known(Event::LayoutChanged { layout }),
        };
        Self {
            log,
            change,
            heads: watch::Sender::new(position),
        }
    }

    fn refused(&self) -> StoreError {
        StoreError::ReadOnly {
            path: self.log.path().display().to_string(),
        }
    }
}

#[async_trait]
impl EventStore for Hypothetical {
    async fn append(&self, _: Position, _: &[NewEvent]) -> Result<Position, StoreError> {
        Err(self.refused())
    }

    fn read(
        &self,
        after: Position,
        until: Option<Position>,
        filter: Filter,
    ) -> BoxStream<'_, Result<Recorded, StoreError>> {
        let until = until.unwrap_or(self.change.position);
        let wanted = after < self.change.position
            && until >= self.change.position
            && filter.lets(&self.change.kind, &self.change.subject);
        let last = wanted.then(|| Ok(self.change.clone()));
        self.log
            .read(after, Some(until), filter)
            .chain(futures::stream::iter(last))
            .boxed()
    }

    fn head(&self) -> Position {
        self.change.position
    }

    fn heads(&self) -> watch::Receiver<Position> {
        self.heads.subscribe()
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, StoreError> {
        self.log.position_at(time).await
    }

    async fn fold_access(
        &self,
        _: Timestamp,
        _: Timestamp,
        _: Option<CauseId>,
    ) -> Result<Folding, StoreError> {
        Err(self.refused())
    }
}
