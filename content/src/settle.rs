//! Cutting a file that is whole into chunks.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use crate::chunk::{self, Cut};
use crate::disk::Disk;
use crate::index::FileId;
use crate::kept::Kept;
use crate::piece::{At, Pieces};

/// Cuts into chunks what a whole file has of its own; nothing where it is not whole.
///
/// Its bytes are on the disk before the index names a chunk of them. Readers go on meanwhile: a piece
/// that they were about to read is the same bytes at the same place, or at another place by then.
pub(crate) fn settle(kept: &Arc<Kept>, disk: &Disk) -> Result<(), Box<dyn std::error::Error>> {
    let _turn = kept.writing_down.lock();
    let pieces = kept.state.lock().pieces.clone();
    let (Some(id), true) = (kept.id(), pieces.is_whole(kept.size())) else {
        return Ok(());
    };
    if pieces.iter().all(|(_, piece)| piece.at != At::Own) {
        return Ok(());
    }
    kept.write_down(disk)?;
    for section in kept.shape.sections(kept.size()) {
        for run in runs(&pieces, &section) {
            let mut own = Own::new(kept, &pieces, run.clone());
            let cuts: io::Result<Vec<Cut>> = chunk::cut(&mut own).collect();
            let mut cuts = match cuts {
                Ok(cuts) => cuts,
                // Found on the way: it is whole again once that is fetched.
                Err(_) if own.damaged => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            for cut in &mut cuts {
                cut.offset += run.start;
                relieve(kept, disk, id, cut)?;
            }
            let settled = disk.index.settle(id, &run, &cuts)?;
            let mut state = kept.state.lock();
            for (offset, piece) in pieces.iter() {
                if run.contains(&offset) {
                    state.pieces.remove(offset, &piece);
                }
            }
            for (offset, piece) in settled.pieces {
                state.pieces.insert(offset, piece);
            }
            drop(state);
            disk.shrank(settled.shared);
            kept.store.counters.shared_bytes.add(settled.shared);
        }
    }
    disk.collect()
}

/// Where the bytes of a cut are kept already, but are damaged there, those of the file take their place:
/// else the good ones would be dropped for the bad ones.
fn relieve(kept: &Kept, disk: &Disk, file: FileId, cut: &Cut) -> rusqlite::Result<()> {
    let Some(chunk) = disk.index.chunk(cut)? else {
        return Ok(());
    };
    if matches!(kept.read_piece(cut.offset, &chunk), Ok(Some(_))) {
        return Ok(());
    }
    kept.store.counters.damaged.add(1);
    tracing::warn!(
        "{} bytes of the content store were damaged; {} of {} has them, too",
        chunk.len,
        kept.key.path,
        kept.key.origin
    );
    if disk.index.move_chunk(&chunk, file, cut.offset)? {
        // The file had them as well.
        disk.shrank(u64::from(chunk.len));
    }
    Ok(())
}

/// The stretches of a section that the file has of its own.
fn runs(pieces: &Pieces, section: &Range<u64>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for (offset, piece) in pieces.iter() {
        if piece.at != At::Own || !section.contains(&offset) {
            continue;
        }
        let end = offset + u64::from(piece.len);
        match runs.last_mut() {
            Some(run) if run.end == offset => run.end = end,
            _ => runs.push(offset..end),
        }
    }
    runs
}

/// A run's bytes, each looked at.
struct Own<'a> {
    kept: &'a Kept,
    pieces: &'a Pieces,
    at: u64,
    end: u64,
    held: Bytes,
    damaged: bool,
}

impl<'a> Own<'a> {
    fn new(kept: &'a Kept, pieces: &'a Pieces, run: Range<u64>) -> Self {
        Self {
            kept,
            pieces,
            at: run.start,
            end: run.end,
            held: Bytes::new(),
            damaged: false,
        }
    }
}

impl Read for Own<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.held.is_empty() && self.at < self.end {
            let Some((offset, piece)) = self.pieces.at(self.at) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            match self.kept.read_piece(offset, &piece)? {
                Some(bytes) => self.held = bytes,
                None => {
                    self.damaged = true;
                    self.kept.damaged(offset, &piece);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            self.at = offset + u64::from(piece.len);
        }
        let count = buffer.len().min(self.held.len());
        if let Some(part) = buffer.get_mut(..count) {
            self.held.copy_to_slice(part);
        }
        Ok(count)
    }
}
