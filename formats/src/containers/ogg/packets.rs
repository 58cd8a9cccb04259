//! The packets in a stream's pages.

use std::io;

use super::page::Page;
use crate::source::Source;
use crate::stream::{Place, Stream};

/// How many pages of other streams are stepped over to find the next of one's own.
const MAX_FOREIGN: usize = 256;

/// The packets of one stream, in order; as a [`Stream`], the bytes of the current one.
pub(crate) struct Packets<'s, 'f> {
    source: &'s mut Source<'f>,
    /// Where the stream begins.
    start: u64,
    serial: u32,
    page_offset: u64,
    page: Option<Page>,
    next_page: u64,
    lacing: std::vec::IntoIter<u8>,
    /// Where the next byte of the current run of segments is, and how many there are.
    position: u64,
    run: u64,
    /// True once the run at hand is the packet's last.
    last_run: bool,
    at_end: bool,
    /// How many packets have begun, and how many bytes of the last were taken or stepped over.
    begun: usize,
    done: u64,
}

impl<'s, 'f> Packets<'s, 'f> {
    /// The stream of that number whose first page begins at `offset`.
    pub(crate) fn new(source: &'s mut Source<'f>, offset: u64, serial: u32) -> Self {
        Self {
            source,
            start: offset,
            serial,
            page_offset: offset,
            page: None,
            next_page: offset,
            lacing: Vec::new().into_iter(),
            position: offset,
            run: 0,
            last_run: true,
            at_end: false,
            begun: 0,
            done: 0,
        }
    }

    pub(super) fn serial(&self) -> u32 {
        self.serial
    }

    /// Goes to the next packet; false where there is none.
    pub(crate) fn next(&mut self) -> io::Result<bool> {
        self.finish_packet()?;
        self.page_of_next()?;
        self.last_run = false;
        (self.begun, self.done) = (self.begun + 1, 0);
        self.fill()?;
        Ok(!self.at_end)
    }

    /// Steps over what is left of the current packet.
    pub(super) fn finish_packet(&mut self) -> io::Result<()> {
        self.skip(u64::MAX).map(drop)
    }

    /// Where the page begins that the next packet begins on, once the current one is finished.
    pub(super) fn page_of_next(&mut self) -> io::Result<u64> {
        if self.lacing.as_slice().is_empty() {
            self.turn()?;
        }
        // Where too much was asked for, the audio is somewhere behind the page at hand.
        Ok(if self.at_end && !self.source.exhausted() {
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

    /// Steps over the pages that go on with a packet as the one does that was just finished, at
    /// most `len` bytes of it; gives how many.
    fn leap(&mut self, len: u64) -> io::Result<u64> {
        let finished = self.run == 0 && !self.last_run && self.lacing.as_slice().is_empty();
        let Some((page, inner)) = self
            .page
            .as_ref()
            .filter(|_| finished)
            .and_then(|page| Some((page, page.inner()?)))
        else {
            return Ok(0);
        };
        let Some((ahead, page)) = page.alike(self.source, len / inner)? else {
            return Ok(0);
        };
        self.page_offset = page.offset;
        self.next_page = page.end();
        self.page = Some(page);
        Ok(ahead * inner)
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
                self.lacing = page.lacing.clone().into_iter();
                self.page = Some(page);
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
        self.done += taken.len() as u64;
        Ok(taken)
    }

    fn skip(&mut self, len: u64) -> io::Result<u64> {
        let mut left = len;
        self.fill()?;
        while left > 0 && self.run > 0 {
            let step = self.run.min(left);
            self.position += step;
            self.run -= step;
            left -= step;
            left -= self.leap(left)?;
            self.fill()?;
        }
        // The last page may be cut off.
        let behind = self.position.saturating_sub(self.source.len());
        let skipped = (len - left).saturating_sub(behind);
        self.done += skipped;
        Ok(skipped)
    }

    fn place(&self) -> Place {
        Place::Packet {
            start: self.start,
            serial: self.serial,
            begun: self.begun,
            done: self.done,
        }
    }
}
