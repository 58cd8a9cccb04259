//! Looking at what is kept before somebody reads it (CAS-6).

use std::io;
use std::ops::Range;

use crate::chunk;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::index::{ChunkId, FileId};
use crate::key::Key;
use crate::piece::{At, Piece};
use crate::store::{Inner, Store};

/// Chunks that are asked of the index together.
const BATCH: usize = 100;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    All,
    /// So many chunks, from a place that differs each time.
    Sample(u64),
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Chunks and other stretches.
    pub pieces: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that were damaged or missing. They are dropped, and fetched again when needed.
    pub damaged: u64,
}

/// A stretch of a file that was dropped, since it was damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The file.
    pub key: Key,
    /// Where in it.
    pub range: Range<u64>,
}

/// One look through the store.
struct Look<'s> {
    inner: &'s Inner,
    disk: &'s Disk,
    checked: Checked,
    lost: Vec<(FileId, Range<u64>)>,
}

impl Store {
    /// Reads what is kept, and drops what is not as it should be: chunks by their identity, other
    /// stretches by their checksum. `progress` is told what was looked at so far, and ends it by
    /// returning false. Blocks for as long as that takes; reads go on.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn check(
        &self,
        extent: Extent,
        progress: impl FnMut(Checked) -> bool,
    ) -> Result<Checked, StoreError> {
        let looked = self.look(extent, progress)?;
        Ok(looked.map_or_else(Checked::default, |look| look.checked))
    }

    /// As [`check`](Self::check) of everything; also tells which stretches of which files were dropped.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn verify(
        &self,
        progress: impl FnMut(Checked) -> bool,
    ) -> Result<(Checked, Vec<Lost>), StoreError> {
        let Some(look) = self.look(Extent::All, progress)? else {
            return Ok((Checked::default(), Vec::new()));
        };
        let mut lost = Vec::with_capacity(look.lost.len());
        for (file, range) in look.lost {
            // One that is gone by now lacks nothing.
            let key = look.disk.index.key(file);
            let key = key.map_err(|error| look.disk.unusable(error))?;
            lost.extend(key.map(|key| Lost { key, range }));
        }
        Ok((look.checked, lost))
    }

    /// `None` where nothing is kept.
    fn look(
        &self,
        extent: Extent,
        mut progress: impl FnMut(Checked) -> bool,
    ) -> Result<Option<Look<'_>>, StoreError> {
        let Some(disk) = &self.inner.disk else {
            return Ok(None);
        };
        self.inner.flush();
        let mut look = Look {
            inner: &self.inner,
            disk,
            checked: Checked::default(),
            lost: Vec::new(),
        };
        let looked = look.at_chunks(extent, &mut progress).and_then(|go_on| {
            if go_on && extent == Extent::All {
                look.at_parts(&mut progress)?;
            }
            Ok(())
        });
        looked.map_err(|error| disk.unusable(error))?;
        Ok(Some(look))
    }

    /// Looks at a sample of the store, and where more than one in a hundred of it is damaged, at all
    /// of it. For once a day, and for each start.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn scrub(
        &self,
        sample: u64,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Checked, StoreError> {
        let checked = self.check(Extent::Sample(sample), |_| go_on())?;
        if checked.damaged * 100 <= checked.pieces {
            return Ok(checked);
        }
        tracing::warn!(
            "{} of {} chunks of the content store are damaged: all of it is looked at",
            checked.damaged,
            checked.pieces
        );
        self.check(Extent::All, |_| go_on())
    }

    /// Drops everything that nobody is reading and that is not pinned; with `pinned`, that too.
    /// Returns how many bytes that were.
    ///
    /// # Errors
    /// Where the index cannot be written.
    pub fn clear(&self, pinned: bool) -> Result<u64, StoreError> {
        let Some(disk) = &self.inner.disk else {
            return Ok(0);
        };
        self.inner.flush();
        let freed = self.inner.clear(disk, pinned);
        let freed = freed.map_err(|error| disk.unusable(error))?;
        if let Err(error) = disk.collect() {
            tracing::warn!("space of the content store cannot be given back yet: {error}");
        }
        Ok(freed)
    }
}

impl Look<'_> {
    /// Looks at chunks. False where it was to end.
    fn at_chunks(
        &mut self,
        extent: Extent,
        progress: &mut impl FnMut(Checked) -> bool,
    ) -> rusqlite::Result<bool> {
        let (highest, ..) = self.disk.index.chunk_figures()?;
        let (mut after, mut left) = match extent {
            Extent::All => (ChunkId(0), u64::MAX),
            Extent::Sample(count) => (ChunkId(fastrand::i64(0..=highest.0)), count),
        };
        let mut wrapped = extent == Extent::All;
        while left > 0 {
            let batch = usize::try_from(left).unwrap_or(BATCH).min(BATCH);
            let chunks = self.disk.index.chunks_after(after, batch)?;
            let Some((last, ..)) = chunks.last() else {
                if wrapped {
                    break;
                }
                (wrapped, after) = (true, ChunkId(0));
                continue;
            };
            after = *last;
            for (_, hash, piece) in &chunks {
                self.at(FileId(0), 0, piece, |bytes| chunk::hash(bytes) == *hash);
                left = left.saturating_sub(1);
            }
            if !progress(self.checked) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks at the stretches that are in no chunk yet.
    fn at_parts(&mut self, progress: &mut impl FnMut(Checked) -> bool) -> rusqlite::Result<()> {
        let mut after = FileId(0);
        loop {
            let files = self.disk.index.files_after(after, BATCH)?;
            let Some((last, _)) = files.last() else {
                return Ok(());
            };
            after = *last;
            for (id, _) in files {
                for (offset, piece) in self.disk.index.pieces(id)?.iter() {
                    if piece.at == At::Own {
                        self.at(id, offset, &piece, |_| true);
                    }
                }
            }
            if !progress(self.checked) {
                return Ok(());
            }
        }
    }

    fn at(&mut self, file: FileId, offset: u64, piece: &Piece, right: impl Fn(&[u8]) -> bool) {
        let (blob, at) = match piece.at {
            At::Own => (file.blob(), offset),
            At::Chunk { blob, offset, .. } => (blob, offset),
        };
        let mut buffer = vec![0; usize::try_from(piece.len).unwrap_or(0)];
        let read = self
            .disk
            .blobs
            .open_to_read(blob)
            .and_then(|blob| crate::blob::read_checked(&blob, at, &mut buffer, piece.sum));
        self.checked.pieces += 1;
        self.checked.bytes += u64::from(piece.len);
        match read {
            Ok(true) if right(&buffer) => return,
            // The disk's trouble, as for a reader: what is on it may be as it should be.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return self.disk.failed(&error);
            }
            _ => {}
        }
        if let Err(error) = self.drop_piece(file, offset, piece) {
            self.disk.failed(&error);
        }
    }

    fn drop_piece(&mut self, file: FileId, offset: u64, piece: &Piece) -> rusqlite::Result<()> {
        let index = &self.disk.index;
        let holders = match piece.at {
            At::Own => vec![(file, offset)],
            At::Chunk { id, .. } => index.holders(id)?,
        };
        let freed = index.forget(file, offset, piece)?;
        if freed > 0 {
            self.disk.shrank(freed);
            self.inner.counters.damaged.add(1);
            self.checked.damaged += 1;
            let len = u64::from(piece.len);
            let stretches = holders.into_iter().map(|(file, at)| (file, at..at + len));
            self.lost.extend(stretches);
        }
        Ok(())
    }
}
