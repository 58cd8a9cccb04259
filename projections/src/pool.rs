//! Read-only connections to the generation of a view that is served.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Notify;

use crate::error::ViewError;
use crate::sql::is_damage;

/// Connections kept for the next reader; more readers at once open their own.
const IDLE: usize = 8;

/// Pages that one reader keeps, in KiB: the rest is the kernel's page cache.
const CACHE_KIB: i64 = 1024;

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
                if !pool.is_damaged.swap(true, Ordering::AcqRel) {
                    let path = pool.path.display();
                    tracing::warn!(view = self.view, %path, %source, "view is damaged");
                }
                self.damage.notify_one();
            }
            ViewError::Unreadable {
                view: self.view,
                path: pool.path.clone(),
                source,
            }
        })
    }
}
