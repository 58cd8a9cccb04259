//! The log's files: made, locked, opened.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _, SqliteConnection};

use super::fault::Fault;
use super::readers::Readers;
use crate::id::EventId;
use crate::store::StoreError;

/// `application_id` of a log's file: "MFSL".
const APPLICATION_ID: i32 = 0x4d46_534c;

/// Size of a new file's pages: large ones make fewer writes of a batch, and few are half empty.
const PAGE_BYTES: u32 = 16 << 10;

/// Pages in the write-ahead log after which it is folded into the file: 32 MiB.
const CHECKPOINT_PAGES: &str = "2048";

/// Whether an append survives a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// It does, once it has returned.
    Synced,
    /// Only once the whole file is synced, and an error leaves rubbish: for making a log that
    /// nobody sees before it is whole.
    Later,
}

/// Schema changes, in order. What was released is never altered.
fn migrations() -> Migrator {
    let first = include_str!("../../../migrations/log/0001_events.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(
        1,
        "events".into(),
        MigrationType::Simple,
        first,
        false,
    )])
}

/// `path` with something appended to its last part.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The right to write, given up on drop.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Said, not left to the closing of the file: a child being forked may share it yet.
        let _ = self.0.unlock();
    }
}

/// Claims the right to write.
pub(super) fn lock(path: &Path) -> Result<Lock, StoreError> {
    let fault = Fault::new(path, "lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(beside(path, ".lock"))
        .map_err(|error| fault.io(error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: path.display().to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(fault.io(error)),
    }
}

/// Makes an empty log where there is none, whole under its name or not at all: after a crash there
/// is never half a log, which nobody could read. Only for who holds the lock.
pub(super) async fn found(path: &Path) -> Result<(), StoreError> {
    let fault = Fault::new(path, "make");
    let is_there = fs::metadata(path).is_ok_and(|found| found.len() > 0);
    if is_there || beside(path, "-wal").exists() {
        return Ok(());
    }
    let draft = beside(path, ".new");
    // What a crash left of an earlier one.
    for suffix in ["", "-journal", "-wal", "-shm"] {
        drop(fs::remove_file(beside(&draft, suffix)));
    }
    let connection = create(&draft, Durability::Later).await?;
    connection.close().await.map_err(|error| fault.of(error))?;
    File::open(&draft)
        .and_then(|draft| draft.sync_all())
        .and_then(|()| fs::rename(&draft, path))
        .and_then(|()| sync_parent(path))
        .map_err(|error| fault.io(error))
}

/// The connection that writes, to a log that is made where there is none.
pub(super) async fn create(
    path: &Path,
    durability: Durability,
) -> Result<SqliteConnection, StoreError> {
    let fault = Fault::new(path, "open");
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_parent(path))
        .map_err(|error| fault.io(error))?;
    belongs_here(path).await?;
    let options = options(path).page_size(PAGE_BYTES);
    let options = match durability {
        Durability::Synced => options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", "67108864"),
        Durability::Later => options
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off),
    };
    let mut connection = options.connect().await.map_err(|error| fault.of(error))?;
    migrations()
        .run_direct(None, &mut connection, false)
        .await
        .map_err(|error| match error {
            sqlx::migrate::MigrateError::Execute(error) => fault.of(error),
            sqlx::migrate::MigrateError::VersionMissing(_) => {
                fault.backend("a newer MusicFS wrote it; use that one, or a newer still")
            }
            other => fault.backend(other),
        })?;
    Ok(connection)
}

/// Readers of a log that must be there.
pub(super) async fn readers(path: &Path) -> Result<Readers, StoreError> {
    belongs_here(path).await?;
    Ok(Readers::new(path.to_owned()))
}

/// One connection that may write, to a log that must be there.
pub(super) async fn writer(path: &Path) -> Result<SqliteConnection, StoreError> {
    let connected = options(path).connect().await;
    connected.map_err(|error| Fault::new(path, "open").of(error))
}

/// One connection that only reads, for what takes long.
pub(super) async fn reader(path: &Path) -> Result<SqliteConnection, StoreError> {
    let connected = options(path).read_only(true).connect().await;
    connected.map_err(|error| Fault::new(path, "open").of(error))
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(30))
        .disable_statement_logging()
}

/// Refuses another program's database, and one whose header is damaged, before anything is set
/// in it. What is empty so far belongs to whoever fills it.
async fn belongs_here(path: &Path) -> Result<(), StoreError> {
    let fault = Fault::new(path, "open");
    let mut connection = options(path)
        .read_only(true)
        .connect()
        .await
        .map_err(|error| fault.of(error))?;
    let (id, tables): (i32, i64) = sqlx::query_as(
        "SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id",
    )
    .fetch_one(&mut connection)
    .await
    .map_err(|error| fault.of(error))?;
    connection.close().await.map_err(|error| fault.of(error))?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        Ok(())
    } else {
        Err(fault.backend("it is not an event log of MusicFS"))
    }
}

/// Makes a new or renamed file's name last.
pub(super) fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// A file under a name that no other had, empty until [`publish`](Self::publish) puts a whole one
/// in its place. Unpublished, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Reserved {
    path: PathBuf,
    /// Where the file is made.
    pub(super) draft: PathBuf,
    published: bool,
}

impl Reserved {
    /// Takes a name, or says that it is taken.
    pub(super) fn new(path: &Path) -> Result<Self, StoreError> {
        let unwritable = |source: std::io::Error| StoreError::Unwritable {
            path: path.display().to_string(),
            source,
        };
        let empty = |path: &Path| {
            let mut options = OpenOptions::new();
            options.create_new(true).write(true).mode(0o600).open(path)
        };
        match empty(path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(StoreError::Exists {
                    path: path.display().to_string(),
                });
            }
            Err(error) => return Err(unwritable(error)),
        }
        let reserved = Self {
            path: path.to_owned(),
            draft: beside(path, &format!(".{}.partial", EventId::generate())),
            published: false,
        };
        // Its rights are in place before anything is in it.
        empty(&reserved.draft).map_err(unwritable)?;
        Ok(reserved)
    }

    /// Puts the draft under the name, for good.
    pub(super) fn publish(mut self) -> std::io::Result<()> {
        File::open(&self.draft)?.sync_all()?;
        fs::rename(&self.draft, &self.path)?;
        self.published = true;
        sync_parent(&self.path)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        for path in [&self.path, &self.draft] {
            // What cannot be removed is in nobody's way but the user's, who was told of a failure.
            let _ = fs::remove_file(path);
        }
    }
}
