//! The thread that does what readers should not wait for.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::disk::Disk;
use crate::index::FileId;
use crate::kept::Kept;
use crate::settle::settle;
use crate::store::Inner;

/// How long what was fetched may be unknown to the index: what a crash may cost.
const FLUSH: Duration = Duration::from_secs(1);

/// Files that are looked at together to be evicted.
const BATCH: usize = 64;

/// What can be asked of it.
pub(crate) enum Job {
    /// Cut a file into chunks, if it is whole.
    Settle(Arc<Kept>),
    /// Make room.
    Evict,
}

/// The thread. Dropped, it writes down what is left, and ends.
pub(crate) struct Worker {
    inner: Weak<Inner>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts it, where there is a disk to work on.
    pub(crate) fn start(inner: &Arc<Inner>) -> (Self, Option<Sender<Job>>) {
        let weak = Arc::downgrade(inner);
        let none = Self {
            inner: weak.clone(),
            thread: None,
        };
        if inner.disk.is_none() {
            return (none, None);
        }
        let (jobs, queue) = mpsc::channel();
        let builder = std::thread::Builder::new().name("store".to_owned());
        let for_thread = weak.clone();
        match builder.spawn(move || work(&for_thread, &queue)) {
            Ok(thread) => {
                let thread = Some(thread);
                (
                    Self {
                        inner: weak,
                        thread,
                    },
                    Some(jobs),
                )
            }
            Err(error) => {
                tracing::error!(%error, "cannot start the content store's thread: it will not be tidied");
                (none, None)
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(inner) = self.inner.upgrade() else {
            return;
        };
        inner.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        inner.flush();
        if let Some(disk) = &inner.disk {
            disk.index.make_whole();
        }
    }
}

fn work(inner: &Weak<Inner>, queue: &Receiver<Job>) {
    if let Some(inner) = inner.upgrade()
        && let Some(disk) = &inner.disk
        && let Err(error) = disk.sweep()
    {
        tracing::warn!("cannot tidy up the content store: {error}");
    }
    let mut flushed = Instant::now();
    loop {
        let job = queue.recv_timeout(FLUSH.saturating_sub(flushed.elapsed()));
        let Some(inner) = inner.upgrade() else {
            return;
        };
        let Some(disk) = &inner.disk else {
            return;
        };
        match job {
            Ok(Job::Settle(kept)) => {
                inner.unsettled.fetch_sub(1, Ordering::Relaxed);
                if let Err(error) = settle(&kept, disk) {
                    disk.failed(&error);
                }
            }
            Ok(Job::Evict) => make_room(&inner, disk),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if flushed.elapsed() >= FLUSH {
            inner.flush();
            disk.look();
            if disk.excess() > 0 {
                make_room(&inner, disk);
            } else if let Err(error) = disk.collect() {
                tracing::debug!(%error, "space of the content store is given back later");
            }
            flushed = Instant::now();
        }
    }
}

/// Takes out what was used least recently, until what has to leave has.
fn make_room(inner: &Inner, disk: &Disk) {
    let mut excess = disk.excess();
    if excess == 0 {
        return;
    }
    // The order of uses has to be known.
    inner.flush();
    let mut cursor = (i64::MIN, FileId(0));
    'all: while excess > 0 {
        let files = match disk.index.least_used(cursor, BATCH) {
            Ok(files) if !files.is_empty() => files,
            Ok(_) => break,
            Err(error) => return disk.failed(&error),
        };
        for (used, id, key) in files {
            cursor = (used, id);
            match inner.evict(disk, id, &key) {
                Ok(Some(freed)) => {
                    inner.counters.evicted.add(1);
                    excess = excess.saturating_sub(freed);
                }
                Ok(None) => {}
                Err(error) => return disk.failed(&error),
            }
            if excess == 0 {
                break 'all;
            }
        }
    }
    disk.made_room();
    if let Err(error) = disk.collect() {
        tracing::warn!("space of the content store cannot be given back yet: {error}");
    }
    disk.look();
}
