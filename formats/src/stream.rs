//! Bytes that are read in order and skipped cheaply: what tag parsers see of a file.

use std::io;

use crate::base64::Base64;
use crate::containers::ogg::Packets;
use crate::source::{MAX_READ, Source};

/// A sequence of bytes with an end.
pub(crate) trait Stream {
    /// The next `len` bytes; fewer where the sequence ends before, or `len` is over
    /// [`MAX_READ`].
    fn take(&mut self, len: usize) -> io::Result<Vec<u8>>;

    /// Steps over the next `len` bytes without reading them where that is possible; gives how many
    /// there were.
    fn skip(&mut self, len: u64) -> io::Result<u64>;

    /// Where the next byte stands.
    fn place(&self) -> Place;

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

/// Where a sequence stands in a file, so that it can be gone on with later.
#[derive(Clone)]
pub(crate) enum Place {
    /// At that byte of the file.
    Plain(u64),
    /// In a packet of an Ogg stream.
    Packet {
        /// Where the stream begins.
        start: u64,
        /// The stream's number.
        serial: u32,
        /// How many packets have begun.
        begun: usize,
        /// How many bytes of the last of them precede.
        done: u64,
    },
    /// Behind so many bytes of what stands there, its unsynchronisation undone.
    Unsynchronised(Box<Place>, u64),
    /// Behind so many bytes of what stands there in Base64.
    Base64(Box<Place>, u64),
}

impl Place {
    /// The place `len` bytes farther on.
    pub(crate) fn after(mut self, len: u64) -> Self {
        let (Self::Plain(done)
        | Self::Packet { done, .. }
        | Self::Unsynchronised(_, done)
        | Self::Base64(_, done)) = &mut self;
        *done += len;
        self
    }

    /// What stands there, to the end of the file, the packet or the text.
    ///
    /// # Errors
    /// What the origin said.
    pub(crate) fn open<'s, 'f: 's>(
        &self,
        source: &'s mut Source<'f>,
    ) -> io::Result<Box<dyn Stream + 's>> {
        let (mut stream, done): (Box<dyn Stream + 's>, _) = match self {
            Self::Plain(start) => (Box::new(Plain::new(source, *start, u64::MAX)), 0),
            Self::Packet {
                start,
                serial,
                begun,
                done,
            } => {
                let mut packets = Packets::new(source, *start, *serial);
                for _ in 0..*begun {
                    packets.next()?;
                }
                (Box::new(packets), *done)
            }
            Self::Unsynchronised(start, done) => {
                (Box::new(Unsynchronised::new(start.open(source)?)), *done)
            }
            Self::Base64(start, done) => (Box::new(Base64::new(start.open(source)?)), *done),
        };
        stream.skip(done)?;
        Ok(stream)
    }
}

macro_rules! forwarded {
    ($($pointer:ty),*) => {$(
        impl<S: Stream + ?Sized> Stream for $pointer {
            fn take(&mut self, len: usize) -> io::Result<Vec<u8>> {
                (**self).take(len)
            }

            fn skip(&mut self, len: u64) -> io::Result<u64> {
                (**self).skip(len)
            }

            fn place(&self) -> Place {
                (**self).place()
            }

            fn ahead(&mut self, skip: u64, len: usize) -> io::Result<Vec<u8>> {
                (**self).ahead(skip, len)
            }
        }
    )*};
}

forwarded!(&mut S, Box<S>);

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

    fn skip(&mut self, len: u64) -> io::Result<u64> {
        let len = len.min(self.left());
        self.position += len;
        Ok(len)
    }

    fn place(&self) -> Place {
        Place::Plain(self.position)
    }

    fn ahead(&mut self, skip: u64, len: usize) -> io::Result<Vec<u8>> {
        let from = self.position.saturating_add(skip).min(self.end);
        let len = len.min(usize::try_from(self.end - from).unwrap_or(usize::MAX));
        Ok(self.source.at(from, len)?.to_vec())
    }
}

/// The next bytes of another sequence.
pub(crate) struct Part<'s, S> {
    whole: &'s mut S,
    left: u64,
}

impl<'s, S: Stream> Part<'s, S> {
    /// As many as `len` of them.
    pub(crate) fn new(whole: &'s mut S, len: u64) -> Self {
        Self { whole, left: len }
    }

    /// Steps over what is left; false where the sequence ended before.
    pub(crate) fn finish(mut self) -> io::Result<bool> {
        self.skip(u64::MAX)?;
        Ok(self.left == 0)
    }
}

impl<S: Stream> Stream for Part<'_, S> {
    fn take(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let len = len.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let taken = self.whole.take(len)?;
        self.left -= taken.len() as u64;
        Ok(taken)
    }

    fn skip(&mut self, len: u64) -> io::Result<u64> {
        let skipped = self.whole.skip(len.min(self.left))?;
        self.left -= skipped;
        Ok(skipped)
    }

    fn place(&self) -> Place {
        self.whole.place()
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

/// A sequence with its unsynchronisation undone.
pub(crate) struct Unsynchronised<S> {
    inner: S,
    resync: Resync,
    start: Place,
    /// Bytes taken or stepped over.
    done: u64,
}

impl<S: Stream> Unsynchronised<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self {
            start: inner.place(),
            inner,
            resync: Resync::default(),
            done: 0,
        }
    }
}

impl<S: Stream> Stream for Unsynchronised<S> {
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
        self.done += taken.len() as u64;
        Ok(taken)
    }

    fn skip(&mut self, len: u64) -> io::Result<u64> {
        let mut left = len;
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(MAX_READ).min(MAX_READ / 4);
            let skipped = self.take(step)?.len() as u64;
            if skipped == 0 {
                break;
            }
            left -= skipped;
        }
        Ok(len - left)
    }

    fn place(&self) -> Place {
        Place::Unsynchronised(Box::new(self.start.clone()), self.done)
    }
}

/// `bytes` with the unsynchronisation of one frame undone (id3v2.4.0 §6.1).
pub(crate) fn resynchronised(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut resync = Resync::default();
    bytes.retain(|byte| resync.keeps(*byte));
    bytes
}
