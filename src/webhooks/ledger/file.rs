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

/// Opens the file, or makes it; a damaged one is moved aside, and another made.
///
/// # Errors
/// What the disk said.
pub(super) async fn open(path: &Path) -> Result<SqliteConnection> {
    match open_whole(path).await {
        Err(error) if is_damage(&error) => {
            let aside = move_aside(path)?;
            tracing::error!(
                "{} was damaged ({error}) and is now {}; what the webhooks had yet to deliver, and \
                 their dead letters, are not known any more: they go on from the present",
                path.display(),
                aside.display()
            );
            open_whole(path).await.map_err(|error| fault(&error))
        }
        opened => opened.map_err(|error| fault(&error)),
    }
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
    use super::super::{Ledger, Parking, Which};
    use eventlog::Position;

    const ALL: Which<'static> = Which {
        endpoint: "",
        ids: &[],
    };

    fn parking(position: u64) -> Parking {
        Parking {
            position: Position(position),
            folders: None,
            attempts: 3,
            problem: "it was asleep".to_owned(),
        }
    }

    #[tokio::test]
    async fn places_and_letters_outlive_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("webhooks.db");
        let ledger = Ledger::open(&path).await.unwrap();
        let first = ledger.place("a", Position(5)).await.unwrap();
        assert_eq!(first, Position(5));
        let parked = [parking(6), parking(7)];
        ledger.settle("a", Position(7), &parked).await.unwrap();
        ledger.close().await.unwrap();
        assert!(ledger.place("a", Position(5)).await.is_err());
        let ledger = Ledger::open(&path).await.unwrap();
        assert_eq!(ledger.place("a", Position(99)).await.unwrap(), Position(7));
        assert_eq!(
            ledger.endpoints().await.unwrap(),
            [("a".to_owned(), Position(7), 2)]
        );
        let letters = ledger.letters(ALL, 0, 10).await.unwrap();
        let positions: Vec<u64> = letters.iter().map(|letter| letter.position.0).collect();
        assert_eq!(positions, [6, 7]);
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
        assert_eq!(ledger.place("a", Position(9)).await.unwrap(), Position(9));
    }

    #[tokio::test]
    async fn a_damaged_file_is_moved_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("webhooks.db");
        Ledger::open(&path).await.unwrap().close().await.unwrap();
        std::fs::write(&path, vec![7; 8192]).unwrap();
        let ledger = Ledger::open(&path).await.unwrap();
        assert!(ledger.endpoints().await.unwrap().is_empty());
        let names: Vec<String> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let aside = |name: &String| name.starts_with("webhooks.db.damaged-");
        assert!(names.iter().any(aside), "{names:?}");
    }
}
