//! Pages and the packets in them.

use std::io;

use crate::bytes::Bytes;
use crate::source::Source;
use crate::stream::Stream;

/// Bytes of a page's header before its lacing values.
const HEADER: u64 = 27;

/// How many pages of other streams are stepped over to find the next of one's own.
const MAX_FOREIGN: usize = 256;

const FIRST: u8 = 2;
const LAST: u8 = 4;

/// One page.
#[derive(Clone)]
pub(super) struct Page {
    offset: u64,
    flags: u8,
    /// The granule position; none where no packet ends on the page.
    pub(super) granule: Option<u64>,
    /// The stream's number.
    pub(super) serial: u32,
    lacing: Vec<u8>,
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
        bytes.skip(8)?;
        let segments = bytes.u8()?;
        let lacing = bytes.take(segments.into())?.to_vec();
        Some(Self {
            offset,
            flags,
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

    /// Where the page ends.
    pub(super) fn end(&self) -> u64 {
        self.body() + self.lacing.iter().map(|len| u64::from(*len)).sum::<u64>()
    }
}

/// The packets of one stream, in order; as a [`Stream`], the bytes of the current one.
pub(super) struct Packets<'s, 'f> {
    source: &'s mut Source<'f>,
    serial: u32,
    page_offset: u64,
    next_page: u64,
    lacing: std::vec::IntoIter<u8>,
    /// Where the next byte of the current run of segments is, and how many there are.
    position: u64,
    run: u64,
    /// True once the run at hand is the packet's last.
    last_run: bool,
    at_end: bool,
}

impl<'s, 'f> Packets<'s, 'f> {
    /// The stream of that number whose first page begins at `offset`.
    pub(super) fn new(source: &'s mut Source<'f>, offset: u64, serial: u32) -> Self {
        Self {
            source,
            serial,
            page_offset: offset,
            next_page: offset,
            lacing: Vec::new().into_iter(),
            position: offset,
            run: 0,
            last_run: true,
            at_end: false,
        }
    }

    pub(super) fn serial(&self) -> u32 {
        self.serial
    }

    /// Goes to the next packet; false where there is none.
    pub(super) fn next(&mut self) -> io::Result<bool> {
        self.finish_packet()?;
        self.page_of_next()?;
        self.last_run = false;
        self.fill()?;
        Ok(!self.at_end)
    }

    /// Steps over what is left of the current packet.
    pub(super) fn finish_packet(&mut self) -> io::Result<()> {
        self.skip(u64::MAX)
    }

    /// Where the page begins that the next packet begins on, once the current one is finished.
    pub(super) fn page_of_next(&mut self) -> io::Result<u64> {
        if self.lacing.as_slice().is_empty() {
            self.turn()?;
        }
        Ok(if self.at_end {
            self.source.len()
        } else {
            self.page_offset
        })
    }

    /// The first `len` bytes from the next packet on, whatever packets they belong to.
    pub(super) fn payload(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut payload = self.take(len)?;
        while payload.len() < len && self.next()? {
            payload.extend(self.take(len - payload.len())?);
        }
        Ok(payload)
    }

    /// The next `len` bytes of the packet; none where it has fewer.
    pub(super) fn take_exactly(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let taken = self.take(len)?;
        Ok(if taken.len() == len {
            taken
        } else {
            Vec::new()
        })
    }

    /// Whether the current packet, of which nothing was taken, is a FLAC frame.
    pub(super) fn begins_flac_frame(&mut self) -> io::Result<bool> {
        Ok(self.source.at(self.position, 1)? == [0xff])
    }

    /// Sees to it that there are bytes in the run, unless the packet or the stream has ended.
    fn fill(&mut self) -> io::Result<()> {
        while self.run == 0 && !self.last_run && !self.at_end {
            if self.lacing.as_slice().is_empty() {
                self.turn()?;
            }
            for len in self.lacing.by_ref() {
                self.run += u64::from(len);
                if len < 255 {
                    self.last_run = true;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Turns to the stream's next page that holds anything.
    fn turn(&mut self) -> io::Result<()> {
        for _ in 0..MAX_FOREIGN {
            let Some(page) = Page::at(self.source, self.next_page)? else {
                break;
            };
            self.next_page = page.end();
            if page.serial == self.serial && !page.lacing.is_empty() {
                self.page_offset = page.offset;
                self.position = page.body();
                self.lacing = page.lacing.into_iter();
                return Ok(());
            }
        }
        self.at_end = true;
        Ok(())
    }
}

impl Stream for Packets<'_, '_> {
    fn take(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut taken = Vec::new();
        self.fill()?;
        while taken.len() < len && self.run > 0 {
            let step = usize::try_from(self.run)
                .unwrap_or(usize::MAX)
                .min(len - taken.len());
            let bytes = self.source.at(self.position, step)?;
            if bytes.is_empty() {
                self.at_end = true;
                break;
            }
            let step = bytes.len() as u64;
            taken.extend_from_slice(bytes);
            self.position += step;
            self.run -= step;
            self.fill()?;
        }
        Ok(taken)
    }

    fn skip(&mut self, mut len: u64) -> io::Result<()> {
        self.fill()?;
        while len > 0 && self.run > 0 {
            let step = self.run.min(len);
            self.position += step;
            self.run -= step;
            len -= step;
            self.fill()?;
        }
        Ok(())
    }
}
