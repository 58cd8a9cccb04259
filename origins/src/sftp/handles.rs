//! Files that are open at the server: few, the least recently read leave first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::link::Handle;
use super::session::Session;
use crate::pool::Pooled;

/// Most files that are kept open: OpenSSH allows a session about a thousand, others far fewer.
const MOST: usize = 64;

/// A file open at the server, by the session that opened it. Closed with its last reader.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) session: Arc<Session>,
    pub(super) handle: Handle,
}

/// What is open, by a number for each [`OriginFile`](crate::OriginFile).
#[derive(Debug, Default)]
pub(super) struct Handles {
    next: AtomicU64,
    open: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    clock: u64,
    open: HashMap<u64, (u64, Arc<Open>)>,
}

impl Handles {
    /// A number that no other file has.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The open file of that number, if its session lasts.
    pub(super) fn get(&self, number: u64) -> Option<Arc<Open>> {
        let mut table = self.lock();
        table.clock += 1;
        let now = table.clock;
        let (used, open) = table.open.get_mut(&number)?;
        *used = now;
        let open = Arc::clone(open);
        open.session.lasts().then_some(open)
    }

    /// Keeps an open file; another one may be closed for it.
    pub(super) fn put(&self, number: u64, open: Arc<Open>) {
        let mut table = self.lock();
        table.clock += 1;
        let now = table.clock;
        let before = table.open.insert(number, (now, open));
        let oldest = table.open.iter().min_by_key(|(_, (used, _))| *used);
        let oldest = oldest.map(|(number, _)| *number);
        let left = oldest
            .filter(|_| table.open.len() > MOST)
            .and_then(|oldest| table.open.remove(&oldest));
        // Closing asks a session, which has a lock of its own.
        drop(table);
        drop((before, left));
    }

    /// Forgets, and so closes, the file of that number.
    pub(super) fn forget(&self, number: u64) {
        let open = self.lock().open.remove(&number);
        drop(open);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
