//! One file at one revision: which of its bytes are kept, and how they are read and added.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use origins::OriginError;
use parking_lot::Mutex;
use rustix::io::Errno;
use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_64;

use crate::blob::read_checked;
use crate::disk::Disk;
use crate::index::{BlobId, FileId};
use crate::key::{Key, Shape};
use crate::piece::{At, Piece, Pieces};
use crate::store::Inner;

/// Bytes of a piece of a file that is not whole.
const EXTENT: u64 = 128 << 10;

/// Bytes that are held in memory of a file that cannot be kept on the disk, and of all of those
/// together; beyond that, what was fetched last of each.
const RECENT: usize = 8 << 20;
const ALL_RECENT: usize = 64 << 20;

/// How a fetch that is under way ends; `None` as long as it has not.
pub(crate) type Ending = Option<Result<(), OriginError>>;

/// A file, shared by all who have it open.
pub(crate) struct Kept {
    pub(crate) key: Key,
    pub(crate) shape: Shape,
    pub(crate) store: Arc<Inner>,
    /// Its number in the index, once it has one.
    row: Mutex<Option<FileId>>,
    pub(crate) state: Mutex<State>,
    /// Held by who writes down what it has: one after the other.
    pub(crate) writing_down: Mutex<()>,
    /// True once somebody listens to it.
    listened: AtomicBool,
    blobs: Mutex<HashMap<BlobId, Arc<File>>>,
    /// Held by who finds out whether an older revision has its sound; true once that is known.
    pub(crate) adoption: Mutex<bool>,
}

/// What changes.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) pieces: Pieces,
    /// Offsets of pieces that the index does not know yet.
    fresh: Vec<u64>,
    /// What is being fetched.
    pub(crate) flights: Vec<(Range<u64>, watch::Receiver<Ending>)>,
    recent: VecDeque<(u64, Bytes)>,
    /// True once it is known that these are not the bytes of this revision.
    pub(crate) refuted: bool,
}

impl State {
    /// Bytes at `offset` that are held in memory.
    pub(crate) fn recent(&self, offset: u64) -> Option<Bytes> {
        self.recent.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(offset.checked_sub(*start)?).ok()?;
            (from < bytes.len()).then(|| bytes.slice(from..))
        })
    }

    fn remember(&mut self, offset: u64, bytes: Bytes, all: &AtomicUsize) {
        all.fetch_add(bytes.len(), Ordering::Relaxed);
        self.recent.push_back((offset, bytes));
        while self.recent.len() > 1
            && (self.held() > RECENT || all.load(Ordering::Relaxed) > ALL_RECENT)
        {
            let less = self.recent.pop_front().map_or(0, |(_, bytes)| bytes.len());
            all.fetch_sub(less, Ordering::Relaxed);
        }
    }

    fn held(&self) -> usize {
        self.recent.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

impl Kept {
    /// The file as the index has it.
    pub(crate) fn load(store: Arc<Inner>, key: Key, shape: Shape) -> Self {
        let (mut row, mut state) = (None, State::default());
        if let Some(disk) = &store.disk {
            let found = disk.index.file(&key).and_then(|found| match found {
                Some(id) => Ok(Some((id, disk.index.pieces(id)?))),
                None => Ok(None),
            });
            match found {
                Ok(Some((id, pieces))) => (row, state.pieces) = (Some(id), pieces),
                Ok(None) => {}
                Err(error) => disk.failed(&error),
            }
        }
        Self {
            key,
            shape,
            store,
            row: Mutex::new(row),
            state: Mutex::new(state),
            writing_down: Mutex::default(),
            listened: AtomicBool::new(false),
            blobs: Mutex::default(),
            adoption: Mutex::new(false),
        }
    }

    /// Bytes of the file.
    pub(crate) fn size(&self) -> u64 {
        self.key.revision.size
    }

    /// Its number in the index, where it has one.
    pub(crate) fn id(&self) -> Option<FileId> {
        *self.row.lock()
    }

    /// Somebody listens to it.
    pub(crate) fn listened(&self) {
        self.listened.store(true, Ordering::Relaxed);
    }

    /// Its number in the index, which it is given where it has none.
    pub(crate) fn enrolled(&self, disk: &Disk) -> rusqlite::Result<FileId> {
        let mut row = self.row.lock();
        if let Some(id) = *row {
            return Ok(id);
        }
        // The index may not have answered when the file was opened.
        if let Some(id) = disk.index.file(&self.key)? {
            let pieces = disk.index.pieces(id)?;
            *row = Some(id);
            drop(row);
            let mut state = self.state.lock();
            for (offset, piece) in pieces.iter() {
                state.pieces.insert(offset, piece);
            }
            return Ok(id);
        }
        let used = if self.listened.load(Ordering::Relaxed) {
            disk.tick()
        } else {
            0
        };
        let id = disk.index.add(&self.key, &self.shape, used)?;
        *row = Some(id);
        Ok(id)
    }

    /// The bytes of a piece; `None` where they are not what they should be.
    pub(crate) fn read_piece(&self, offset: u64, piece: &Piece) -> io::Result<Option<Bytes>> {
        let mut buffer = vec![0; usize::try_from(piece.len).map_err(io::Error::other)?];
        let right = self.fill_from(offset, piece, &mut buffer)?;
        Ok(right.then(|| Bytes::from(buffer)))
    }

    /// Reads a whole piece into `buffer`; whether its bytes are what they should be.
    pub(crate) fn fill_from(
        &self,
        offset: u64,
        piece: &Piece,
        buffer: &mut [u8],
    ) -> io::Result<bool> {
        let own = || self.id().map(FileId::blob);
        let (blob, at) = match piece.at {
            At::Own => (own(), offset),
            At::Chunk { blob, offset, .. } => (Some(blob), offset),
        };
        let (Some(disk), Some(blob)) = (&self.store.disk, blob) else {
            return Ok(false);
        };
        let file = match self.blob(disk, blob) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        let right = read_checked(&file, at, buffer, piece.sum)?;
        if right {
            self.store.counters.read_bytes.add(buffer.len() as u64);
        }
        Ok(right)
    }

    fn blob(&self, disk: &Disk, id: BlobId) -> io::Result<Arc<File>> {
        let own = self.id().map(FileId::blob) == Some(id);
        let mut blobs = self.blobs.lock();
        if let Some(blob) = blobs.get(&id) {
            return Ok(Arc::clone(blob));
        }
        let file = Arc::new(if own {
            disk.blobs.create(id)?
        } else {
            disk.blobs.open_to_read(id)?
        });
        blobs.insert(id, Arc::clone(&file));
        Ok(file)
    }

    /// Keeps bytes that came from an origin: on the disk where it takes them, else in memory for a
    /// while. What is kept already stays as it is.
    pub(crate) fn keep(&self, offset: u64, bytes: &Bytes) {
        let disk = self.store.disk.as_ref();
        let more = bytes.len() as u64;
        let mut kept = false;
        if let Some(disk) = disk.filter(|disk| disk.reserve(more)) {
            let mut added = 0;
            match self.write(disk, offset, bytes, &mut added) {
                Ok(()) => kept = true,
                Err(error) => disk.failed(&*error),
            }
            disk.shrank(more.saturating_sub(added));
        }
        if let Some(disk) = disk.filter(|disk| !kept || disk.is_over()) {
            self.store.wake(disk);
        }
        if !kept {
            self.store.counters.passed_bytes.add(more);
            let all = &self.store.recent;
            self.state.lock().remember(offset, bytes.clone(), all);
        }
    }

    fn write(
        &self,
        disk: &Disk,
        offset: u64,
        bytes: &Bytes,
        added: &mut u64,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let id = self.enrolled(disk)?;
        let end = offset.saturating_add(bytes.len() as u64);
        let gaps = self.state.lock().pieces.gaps(offset..end);
        let blob = self.blob(disk, id.blob())?;
        for extent in gaps.into_iter().flat_map(|gap| self.extents(gap)) {
            let from = usize::try_from(extent.start - offset)?;
            let to = usize::try_from(extent.end - offset)?;
            let Some(part) = bytes.get(from..to) else {
                continue;
            };
            blob.write_all_at(part, extent.start)?;
            let len = u32::try_from(part.len())?;
            let (sum, at) = (xxh3_64(part), At::Own);
            let mut state = self.state.lock();
            if state.pieces.insert(extent.start, Piece { len, sum, at }) {
                state.fresh.push(extent.start);
                *added += u64::from(len);
            }
        }
        disk.wrote();
        Ok(())
    }

    /// Cuts a stretch into extents, and at the borders between tags and sound.
    fn extents(&self, gap: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let sections = self.shape.sections(self.size());
        let mut at = gap.start;
        std::iter::from_fn(move || {
            let start = at;
            let border = sections.iter().map(|section| section.end);
            let border = border.filter(|end| *end > start).min()?;
            at = (start / EXTENT + 1)
                .saturating_mul(EXTENT)
                .min(border)
                .min(gap.end);
            (at > start).then_some(start..at)
        })
    }

    /// True where there is something that the index does not know.
    pub(crate) fn is_fresh(&self) -> bool {
        !self.state.lock().fresh.is_empty()
    }

    /// True where all of it is kept, and not all of that is cut into chunks.
    pub(crate) fn is_unsettled(&self) -> bool {
        let state = self.state.lock();
        !state.refuted
            && state.pieces.is_whole(self.size())
            && state.pieces.iter().any(|(_, piece)| piece.at == At::Own)
    }

    /// Makes durable what was written, and tells the index.
    pub(crate) fn flush(&self, disk: &Disk) -> Result<(), Box<dyn std::error::Error>> {
        let _turn = self.writing_down.lock();
        self.write_down(disk)
    }

    /// As [`flush`](Self::flush), for who has the turn.
    pub(crate) fn write_down(&self, disk: &Disk) -> Result<(), Box<dyn std::error::Error>> {
        let (Some(id), true) = (self.id(), self.is_fresh()) else {
            return Ok(());
        };
        let fresh: Vec<(FileId, u64, Piece)> = {
            let mut state = self.state.lock();
            let offsets = std::mem::take(&mut state.fresh);
            let piece = |offset: u64| match state.pieces.at(offset) {
                Some((start, piece)) if start == offset && piece.at == At::Own => {
                    Some((id, offset, piece))
                }
                _ => None,
            };
            offsets.into_iter().filter_map(piece).collect()
        };
        let synced = self.blob(disk, id.blob()).and_then(|blob| blob.sync_data());
        let noted = synced
            .map_err(Into::into)
            .and_then(|()| Ok(disk.index.record(fresh.iter().copied())?));
        if noted.is_err() {
            let again = fresh.iter().map(|(_, offset, _)| *offset);
            self.state.lock().fresh.extend(again);
        }
        noted
    }

    /// A piece was read, and its bytes were wrong or gone.
    pub(crate) fn damaged(&self, offset: u64, piece: &Piece) {
        if !self.state.lock().pieces.remove(offset, piece) {
            // It is elsewhere by now.
            return;
        }
        self.store.counters.damaged.add(1);
        let (Some(disk), Some(id)) = (&self.store.disk, self.id()) else {
            return;
        };
        if let At::Chunk { blob, .. } = piece.at {
            self.blobs.lock().remove(&blob);
        }
        tracing::warn!(
            origin = %self.key.origin,
            "{}: {} bytes of it in the content store are damaged or missing; they are fetched again",
            self.key.path,
            piece.len
        );
        let forgotten = disk.index.forget(id, offset, piece);
        let again = forgotten.and_then(|freed| {
            disk.shrank(freed);
            // A chunk that was not forgotten is elsewhere by now, and right there.
            Ok(match (freed, piece.at) {
                (0, At::Chunk { .. }) => disk.index.pieces(id)?.at(offset),
                _ => None,
            })
        });
        match again {
            Ok(Some((offset, piece))) => drop(self.state.lock().pieces.insert(offset, piece)),
            Ok(None) => {}
            Err(error) => disk.failed(&error),
        }
    }

    /// A piece could not be read, for a reason that lies with the disk. Where the disk does its work
    /// otherwise, it is that place of it that is bad; else the piece stays in the index.
    pub(crate) fn unreadable(&self, offset: u64, piece: &Piece, error: &io::Error) {
        if let Some(disk) = &self.store.disk {
            let is_place = error.raw_os_error() == Some(Errno::IO.raw_os_error());
            if is_place && disk.blobs.take_writes() {
                return self.damaged(offset, piece);
            }
            disk.failed(error);
        }
        self.state.lock().pieces.remove(offset, piece);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let held = self.state.get_mut().held();
        self.store.recent.fetch_sub(held, Ordering::Relaxed);
        self.store.closed(&self.key);
    }
}
