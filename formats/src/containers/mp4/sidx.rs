//! The segment index (`sidx`, ISO 14496-12 §8.16.3) with which DASH begins a file.

use std::io;

use super::atoms::Atom;
use crate::bytes::Bytes;
use crate::source::{MAX_READ, Source};

/// What an index tells of the segments that follow it.
pub(super) struct Segments {
    /// Where the last of them ends.
    pub(super) end: u64,
    /// How long they are together.
    pub(super) duration: u64,
    /// Units of that in a second.
    pub(super) timescale: u32,
}

/// Reads an index.
///
/// # Errors
/// What the origin said.
pub(super) fn read(source: &mut Source<'_>, sidx: Atom) -> io::Result<Option<Segments>> {
    let len = usize::try_from(sidx.end - sidx.body).unwrap_or(MAX_READ);
    Ok(parse(source.at(sidx.body, len)?, sidx.end))
}

/// The index in `body`, behind which, at `anchor`, what it speaks of begins.
fn parse(body: &[u8], anchor: u64) -> Option<Segments> {
    let mut bytes = Bytes(body);
    let [version, ..] = bytes.array::<4>()?;
    bytes.skip(4)?;
    let timescale = bytes.u32_be()?;
    let offset = if version == 0 {
        bytes.skip(4)?;
        bytes.u32_be()?.into()
    } else {
        bytes.skip(8)?;
        bytes.u64_be()?
    };
    bytes.skip(2)?;
    let mut segments = Segments {
        end: anchor.saturating_add(offset),
        duration: 0,
        timescale,
    };
    for _ in 0..bytes.u16_be()? {
        // The highest bit tells segments from further indexes, which are lengths just as well.
        segments.end = segments
            .end
            .saturating_add((bytes.u32_be()? & !(1 << 31)).into());
        segments.duration += u64::from(bytes.u32_be()?);
        bytes.skip(4)?;
    }
    (segments.duration > 0).then_some(segments)
}
