//! Bytes that are read in order and skipped cheaply: what tag parsers see of a file.

use std::io;

use crate::source::{MAX_READ, Source};

/// A sequence of bytes with an end.
pub(crate) trait Stream {
    /// The next `len` bytes; fewer where the sequence ends before, or `len` is over
    /// [`MAX_READ`].
    fn take(&mut self, len: usize) -> io::Result<Vec<u8>>;

    /// Steps over the next `len` bytes without reading them where that is possible.
    fn skip(&mut self, len: u64) -> io::Result<()>;

    /// Looks at `len` bytes that follow after the next `skip` ones; nothing where the sequence
    /// cannot look ahead.
    fn ahead(&mut self, skip: u64, len: usize) -> io::Result<Vec<u8>> {
        let _ = (skip, len);
        Ok(Vec::new())
    }

    /// The next `N` bytes, or nothing where fewer are left.
    fn array<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>>
    where
        Self: Sized,
    {
        Ok(self.take(N)?.try_into().ok())
    }
}

/// A range of the file as it is.
pub(crate) struct Plain<'s, 'f> {
    source: &'s mut Source<'f>,
    position: u64,
    end: u64,
}

impl<'s, 'f> Plain<'s, 'f> {
    pub(crate) fn new(source: &'s mut Source<'f>, start: u64, end: u64) -> Self {
        let end = end.min(source.len());
        Self {
            source,
            position: start.min(end),
            end,
        }
    }

    fn left(&self) -> u64 {
        self.end - self.position
    }
}

impl Stream for Plain<'_, '_> {
    fn take(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let len = len.min(usize::try_from(self.left()).unwrap_or(usize::MAX));
        let taken = self.source.at(self.position, len)?.to_vec();
        self.position += taken.len() as u64;
        Ok(taken)
    }

    fn skip(&mut self, len: u64) -> io::Result<()> {
        self.position += len.min(self.left());
        Ok(())
    }

    fn ahead(&mut self, skip: u64, len: usize) -> io::Result<Vec<u8>> {
        let from = self.position.saturating_add(skip).min(self.end);
        let len = len.min(usize::try_from(self.end - from).unwrap_or(usize::MAX));
        Ok(self.source.at(from, len)?.to_vec())
    }
}

/// The "unsynchronisation" of ID3v2 (id3v2.3.0 §5) being undone: each zero that follows `FF` is
/// dropped.
#[derive(Default)]
struct Resync {
    after_ff: bool,
}

impl Resync {
    /// Whether that byte, the next one, counts.
    fn keeps(&mut self, byte: u8) -> bool {
        let stuffed = self.after_ff && byte == 0;
        self.after_ff = byte == 0xff;
        !stuffed
    }
}

/// A range with its unsynchronisation undone.
pub(crate) struct Unsynchronised<'s, 'f> {
    inner: Plain<'s, 'f>,
    resync: Resync,
}

impl<'s, 'f> Unsynchronised<'s, 'f> {
    pub(crate) fn new(inner: Plain<'s, 'f>) -> Self {
        Self {
            inner,
            resync: Resync::default(),
        }
    }
}

impl Stream for Unsynchronised<'_, '_> {
    fn take(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let len = len.min(MAX_READ);
        let mut taken = Vec::with_capacity(len.min(4096));
        while taken.len() < len {
            let raw = self.inner.take(len - taken.len())?;
            if raw.is_empty() {
                break;
            }
            taken.extend(raw.into_iter().filter(|byte| self.resync.keeps(*byte)));
        }
        Ok(taken)
    }

    fn skip(&mut self, mut len: u64) -> io::Result<()> {
        while len > 0 {
            let step = usize::try_from(len).unwrap_or(MAX_READ).min(MAX_READ / 4);
            let skipped = self.take(step)?.len() as u64;
            if skipped == 0 {
                break;
            }
            len -= skipped;
        }
        Ok(())
    }
}

/// `bytes` with the unsynchronisation of one frame undone (id3v2.4.0 §6.1).
pub(crate) fn resynchronised(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut resync = Resync::default();
    bytes.retain(|byte| resync.keeps(*byte));
    bytes
}
