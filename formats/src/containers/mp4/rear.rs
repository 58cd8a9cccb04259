//! The end of a fragmented file: the fragments' own index (`mfra`, ISO 14496-12 §8.8.9 to §8.8.11)
//! where there is one, and the last fragment.

use std::io;

use super::atoms::{Atom, children};
use crate::bytes::Bytes;
use crate::source::Source;

/// How much of the end is searched for the last fragment where nothing tells where it is: ten
/// seconds at 200 kbit/s.
const SEARCHED: u64 = 256 << 10;

/// Bytes of `mfro`, which ends `mfra` and the file.
const MFRO: u64 = 16;

/// What ends the file.
pub(super) struct Rear {
    /// Where the fragments end and their index begins, or the file ends.
    pub(super) start: u64,
    /// Where the last fragment ought to begin.
    last: Option<u64>,
}

impl Rear {
    /// Looks at the end of the file.
    ///
    /// # Errors
    /// What the origin said.
    pub(super) fn find(source: &mut Source<'_>) -> io::Result<Self> {
        let len = source.len();
        let none = Self {
            start: len,
            last: None,
        };
        let mfro = source.array(len.saturating_sub(MFRO))?;
        let Some(start) = mfro
            .and_then(index_len)
            .and_then(|size| len.checked_sub(size))
        else {
            return Ok(none);
        };
        let Some(mfra) = atom(source, start, len, b"mfra")? else {
            return Ok(none);
        };
        let mut last = None;
        for tfra in children(source, mfra.body, mfra.end)? {
            if &tfra.kind == b"tfra"
                && let Some((at, long)) = last_entry(source.at(tfra.body, 16)?)
            {
                let at = tfra.body.saturating_add(at);
                let place = if long {
                    source.array(at + 8)?.map(u64::from_be_bytes)
                } else {
                    source.array(at + 4)?.map(|n| u32::from_be_bytes(n).into())
                };
                last = last.max(place);
            }
        }
        Ok(Self { start, last })
    }

    /// The last fragment. `first` is the first, `top` ends with its audio.
    ///
    /// # Errors
    /// What the origin said.
    pub(super) fn last_fragment(
        &self,
        source: &mut Source<'_>,
        top: &[Atom],
        first: Atom,
    ) -> io::Result<Option<Atom>> {
        if top.last().is_some_and(|data| data.end >= self.start) {
            return Ok(Some(first));
        }
        // Tags that grew before the fragments leave their index wrong.
        if let Some(place) = self.last
            && let Some(moof) = atom(source, place, self.start, b"moof")?
        {
            return Ok(Some(moof));
        }
        let from = first.start.max(self.start.saturating_sub(SEARCHED));
        let len = usize::try_from(self.start.saturating_sub(from)).unwrap_or(0);
        // A fragment begins with its header (§8.8.5), 8 bytes behind its own beginning.
        let index = source
            .at(from, len)?
            .windows(12)
            .rposition(|bytes| bytes.starts_with(b"moof") && bytes.ends_with(b"mfhd"));
        match index.and_then(|index| index.checked_sub(4)) {
            Some(index) => atom(source, from + index as u64, self.start, b"moof"),
            None => Ok(None),
        }
    }
}

/// The atom at `start`, where it is of that kind and ends within `end`.
fn atom(source: &mut Source<'_>, start: u64, end: u64, kind: &[u8; 4]) -> io::Result<Option<Atom>> {
    let atoms = super::atoms::until(source, start, end, |_| true)?;
    Ok(atoms
        .first()
        .copied()
        .filter(|atom| &atom.kind == kind && atom.claimed <= end))
}

/// Bytes of the index that `mfro` ends.
fn index_len(mfro: [u8; MFRO as usize]) -> Option<u64> {
    let mut bytes = Bytes(&mfro);
    bytes.tag(b"\0\0\0\x10mfro")?;
    bytes.skip(4)?;
    bytes.u32_be().map(u64::from)
}

/// Where in the body of a `tfra`, which begins like this, its last entry is, and whether it is of
/// 64-bit numbers.
fn last_entry(tfra: &[u8]) -> Option<(u64, bool)> {
    let mut bytes = Bytes(tfra);
    let [version, ..] = bytes.array::<4>()?;
    bytes.skip(4)?;
    // Two bits each tell how long the numbers of traf, trun and sample are, less one.
    let sizes = bytes.u32_be()?;
    let numbers = u64::from((sizes & 3) + (sizes >> 2 & 3) + (sizes >> 4 & 3) + 3);
    let entry = if version == 1 { 16 } else { 8 } + numbers;
    let before = u64::from(bytes.u32_be()?).checked_sub(1)?;
    Some((16 + before * entry, version == 1))
}
