//! The disk that the store is on: how much is kept there, and whether more may be.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock, statvfs};
use rustix::io::Errno;

use crate::blob::Blobs;
use crate::error::StoreError;
use crate::index::{self, Index, Opened, Stretch};
use crate::place;

/// Shares of the disk that may be taken, in percent, by whomever (CAS-4): from the first on, what is
/// kept leaves; from the second on, nothing is fetched before it is asked for; from the last on,
/// nothing is written.
const EVICT: u8 = 90;
const NO_PREFETCH: u8 = 95;
const NO_WRITES: u8 = 99;

/// What may be kept beyond the limit until the eviction that is due has been.
const SLACK: u64 = 64 << 20;

/// How long nothing is written after writing has failed.
const REST: Duration = Duration::from_secs(10);

/// The file that tells that the index was found to be damaged while it was in use.
const DAMAGED: &str = "index.damaged";

/// How long whoever has the store open is waited for: it may be about to close it.
const LEAVING: Duration = Duration::from_secs(2);

/// The store's directory, in use.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) dir: PathBuf,
    /// Locked as long as it is open: two who tidy up would take each other's files away.
    _lock: File,
    pub(crate) blobs: Blobs,
    pub(crate) index: Index,
    /// Bytes to be kept at most.
    pub(crate) limit: u64,
    /// Bytes that are kept.
    pub(crate) bytes: AtomicU64,
    /// Bytes for which there was no room.
    refused: AtomicU64,
    /// Tells the order of uses.
    clock: AtomicI64,
    /// How much of the disk is taken, in percent.
    taken: AtomicU8,
    /// Until when nothing is written.
    resting: Mutex<Option<Instant>>,
    complained: AtomicBool,
}

impl Disk {
    /// Opens a store's directory; where its index is none of ours or damaged, with an empty one.
    pub(crate) fn open(dir: &Path, limit: u64) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Directory {
            path: dir.to_owned(),
            source,
        };
        if !place::take(dir).map_err(unusable)? {
            return Err(StoreError::Foreign {
                path: dir.to_owned(),
            });
        }
        let lock = claim(dir).map_err(|error| match error {
            Errno::WOULDBLOCK => StoreError::InUse {
                path: dir.to_owned(),
            },
            error => unusable(error.into()),
        })?;
        let path = dir.join("index.db");
        // SQLite's other files have its rights.
        place::file(&path).map_err(unusable)?;
        let failed = |source| StoreError::Index {
            path: path.clone(),
            source,
        };
        let is_sound = !dir.join(DAMAGED).exists();
        let opened = match Index::open(&path).map_err(failed)?.filter(|_| is_sound) {
            Some(opened) => opened,
            None => {
                tracing::warn!(
                    "the index of the content store, {}, is damaged or of another version; the store \
                     begins anew, and what it held is fetched again when needed",
                    path.display()
                );
                begin_anew(dir).map_err(unusable)?;
                let fresh = Index::open(&path).map_err(failed)?;
                fresh.ok_or_else(|| unusable(io::ErrorKind::InvalidData.into()))?
            }
        };
        let Opened {
            index,
            bytes,
            last_used,
        } = opened;
        let disk = Self {
            blobs: Blobs::open(dir.join("data")).map_err(unusable)?,
            bytes: AtomicU64::new(bytes),
            clock: AtomicI64::new(last_used),
            index,
            limit,
            _lock: lock,
            dir: dir.to_owned(),
            refused: AtomicU64::new(0),
            taken: AtomicU8::new(0),
            resting: Mutex::new(None),
            complained: AtomicBool::new(false),
        };
        disk.look();
        Ok(disk)
    }

    /// What is said where the index failed somebody who asked for it.
    pub(crate) fn unusable(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Index {
            path: self.dir.join("index.db"),
            source,
        }
    }

    /// The moment of a use.
    pub(crate) fn tick(&self) -> i64 {
        self.clock.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Looks how full the disk is.
    pub(crate) fn look(&self) {
        if let Ok(stat) = statvfs(&self.dir) {
            let used = stat.f_blocks.saturating_sub(stat.f_bfree);
            let usable = used.saturating_add(stat.f_bavail).max(1);
            let percent = used.saturating_mul(100).div_ceil(usable).min(100);
            let percent = u8::try_from(percent).unwrap_or(100);
            self.taken.store(percent, Ordering::Relaxed);
        }
    }

    /// Takes room for `more` bytes, where they may be written now.
    pub(crate) fn reserve(&self, more: u64) -> bool {
        if self.taken.load(Ordering::Relaxed) >= NO_WRITES || self.is_resting() {
            return false;
        }
        let most = self.limit.saturating_add(SLACK.min(self.limit / 8));
        let grown = |bytes: u64| bytes.checked_add(more).filter(|grown| *grown <= most);
        let reserved = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        if reserved.is_err() {
            self.refused
                .fetch_max(more.min(self.limit), Ordering::Relaxed);
        }
        reserved.is_ok()
    }

    /// Room was made, as far as there was any to be made.
    pub(crate) fn made_room(&self) {
        self.refused.store(0, Ordering::Relaxed);
    }

    /// True where nothing may be fetched ahead of being asked for.
    pub(crate) fn is_pressed(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= NO_PREFETCH || self.is_resting()
    }

    /// Bytes that have to leave.
    pub(crate) fn excess(&self) -> u64 {
        let kept = self.bytes.load(Ordering::Relaxed);
        let wanted = kept.saturating_add(self.refused.load(Ordering::Relaxed));
        let over = wanted.saturating_sub(self.limit);
        let over = if over > 0 { over + self.limit / 20 } else { 0 };
        if self.taken.load(Ordering::Relaxed) < EVICT {
            return over;
        }
        let crowded = statvfs(&self.dir).map_or(0, |stat| {
            let used = stat.f_blocks.saturating_sub(stat.f_bfree);
            let usable = used.saturating_add(stat.f_bavail);
            let most = usable / 100 * u64::from(EVICT);
            used.saturating_sub(most).saturating_mul(stat.f_frsize)
        });
        over.max(crowded).min(kept)
    }

    /// True from 90 % of the disk on, or beyond the limit.
    pub(crate) fn is_over(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.limit
            || self.taken.load(Ordering::Relaxed) >= EVICT
    }

    /// The store's directory failed somebody: nothing is written for a while. Reads go on, from the
    /// origins. Where the index is damaged, the store begins anew the next time that it is opened.
    pub(crate) fn failed(&self, error: &(dyn Error + 'static)) {
        let from_index = error.downcast_ref::<rusqlite::Error>();
        if from_index.is_some_and(index::is_damage)
            && let Err(error) = File::create(self.dir.join(DAMAGED))
        {
            tracing::debug!(%error, "it is not noted that the store's index is damaged");
        }
        *self.resting.lock() = Instant::now().checked_add(REST);
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "cannot use the content store {}: {error}; what is read is passed through and \
                 not kept, until there is room again",
                self.dir.display()
            );
        }
        self.look();
    }

    /// Less is kept.
    pub(crate) fn shrank(&self, less: u64) {
        let subtract = |bytes: u64| Some(bytes.saturating_sub(less));
        let _ = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
    }

    /// Something was written.
    pub(crate) fn wrote(&self) {
        if self.complained.load(Ordering::Relaxed) && self.complained.swap(false, Ordering::Relaxed)
        {
            tracing::info!("the content store can be written to again");
        }
    }

    fn is_resting(&self) -> bool {
        let mut resting = self.resting.lock();
        if resting.is_some_and(|until| until <= Instant::now()) {
            *resting = None;
        }
        resting.is_some()
    }

    /// Gives back the space of what has left.
    pub(crate) fn collect(&self) -> Result<(), Box<dyn std::error::Error>> {
        loop {
            let garbage = self.index.garbage()?;
            if garbage.is_empty() {
                return Ok(());
            }
            // What refers elsewhere by now is not to be lost once these bytes are gone. A full disk may
            // have no room for that, and gets some by giving them back.
            if let Err(error) = self.index.make_durable() {
                tracing::debug!(%error, "a power cut may cost some of what is kept");
            }
            for Stretch { blob, offset, len } in joined(&garbage) {
                if !self.index.is_used(blob)? {
                    self.blobs.delete(blob)?;
                } else if len > 0 {
                    self.blobs.punch(blob, offset, len)?;
                }
            }
            self.index.collected(&garbage)?;
        }
    }

    /// Deletes the blobs that the index does not know: what was written when MusicFS was killed.
    pub(crate) fn sweep(&self) -> Result<(), Box<dyn std::error::Error>> {
        for blob in self.blobs.all()? {
            if !self.index.is_used(blob)? {
                self.blobs.delete(blob)?;
            }
        }
        self.collect()
    }
}

/// Takes the lock of a store's directory; the kernel frees it when the process ends.
fn claim(dir: &Path) -> Result<File, Errno> {
    let began = Instant::now();
    let file = place::file(&dir.join("lock"));
    let file = file.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if began.elapsed() < LEAVING => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Stretches that follow one another as one: a block of the disk is only given back as a whole.
fn joined(garbage: &[Stretch]) -> Vec<Stretch> {
    let mut sorted = garbage.to_vec();
    sorted.sort_unstable();
    let mut joined: Vec<Stretch> = Vec::new();
    for next in sorted {
        match joined.last_mut() {
            Some(last) if last.blob == next.blob && last.offset + last.len >= next.offset => {
                let end = (last.offset + last.len).max(next.offset + next.len);
                last.len = end - last.offset;
            }
            _ => joined.push(next),
        }
    }
    joined
}

/// Deletes what the store made in its directory; last, what told that it is damaged.
fn begin_anew(dir: &Path) -> io::Result<()> {
    let data = std::fs::remove_dir_all(dir.join("data"));
    let files = ["index.db", "index.db-wal", "index.db-shm", DAMAGED].into_iter();
    let files = files.map(|name| std::fs::remove_file(dir.join(name)));
    let mut removed = std::iter::once(data).chain(files);
    removed.try_for_each(|removed| match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    })
}
