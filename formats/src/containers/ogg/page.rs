//! Pages (RFC 3533 §6).

use std::io;

use crate::bytes::Bytes;
use crate::source::Source;

/// Bytes of a page's header before its lacing values.
const HEADER: u64 = 27;

const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// One page.
#[derive(Clone)]
pub(super) struct Page {
    /// Where it begins.
    pub(super) offset: u64,
    flags: u8,
    /// The page's number in its stream.
    number: u32,
    /// The granule position; none where no packet ends on the page.
    pub(super) granule: Option<u64>,
    /// The stream's number.
    pub(super) serial: u32,
    /// How long each of its segments is; one of less than 255 bytes ends a packet.
    pub(super) lacing: Vec<u8>,
}

impl Page {
    /// The page that begins at `offset`.
    pub(super) fn at(source: &mut Source<'_>, offset: u64) -> io::Result<Option<Self>> {
        Ok(Self::parse(source.at(offset, 27 + 255)?, offset))
    }

    /// The page that `bytes`, which stand at `offset`, begin with.
    pub(super) fn parse(bytes: &[u8], offset: u64) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        bytes.tag(b"OggS\0")?;
        let flags = bytes.u8()?;
        let granule = Some(bytes.u64_le()?).filter(|granule| *granule != u64::MAX);
        let serial = bytes.u32_le()?;
        let number = bytes.u32_le()?;
        bytes.skip(4)?;
        let segments = bytes.u8()?;
        let lacing = bytes.take(segments.into())?.to_vec();
        Some(Self {
            offset,
            flags,
            number,
            granule,
            serial,
            lacing,
        })
    }

    pub(super) fn begins_stream(&self) -> bool {
        self.flags & FIRST != 0
    }

    pub(super) fn ends_stream(&self) -> bool {
        self.flags & LAST != 0
    }

    /// Where the page's contents begin.
    pub(super) fn body(&self) -> u64 {
        self.offset + HEADER + self.lacing.len() as u64
    }

    /// Where the packets begin that end on the page; one that began before, where the page does.
    pub(super) fn packets(&self) -> impl Iterator<Item = u64> {
        let (mut next, mut position) = (self.body(), self.body());
        self.lacing.iter().filter_map(move |len| {
            position += u64::from(*len);
            (*len < 255).then(|| std::mem::replace(&mut next, position))
        })
    }

    /// How many bytes it carries of a packet that neither begins nor ends on it, where that is all
    /// that it carries.
    pub(super) fn inner(&self) -> Option<u64> {
        let full = self.flags & CONTINUED != 0
            && !self.lacing.is_empty()
            && self.lacing.iter().all(|len| *len == 255);
        full.then(|| self.end() - self.body())
    }

    /// The page that goes on with this one's packet as far ahead as can be told, `most` pages at
    /// most, and how many that is.
    ///
    /// A cover of 16 MiB fills hundreds of pages, and thousands of those that some taggers write;
    /// to read each one's header would cost as much as to read the cover. But who writes a packet
    /// makes all its inner pages alike. So the nth from here stands n times this one's length
    /// ahead, and its number tells that it is the nth.
    pub(super) fn alike(
        &self,
        source: &mut Source<'_>,
        most: u64,
    ) -> io::Result<Option<(u64, Self)>> {
        let len = self.end() - self.offset;
        let mut farthest = None;
        let mut ahead = 0;
        let most = most.min(source.len().saturating_sub(self.end()) / len);
        let mut step = most;
        while step > 0 && ahead < most {
            let page = Self::at(source, self.offset + (ahead + step) * len)?;
            if let Some(page) = page.filter(|page| {
                u64::from(page.number.wrapping_sub(self.number)) == ahead + step
                    && page.serial == self.serial
                    && page.inner() == self.inner()
            }) {
                ahead += step;
                farthest = Some((ahead, page));
            }
            step /= 2;
        }
        Ok(farthest)
    }

    /// Where the page ends.
    pub(super) fn end(&self) -> u64 {
        self.body() + self.lacing.iter().map(|len| u64::from(*len)).sum::<u64>()
    }
}
