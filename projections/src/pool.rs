//! Read-only connections to the generation of a view that is served.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::error::ViewError;
use crate::sql::is_damage;

/// Connections kept for the next reader; more readers at once open their own.
const IDLE: usize = 8;

/// Pages that one reader keeps, in KiB: the rest is the kernel's page cache.
const CACHE_KIB: i64 = 1024;

/// What a look through a whole view found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soundness {
    /// Nothing wrong.
    Sound,
    /// Damage; the view is being rebuilt.
    Damaged,
    /// It was to end before it was through.
    Unknown,
}

/// One generation's file and its idle connections.
struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    is_damaged: AtomicBool,
}

impl Pool {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
            is_damaged: AtomicBool::new(false),
        }
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.map_or_else(|| open(&self.path), Ok)
    }

    fn give(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(1))?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Where the readers of a view read, whichever generation is served. Held by every reader and by
/// the view's runner, which swaps generations.
pub(crate) struct Source {
    view: &'static str,
    current: ArcSwap<Pool>,
    damage: Notify,
}

impl Source {
    pub(crate) fn new(view: &'static str, path: PathBuf) -> Arc<Self> {
        let current = ArcSwap::from_pointee(Pool::new(path));
        Arc::new(Self {
            view,
            current,
            damage: Notify::new(),
        })
    }

    /// Serves another generation from now on. Reads under way end on the old one.
    pub(crate) fn swap(&self, path: PathBuf) {
        self.current.store(Arc::new(Pool::new(path)));
    }

    /// The file that is served.
    pub(crate) fn path(&self) -> PathBuf {
        self.current.load().path.clone()
    }

    /// Returns once a reader has met damage in the generation that is served.
    pub(crate) async fn damaged(&self) {
        while !self.current.load().is_damaged.load(Ordering::Acquire) {
            self.damage.notified().await;
        }
    }

    /// Runs a query on an idle connection. Several statements in one query see one state only
    /// within a transaction of their own.
    pub(crate) fn read<T>(
        &self,
        query: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ViewError> {
        let pool = self.current.load_full();
        self.read_from(&pool, &query).or_else(|error| {
            // The generation may have been swapped away and deleted in between.
            let now = self.current.load_full();
            if Arc::ptr_eq(&pool, &now) {
                Err(error)
            } else {
                self.read_from(&now, &query)
            }
        })
    }

    /// Has SQLite look through all of the generation that is served, on a connection of its own,
    /// unless `over` comes first. Damage that is found is acted on as if a reader had met it.
    pub(crate) fn examine(
        &self,
        runtime: &Handle,
        over: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Soundness, ViewError> {
        let pool = self.current.load_full();
        let found = open(&pool.path).and_then(|connection| {
            let interrupt = connection.get_interrupt_handle();
            let ending = runtime.spawn(async move {
                over.await;
                interrupt.interrupt();
            });
            let found =
                connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
            ending.abort();
            found
        });
        let found = found.or_else(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => Ok(String::new()),
            _ if is_damage(&error) => Ok(error.to_string()),
            _ => Err(error),
        });
        match found {
            Ok(found) if found == "ok" => Ok(Soundness::Sound),
            Ok(found) if found.is_empty() => Ok(Soundness::Unknown),
            Ok(found) => {
                self.tell(&pool, &found);
                Ok(Soundness::Damaged)
            }
            Err(source) => Err(ViewError::Unreadable {
                view: self.view,
                path: pool.path.clone(),
                source,
            }),
        }
    }

    /// Notes that a generation is damaged.
    fn tell(&self, pool: &Pool, found: &dyn std::fmt::Display) {
        if !pool.is_damaged.swap(true, Ordering::AcqRel) {
            let path = pool.path.display();
            tracing::warn!(view = self.view, %path, "view is damaged: {found}");
        }
        self.damage.notify_one();
    }

    fn read_from<T>(
        &self,
        pool: &Pool,
        query: &impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ViewError> {
        let connection = pool.take();
        let answer = connection.and_then(|connection| {
            let answer = query(&connection)?;
            pool.give(connection);
            Ok(answer)
        });
        answer.map_err(|source| {
            if is_damage(&source) {
                self.tell(pool, &source);
            }
            ViewError::Unreadable {
                view: self.view,
                path: pool.path.clone(),
                source,
            }
        })
    }
}
