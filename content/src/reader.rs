//! Reading a file: from what is kept, else from where it comes from, and then it is kept.

mod ahead;
mod flight;

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use origins::{Checksum, ErrorKind, OriginError};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::ahead::Ahead;
use self::flight::Flight;
use crate::adopt;
use crate::kept::{Ending, Kept};
use crate::key::{Key, Shape};
use crate::piece::Piece;
use crate::settle::settle;
use crate::store::Store;

/// Where a file's bytes come from when they are not kept.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The `len` bytes from `offset`, of the revision that was asked for; fewer only at its end.
    ///
    /// # Errors
    /// [`ErrorKind::Changed`] once they cannot be had of that revision; else why not.
    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError>;

    /// As [`read_at`](Self::read_at), of the file itself and of no copy of it.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at).
    async fn read_original(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        self.read_at(offset, len).await
    }

    /// What the origin tells of all of the file's bytes ([`OriginFile::checksum`]).
    ///
    /// [`OriginFile::checksum`]: origins::OriginFile::checksum
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at).
    async fn checksum(&self) -> Result<Option<Checksum>, OriginError> {
        Ok(None)
    }
}

/// What a file is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody listens: what follows is fetched ahead, and the file is kept longer.
    Listening,
    /// Somebody may listen later, as to what is pinned: as if they did now.
    Later,
    /// Its tags are wanted: nothing but what is asked for is fetched.
    Scanning,
}

/// A file at one revision, open. Any number may read one file at once: what two want, one fetches.
pub struct Reader {
    pub(crate) kept: Arc<Kept>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) runtime: Handle,
    purpose: Purpose,
    ahead: Mutex<Ahead>,
    /// The piece that was read last: what is read in sequence ends within one.
    last: Mutex<Option<(u64, Piece, Bytes)>>,
}

/// How the bytes from one place on are to be had.
enum Step {
    Recent(Bytes),
    Piece(u64, Piece),
    Wait(watch::Receiver<Ending>),
    Adopt,
    Fetch(Flight),
    Refuted,
}

/// Stretches that listeners fetch begin and end at multiples of this.
const GRAIN: u64 = 64 << 10;

/// Bytes of one request at most.
const REQUEST: u64 = 1 << 20;

impl Store {
    /// Opens a file at one revision. Its origin is not asked before something is read that is not
    /// kept. Waits for the disk.
    #[must_use]
    pub fn reader(
        &self,
        key: Key,
        shape: Shape,
        source: Arc<dyn Source>,
        runtime: Handle,
        purpose: Purpose,
    ) -> Reader {
        let kept = self.inner.file(key, shape);
        if purpose != Purpose::Scanning {
            self.inner.listened(&kept);
            // Where MusicFS ended before that was done.
            if kept.is_unsettled() {
                self.inner.whole(&kept);
            }
        }
        Reader::of(kept, source, runtime, purpose)
    }
}

impl Store {
    /// Keeps stretches of a file that were read for another reason, such as its tags. Waits for the
    /// disk: who offers faster than it writes does the writing.
    pub fn offer(&self, key: Key, shape: Shape, parts: &[(u64, Bytes)]) {
        let kept = self.inner.file(key, shape);
        if kept.store.disk.is_none() {
            return;
        }
        for (offset, bytes) in parts {
            kept.keep(*offset, bytes);
        }
        kept.store.note_fresh(&kept);
        let is_behind = kept.store.is_behind();
        if is_behind {
            kept.store.flush();
        }
        match &kept.store.disk {
            Some(disk) if is_behind && kept.is_unsettled() => {
                if let Err(error) = settle(&kept, disk) {
                    disk.failed(&*error);
                }
            }
            _ if kept.is_unsettled() => kept.store.whole(&kept),
            _ => {}
        }
    }
}

impl Reader {
    pub(crate) fn of(
        kept: Arc<Kept>,
        source: Arc<dyn Source>,
        runtime: Handle,
        purpose: Purpose,
    ) -> Self {
        Self {
            kept,
            source,
            runtime,
            purpose,
            ahead: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.kept.size()
    }

    /// Fills `buffer` from `offset`; returns the bytes read, fewer only at the file's end. Blocks; not
    /// for async threads.
    ///
    /// # Errors
    /// Why what is not kept could not be had.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, OriginError> {
        let (read, waited) = self.read(buffer, offset)?;
        let counters = &self.kept.store.counters;
        if waited {
            counters.misses.add(1);
        } else if read > 0 {
            counters.hits.add(1);
        }
        Ok(read)
    }

    /// As [`read_at`](Self::read_at), not counted; also tells whether it had to wait for an origin.
    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(usize, bool), OriginError> {
        let wanted = buffer.len() as u64;
        let end = offset.saturating_add(wanted).min(self.size());
        if offset >= end {
            return Ok((0, false));
        }
        let mut at = offset;
        let (mut waited, mut failed) = (false, false);
        while at < end {
            let from = usize::try_from(at - offset).unwrap_or(usize::MAX);
            let to = usize::try_from(end - offset).unwrap_or(usize::MAX);
            let Some(rest) = buffer.get_mut(from..to) else {
                break;
            };
            match self.step(at, end) {
                Step::Recent(bytes) => at += copy(rest, &bytes),
                Step::Piece(start, piece) => at += self.piece(start, &piece, at, rest),
                Step::Adopt => {
                    waited = true;
                    adopt::adopt(self)?;
                }
                Step::Wait(mut ending) => {
                    waited = true;
                    let ended = self.runtime.block_on(async {
                        let ended = ending.wait_for(Option::is_some).await;
                        ended.ok().and_then(|ended| ended.clone())
                    });
                    // Whoever fetched it may have given up sooner than we would.
                    match ended {
                        Some(Err(error)) if failed => return Err(error),
                        Some(Err(_)) => failed = true,
                        _ => {}
                    }
                }
                Step::Fetch(flight) => {
                    waited = true;
                    let start = flight.range.start;
                    let bytes = self
                        .runtime
                        .block_on(flight.fetch(&self.kept, &*self.source));
                    let bytes = flight.land(&self.kept, bytes)?;
                    let skip = usize::try_from(at - start).unwrap_or(usize::MAX);
                    at += copy(rest, bytes.get(skip..).unwrap_or_default());
                }
                Step::Refuted => return Err(refuted()),
            }
        }
        if self.purpose != Purpose::Scanning {
            self.read_ahead(offset, end);
        }
        let read = usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
        Ok((read, waited))
    }

    /// Reads every byte that is not kept, so that all of it is; `progress` is told the bytes that were
    /// looked at so far, and may end it by returning false. Nobody waits for it: it is counted neither as
    /// hit nor as miss. Blocks.
    ///
    /// # Errors
    /// Why it could not be had.
    pub fn fill(&self, mut progress: impl FnMut(u64) -> bool) -> Result<(), OriginError> {
        let mut buffer = vec![0; usize::try_from(GRAIN).unwrap_or(usize::MAX)];
        let mut from = 0;
        loop {
            let gap = self.kept.state.lock().pieces.gaps(from..self.size());
            let Some(gap) = gap.first() else {
                return Ok(());
            };
            let (read, _) = self.read(&mut buffer, gap.start)?;
            from = gap.start.saturating_add(read.max(1) as u64);
            if !progress(from) {
                return Ok(());
            }
        }
    }

    fn step(&self, at: u64, end: u64) -> Step {
        let mut state = self.kept.state.lock();
        if state.refuted {
            return Step::Refuted;
        }
        if let Some((start, piece)) = state.pieces.at(at) {
            return Step::Piece(start, piece);
        }
        if let Some(bytes) = state.recent(at) {
            return Step::Recent(bytes);
        }
        if let Some(ending) = flight::under_way(&mut state, at) {
            return Step::Wait(ending);
        }
        let asked = self.asked(at, end);
        if self.purpose != Purpose::Scanning && self.is_sound(&asked) {
            // Who has the lock is the one who finds out.
            drop(state);
            if !*self.kept.adoption.lock() {
                return Step::Adopt;
            }
            state = self.kept.state.lock();
        }
        match Flight::begin(&mut state, at, asked) {
            Some(flight) => Step::Fetch(flight),
            // Somebody was faster.
            None => Step::Recent(Bytes::new()),
        }
    }

    /// How often bytes of this file turned out to be wrong since the start: whoever has cached some
    /// of them by an earlier count has to drop them.
    #[must_use]
    pub fn refutations(&self) -> u32 {
        self.kept.store.refutations(&self.kept.key)
    }

    fn is_sound(&self, range: &Range<u64>) -> bool {
        let [_, sound, _] = self.kept.shape.sections(self.size());
        range.start < sound.end && sound.start < range.end
    }

    /// What is fetched where `at` to `end` is wanted.
    fn asked(&self, at: u64, end: u64) -> Range<u64> {
        let range = match self.purpose {
            Purpose::Listening | Purpose::Later => {
                let start = at / GRAIN * GRAIN;
                start..end.div_ceil(GRAIN).saturating_mul(GRAIN).min(self.size())
            }
            Purpose::Scanning => at..end,
        };
        range.start..range.end.min(range.start.saturating_add(REQUEST))
    }

    /// Copies what a piece has from `at` on. Nothing where it is damaged: it is no piece any more.
    fn piece(&self, start: u64, piece: &Piece, at: u64, rest: &mut [u8]) -> u64 {
        let len = usize::try_from(piece.len).unwrap_or(usize::MAX);
        if let Some(whole) = rest.get_mut(..len).filter(|_| at == start) {
            return match self.kept.fill_from(start, piece, whole) {
                Ok(true) => u64::from(piece.len),
                Ok(false) => {
                    self.kept.damaged(start, piece);
                    0
                }
                Err(error) => {
                    self.kept.unreadable(start, piece, &error);
                    0
                }
            };
        }
        let held = {
            let last = self.last.lock();
            let same = last
                .as_ref()
                .filter(|last| (last.0, &last.1) == (start, piece));
            same.map(|last| last.2.clone())
        };
        let bytes = match held.map_or_else(|| self.kept.read_piece(start, piece), |it| Ok(Some(it)))
        {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                self.kept.damaged(start, piece);
                return 0;
            }
            Err(error) => {
                self.kept.unreadable(start, piece, &error);
                return 0;
            }
        };
        let skip = usize::try_from(at - start).unwrap_or(usize::MAX);
        let copied = copy(rest, bytes.get(skip..).unwrap_or_default());
        *self.last.lock() = Some((start, *piece, bytes));
        copied
    }

    fn read_ahead(&self, offset: u64, end: u64) {
        let store = &self.kept.store;
        let most = match &store.disk {
            Some(disk) if !disk.is_pressed() => ahead::MOST,
            _ => ahead::MOST_IN_MEMORY,
        };
        let Some(window) = self.ahead.lock().read(offset, end, self.size(), most) else {
            return;
        };
        // Sound that may be taken over is not fetched before that is known.
        if self.is_sound(&window) && !self.kept.adoption.try_lock().is_some_and(|known| *known) {
            return;
        }
        for flight in Flight::ahead(&self.kept, window) {
            let (kept, source) = (Arc::clone(&self.kept), Arc::clone(&self.source));
            self.runtime.spawn(async move {
                let bytes = flight.fetch(&kept, &*source).await;
                // Who needs it finds out why it is not there.
                let landing = move || drop(flight.land(&kept, bytes));
                drop(tokio::task::spawn_blocking(landing).await);
            });
        }
    }
}

fn copy(to: &mut [u8], from: &[u8]) -> u64 {
    let count = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..count), from.get(..count)) {
        to.copy_from_slice(from);
    }
    count as u64
}

fn refuted() -> OriginError {
    OriginError {
        kind: ErrorKind::Changed,
        message: "the file's sound had changed with its tags; open it again".to_owned(),
    }
}
