//! The ledger's file: made, checked, opened; moved aside where it is damaged.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eventlog::Timestamp;
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqlSafeStr, SqliteConnection};

use super::fault;
use crate::report::{Report, Result};

/// SQLite's primary result codes for a file that is not what was written (SQLITE_CORRUPT,
/// SQLITE_NOTADB).
const DAMAGE: [u32; 2] = [11, 26];

/// Schema changes, in order. What was released is never altered.
fn migrations() -> Migrator {
    let first = include_str!("../../../migrations/webhooks/0001_webhooks.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(
        1,
        "webhooks".into(),
        MigrationType::Simple,
        first,
        false,
    )])
}

/// The file, open.
pub(super) struct Opened {
    pub(super) connection: SqliteConnection,
    /// True where the one before it was damaged, and this one is new.
    pub(super) was_damaged: bool,
}

/// Opens the file, or makes it; a damaged one is moved aside, and another made.
///
/// # Errors
/// What the disk said.
pub(super) async fn open(path: &Path) -> Result<Opened> {
    let opened = open_whole(path).await;
    let was_damaged = opened.as_ref().is_err_and(is_damage);
    let connection = match opened {
        Err(error) if was_damaged => {
            let aside = move_aside(path)?;
            tracing::error!(
                "{} was damaged ({error}) and is now {}; what the webhooks had yet to deliver, and \
                 their dead letters, are not known any more: they go on from the present",
                path.display(),
                aside.display()
            );
            open_whole(path).await
        }
        opened => opened,
    };
    Ok(Opened {
        connection: connection.map_err(|error| fault(&error))?,
        was_damaged,
    })
}

/// True where an error tells of damage, which no waiting mends.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    let of = |error: &dyn DatabaseError| {
        let code: Option<u32> = error.code().and_then(|code| code.parse().ok());
        code.is_some_and(|code| DAMAGE.contains(&(code & 0xff)))
    };
    match error {
        sqlx::Error::Database(error) => of(&**error),
        sqlx::Error::Migrate(error) => match &**error {
            MigrateError::Execute(error) => is_damage(error),
            // Its own tables are not those that it was made with.
            MigrateError::VersionMismatch(_) | MigrateError::Dirty(_) => true,
            _ => false,
        },
        sqlx::Error::Protocol(said) => said == UNSOUND,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
        _ => false,
    }
}

/// What a check that came out badly is called.
const UNSOUND: &str = "the file is not sound";

async fn open_whole(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    // Private from the first byte on.
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    // Should the last moments be lost in a power cut, they are delivered again: at least once.
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
        .connect()
        .await?;
    let check = sqlx::query("PRAGMA quick_check(1)");
    let found: String = check.fetch_one(&mut connection).await?.try_get(0)?;
    if found != "ok" {
        connection.close().await?;
        return Err(sqlx::Error::Protocol(UNSOUND.to_owned()));
    }
    migrations()
        .run_direct(None, &mut connection, false)
        .await?;
    Ok(connection)
}

/// Renames the file and what belongs to it.
fn move_aside(path: &Path) -> Result<PathBuf> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let stamp = Timestamp::now().0;
    let aside = beside(&format!(".damaged-{stamp}"));
    std::fs::rename(path, &aside)
        .map_err(|error| Report::io("move the damaged file aside:", path, &error))?;
    for suffix in ["-wal", "-shm"] {
        // A journal of another file would be taken for one of the new file.
        let gone = std::fs::remove_file(beside(suffix));
        match gone {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Report::io("remove", &beside(suffix), &error));
            }
            _ => {}
        }
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::super::{Ledger, Parking, Place, Which};
    use eventlog::{EventId, Position};
    use std::path::Path;

    const ALL: Which<'static> = Which {
        endpoint: "",
        ids: &[],
    };

    fn at(position: u64) -> Place {
        Place {
            position: Position(position),
            event: (position > 0).then(|| EventId([u8::try_from(position).unwrap(); 16])),
        }
    }

    async fn open(path: &Path) -> Ledger {
        let presents = ["a", "b"].map(|name| (name.to_owned(), at(70)));
        Ledger::open(path, &presents).await.unwrap()
    }

    fn parking(position: u64) -> Parking {
        Parking {
            place: at(position),
            folders: None,
            attempts: 3,
            problem: "it was asleep".to_owned(),
        }
    }

    #[tokio::test]
    async fn places_and_letters_outlive_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("webhooks.db");
        let ledger = open(&path).await;
        let first = ledger.place("a", at(5)).await.unwrap();
        assert_eq!(first, at(5));
        let parked = [parking(6), parking(7)];
        ledger.settle("a", at(7), &parked).await.unwrap();
        ledger.close().await.unwrap();
        assert!(ledger.place("a", at(5)).await.is_err());
        let ledger = open(&path).await;
        assert_eq!(ledger.place("a", at(99)).await.unwrap(), at(7));
        assert_eq!(
            ledger.endpoints().await.unwrap(),
            [("a".to_owned(), Position(7), 2)]
        );
        let letters = ledger.letters(ALL, 0, 10).await.unwrap();
        let places = letters.iter().map(|letter| Place {
            position: letter.position,
            event: letter.event,
        });
        assert_eq!(places.collect::<Vec<_>>(), [at(6), at(7)]);
        let one = Which {
            endpoint: "a",
            ids: &[letters[0].id],
        };
        ledger.tried(letters[1].id, "still").await.unwrap();
        assert_eq!(ledger.remove(one).await.unwrap(), 1);
        let left = ledger.letters(ALL, letters[0].id, 10).await.unwrap();
        assert_eq!((left[0].attempts, left[0].problem.as_str()), (4, "still"));
        ledger.forget("a").await.unwrap();
        assert_eq!(ledger.count("a").await.unwrap(), 0);
        assert_eq!(ledger.place("a", at(0)).await.unwrap(), at(0));
    }

    #[tokio::test]
    async fn a_damaged_file_is_moved_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("webhooks.db");
        let ledger = open(&path).await;
        assert!(ledger.endpoints().await.unwrap().is_empty());
        ledger.close().await.unwrap();
        std::fs::write(&path, vec![7; 8192]).unwrap();
        let ledger = open(&path).await;
        // Whoever was at work is at the present; whoever is new begins where it wants to.
        for (name, place) in [("a", 70), ("b", 70), ("c", 1)] {
            assert_eq!(ledger.place(name, at(1)).await.unwrap(), at(place));
        }
        let names: Vec<String> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let aside = |name: &String| name.starts_with("webhooks.db.damaged-");
        assert!(names.iter().any(aside), "{names:?}");
    }
}
