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
                    disk.failed(&*error);
                }
            }
            Ok(Job::Evict) => {
                inner.wants_room.store(false, Ordering::Relaxed);
                make_room(&inner, disk);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if flushed.elapsed() >= FLUSH {
            inner.flush();
            disk.look();
            make_room(&inner, disk);
            if let Err(error) = disk.collect() {
                tracing::debug!(%error, "space of the content store is given back later");
            }
            flushed = Instant::now();
        }
    }
}

/// Makes room, where there has to be and can be more.
fn make_room(inner: &Inner, disk: &Disk) {
    if disk.excess() == 0 || inner.is_stuck.load(Ordering::Relaxed) {
        return;
    }
    // Told before it is looked: for what may leave meanwhile, it is looked once more.
    inner.is_stuck.store(true, Ordering::Relaxed);
    let is_enough = evict(inner, disk);
    if !matches!(is_enough, Ok(false)) {
        inner.is_stuck.store(false, Ordering::Relaxed);
    }
    if let Err(error) = is_enough {
        return disk.failed(&error);
    }
    disk.made_room();
    if let Err(error) = disk.collect() {
        tracing::warn!("space of the content store cannot be given back yet: {error}");
    }
    disk.look();
}

/// Takes out what was used least recently, until what has to leave has. False where that is not enough.
fn evict(inner: &Inner, disk: &Disk) -> rusqlite::Result<bool> {
    // The order of uses has to be known.
    inner.flush();
    let mut excess = disk.excess();
    let mut cursor = (i64::MIN, FileId(0));
    while excess > 0 {
        let files = disk.index.least_used(cursor, BATCH)?;
        if files.is_empty() {
            return Ok(false);
        }
        for (used, id, key) in files {
            cursor = (used, id);
            if let Some(freed) = inner.evict(disk, id, &key)? {
                inner.counters.evicted.add(1);
                excess = excess.saturating_sub(freed);
            }
            if excess == 0 {
                break;
            }
        }
    }
    Ok(true)
}
