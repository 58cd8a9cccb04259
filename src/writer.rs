//! The one writer of the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eventlog::{
    CauseId, Event, EventStore, Folding, NewEvent, Position, SidecarId, StoreError, Timestamp,
    TrackId,
};
use tokio::sync::Mutex;

/// Appends events for every part of the daemon, one batch at a time, and gives out track ids.
///
/// Nobody else in this process appends, so a refused append means that another one does.
pub struct LogWriter {
    store: Arc<dyn EventStore>,
    turn: Mutex<()>,
    last_track: AtomicU64,
    last_sidecar: AtomicU64,
    /// Batches that could not be appended.
    failures: AtomicU64,
}

impl LogWriter {
    /// A writer that continues at the store's head.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self {
            store,
            turn: Mutex::new(()),
            last_track: AtomicU64::new(0),
            last_sidecar: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Gives out ids above these, the highest of the log. To be called before any is given out.
    pub fn resume_after(&self, track: Option<TrackId>, sidecar: Option<SidecarId>) {
        self.last_track
            .fetch_max(track.map_or(0, |track| track.0), Ordering::Relaxed);
        self.last_sidecar
            .fetch_max(sidecar.map_or(0, |sidecar| sidecar.0), Ordering::Relaxed);
    }

    /// A track id that was never given out.
    pub fn fresh_track(&self) -> TrackId {
        TrackId(self.last_track.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// A sidecar id that was never given out.
    pub fn fresh_sidecar(&self) -> SidecarId {
        SidecarId(self.last_sidecar.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Appends a batch, all or nothing, and returns the new head.
    ///
    /// # Errors
    /// See [`EventStore::append`].
    pub async fn append(&self, events: &[NewEvent]) -> Result<Position, StoreError> {
        let _turn = self.turn.lock().await;
        // Asked of the store: a caller that went away while it appended has moved the head, too.
        let appended = self.store.append(self.store.head(), events).await;
        if appended.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        appended
    }

    /// How many batches could not be appended so far.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Records one event now.
    ///
    /// # Errors
    /// See [`EventStore::append`].
    pub async fn record(&self, event: Event, cause: CauseId) -> Result<Position, StoreError> {
        self.append(&[NewEvent::now(event, Some(cause))]).await
    }

    /// Folds access events that were recorded before a time, now.
    ///
    /// # Errors
    /// See [`EventStore::fold_access`].
    pub async fn fold_access(
        &self,
        older_than: Timestamp,
        cause: CauseId,
    ) -> Result<Folding, StoreError> {
        let _turn = self.turn.lock().await;
        self.store
            .fold_access(older_than, Timestamp::now(), Some(cause))
            .await
    }

    /// The log.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }
}
