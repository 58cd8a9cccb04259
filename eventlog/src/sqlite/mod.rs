//! The log in one SQLite file (LOG-7): write-ahead logging, one writer, several readers, every
//! append synced to the disk before it returns.
//!
//! Beside `events.db` live SQLite's own `-wal` and `-shm`, and `events.db.lock`, which the one
//! process that may write holds locked.

mod append;
mod backup;
mod export;
mod fault;
mod file;
mod fold;
mod import;
mod read;
mod readers;
mod rows;
mod salvage;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::sync::{Mutex, watch};

pub use import::import;
pub use salvage::salvage;
pub use verify::Verified;

use crate::event::{NewEvent, Recorded};
use crate::id::{CauseId, Position, Timestamp};
use crate::store::{EventStore, Filter, Folding, StoreError};
use append::Writer;
use fault::Fault;
use readers::Readers;

/// The log in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    readers: Readers,
    /// Absent where the log was opened for reading only.
    writer: Option<Arc<Mutex<Writer>>>,
    heads: watch::Sender<Position>,
}

impl SqliteStore {
    /// Opens a log for reading and writing; makes an empty one (mode 0600) where there is none,
    /// in a directory that must exist. Checks the last thousand events.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process, or this one, has it open for writing,
    /// [`StoreError::Damaged`] where its end does not hold; [`StoreError::Backend`] where it is no
    /// log, a newer version's log, or cannot be read.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let lock = file::lock(&path)?;
        file::found(&path).await?;
        let connection = file::create(&path, file::Durability::Synced).await?;
        let readers = file::readers(&path).await?;
        let tail = verify::tail(&readers).await?;
        let writer = Writer::new(path, connection, tail, lock);
        Ok(Self {
            readers,
            writer: Some(Arc::new(Mutex::new(writer))),
            heads: watch::Sender::new(tail.head),
        })
    }

    /// Opens a log for reading only, as it is now: later events are not seen. Checks the last
    /// thousand events. May be used beside a process that writes.
    ///
    /// # Errors
    /// As for [`open`](Self::open), except that use by another process is no error.
    pub async fn open_read_only(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let readers = file::readers(&path).await?;
        let tail = verify::tail(&readers).await?;
        Ok(Self {
            readers,
            writer: None,
            heads: watch::Sender::new(tail.head),
        })
    }

    /// Opens a log for reading only, and does not look whether its end holds: for
    /// [`verify`](Self::verify), and for [`export`](Self::export) of what does hold.
    ///
    /// # Errors
    /// Where it is no log, or cannot be read.
    pub async fn open_unchecked(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let readers = file::readers(&path).await?;
        let tail = verify::head(&readers).await?;
        Ok(Self {
            readers,
            writer: None,
            heads: watch::Sender::new(tail.head),
        })
    }

    /// The log's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.readers.path()
    }

    /// Ends all use of the file, after what is under way, and folds the write-ahead log into it.
    /// Later calls fail.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.lock().await.close().await;
        }
    }

    /// Goes through the whole log: no gap, every payload as hashed, every link of the chain; then
    /// SQLite's own check of its indexes. Tells `progress` how far it is and where it ends, about
    /// every thousand events.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first position that does not hold.
    pub async fn verify(
        &self,
        progress: impl FnMut(Position, Position) + Send,
    ) -> Result<Verified, StoreError> {
        verify::whole(&self.readers, progress).await
    }

    /// Has SQLite look through the file for damage to its structure (UP-6), which is much faster than
    /// [`verify`](Self::verify) and sees less. `is_over` is asked now and then; false where it ended
    /// the check.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or why the file cannot be read.
    pub async fn examine(
        &self,
        is_over: impl FnMut() -> bool + Send + 'static,
    ) -> Result<bool, StoreError> {
        verify::quick(self.path(), is_over).await
    }

    /// Copies the log, as it is at one moment, to a new file, while it goes on being used. The
    /// copy is a log of its own, and appears under its name once it is whole and on the disk;
    /// until then there is an empty file of that name.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where there is a file of that name.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        backup::backup(&self.readers, to).await
    }

    /// Writes the log, as it is now, up to and with `until` or its end, as JSON Lines: an object
    /// for each event with all its columns exactly (`payload` in base64, `null` where folded;
    /// hashes in hex), and what the payload says as `data`, for people. [`import`] makes the same
    /// log of it.
    ///
    /// # Errors
    /// Where the log cannot be read, or the output not written.
    pub async fn export(
        &self,
        until: Option<Position>,
        to: impl std::io::Write + Send,
        progress: impl FnMut(Position, Position) + Send,
    ) -> Result<Position, StoreError> {
        let until = until.map_or(self.head(), |until| until.min(self.head()));
        export::export(&self.readers, until, to, progress).await
    }

    fn writer(&self) -> Result<&Arc<Mutex<Writer>>, StoreError> {
        self.writer.as_ref().ok_or_else(|| StoreError::ReadOnly {
            path: self.path().display().to_string(),
        })
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn append(
        &self,
        expected: Position,
        events: &[NewEvent],
    ) -> Result<Position, StoreError> {
        let writer = Arc::clone(self.writer()?).lock_owned().await;
        append::append(writer, &self.heads, expected, events).await
    }

    fn read(
        &self,
        after: Position,
        until: Option<Position>,
        filter: Filter,
    ) -> BoxStream<'_, Result<Recorded, StoreError>> {
        let until = until.map_or(self.head(), |until| until.min(self.head()));
        read::read(&self.readers, after, until, filter)
    }

    fn head(&self) -> Position {
        *self.heads.borrow()
    }

    fn heads(&self) -> watch::Receiver<Position> {
        self.heads.subscribe()
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, StoreError> {
        let found = self.readers.read(move |connection| {
            let mut statement = connection.prepare_cached(rows::POSITION_AT)?;
            statement.query_row([time.0], |row| row.get::<_, i64>(0))
        });
        let position = found
            .await
            .map_err(|error| Fault::new(self.path(), "read").of(error))?;
        Ok(Position(position.unsigned_abs()).min(self.head()))
    }

    async fn fold_access(
        &self,
        older_than: Timestamp,
        now: Timestamp,
        cause: Option<CauseId>,
    ) -> Result<Folding, StoreError> {
        let writer = Arc::clone(self.writer()?).lock_owned().await;
        fold::fold(writer, &self.heads, older_than, now, cause).await
    }
}
