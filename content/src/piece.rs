//! Which parts of a file are kept, and where: no I/O.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::index::{BlobId, ChunkId};

/// A stretch of a file that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Bytes.
    pub(crate) len: u32,
    /// XXH3 of its bytes.
    pub(crate) sum: u64,
    /// Where its bytes are.
    pub(crate) at: At,
}

/// Where the bytes of a piece are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// In the file's own blob, at the offset that they have in the file.
    Own,
    /// In a chunk, which other files may have, too.
    Chunk {
        /// Which.
        id: ChunkId,
        /// The blob that it is in.
        blob: BlobId,
        /// Its offset there.
        offset: u64,
    },
}

/// The pieces of a file by offset; none overlaps another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces(BTreeMap<u64, Piece>);

impl Pieces {
    /// The piece that holds the byte at `offset`, with its own offset.
    pub(crate) fn at(&self, offset: u64) -> Option<(u64, Piece)> {
        let (start, piece) = self.0.range(..=offset).next_back()?;
        (offset - start < u64::from(piece.len)).then_some((*start, *piece))
    }

    /// The stretches of `range` that no piece holds.
    pub(crate) fn gaps(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut from = range.start;
        let first = self.at(from).map_or(from, |(start, _)| start);
        for (start, piece) in self.0.range(first..range.end.max(first)) {
            if *start > from {
                gaps.push(from..*start);
            }
            from = from.max(start + u64::from(piece.len));
        }
        if from < range.end {
            gaps.push(from..range.end);
        }
        gaps
    }

    /// Puts a piece where nothing is; otherwise nothing changes, and it is not taken.
    pub(crate) fn insert(&mut self, offset: u64, piece: Piece) -> bool {
        let wanted = offset..offset.saturating_add(u64::from(piece.len));
        let free = piece.len > 0 && self.gaps(wanted.clone()) == [wanted];
        if free {
            self.0.insert(offset, piece);
        }
        free
    }

    /// Takes a piece out, if it still is the one that was seen there.
    pub(crate) fn remove(&mut self, offset: u64, seen: &Piece) -> bool {
        let there = self.0.get(&offset) == Some(seen);
        if there {
            self.0.remove(&offset);
        }
        there
    }

    /// All of them, by offset.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, Piece)> + '_ {
        self.0.iter().map(|(offset, piece)| (*offset, *piece))
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.values().map(|piece| u64::from(piece.len)).sum()
    }

    /// True where all of a file of that size is kept.
    pub(crate) fn is_whole(&self, size: u64) -> bool {
        self.gaps(0..size).is_empty()
    }
}

impl FromIterator<(u64, Piece)> for Pieces {
    fn from_iter<I: IntoIterator<Item = (u64, Piece)>>(pieces: I) -> Self {
        let mut all = Self::default();
        for (offset, piece) in pieces {
            all.insert(offset, piece);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn own(len: u32) -> Piece {
        Piece {
            len,
            sum: 0,
            at: At::Own,
        }
    }

    #[test]
    fn a_piece_is_found_by_every_byte_of_it() {
        let pieces: Pieces = [(0, own(10)), (20, own(5))].into_iter().collect();
        assert_eq!(pieces.at(9), Some((0, own(10))));
        assert_eq!(pieces.at(10), None);
        assert_eq!(pieces.at(24), Some((20, own(5))));
        assert_eq!(pieces.gaps(5..30), [10..20, 25..30]);
        assert_eq!(pieces.gaps(0..10), []);
        assert!(!pieces.is_whole(25) && pieces.bytes() == 15);
    }

    #[test]
    fn only_what_was_seen_is_taken_out() {
        let mut pieces: Pieces = [(0, own(10))].into_iter().collect();
        assert!(!pieces.remove(0, &own(9)) && !pieces.remove(1, &own(10)));
        assert!(pieces.remove(0, &own(10)) && pieces.bytes() == 0);
    }

    proptest! {
        #[test]
        fn as_a_set_of_bytes(inserts in prop::collection::vec((0..64_u64, 0..16_u32), 0..20), from in 0..80_u64, len in 0..80_u64) {
            let (mut pieces, mut model) = (Pieces::default(), vec![false; 200]);
            for (offset, len) in inserts {
                let range = offset as usize..offset as usize + len as usize;
                let free = len > 0 && model[range.clone()].iter().all(|kept| !kept);
                prop_assert_eq!(pieces.insert(offset, own(len)), free);
                if free {
                    model[range].fill(true);
                }
            }
            let gaps = pieces.gaps(from..from + len);
            for offset in 0..150 {
                let missing = (from..from + len).contains(&offset) && !model[offset as usize];
                prop_assert_eq!(gaps.iter().any(|gap| gap.contains(&offset)), missing);
                prop_assert_eq!(pieces.at(offset).is_some(), model[offset as usize]);
            }
        }
    }
}
