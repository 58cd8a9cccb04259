//! The event log on real files.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod conformance;
mod crash;
mod damage;
mod golden;
mod opening;
mod reference;
mod transfer;

use std::path::{Path, PathBuf};

use eventlog::conformance::samples;
use eventlog::{EventStore, Filter, Position, Recorded, SqliteStore, StoreError};
use futures::TryStreamExt as _;

/// A directory and the log in it.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn log(&self) -> PathBuf {
        self.path("events.db")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.log()).await.unwrap()
    }
}

/// A log of so many events: discoveries, reads between them, the older half of the reads folded.
async fn filled(path: &Path, count: u64) {
    let store = SqliteStore::open(path).await.unwrap();
    let event = |n: u64| {
        let event = if n % 4 == 3 {
            samples::read(n % 9 + 1)
        } else {
            samples::discovery(n + 1)
        };
        samples::new_event(n, event)
    };
    let events: Vec<_> = (0..count).map(event).collect();
    store.append(Position::START, &events).await.unwrap();
    let half = samples::new_event(count / 2, samples::read(1)).recorded_at;
    store.fold_access(half, half, None).await.unwrap();
    store.close().await;
}

async fn all(store: &dyn EventStore) -> Result<Vec<Recorded>, StoreError> {
    store
        .read(Position::START, None, Filter::default())
        .try_collect()
        .await
}
