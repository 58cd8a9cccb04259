//! Looking at what is kept before somebody reads it (CAS-6).

use crate::chunk;
use crate::disk::Disk;
use crate::index::{ChunkId, FileId};
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
        mut progress: impl FnMut(Checked) -> bool,
    ) -> Result<Checked, rusqlite::Error> {
        let mut checked = Checked::default();
        let Some(disk) = &self.inner.disk else {
            return Ok(checked);
        };
        self.inner.flush();
        let (highest, ..) = disk.index.chunk_figures()?;
        let (mut after, mut left) = match extent {
            Extent::All => (ChunkId(0), u64::MAX),
            Extent::Sample(count) => (ChunkId(fastrand::i64(0..=highest.0)), count),
        };
        let mut wrapped = extent == Extent::All;
        while left > 0 {
            let batch = usize::try_from(left).unwrap_or(BATCH).min(BATCH);
            let chunks = disk.index.chunks_after(after, batch)?;
            let Some((last, ..)) = chunks.last() else {
                if wrapped {
                    break;
                }
                (wrapped, after) = (true, ChunkId(0));
                continue;
            };
            after = *last;
            for (_, hash, piece) in &chunks {
                let right = |bytes: &[u8]| chunk::hash(bytes) == *hash;
                self.inner
                    .look_at(disk, FileId(0), 0, piece, right, &mut checked);
                left = left.saturating_sub(1);
            }
            if !progress(checked) {
                return Ok(checked);
            }
        }
        if extent == Extent::All {
            self.check_parts(disk, &mut checked, progress)?;
        }
        Ok(checked)
    }

    /// Looks at the stretches that are in no chunk yet.
    fn check_parts(
        &self,
        disk: &Disk,
        checked: &mut Checked,
        mut progress: impl FnMut(Checked) -> bool,
    ) -> Result<(), rusqlite::Error> {
        let mut after = FileId(0);
        loop {
            let files = disk.index.files_after(after, BATCH)?;
            let Some((last, _)) = files.last() else {
                return Ok(());
            };
            after = *last;
            for (id, _) in files {
                for (offset, piece) in disk.index.pieces(id)?.iter() {
                    if piece.at == At::Own {
                        self.inner
                            .look_at(disk, id, offset, &piece, |_| true, checked);
                    }
                }
            }
            if !progress(*checked) {
                return Ok(());
            }
        }
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
    ) -> Result<Checked, rusqlite::Error> {
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

    /// Drops everything that nobody is reading. Returns how many bytes that were.
    ///
    /// # Errors
    /// Where the index cannot be written.
    pub fn clear(&self) -> Result<u64, rusqlite::Error> {
        let Some(disk) = &self.inner.disk else {
            return Ok(0);
        };
        self.inner.flush();
        let freed = self.inner.clear(disk)?;
        if let Err(error) = disk.collect() {
            tracing::warn!("space of the content store cannot be given back yet: {error}");
        }
        Ok(freed)
    }
}

impl Inner {
    fn look_at(
        &self,
        disk: &Disk,
        file: FileId,
        offset: u64,
        piece: &Piece,
        right: impl Fn(&[u8]) -> bool,
        checked: &mut Checked,
    ) {
        let (blob, at) = match piece.at {
            At::Own => (file.blob(), offset),
            At::Chunk { blob, offset, .. } => (blob, offset),
        };
        let mut buffer = vec![0; usize::try_from(piece.len).unwrap_or(0)];
        let read = disk
            .blobs
            .open_to_read(blob)
            .and_then(|blob| crate::blob::read_checked(&blob, at, &mut buffer, piece.sum));
        checked.pieces += 1;
        checked.bytes += u64::from(piece.len);
        if matches!(read, Ok(true)) && right(&buffer) {
            return;
        }
        match disk.index.forget(file, offset, piece) {
            Ok(0) => {}
            Ok(freed) => {
                disk.shrank(freed);
                self.counters.damaged.add(1);
                checked.damaged += 1;
            }
            Err(error) => disk.failed(&error),
        }
    }
}
