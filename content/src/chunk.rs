//! Cutting bytes into chunks by their content (CAS-1).

use std::io::{self, Read};

use fastcdc::v2020::StreamCDC;
use xxhash_rust::xxh3::xxh3_64;

/// Sizes of chunks in bytes: the least, the usual, the most. Frozen: with others, no chunk of an
/// older store would be met again.
const LEAST: usize = 16 << 10;
const USUAL: usize = 64 << 10;
const MOST: usize = 256 << 10;

/// What a chunk is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Hash(pub(crate) [u8; 32]);

/// A chunk as it was cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Where it begins, from where the cutting began.
    pub(crate) offset: u64,
    /// Bytes.
    pub(crate) len: u32,
    /// BLAKE3 of its bytes: its identity.
    pub(crate) hash: Hash,
    /// XXH3 of its bytes: what is looked at on every read.
    pub(crate) sum: u64,
}

/// Cuts what `source` gives, to its end, by `FastCDC` (v2020, 16/64/256 KiB).
pub(crate) fn cut(source: impl Read) -> impl Iterator<Item = io::Result<Cut>> {
    StreamCDC::new(source, LEAST, USUAL, MOST).map(|chunk| {
        let chunk = chunk.map_err(io::Error::from)?;
        Ok(Cut {
            offset: chunk.offset,
            len: u32::try_from(chunk.length).map_err(io::Error::other)?,
            hash: hash(&chunk.data),
            sum: xxh3_64(&chunk.data),
        })
    })
}

/// The identity of a chunk of those bytes.
pub(crate) fn hash(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, len: usize) -> Vec<u8> {
        let mut rng = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
    }

    fn cuts(bytes: &[u8]) -> Vec<Cut> {
        cut(bytes).collect::<io::Result<_>>().unwrap()
    }

    #[test]
    fn chunks_follow_one_another_and_keep_their_sizes() {
        let bytes = noise(1, 10 << 20);
        let mut end = 0;
        let cuts = cuts(&bytes);
        for cut in &cuts {
            assert_eq!(cut.offset, end);
            end += u64::from(cut.len);
            assert!(cut.len as usize <= MOST);
            assert!(cut.len as usize >= LEAST || end == bytes.len() as u64);
        }
        assert_eq!(end, bytes.len() as u64);
        let usual = bytes.len() / cuts.len();
        assert!((USUAL / 2..USUAL * 2).contains(&usual), "{usual}");
    }

    #[test]
    fn a_small_edit_changes_few_chunks() {
        let mut bytes = noise(2, 10 << 20);
        let before: std::collections::HashSet<Hash> =
            cuts(&bytes).iter().map(|cut| cut.hash).collect();
        bytes[5_000_000..5_000_100].fill(7);
        let new = cuts(&bytes);
        let new = new.iter().filter(|cut| !before.contains(&cut.hash));
        let added: u32 = new.map(|cut| cut.len).sum();
        assert!((added as usize) < bytes.len() / 10, "{added}");
    }

    /// What was cut is on people's disks.
    #[test]
    fn cuts_are_frozen() {
        let bytes: Vec<u8> = (0..1_u64 << 17)
            .flat_map(|word| xxh3_64(&word.to_le_bytes()).to_le_bytes())
            .collect();
        let cuts = cuts(&bytes);
        let lens: Vec<u32> = cuts.iter().map(|cut| cut.len).collect();
        assert_eq!(
            lens,
            [
                72_471, 80_266, 42_267, 68_235, 67_644, 18_312, 48_802, 80_182, 81_992, 95_431,
                106_228, 104_700, 46_822, 19_823, 107_127, 8274
            ]
        );
    }
}
