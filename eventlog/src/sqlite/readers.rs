//! Connections that only read. A replay takes millions of rows out of SQLite one by one, and sqlx hands
//! each from one thread to another: so these are rusqlite's (docs/adr/0001), used on threads for such work.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

/// Readers at work at the same time; more wait.
const MOST: u32 = 4;

/// Pages of the file that one reader keeps, in KiB: the rest is the kernel's page cache.
const CACHE_KIB: i64 = 512;

/// How long a reader waits for who recovers the file after a crash.
const PATIENCE: Duration = Duration::from_secs(30);

/// The readers of one log. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// Opened, and at rest.
    idle: Mutex<Vec<Connection>>,
    /// Closed with the log.
    places: Arc<Semaphore>,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The log was closed.
    #[error("it was closed")]
    Closed,
    /// SQLite refused, or what it gave is nothing that was written.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The thread that read ended early.
    #[error("reading failed: {0}")]
    Thread(#[from] JoinError),
}

impl Readers {
    /// Readers of a log that must be there.
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Arc::new(Shared {
            path,
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(MOST as usize)),
        }))
    }

    /// The log's file.
    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Reads on a connection of its own, on a thread that may wait for the disk.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let place = Arc::clone(&self.0.places).acquire_owned().await;
        let place = place.map_err(|_| ReadError::Closed)?;
        let shared = Arc::clone(&self.0);
        let task = tokio::task::spawn_blocking(move || {
            let connection = shared.take()?;
            let answer = read(&connection)?;
            shared.idle().push(connection);
            drop(place);
            Ok(answer)
        });
        task.await?
    }

    /// Ends all reading, after what is under way. Later reads fail.
    pub(super) async fn close(&self) {
        // Fails where it was closed already.
        let _all = self.0.places.acquire_many(MOST).await;
        self.0.places.close();
        self.0.idle().clear();
    }
}

impl Shared {
    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle().pop();
        idle.map_or_else(|| open(&self.path), Ok)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}
