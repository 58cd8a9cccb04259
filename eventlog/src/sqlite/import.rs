//! A log from its export (LOG-6).

use std::io::{BufRead, Read as _};
use std::path::Path;

use sqlx::{Connection as _, SqliteConnection};

use super::SqliteStore;
use super::append::set_tail;
use super::export::Line;
use super::fault::Fault;
use super::file::{self, Durability, Reserved};
use super::rows::{self, CHUNK, Tail};
use crate::event::{Body, Event, NewEvent};
use crate::id::Position;
use crate::record::{ChainCheck, Entry, ROOT, Stored};
use crate::store::StoreError;

/// The longest line that is read: more than the largest payload makes, twice over.
const MAX_LINE: u64 = 128 << 20;

/// Makes a new log at `to` of what [`SqliteStore::export`] wrote, event for event, each checked
/// against its hash and the one before. The log appears under its name once it is whole and on the
/// disk; after an error there is nothing. Where an export was cut off before the summary of its
/// folded events, one that knows of no plays is written after it.
///
/// # Errors
/// [`StoreError::Exists`] where there is a file of that name, [`StoreError::BadLine`] for a line
/// that does not hold.
pub async fn import(
    from: impl BufRead + Send,
    to: &Path,
    mut progress: impl FnMut(Position) + Send,
) -> Result<Position, StoreError> {
    let fault = Fault::new(to, "import to");
    let reserved = Reserved::new(to)?;
    let mut connection = file::create(&reserved.draft, Durability::Later).await?;
    sqlx::query("BEGIN")
        .execute(&mut connection)
        .await
        .map_err(|error| fault.of(error))?;
    let mut import = Import::new(fault);
    let mut lines = Lines { from, number: 0 };
    while let Some(chunk) = lines.chunk(&mut import)? {
        rows::insertion(chunk)
            .execute(&mut connection)
            .await
            .map_err(|error| fault.of(error))?;
        progress(import.tail.head);
    }
    import.finish(&mut connection).await?;
    connection.close().await.map_err(|error| fault.of(error))?;
    SqliteStore::open_read_only(&reserved.draft)
        .await?
        .close()
        .await;
    tokio::task::spawn_blocking(move || reserved.publish())
        .await
        .map_err(|error| fault.backend(error))?
        .map_err(|error| fault.io(error))?;
    Ok(import.tail.head)
}

struct Import<'p> {
    fault: Fault<'p>,
    check: ChainCheck,
    tail: Tail,
    summarised: Position,
}

impl<'p> Import<'p> {
    const fn new(fault: Fault<'p>) -> Self {
        let start = Position::START;
        Self {
            fault,
            check: ChainCheck::after(0, ROOT),
            tail: Tail {
                head: start,
                chain: ROOT,
                horizon: start,
            },
            summarised: start,
        }
    }

    fn accept(&mut self, stored: &Stored) -> Result<(), StoreError> {
        self.check.check(stored)?;
        if let Body::Known(Event::AccessFolded { through, .. }) = stored.body()? {
            self.summarised = self.summarised.max(through);
        }
        self.tail.head = Position(stored.position);
        self.tail.chain = stored.chain;
        if stored.entry.payload.is_none() {
            self.tail.horizon = self.tail.head;
        }
        Ok(())
    }

    async fn finish(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let fault = self.fault;
        if self.tail.horizon > self.summarised {
            let event = Event::AccessFolded {
                through: self.tail.horizon,
                plays: Vec::new(),
            };
            let entry = Entry::new(&NewEvent::now(event, None))?;
            let stored = entry.place(self.tail.head.next().0, &self.tail.chain);
            self.accept(&stored)?;
            let insertion = rows::insertion(vec![stored]).execute(&mut *connection);
            insertion.await.map_err(|error| fault.of(error))?;
        }
        set_tail(&mut *connection, self.tail)
            .await
            .map_err(|error| fault.of(error))?;
        sqlx::query("COMMIT")
            .execute(connection)
            .await
            .map_err(|error| fault.of(error))?;
        Ok(())
    }
}

struct Lines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next lines' events; `None` at the end.
    fn chunk(&mut self, import: &mut Import<'_>) -> Result<Option<Vec<Stored>>, StoreError> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            let Some(line) = self.next(import.fault)? else {
                break;
            };
            let bad = |reason| StoreError::BadLine {
                line: self.number,
                reason,
            };
            let line: Line =
                serde_json::from_slice(&line).map_err(|error| bad(error.to_string()))?;
            let stored = line.into_stored().map_err(bad)?;
            import.accept(&stored).map_err(|error| match error {
                StoreError::Damaged { position, reason } => {
                    bad(format!("position {position}: {reason}"))
                }
                other => other,
            })?;
            chunk.push(stored);
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    fn next(&mut self, fault: Fault<'_>) -> Result<Option<Vec<u8>>, StoreError> {
        let mut line = Vec::new();
        self.number += 1;
        let read = self
            .from
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line);
        match read.map_err(|error| fault.backend(error))? {
            0 => Ok(None),
            _ if line.last() == Some(&b'\n') => Ok(Some(line)),
            _ => Err(StoreError::BadLine {
                line: self.number,
                reason: "it ends before its end, or is too long".to_owned(),
            }),
        }
    }
}
