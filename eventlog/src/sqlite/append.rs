//! The one writer. What it is asked to write is encoded by the caller while it writes what came
//! before; once begun, a write is seen through even where the caller stops waiting for it.

use std::collections::HashSet;
use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqlSafeStr as _, SqliteConnection};
use tokio::sync::{OwnedMutexGuard, mpsc, watch};

use super::fault::{Fault, is_constraint, is_full};
use super::file::Lock;
use super::rows::{self, CHUNK, Statement, Tail};
use crate::event::NewEvent;
use crate::id::{EventId, Position};
use crate::record::{Admission, Entry, Hash, admit};
use crate::store::StoreError;
use crate::wire::WireError;

/// The connection that writes, and what it knows of the log's end.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) path: PathBuf,
    /// Absent once closed.
    connection: Option<SqliteConnection>,
    tail: Tail,
    poisoned: Option<String>,
    /// Keeps other writers out until it is dropped.
    _lock: Lock,
}

/// Why a transaction came to nothing.
pub(super) enum Failure {
    /// Before the end was tried: the outcome is certain once it is rolled back.
    Before(sqlx::Error),
    /// At the commit itself.
    Commit(sqlx::Error),
    /// The caller's events cannot be stored.
    Unstorable(WireError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Before(error)
    }
}

/// Appends through the writer: see [`EventStore::append`](crate::EventStore::append).
pub(super) async fn append(
    mut writer: OwnedMutexGuard<Writer>,
    heads: &watch::Sender<Position>,
    expected: Position,
    events: &[NewEvent],
) -> Result<Position, StoreError> {
    writer.usable()?;
    if events.is_empty() {
        return Ok(writer.tail.head);
    }
    if expected != writer.tail.head {
        // Repeated or refused; never written.
        return writer.refuse(expected, events).await;
    }
    let (sender, chunks) = mpsc::unbounded_channel();
    let heads = heads.clone();
    let task = tokio::spawn(async move {
        let outcome = writer.write(chunks).await;
        heads.send_replace(writer.tail.head);
        (writer, outcome)
    });
    // No await until all is sent: a caller that goes away cannot leave half a batch behind.
    for chunk in events.chunks(CHUNK) {
        let entries: Result<Vec<_>, _> = chunk.iter().map(Entry::new).collect();
        let failed = entries.is_err();
        if sender.send(entries).is_err() || failed {
            break;
        }
    }
    drop(sender);
    let (mut writer, outcome) = task
        .await
        .map_err(|error| StoreError::Poisoned(format!("the writing task ended: {error}")))?;
    match outcome {
        Ok(head) => Ok(head),
        Err(Rejected::Duplicate) => writer.refuse(expected, events).await,
        Err(Rejected::Failed(error)) => Err(error),
    }
}

/// Why nothing was written.
enum Rejected {
    /// Some id is in the log already, or in the batch twice.
    Duplicate,
    Failed(StoreError),
}

type Chunks = mpsc::UnboundedReceiver<Result<Vec<Entry>, WireError>>;

impl Writer {
    pub(super) fn new(path: PathBuf, connection: SqliteConnection, tail: Tail, lock: Lock) -> Self {
        Self {
            path,
            connection: Some(connection),
            tail,
            poisoned: None,
            _lock: lock,
        }
    }

    pub(super) const fn tail(&self) -> Tail {
        self.tail
    }

    pub(super) fn usable(&self) -> Result<(), StoreError> {
        self.poisoned
            .as_ref()
            .map_or(Ok(()), |why| Err(StoreError::Poisoned(why.clone())))
    }

    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            // All that was acknowledged is in the write-ahead log, and read from there next time.
            tracing::warn!(path = %self.path.display(), %error, "the log was not closed cleanly");
        }
    }

    /// The answer to a batch that cannot be written as it is.
    async fn refuse(
        &mut self,
        expected: Position,
        events: &[NewEvent],
    ) -> Result<Position, StoreError> {
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        let path = self.path.clone();
        let fault = Fault::new(&path, "read");
        let present = self.present(&ids).await.map_err(|error| fault.of(error))?;
        match admit(expected, self.tail.head, &ids, &present)? {
            Admission::Repeated => Ok(self.tail.head),
            Admission::Write => Err(fault.damaged("an index holds an id that no event has")),
        }
    }

    async fn present(&mut self, ids: &[EventId]) -> Result<HashSet<EventId>, sqlx::Error> {
        let mut present = HashSet::new();
        for chunk in ids.chunks(CHUNK) {
            let marks = vec!["?"; chunk.len()].join(",");
            let sql = AssertSqlSafe(format!("SELECT id FROM events WHERE id IN ({marks})"));
            let mut query = sqlx::query(sql.into_sql_str()).persistent(false);
            for id in chunk {
                query = query.bind(id.0.to_vec());
            }
            for row in query.fetch_all(self.connection()?).await? {
                if let Ok(id) = row.try_get::<&[u8], _>(0)?.try_into() {
                    present.insert(EventId(id));
                }
            }
        }
        Ok(present)
    }

    async fn write(&mut self, chunks: Chunks) -> Result<Position, Rejected> {
        match self.transact(chunks).await {
            Ok(tail) => {
                self.tail = tail;
                Ok(tail.head)
            }
            Err(failure) => {
                let duplicate = matches!(&failure, Failure::Before(error) if is_constraint(error));
                match self.abandon(failure).await {
                    _ if duplicate && self.poisoned.is_none() => Err(Rejected::Duplicate),
                    error => Err(Rejected::Failed(error)),
                }
            }
        }
    }

    async fn transact(&mut self, mut chunks: Chunks) -> Result<Tail, Failure> {
        self.begin().await?;
        let mut tail = self.tail;
        let connection = self.connection()?;
        let mut ready = next(&mut chunks, &mut tail).await?;
        while let Some(insertion) = ready {
            // The next chunk is hashed while SQLite's own thread writes this one.
            let write = insertion.execute(&mut *connection);
            let (written, prepared) = tokio::join!(write, next(&mut chunks, &mut tail));
            written?;
            ready = prepared?;
        }
        self.commit(tail).await?;
        Ok(tail)
    }

    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        sqlx::query("BEGIN IMMEDIATE")
            .execute(self.connection()?)
            .await?;
        Ok(())
    }

    /// Writes up to [`CHUNK`] events at the log's end, within a transaction.
    pub(super) async fn insert(
        &mut self,
        mut tail: Tail,
        chunk: Vec<Entry>,
    ) -> Result<Tail, Failure> {
        place(chunk, &mut tail).execute(self.connection()?).await?;
        Ok(tail)
    }

    pub(super) async fn commit(&mut self, tail: Tail) -> Result<(), Failure> {
        set_tail(self.connection()?, tail).await?;
        sqlx::query("COMMIT")
            .execute(self.connection()?)
            .await
            .map_err(Failure::Commit)?;
        Ok(())
    }

    /// Takes over a tail that was committed.
    pub(super) const fn advance(&mut self, tail: Tail) {
        self.tail = tail;
    }

    /// Rolls back, and makes sure of it. Where that cannot be made sure of, or where a commit was
    /// not refused for want of space but failed, what is on the disk may differ from what is
    /// known here: then nothing more is written.
    pub(super) async fn abandon(&mut self, failure: Failure) -> StoreError {
        let rolled_back = self.roll_back().await;
        let path = self.path.clone();
        let fault = Fault::new(&path, "append to");
        let (error, in_doubt) = match failure {
            Failure::Unstorable(error) => (StoreError::Unstorable(error), false),
            Failure::Before(error) => (fault.at(self.tail.head.next()).of(error), false),
            Failure::Commit(error) => {
                let in_doubt = !is_full(&error);
                (fault.at(self.tail.head.next()).of(error), in_doubt)
            }
        };
        if in_doubt || !rolled_back {
            tracing::error!(path = %path.display(), %error, "the log takes no more events");
            self.poisoned = Some(error.to_string());
        }
        error
    }

    async fn roll_back(&mut self) -> bool {
        let known: (Position, Hash) = (self.tail.head, self.tail.chain);
        let Ok(connection) = self.connection() else {
            return false;
        };
        // Fails where SQLite has done so by itself.
        let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
        let row = sqlx::query(rows::HEAD).fetch_one(connection).await;
        let found = row.and_then(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)));
        let found = found
            .ok()
            .and_then(|(position, chain, horizon): (_, Vec<u8>, _)| {
                Tail::of(position, &chain, horizon)
            });
        found.is_some_and(|found| (found.head, found.chain) == known)
    }
}

/// The insertion of the next chunk, once the caller has sent it; `None` after the last.
async fn next(chunks: &mut Chunks, tail: &mut Tail) -> Result<Option<Statement>, Failure> {
    let chunk = chunks
        .recv()
        .await
        .transpose()
        .map_err(Failure::Unstorable)?;
    Ok(chunk.map(|chunk| place(chunk, tail)))
}

/// The insertion of entries at the log's end, which moves behind them.
fn place(chunk: Vec<Entry>, tail: &mut Tail) -> Statement {
    let place = |entry: Entry| {
        let stored = entry.place(tail.head.next().0, &tail.chain);
        tail.head = Position(stored.position);
        tail.chain = stored.chain;
        stored
    };
    rows::insertion(chunk.into_iter().map(place).collect())
}

/// Writes down where the log ends.
pub(super) async fn set_tail(
    connection: &mut SqliteConnection,
    tail: Tail,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE log_head SET position = ?, chain = ?, folded_through = ?")
        .bind(rows::stored_integer(tail.head.0))
        .bind(tail.chain.to_vec())
        .bind(rows::stored_integer(tail.horizon.0))
        .execute(connection)
        .await?;
    Ok(())
}
