//! One file of a view: its rows, and the position up to which they were computed.

use std::fs::File;
use std::io::Read;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use eventlog::{EventId, Position, Recorded};
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};

use crate::digest::Digest;
use crate::error::ViewError;
use crate::view::{Changes, Rows, View};

const META: &str = include_str!("../../migrations/views/meta.sql");

/// Statements kept ready for a fold.
const STATEMENTS: usize = 64;

/// A view's file, open for writing. One at a time; readers have connections of their own.
pub struct ViewFile<V> {
    connection: Connection,
    path: PathBuf,
    position: Position,
    event: Option<EventId>,
    view: PhantomData<V>,
}

/// How a file that was found came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// This code computed it.
    Current,
    /// Another revision of the code computed it, or its tables are others: it can be read, not gone on
    /// with.
    Outdated,
}

impl<V: View> ViewFile<V> {
    /// A new, empty file, to be served from the start.
    ///
    /// # Errors
    /// [`ViewError::Unwritable`].
    pub fn create(path: &Path) -> Result<Self, ViewError> {
        let unwritable = unwritable::<V>(path);
        let connection = Connection::open(path).map_err(&unwritable)?;
        write_ahead(&connection)
            .and_then(|()| lay_down::<V>(&connection, true))
            .map_err(&unwritable)?;
        Ok(Self::empty(connection, path))
    }

    /// A new, empty file, not to be served before it is [sealed](Self::seal). Fast to fill; after a
    /// crash, or an error, only good for deletion.
    ///
    /// # Errors
    /// [`ViewError::Unwritable`].
    pub fn create_unsealed(path: &Path) -> Result<Self, ViewError> {
        let unwritable = unwritable::<V>(path);
        let connection = Connection::open(path).map_err(&unwritable)?;
        connection
            .execute_batch(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; \
                 PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;",
            )
            .and_then(|()| lay_down::<V>(&connection, false))
            .map_err(&unwritable)?;
        Ok(Self::empty(connection, path))
    }

    /// Opens a file that may be anything; returns none unless it is this view's, complete, and
    /// readable. Reads a few pages, whatever the file's size.
    #[must_use]
    pub fn open(path: &Path) -> Option<(Self, Freshness)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if is_truncated(path) {
            return None;
        }
        let connection = Connection::open_with_flags(path, flags).ok()?;
        write_ahead(&connection).ok()?;
        let select = "SELECT revision = ? AND schema = ?, position, event FROM meta \
                      WHERE view = ? AND format = ? AND complete = 1";
        let key = params![V::REVISION, schema_hash::<V>(), V::NAME, V::FORMAT];
        let (is_current, position, event) = connection
            .query_row(select, key, |row| {
                Ok((
                    row.get::<_, bool>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, Option<[u8; 16]>>(2)?,
                ))
            })
            .optional()
            .ok()??;
        let freshness = if is_current {
            Freshness::Current
        } else {
            Freshness::Outdated
        };
        let file = Self {
            position: Position(position.cast_unsigned()),
            event: event.map(EventId),
            ..Self::empty(connection, path)
        };
        Some((file, freshness))
    }

    /// True for a file that [`open`](Self::open) would open, found out without writing or waiting:
    /// one that is being rebuilt, and so is locked, is not to be read.
    #[must_use]
    pub fn can_be_read(path: &Path) -> bool {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let select = "SELECT 1 FROM meta WHERE view = ? AND format = ? AND complete = 1";
        let found = || -> rusqlite::Result<bool> {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(std::time::Duration::ZERO)?;
            let mut statement = connection.prepare(select)?;
            statement.exists(params![V::NAME, V::FORMAT])
        };
        !is_truncated(path) && found().unwrap_or(false)
    }

    /// Up to where it was computed.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The id of the event there: tells whether the log is still the one it was computed from.
    #[must_use]
    pub const fn event(&self) -> Option<EventId> {
        self.event
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Folds events in, within a transaction that is yet to be committed. Events that were folded in
    /// before change nothing.
    ///
    /// # Errors
    /// [`ViewError::Unwritable`]; nothing changed then.
    pub fn apply(&mut self, events: &[Recorded]) -> Result<Pending<'_>, ViewError> {
        let unwritable = unwritable::<V>(&self.path);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&unwritable)?;
        let mut changes = Changes::none();
        let (mut position, mut event) = (self.position, self.event);
        let mut rows = V::rows(&transaction);
        for recorded in events
            .iter()
            .filter(|recorded| recorded.position > self.position)
        {
            changes.append(V::apply(&mut rows, recorded));
            (position, event) = (recorded.position, Some(recorded.id));
        }
        changes.append(V::settle(&mut rows));
        rows.finish().map_err(&unwritable)?;
        transaction
            .prepare_cached("UPDATE meta SET position = ?, event = ?")
            .and_then(|mut update| {
                update.execute(params![position.0.cast_signed(), event.map(|id| id.0)])
            })
            .map_err(&unwritable)?;
        Ok(Pending {
            view: V::NAME,
            path: &self.path,
            transaction,
            changes,
            before: (&mut self.position, &mut self.event),
            after: (position, event),
        })
    }

    /// What it means.
    ///
    /// # Errors
    /// [`ViewError::Unreadable`].
    pub fn digest(&self) -> Result<Digest, ViewError> {
        digest::<V>(&self.connection).map_err(|source| ViewError::Unreadable {
            view: V::NAME,
            path: self.path.clone(),
            source,
        })
    }

    /// Makes an unsealed file one that can be served: from here on it survives crashes and power
    /// cuts, so that older generations may be deleted.
    ///
    /// # Errors
    /// [`ViewError::Unwritable`].
    pub fn seal(self) -> Result<Self, ViewError> {
        let unwritable = unwritable::<V>(&self.path);
        self.connection
            .execute_batch(V::INDEXES)
            .map_err(&unwritable)?;
        // An exclusive lock ends with its connection only.
        drop(self.connection);
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let synced = sync(&self.path).and_then(|()| sync(directory));
        synced.map_err(|source| ViewError::Directory {
            path: self.path.clone(),
            source,
        })?;
        // Only now, and durably: the older generation is deleted on the strength of this mark.
        let connection = Connection::open(&self.path).map_err(&unwritable)?;
        connection
            .execute_batch("PRAGMA synchronous = FULL; UPDATE meta SET complete = 1;")
            .and_then(|()| write_ahead(&connection))
            .map_err(&unwritable)?;
        Ok(Self { connection, ..self })
    }

    /// Keeps much of the file in memory while there is much to fold in, or gives that memory back.
    pub(crate) fn keep_in_memory(&self, much: bool) {
        let pragmas = if much {
            "PRAGMA cache_size = -65536"
        } else {
            "PRAGMA cache_size = -2048; PRAGMA shrink_memory"
        };
        if let Err(error) = self.connection.execute_batch(pragmas) {
            tracing::debug!(view = V::NAME, %error, "cache size stays as it is");
        }
    }

    /// Folds the write-ahead log into the file itself, as far as readers let it: a copy of the file is
    /// then a copy of the view.
    pub(crate) fn make_whole(&self) {
        let folded = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = folded {
            tracing::debug!(view = V::NAME, %error, "the write-ahead log stays beside the view");
        }
    }

    fn empty(connection: Connection, path: &Path) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let path = path.to_owned();
        Self {
            connection,
            path,
            position: Position::START,
            event: None,
            view: PhantomData,
        }
    }
}

/// Events folded in, to be committed together with their position. Dropped, it never was.
pub struct Pending<'f> {
    view: &'static str,
    path: &'f Path,
    transaction: Transaction<'f>,
    changes: Changes,
    before: (&'f mut Position, &'f mut Option<EventId>),
    after: (Position, Option<EventId>),
}

impl Pending<'_> {
    /// Commits rows and position. Returns what is to be published.
    ///
    /// # Errors
    /// [`ViewError::Unwritable`]; nothing changed then.
    pub fn commit(self) -> Result<Changes, ViewError> {
        self.transaction
            .commit()
            .map_err(|source| ViewError::Unwritable {
                view: self.view,
                path: self.path.to_owned(),
                source,
            })?;
        (*self.before.0, *self.before.1) = self.after;
        Ok(self.changes)
    }
}

/// The position of the state that a connection sees.
pub(crate) fn read_position(connection: &Connection) -> rusqlite::Result<Position> {
    let mut select = connection.prepare_cached("SELECT position FROM meta")?;
    select.query_row([], |row| {
        Ok(Position(row.get::<_, i64>(0)?.cast_unsigned()))
    })
}

/// What the state that a connection sees means.
pub(crate) fn digest<V: View>(connection: &Connection) -> rusqlite::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    V::digest(connection, &mut hasher)?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // Synchronous at checkpoints only: a power cut may cost the last commits, rows and position
    // alike, and they are folded in again. What one large batch made of the log is given back.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
         PRAGMA journal_size_limit = 16777216;",
    )
}

fn lay_down<V: View>(connection: &Connection, complete: bool) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(META)?;
    transaction.execute_batch(V::SCHEMA)?;
    if complete {
        transaction.execute_batch(V::INDEXES)?;
    }
    transaction.execute(
        "INSERT INTO meta (one, view, format, revision, schema, position, complete) \
         VALUES (1, ?, ?, ?, ?, 0, ?)",
        params![
            V::NAME,
            V::FORMAT,
            V::REVISION,
            schema_hash::<V>(),
            complete
        ],
    )?;
    transaction.commit()
}

fn schema_hash<V: View>() -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(META.as_bytes())
        .update(V::SCHEMA.as_bytes())
        .update(V::INDEXES.as_bytes());
    *hasher.finalize().as_bytes()
}

/// Waits until a file's content, or a directory's entries, are on the disk.
fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

fn unwritable<V: View>(path: &Path) -> impl Fn(rusqlite::Error) -> ViewError + use<V> {
    let path = path.to_owned();
    move |source| ViewError::Unwritable {
        view: V::NAME,
        path: path.clone(),
        source,
    }
}

/// True where the file is shorter than its header says and no write-ahead log can hold the rest.
fn is_truncated(path: &Path) -> bool {
    let mut header = [0; 32];
    let read = File::open(path).and_then(|mut file| {
        file.read_exact(&mut header)?;
        Ok(file.metadata()?.len())
    });
    let Ok(len) = read else { return true };
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    if std::fs::metadata(wal).is_ok_and(|wal| wal.len() > 0) {
        return false;
    }
    // SQLite's file format §1.3: page size at 16, number of pages at 28; big-endian.
    let number = |bytes: Option<&[u8]>| {
        bytes
            .unwrap_or_default()
            .iter()
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte))
    };
    let page_size = match number(header.get(16..18)) {
        1 => 65536,
        size => size,
    };
    len < page_size * number(header.get(28..32))
}
