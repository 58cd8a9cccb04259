//! The index: which bytes are kept and where, in SQLite.

mod chunks;
mod files;

use std::path::Path;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use files::Alike;

const SCHEMA: &str = include_str!("../../migrations/store/store.sql");

/// The schema's number. An index with another is not opened: the store begins anew.
const VERSION: i64 = 1;

/// A file's number in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(crate) i64);

impl FileId {
    /// The file's own blob.
    pub(crate) const fn blob(self) -> BlobId {
        BlobId(self.0)
    }
}

/// A blob's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BlobId(pub(crate) i64);

/// A chunk's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChunkId(pub(crate) i64);

/// A stretch of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stretch {
    pub(crate) blob: BlobId,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// The index as it was opened.
pub(crate) struct Opened {
    pub(crate) index: Index,
    /// Bytes that are kept.
    pub(crate) bytes: u64,
    /// The latest use there was.
    pub(crate) last_used: i64,
}

/// The index, open. Calls take turns, and wait for the disk.
#[derive(Debug)]
pub(crate) struct Index(Mutex<Connection>);

impl Index {
    /// Opens the index, or begins one. `None` where what is there is no index of ours, or is damaged.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Option<Opened>> {
        let opened = || {
            let connection = Connection::open(path)?;
            if !lay_down(&connection)? {
                return Ok(None);
            }
            let index = Self(Mutex::new(connection));
            Ok(Some(Opened {
                bytes: index.bytes()?,
                last_used: index.last_used()?,
                index,
            }))
        };
        match opened() {
            Err(error) if is_damage(&error) => Ok(None),
            opened => opened,
        }
    }

    /// Everything or nothing.
    fn transact<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut connection = self.0.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Bytes that are kept: chunks once, and what is in no chunk.
    fn bytes(&self) -> rusqlite::Result<u64> {
        let sum = "SELECT (SELECT coalesce(sum(len), 0) FROM chunks) \
                   + (SELECT coalesce(sum(len), 0) FROM pieces WHERE chunk IS NULL)";
        let connection = self.0.lock();
        connection.query_row(sum, [], |row| unsigned(row.get(0)?))
    }

    /// Stretches whose space is to be given back, some of them.
    pub(crate) fn garbage(&self) -> rusqlite::Result<Vec<Stretch>> {
        let connection = self.0.lock();
        let mut select =
            connection.prepare_cached("SELECT blob, offset, len FROM garbage LIMIT 1000")?;
        let rows = select.query_map([], |row| {
            Ok(Stretch {
                blob: BlobId(row.get(0)?),
                offset: unsigned(row.get(1)?)?,
                len: unsigned(row.get(2)?)?,
            })
        })?;
        rows.collect()
    }

    /// The space of these was given back.
    pub(crate) fn collected(&self, garbage: &[Stretch]) -> rusqlite::Result<()> {
        self.transact(|transaction| {
            let mut delete = transaction
                .prepare_cached("DELETE FROM garbage WHERE blob = ? AND offset = ? AND len = ?")?;
            for it in garbage {
                delete.execute((it.blob.0, signed(it.offset), signed(it.len)))?;
            }
            Ok(())
        })
    }

    /// True where something kept is in the blob.
    pub(crate) fn is_used(&self, blob: BlobId) -> rusqlite::Result<bool> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM files WHERE id = ?1) \
             OR EXISTS (SELECT 1 FROM chunks WHERE blob = ?1)",
        )?;
        select.query_row([blob.0], |row| row.get(0))
    }

    /// What was committed so far outlasts a power cut from here on.
    pub(crate) fn make_durable(&self) -> rusqlite::Result<()> {
        let connection = self.0.lock();
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    /// Folds the write-ahead log in.
    pub(crate) fn make_whole(&self) {
        let connection = self.0.lock();
        let folded = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = folded {
            tracing::debug!(%error, "the store's write-ahead log stays beside its index");
        }
    }
}

/// Notes stretches whose space is to be given back, once this is committed.
fn discard(transaction: &Transaction<'_>, garbage: &[Stretch]) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO garbage (blob, offset, len) VALUES (?, ?, ?)")?;
    for it in garbage {
        insert.execute((it.blob.0, signed(it.offset), signed(it.len)))?;
    }
    Ok(())
}

/// As [`discard`], for a stretch that is damaged: whoever owns the blob may be writing it anew.
fn discard_damaged(transaction: &Transaction<'_>, stretch: Stretch) -> rusqlite::Result<()> {
    let owned: bool = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM files WHERE id = ?)",
        [stretch.blob.0],
        |row| row.get(0),
    )?;
    let garbage = [stretch];
    discard(transaction, if owned { &[] } else { &garbage })
}

/// Makes the tables; whether they are ours.
fn lay_down(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // A power cut may cost the last rows: what they named is fetched again.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
         PRAGMA journal_size_limit = 16777216;",
    )?;
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if version == 0 && tables == 0 {
        let all = format!("BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;");
        connection.execute_batch(&all)?;
        return Ok(true);
    }
    Ok(version == VERSION)
}

/// True where the index's file is to blame.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseCorrupt | NotADatabase)
    )
}

/// SQLite has no unsigned numbers; sizes and offsets fit, and sums keep their bits.
const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

fn unsigned(number: i64) -> rusqlite::Result<u64> {
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, number))
}
