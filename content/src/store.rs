//! The store: what is kept of remote originals, and who has it open.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};

use crate::disk::Disk;
use crate::error::StoreError;
use crate::figures::{Counters, Figures};
use crate::index::FileId;
use crate::kept::Kept;
use crate::key::{Key, Shape};
use crate::worker::{Job, Worker};

/// Files that may wait for the worker.
const BACKLOG: usize = 256;

/// How far a file whose sound seems to be that of its last revision is believed (CAS-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeltaVerify {
    /// Where its own checksum says so, as FLAC's does.
    Proof,
    /// Where samples of the sound agree, too; what is presumed so is compared in full later.
    #[default]
    Sampled,
    /// Not at all: it is fetched as a whole.
    Full,
}

/// What the store may do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that are kept at most.
    pub bytes: u64,
    /// How far the sound of a changed file is believed to be unchanged.
    pub delta: DeltaVerify,
}

/// The content store. Clones are the same store; the last one dropped writes down what is left.
#[derive(Clone)]
pub struct Store {
    // Dropped first: it needs the other to write down what is left.
    _worker: Arc<Worker>,
    pub(crate) inner: Arc<Inner>,
}

/// What the parts of the store share.
pub(crate) struct Inner {
    /// `None` where nothing is to be kept.
    pub(crate) disk: Option<Disk>,
    pub(crate) delta: DeltaVerify,
    pub(crate) counters: Counters,
    files: Mutex<HashMap<Key, Weak<Kept>>>,
    /// `None` as long as nobody has told, and then nothing leaves.
    pinned: RwLock<Option<HashSet<Key>>>,
    /// Files with something that the index does not know yet.
    fresh: Mutex<HashMap<FileId, Arc<Kept>>>,
    /// Bytes in memory of files that cannot be kept on the disk.
    pub(crate) recent: AtomicUsize,
    /// How often what was kept of a file was refuted.
    refuted: Mutex<HashMap<Key, u32>>,
    /// Uses that the index does not know yet.
    used: Mutex<HashMap<FileId, i64>>,
    jobs: Mutex<Option<std::sync::mpsc::Sender<Job>>>,
    /// Files that wait to be cut into chunks.
    pub(crate) unsettled: AtomicUsize,
    /// True while the worker is asked to make room, and has not begun to.
    pub(crate) wants_room: AtomicBool,
    /// True while nothing may leave any more: until something is closed, or is pinned no longer.
    pub(crate) is_stuck: AtomicBool,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// Bytes on the disk.
    pub bytes: u64,
    /// Bytes that may be.
    pub limit: u64,
    /// Bytes that files have here; more than there are on the disk, where some have the same.
    pub referenced: u64,
    /// Chunks.
    pub chunks: u64,
    /// Files, in all their revisions, of which at least a part is kept.
    pub files: u64,
}

impl Store {
    /// Opens the store in a directory, which is made where it is not there. What is damaged is
    /// dropped. Waits for the disk.
    ///
    /// # Errors
    /// Where the directory cannot be used; MusicFS then works [without](Self::disabled).
    pub fn open(dir: &Path, limits: Limits) -> Result<Self, StoreError> {
        let disk = Disk::open(dir, limits.bytes)?;
        Ok(Self::with(Some(disk), limits.delta))
    }

    /// A store that keeps nothing: everything is passed through (CAS-10).
    #[must_use]
    pub fn disabled() -> Self {
        Self::with(None, DeltaVerify::Full)
    }

    fn with(disk: Option<Disk>, delta: DeltaVerify) -> Self {
        let inner = Arc::new(Inner {
            disk,
            delta,
            counters: Counters::default(),
            files: Mutex::default(),
            pinned: RwLock::new(Some(HashSet::new())),
            fresh: Mutex::default(),
            recent: AtomicUsize::new(0),
            refuted: Mutex::default(),
            used: Mutex::default(),
            jobs: Mutex::default(),
            unsettled: AtomicUsize::new(0),
            wants_room: AtomicBool::new(false),
            is_stuck: AtomicBool::new(false),
        });
        let (worker, jobs) = Worker::start(&inner);
        *inner.jobs.lock() = jobs;
        Self {
            _worker: Arc::new(worker),
            inner,
        }
    }

    /// True where bytes are kept.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.inner.disk.is_some()
    }

    /// True where nothing should be fetched before it is asked for: the disk is nearly full.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.inner.disk.as_ref().is_none_or(Disk::is_pressed)
    }

    /// What was done since the store was opened.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.inner.counters.now()
    }

    /// Bytes that are kept, at once.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let disk = self.inner.disk.as_ref();
        disk.map_or(0, |disk| disk.bytes.load(Ordering::Relaxed))
    }

    /// How much is kept. Reads the whole index.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn contents(&self) -> Result<Contents, StoreError> {
        let Some(disk) = &self.inner.disk else {
            return Ok(Contents::default());
        };
        let files = disk.index.count();
        let files = files.map_err(|error| disk.unusable(error))?;
        let figures = disk.index.chunk_figures();
        let (_, chunks, referenced) = figures.map_err(|error| disk.unusable(error))?;
        Ok(Contents {
            bytes: self.bytes(),
            limit: disk.limit,
            referenced,
            chunks,
            files,
        })
    }

    /// Files that never leave the store (CAS-5).
    pub fn pin(&self, files: HashSet<Key>) {
        *self.inner.pinned.write() = Some(files);
        self.inner.is_stuck.store(false, Ordering::Relaxed);
    }

    /// Files that never leave either, beside those that were told of before: whether these are still to
    /// stay is not known at the moment. Nothing where nobody has told yet.
    pub fn pin_more(&self, files: HashSet<Key>) {
        if let Some(pinned) = &mut *self.inner.pinned.write() {
            pinned.extend(files);
        }
    }

    /// Until [`pin`](Self::pin) is called, nothing leaves the store to make room: which files are not
    /// to is still being looked up.
    pub fn await_pins(&self) {
        *self.inner.pinned.write() = None;
    }

    /// The directory that bytes are kept in.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        self.inner.disk.as_ref().map(|disk| &*disk.dir)
    }

    /// Bytes that are kept at most; 0 where nothing is.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.inner.disk.as_ref().map_or(0, |disk| disk.limit)
    }

    /// How many bytes of a file are kept. Reads the index.
    #[must_use]
    pub fn kept(&self, key: &Key) -> u64 {
        self.inner.kept_bytes(key)
    }

    /// The share of a file's bytes that are kept, 0 to 1. Reads the index.
    #[must_use]
    pub fn share(&self, key: &Key) -> f64 {
        if key.revision.size == 0 {
            return 1.0;
        }
        let kept = self.inner.kept_bytes(key);
        #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
        let share = kept as f64 / key.revision.size as f64;
        share
    }

    /// Writes down what was fetched and used so far. Waits for the disk.
    pub fn flush(&self) {
        self.inner.flush();
    }
}

impl Inner {
    /// A file at one revision, as it is kept.
    pub(crate) fn file(self: &Arc<Self>, key: Key, shape: Shape) -> Arc<Kept> {
        let mut files = self.files.lock();
        if let Some(kept) = files.get(&key).and_then(Weak::upgrade) {
            return kept;
        }
        let kept = Arc::new(Kept::load(Arc::clone(self), key.clone(), shape));
        files.insert(key, Arc::downgrade(&kept));
        kept
    }

    /// The last who had a file open closed it.
    pub(crate) fn closed(&self, key: &Key) {
        let mut files = self.files.lock();
        if files.get(key).is_some_and(|kept| kept.strong_count() == 0) {
            files.remove(key);
        }
        drop(files);
        self.is_stuck.store(false, Ordering::Relaxed);
    }

    fn kept_bytes(&self, key: &Key) -> u64 {
        let open = self.files.lock().get(key).and_then(Weak::upgrade);
        if let Some(kept) = open {
            return kept.state.lock().pieces.bytes();
        }
        let Some(disk) = &self.disk else {
            return 0;
        };
        let found = disk.index.file(key).and_then(|row| match row {
            Some(id) => disk.index.kept_of(id),
            None => Ok(0),
        });
        found.unwrap_or(0)
    }

    /// Somebody listens to a file: it leaves after those that were listened to before.
    pub(crate) fn listened(&self, kept: &Kept) {
        kept.listened();
        if let (Some(disk), Some(id)) = (&self.disk, kept.id()) {
            self.used.lock().insert(id, disk.tick());
        }
    }

    /// A file has what the index does not know yet.
    pub(crate) fn note_fresh(&self, kept: &Arc<Kept>) {
        if let Some(id) = kept.id().filter(|_| kept.is_fresh()) {
            self.fresh.lock().insert(id, Arc::clone(kept));
        }
    }

    /// A file may be whole, and is to be cut into chunks.
    pub(crate) fn whole(&self, kept: &Arc<Kept>) {
        self.unsettled.fetch_add(1, Ordering::Relaxed);
        self.send(Job::Settle(Arc::clone(kept)));
    }

    /// True while the worker has so much to do that who brings more has to wait: each file that waits
    /// is an open one.
    pub(crate) fn is_behind(&self) -> bool {
        self.unsettled.load(Ordering::Relaxed) > BACKLOG || self.fresh.lock().len() > BACKLOG
    }

    /// There may be too much on the disk.
    pub(crate) fn wake(&self, disk: &Disk) {
        if !self.is_stuck.load(Ordering::Relaxed)
            && disk.excess() > 0
            && !self.wants_room.swap(true, Ordering::Relaxed)
        {
            self.send(Job::Evict);
        }
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &*self.jobs.lock() {
            // Without a worker there is nothing to be done any more.
            let _ = jobs.send(job);
        }
    }

    /// Tells the worker to end once it has done what it was given.
    pub(crate) fn stop(&self) {
        *self.jobs.lock() = None;
    }

    /// Writes down what was fetched and used.
    pub(crate) fn flush(&self) {
        let Some(disk) = &self.disk else {
            return;
        };
        let fresh = std::mem::take(&mut *self.fresh.lock());
        for kept in fresh.into_values() {
            if let Err(error) = kept.flush(disk) {
                disk.failed(&*error);
                self.note_fresh(&kept);
            }
        }
        let used: Vec<_> = self.used.lock().drain().collect();
        if let Err(error) = disk.index.touch(&used) {
            tracing::debug!(%error, "the order of uses is not written down");
        }
    }

    /// Takes a file out that nobody has open and that is not pinned. Returns how many bytes fewer are
    /// kept; `None` where it stays.
    pub(crate) fn evict(
        &self,
        disk: &Disk,
        id: FileId,
        key: &Key,
    ) -> rusqlite::Result<Option<u64>> {
        // Held to the end: who pins it meanwhile finds it gone, or it stays.
        let pinned = self.pinned.read();
        if pinned.as_ref().is_none_or(|pinned| pinned.contains(key)) {
            return Ok(None);
        }
        self.take_out(disk, id, key)
    }

    /// As [`evict`](Self::evict), pinned or not.
    pub(crate) fn take_out(
        &self,
        disk: &Disk,
        id: FileId,
        key: &Key,
    ) -> rusqlite::Result<Option<u64>> {
        // Held to the end: nobody may open it meanwhile.
        let files = self.files.lock();
        if files.get(key).is_some_and(|kept| kept.strong_count() > 0) {
            return Ok(None);
        }
        let freed = disk.index.remove(id)?;
        drop(files);
        disk.shrank(freed);
        Ok(Some(freed))
    }

    /// What is kept of a file are not its bytes: it is dropped, and whoever has it open is told.
    pub(crate) fn refute(&self, disk: &Disk, kept: &Kept) {
        tracing::warn!(
            origin = %kept.key.origin,
            "{}: its sound changed although its samples did not; what was kept of it is dropped",
            kept.key.path
        );
        self.counters.refuted.add(1);
        *self.refuted.lock().entry(kept.key.clone()).or_default() += 1;
        let mut files = self.files.lock();
        let mut state = kept.state.lock();
        state.refuted = true;
        state.pieces = crate::piece::Pieces::default();
        drop(state);
        // Who opens it from here on begins anew.
        files.remove(&kept.key);
        if let Some(id) = kept.id() {
            let removed = disk.index.remove(id).and_then(|freed| {
                disk.shrank(freed);
                disk.index.distrust(kept.shape.content)
            });
            if let Err(error) = removed {
                disk.failed(&error);
            }
        }
    }

    /// How often what was kept of a file was refuted.
    pub(crate) fn refutations(&self, key: &Key) -> u32 {
        self.refuted.lock().get(key).copied().unwrap_or(0)
    }

    /// Takes out what nobody has open and what is not pinned, or that too (`cache clear`).
    pub(crate) fn clear(&self, disk: &Disk, pinned: bool) -> rusqlite::Result<u64> {
        let (mut cursor, mut freed) = (FileId(0), 0);
        loop {
            let files = disk.index.files_after(cursor, 100)?;
            let Some((last, _)) = files.last() else {
                return Ok(freed);
            };
            cursor = *last;
            for (id, key) in &files {
                let taken = if pinned {
                    self.take_out(disk, *id, key)
                } else {
                    self.evict(disk, *id, key)
                };
                freed += taken?.unwrap_or(0);
            }
        }
    }
}
