//! Delta sync (CAS-3): a file whose tags changed has the sound of its last revision, which is not
//! fetched again where that can be known.
//!
//! What is only presumed is compared later ([`Store::confirm`]), and dropped where it was wrong.

use origins::{ErrorKind, OriginError};

use crate::chunk;
use crate::disk::Disk;
use crate::index::{Alike, FileId};
use crate::kept::Kept;
use crate::key::{Key, Shape};
use crate::piece::{At, Piece};
use crate::proof::{Judgement, SHORTEST, judge};
use crate::reader::{Reader, Source};
use crate::settle::settle;
use crate::store::{DeltaVerify, Store};

/// Bytes that are compared at a time in full.
const STEP: u64 = 256 << 10;

/// Finds out whether an older revision has the sound of this one, and takes it over.
pub(crate) fn adopt(reader: &Reader) -> Result<(), OriginError> {
    let kept = &reader.kept;
    let mut done = kept.adoption.lock();
    if *done {
        return Ok(());
    }
    if let Some(disk) = &kept.store.disk {
        try_adopt(reader, disk)?;
        if kept.is_unsettled() {
            kept.store.whole(kept);
        }
    }
    *done = true;
    Ok(())
}

fn try_adopt(reader: &Reader, disk: &Disk) -> Result<(), OriginError> {
    let kept = &reader.kept;
    let shape = kept.shape;
    if kept.store.delta == DeltaVerify::Full || shape.audio.len < SHORTEST {
        return Ok(());
    }
    let older = match disk.index.alike(&kept.key, shape.content) {
        Ok(older) => older,
        Err(error) => {
            disk.failed(&error);
            return Ok(());
        }
    };
    let alike = |older: &Alike| {
        older.shape.audio.len == shape.audio.len && older.shape.checksummed == shape.checksummed
    };
    let Some(older) = older.into_iter().find(alike) else {
        return Ok(());
    };
    let before = kept.store.file(older.key.clone(), older.shape);
    if before.is_unsettled()
        && let Err(error) = settle(&before, disk)
    {
        disk.failed(&*error);
        return Ok(());
    }
    let presumed = match judge(reader, &older.key, &before)? {
        Judgement::Proven => false,
        Judgement::Presumed => true,
        Judgement::Unknown(why) => {
            tracing::debug!(path = %kept.key.path, "all of it is read: {why}");
            return Ok(());
        }
    };
    if let Err(error) = take_over(kept, disk, &before, &older, presumed) {
        disk.failed(&*error);
    }
    Ok(())
}

/// Gives a file the chunks of the sound of an older one.
fn take_over(
    kept: &Kept,
    disk: &Disk,
    before: &Kept,
    older: &Alike,
    presumed: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let [_, sound, _] = before.shape.sections(before.size());
    let pieces = before.state.lock().pieces.clone();
    let moved = |offset: u64| offset - sound.start + kept.shape.audio.offset;
    let chunks: Vec<(u64, Piece)> = pieces
        .iter()
        .filter(|(offset, piece)| {
            matches!(piece.at, At::Chunk { .. })
                && sound.contains(offset)
                && offset + u64::from(piece.len) <= sound.end
        })
        .map(|(offset, piece)| (moved(offset), piece))
        .collect();
    if chunks.is_empty() {
        return Ok(());
    }
    let id = kept.enrolled(disk)?;
    // What has to be compared is noted before it can be read.
    disk.index.presume(id, presumed)?;
    let _turn = kept.writing_down.lock();
    let [_, sound, _] = kept.shape.sections(kept.size());
    let mut state = kept.state.lock();
    let own: Vec<(u64, Piece)> = state
        .pieces
        .iter()
        .filter(|(offset, piece)| piece.at == At::Own && sound.contains(offset))
        .collect();
    for (offset, piece) in &own {
        state.pieces.remove(*offset, piece);
    }
    let taken: Vec<(u64, Piece)> = chunks
        .into_iter()
        .filter(|(offset, piece)| state.pieces.insert(*offset, *piece))
        .collect();
    drop(state);
    disk.index.share(id, &own, &taken)?;
    disk.shrank(own.iter().map(|(_, piece)| u64::from(piece.len)).sum());
    // Another file that sounds alike is not outdated by this one.
    if (&older.key.origin, &older.key.path) == (&kept.key.origin, &kept.key.path) {
        disk.index.retire(older.id)?;
    }
    kept.store.counters.adopted.add(1);
    Ok(())
}

impl Store {
    /// Files behind that one whose sound is presumed to be that of their last revision; some of them.
    #[must_use]
    pub fn presumed(&self, after: Option<FileId>) -> Vec<(FileId, Key, Shape)> {
        let disk = self.inner.disk.as_ref();
        let found = disk.and_then(|disk| disk.index.presumed(after.unwrap_or(FileId(0))).ok());
        found.unwrap_or_default()
    }

    /// Takes out a file that is no longer the library's, where nobody has it open.
    pub fn outdated(&self, file: FileId, key: &Key) {
        if let Some(disk) = &self.inner.disk
            && let Err(error) = self.inner.take_out(disk, file, key)
        {
            disk.failed(&error);
        }
    }

    /// Compares the sound of such a file with that at its origin, in full, and drops what is kept
    /// of it where they differ: who has it open is told to open it again. `pace` is awaited after each
    /// so many bytes, and ends it by returning false. Returns whether it was right, where that became
    /// known.
    ///
    /// # Errors
    /// Why the origin could not be read; it stays presumed.
    pub async fn confirm<P: Future<Output = bool>>(
        &self,
        key: Key,
        shape: Shape,
        source: &dyn Source,
        mut pace: impl FnMut(u64) -> P,
    ) -> Result<Option<bool>, OriginError> {
        let Some(disk) = &self.inner.disk else {
            return Ok(None);
        };
        let kept = self.inner.file(key, shape);
        let [_, sound, _] = shape.sections(kept.size());
        let mut at = sound.start;
        while at < sound.end {
            let next = kept.state.lock().pieces.at(at);
            let (end, piece) = match next {
                Some((start, piece)) => (start + u64::from(piece.len), Some((start, piece))),
                None => (sound.end.min(at.saturating_add(STEP)), None),
            };
            if let Some((start, piece)) = piece
                && let At::Chunk { id, .. } = piece.at
            {
                let len = usize::try_from(piece.len).unwrap_or(usize::MAX);
                let bytes = source.read_original(start, len).await;
                let bytes = match bytes {
                    // Of this revision nothing is to be had any more.
                    Err(error)
                        if matches!(error.kind, ErrorKind::Changed | ErrorKind::NotFound) =>
                    {
                        return Ok(None);
                    }
                    bytes => bytes?,
                };
                self.inner.counters.fetches.add(1);
                self.inner.counters.fetched_bytes.add(bytes.len() as u64);
                let known = disk.index.hash(id).ok().flatten();
                if known.is_some_and(|known| known != chunk::hash(&bytes)) {
                    self.inner.refute(disk, &kept);
                    return Ok(Some(false));
                }
                if !pace(bytes.len() as u64).await {
                    return Ok(None);
                }
            }
            at = end;
        }
        if let Some(id) = kept.id()
            && let Err(error) = disk.index.presume(id, false)
        {
            disk.failed(&error);
        }
        self.inner.counters.confirmed.add(1);
        Ok(Some(true))
    }
}
