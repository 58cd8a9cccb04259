//! The end of an Ogg stream: how long it is, whether it is all there, its last bytes.

use std::io;

use super::page::Page;
use crate::bytes;
use crate::identity::SAMPLE;
use crate::source::Source;

/// How much of the end is read: two pages of the longest kind, so that one of them is whole.
const SEARCHED: u64 = 128 << 10;

/// What a stream's last pages tell.
#[derive(Default)]
pub(super) struct Tail {
    /// The last granule position.
    pub(super) granule: Option<u64>,
    /// True where the last page is whole and says that it is the last.
    pub(super) ended: bool,
    /// The last bytes of what the pages carry.
    pub(super) payload: Vec<u8>,
    /// True where all this is of another stream than was asked for.
    pub(super) chained: bool,
}

impl Tail {
    /// Reads the end of the stream `serial`, whose audio begins with the page at `start`. Where
    /// another stream follows it in the file (a chain, RFC 3533 §4), that one's end counts.
    pub(super) fn read(source: &mut Source<'_>, start: u64, serial: u32) -> io::Result<Self> {
        let from = start.max(source.len().saturating_sub(SEARCHED));
        let len = usize::try_from(source.len().saturating_sub(from)).unwrap_or(0);
        let bytes = source.exactly(from, len)?;
        let mut own = Self::default();
        let mut others = Self {
            chained: true,
            ..Self::default()
        };
        let mut position = 0;
        while let Some(rest) = bytes.get(position..)
            && let Some(index) = bytes::find(rest, b"OggS\0")
        {
            position += index;
            let Some(page) = bytes
                .get(position..)
                .and_then(|b| Page::parse(b, position as u64))
            else {
                position += 1;
                continue;
            };
            let tail = if page.serial == serial {
                &mut own
            } else {
                &mut others
            };
            position = usize::try_from(page.end())
                .unwrap_or(usize::MAX)
                .max(position + 1);
            tail.add(bytes, &page);
        }
        let mut tail = if own.granule.is_some() { own } else { others };
        let surplus = tail.payload.len().saturating_sub(SAMPLE);
        tail.payload.drain(..surplus);
        Ok(tail)
    }

    fn add(&mut self, bytes: &[u8], page: &Page) {
        let body = usize::try_from(page.body())
            .ok()
            .zip(usize::try_from(page.end()).ok());
        match body.and_then(|(start, end)| bytes.get(start..end)) {
            Some(body) => {
                self.payload.extend_from_slice(body);
                self.granule = page.granule.or(self.granule);
                self.ended = page.ends_stream();
            }
            None => self.ended = false,
        }
    }
}
