//! What the webhooks remember across restarts: how far each endpoint got, and what could not be
//! delivered. A small SQLite file of its own, since no view could be rebuilt into it.

mod file;

use std::path::Path;

use eventlog::{EventId, Position, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use super::folder::Folder;
use crate::report::{Kind, Report, Result};

/// Letters that are read at once.
pub(super) const PAGE: u32 = 256;

/// A place in the log: a position, and which event is there, so that another log is known for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) position: Position,
    /// `None` before the first event, and where the log has none at that position.
    pub(super) event: Option<EventId>,
}

/// The open file; none once it was closed. One user at a time: what it does is short.
pub(super) struct Ledger(Mutex<Option<SqliteConnection>>);

/// What could not be delivered, and was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its number; never given twice.
    pub id: i64,
    /// Whom it is for.
    pub endpoint: String,
    /// The event, or the last of those behind the folders.
    pub position: Position,
    /// The id of that event.
    pub(super) event: Option<EventId>,
    pub(super) folders: Option<Vec<Folder>>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed.
    pub problem: String,
    /// When it was put aside.
    pub parked_at: Timestamp,
}

impl Letter {
    /// The folders that a media server was to scan, from the root of the tree; empty where it is an
    /// event that was to be sent.
    #[must_use]
    pub fn folders(&self) -> Vec<&str> {
        let folders = self.folders.iter().flatten();
        folders.map(|folder| folder.path.as_str()).collect()
    }
}

/// A letter that is about to be put aside.
#[derive(Debug, Clone)]
pub(super) struct Parking {
    pub(super) place: Place,
    pub(super) folders: Option<Vec<Folder>>,
    pub(super) attempts: u32,
    pub(super) problem: String,
}

impl Parking {
    /// The folders as they are stored.
    fn stored_folders(&self) -> sqlx::Result<Option<String>> {
        let folders = self.folders.as_ref().map(serde_json::to_string).transpose();
        folders.map_err(|error| sqlx::Error::Encode(error.into()))
    }
}

/// Which letters are meant.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    /// The endpoint; empty for all.
    pub endpoint: &'a str,
    /// Their numbers; empty for all.
    pub ids: &'a [i64],
}

impl Which<'_> {
    /// The ids as SQLite takes a list: JSON, `null` for all.
    fn list(&self) -> Option<String> {
        (!self.ids.is_empty()).then(|| format!("{:?}", self.ids))
    }
}

/// Rows that are meant: both parameters may stand for all.
const MEANT: &str = "(?1 = '' OR endpoint = ?1) \
                     AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2)))";

impl Ledger {
    /// Opens the file, or makes it. One that is damaged is moved aside and said so; in the file that
    /// is made in its stead, those of `presents` are at their places, wherever they would begin if
    /// they were new.
    ///
    /// # Errors
    /// What the disk said.
    pub(super) async fn open(path: &Path, presents: &[(String, Place)]) -> Result<Self> {
        let file::Opened {
            connection,
            was_damaged,
        } = file::open(path).await?;
        let ledger = Self(Mutex::new(Some(connection)));
        if was_damaged {
            for (name, present) in presents {
                ledger.place(name, *present).await?;
            }
        }
        Ok(ledger)
    }

    async fn connection(&self) -> Result<MappedMutexGuard<'_, SqliteConnection>> {
        MutexGuard::try_map(self.0.lock().await, Option::as_mut).map_err(|_| {
            Report::new(Kind::NotRunning, "the daemon is on its way out")
                .hint("start it again, and try once more")
        })
    }

    /// Closes the file, so that its journal is folded into it. Nothing works afterwards.
    ///
    /// # Errors
    /// What the disk said.
    pub(super) async fn close(&self) -> Result<()> {
        match self.0.lock().await.take() {
            Some(connection) => connection.close().await.map_err(|error| fault(&error)),
            None => Ok(()),
        }
    }

    /// How far an endpoint got; where it has no place yet, `first`, which is then kept.
    pub(super) async fn place(&self, name: &str, first: Place) -> Result<Place> {
        let mut connection = self.connection().await?;
        let insert = "INSERT INTO endpoint VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
        sqlx::query(insert)
            .bind(name)
            .bind(first.position.0.cast_signed())
            .bind(first.event.map(|event| event.0.to_vec()))
            .execute(&mut *connection)
            .await
            .map_err(|error| fault(&error))?;
        let select = "SELECT position, event FROM endpoint WHERE name = ?";
        let row = sqlx::query(select).bind(name);
        let row = row
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| fault(&error))?;
        let read = || {
            Ok(Place {
                position: position(&row, 0)?,
                event: event(&row, 1)?,
            })
        };
        read().map_err(|error| fault(&error))
    }

    /// Notes that an endpoint is done with all up to a place, and what of it was put aside.
    pub(super) async fn settle(&self, name: &str, done: Place, parked: &[Parking]) -> Result<()> {
        let now = Timestamp::now().0;
        let mut connection = self.connection().await?;
        let mut transaction = Connection::begin(&mut *connection)
            .await
            .map_err(|error| fault(&error))?;
        for letter in parked {
            let folders = letter.stored_folders().map_err(|error| fault(&error))?;
            let insert = "INSERT INTO dead_letter (endpoint, position, event, folders, attempts, \
                          problem, parked_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
            let insert = sqlx::query(insert)
                .bind(name)
                .bind(letter.place.position.0.cast_signed())
                .bind(letter.place.event.map(|event| event.0.to_vec()))
                .bind(folders)
                .bind(letter.attempts)
                .bind(&letter.problem)
                .bind(now);
            insert
                .execute(&mut *transaction)
                .await
                .map_err(|error| fault(&error))?;
        }
        sqlx::query("UPDATE endpoint SET position = ?, event = ? WHERE name = ?")
            .bind(done.position.0.cast_signed())
            .bind(done.event.map(|event| event.0.to_vec()))
            .bind(name)
            .execute(&mut *transaction)
            .await
            .map_err(|error| fault(&error))?;
        transaction.commit().await.map_err(|error| fault(&error))
    }

    /// Every endpoint that ever was and was not forgotten: how far it got, and how many letters lie
    /// aside.
    pub(super) async fn endpoints(&self) -> Result<Vec<(String, Position, u64)>> {
        let select = "SELECT name, position, (SELECT count(*) FROM dead_letter \
                      WHERE endpoint = name) FROM endpoint ORDER BY name";
        let mut connection = self.connection().await?;
        let rows = sqlx::query(select).fetch_all(&mut *connection).await;
        let read = |row: &SqliteRow| {
            let count: i64 = row.try_get(2)?;
            Ok((row.try_get(0)?, position(row, 1)?, count.cast_unsigned()))
        };
        let rows = rows.map_err(|error| fault(&error))?;
        rows.iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|error| fault(&error))
    }

    /// How many letters of an endpoint lie aside.
    pub(super) async fn count(&self, name: &str) -> Result<u64> {
        let select = "SELECT count(*) FROM dead_letter WHERE endpoint = ?";
        let mut connection = self.connection().await?;
        let row = sqlx::query(select).bind(name);
        let row = row
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| fault(&error))?;
        let count: i64 = row.try_get(0).map_err(|error| fault(&error))?;
        Ok(count.cast_unsigned())
    }

    /// The letters that are meant and whose numbers are above `after`, by number, at most `limit`.
    pub(super) async fn letters(
        &self,
        which: Which<'_>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Letter>> {
        let select = format!(
            "SELECT id, endpoint, position, event, folders, attempts, problem, parked_at \
             FROM dead_letter WHERE {MEANT} AND id > ?3 ORDER BY id LIMIT ?4"
        );
        let mut connection = self.connection().await?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(which.endpoint)
            .bind(which.list())
            .bind(after)
            .bind(limit)
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| fault(&error))?;
        rows.iter()
            .map(letter)
            .collect::<Result<_, _>>()
            .map_err(|error| fault(&error))
    }

    /// Removes the letters that are meant; tells how many there were.
    pub(super) async fn remove(&self, which: Which<'_>) -> Result<u64> {
        let delete = format!("DELETE FROM dead_letter WHERE {MEANT}");
        let mut connection = self.connection().await?;
        let done = sqlx::query(sqlx::AssertSqlSafe(delete))
            .bind(which.endpoint)
            .bind(which.list())
            .execute(&mut *connection)
            .await
            .map_err(|error| fault(&error))?;
        Ok(done.rows_affected())
    }

    /// Notes that a letter was tried once more, in vain.
    pub(super) async fn tried(&self, id: i64, problem: &str) -> Result<()> {
        let update = "UPDATE dead_letter SET attempts = attempts + 1, problem = ? WHERE id = ?";
        let mut connection = self.connection().await?;
        let done = sqlx::query(update).bind(problem).bind(id);
        done.execute(&mut *connection)
            .await
            .map_err(|error| fault(&error))?;
        Ok(())
    }

    /// Forgets an endpoint altogether: its place and its letters.
    pub(super) async fn forget(&self, name: &str) -> Result<()> {
        let mut connection = self.connection().await?;
        let mut transaction = Connection::begin(&mut *connection)
            .await
            .map_err(|error| fault(&error))?;
        for delete in [
            "DELETE FROM dead_letter WHERE endpoint = ?",
            "DELETE FROM endpoint WHERE name = ?",
        ] {
            let done = sqlx::query(delete).bind(name);
            done.execute(&mut *transaction)
                .await
                .map_err(|error| fault(&error))?;
        }
        transaction.commit().await.map_err(|error| fault(&error))
    }
}

fn position(row: &SqliteRow, column: usize) -> sqlx::Result<Position> {
    let position: i64 = row.try_get(column)?;
    Ok(Position(position.cast_unsigned()))
}

fn event(row: &SqliteRow, column: usize) -> sqlx::Result<Option<EventId>> {
    let event: Option<Vec<u8>> = row.try_get(column)?;
    let event = event.map(<[u8; 16]>::try_from).transpose();
    let event = event.map_err(|_| sqlx::Error::Decode("an event id has 16 bytes".into()))?;
    Ok(event.map(EventId))
}

fn letter(row: &SqliteRow) -> sqlx::Result<Letter> {
    let folders: Option<String> = row.try_get(4)?;
    let folders = folders.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Letter {
        id: row.try_get(0)?,
        endpoint: row.try_get(1)?,
        position: position(row, 2)?,
        event: event(row, 3)?,
        folders: folders.map_err(|error| sqlx::Error::Decode(error.into()))?,
        attempts: row.try_get(5)?,
        problem: row.try_get(6)?,
        parked_at: Timestamp(row.try_get(7)?),
    })
}

/// What an error of the file means for people.
fn fault(error: &sqlx::Error) -> Report {
    let message = format!("what the webhooks remember cannot be read or written: {error}");
    if file::is_damage(error) {
        return Report::new(Kind::Damaged, message)
            .hint("restart the daemon: it moves the file aside and goes on from the present");
    }
    Report::new(Kind::Disk, message)
        .hint("look at the disk of the state directory; webhooks go on once it can be written")
}
