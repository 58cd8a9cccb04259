//! Pictures in tags: which of them stands for the file, how many bytes it has, and how to take it
//! out (FIND-4).
//!
//! Reading a file finds where its picture stands and steps over it (TAG-3). What lies about its
//! length, so that it would go on behind the frame, block or file that holds it, is no picture.

use std::io;

use crate::ReadAt;
use crate::bytes::Bytes;
use crate::source::{MAX_READ, Source};
use crate::stream::{Place, Stream};

/// The largest picture that counts, in bytes.
pub(crate) const LARGEST: u64 = 10 << 20;

/// Bytes of a frame that are read in order to know how large a picture is: of larger ones nobody knows.
pub(crate) const LARGEST_READ: u64 = 1 << 20;

/// Bytes looked at of a frame or item before its picture: its type, a name of 64 characters.
const HEAD: usize = 1 << 10;

/// How well a picture stands for its file, the best last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// An icon, of 32 by 32 pixels or little more.
    Icon,
    /// Whatever else it shows.
    Other,
    /// The front cover.
    Front,
}

impl Rank {
    /// That of a type as ID3v2 and FLAC number them (RFC 9639 §8.8).
    fn of(kind: u32) -> Self {
        match kind {
            1 | 2 => Self::Icon,
            3 => Self::Front,
            _ => Self::Other,
        }
    }
}

/// A picture, not fetched.
pub(crate) struct Picture {
    rank: Rank,
    size: u64,
    place: Place,
}

/// The picture that stands for a file, of those seen so far.
#[derive(Default)]
pub(crate) struct Cover(Option<Picture>);

impl Cover {
    /// Whether a picture of that rank would stand for the file: it is better than what was seen.
    pub(crate) fn wants(&self, rank: Rank) -> bool {
        self.0.as_ref().is_none_or(|best| best.rank < rank)
    }

    /// Sees another picture, where there is one.
    pub(crate) fn offer(&mut self, picture: Option<Picture>) {
        if let Some(picture) = picture
            && self.wants(picture.rank)
        {
            self.0 = Some(picture);
        }
    }

    /// Sees what was seen elsewhere, after all that was seen here.
    pub(crate) fn lay(&mut self, below: Self) {
        self.offer(below.0);
    }

    /// The picture's size in bytes.
    pub(crate) fn size(&self) -> Option<u64> {
        self.0.as_ref().map(|picture| picture.size)
    }

    /// The picture's bytes.
    ///
    /// # Errors
    /// What the origin said; [`io::ErrorKind::InvalidData`] where not all of it can be had.
    pub(crate) fn fetch(&self, file: &dyn ReadAt) -> io::Result<Option<Vec<u8>>> {
        self.0.as_ref().map(|it| it.fetch(file)).transpose()
    }
}

impl Picture {
    fn fetch(&self, file: &dyn ReadAt) -> io::Result<Vec<u8>> {
        let size = usize::try_from(self.size).unwrap_or(0);
        let mut source = Source::for_picture(file);
        let mut stream = self.place.open(&mut source)?;
        let mut picture = Vec::with_capacity(size);
        while picture.len() < size {
            let more = stream.take((size - picture.len()).min(MAX_READ))?;
            if more.is_empty() {
                let detail = format!(
                    "the picture in the file is damaged: {} of its {size} bytes can be read; embed \
                     it again",
                    picture.len()
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
            }
            picture.extend_from_slice(&more);
        }
        Ok(picture)
    }
}

/// The picture of `size` bytes at a place, where that is a size that counts.
fn of_size(rank: Rank, size: u64, place: Place) -> Option<Picture> {
    (1..=LARGEST)
        .contains(&size)
        .then_some(Picture { rank, size, place })
}

/// The picture that is all the rest of `stream`, which is stepped over.
///
/// # Errors
/// What the origin said.
pub(crate) fn rest(rank: Rank, stream: &mut impl Stream) -> io::Result<Option<Picture>> {
    let place = stream.place();
    Ok(of_size(rank, stream.skip(u64::MAX)?, place))
}

/// The picture of a FLAC picture block (RFC 9639 §8.8).
///
/// # Errors
/// What the origin said.
pub(crate) fn of_block(block: &mut impl Stream) -> io::Result<Option<Picture>> {
    let mut number = || -> io::Result<_> { Ok(block.array()?.map(u32::from_be_bytes)) };
    let (Some(kind), Some(media_type)) = (number()?, number()?) else {
        return Ok(None);
    };
    let start = block.take(media_type.min(4) as usize)?;
    block.skip(u64::from(media_type) - start.len() as u64)?;
    let Some(description) = block.array()?.map(u32::from_be_bytes) else {
        return Ok(None);
    };
    // Width, height, depth and colours stand between the description and the picture.
    block.skip(u64::from(description) + 16)?;
    let size = block.array()?.map_or(0, u32::from_be_bytes);
    let Some(picture) = of_size(Rank::of(kind), size.into(), block.place()) else {
        return Ok(None);
    };
    let whole = start != LINK && block.skip(picture.size)? == picture.size;
    Ok(whole.then_some(picture))
}

/// The media type of what is no picture but says where one is.
const LINK: &[u8] = b"-->";

/// The picture of an ID3v2 frame with these contents, where `cover` wants it. `old` ones (2.2) have
/// three letters where others have a media type.
///
/// # Errors
/// What the origin said.
pub(crate) fn of_frame(
    frame: &mut impl Stream,
    old: bool,
    cover: &Cover,
) -> io::Result<Option<Picture>> {
    behind(frame, cover, |head| in_frame(head, old))
}

/// The picture of a binary APEv2 item of that key, where `cover` wants it.
///
/// # Errors
/// What the origin said.
pub(crate) fn of_item(
    item: &mut impl Stream,
    key: &[u8],
    cover: &Cover,
) -> io::Result<Option<Picture>> {
    let key = key.to_ascii_lowercase();
    let rank = match key.strip_prefix(b"cover art (") {
        Some(b"front)") => Rank::Front,
        Some(kind) if kind.ends_with(b"icon)") => Rank::Icon,
        Some(_) => Rank::Other,
        None => return Ok(None),
    };
    behind(item, cover, |head| {
        // The name of the file that it was.
        let end = head.iter().position(|byte| *byte == 0)?;
        Some((rank, head.get(end + 1..)?))
    })
}

/// The picture that is all the rest of `stream` behind what `told` reads: its first bytes are what
/// that leaves.
fn behind(
    stream: &mut impl Stream,
    cover: &Cover,
    told: impl FnOnce(&[u8]) -> Option<(Rank, &[u8])>,
) -> io::Result<Option<Picture>> {
    let place = stream.place();
    let head = stream.take(HEAD)?;
    let Some((rank, picture)) = told(&head).filter(|(rank, _)| cover.wants(*rank)) else {
        return Ok(None);
    };
    let before = (head.len() - picture.len()) as u64;
    let size = (picture.len() as u64).saturating_add(stream.skip(u64::MAX)?);
    Ok(of_size(rank, size, place.after(before)))
}

/// What is told of a frame's picture, and its first bytes (id3v2.4.0-frames §4.14).
fn in_frame(head: &[u8], old: bool) -> Option<(Rank, &[u8])> {
    let mut bytes = Bytes(head);
    let encoding = bytes.u8()?;
    let media_type = if old {
        bytes.take(3)?
    } else {
        let len = bytes.0.iter().position(|byte| *byte == 0)?;
        let media_type = bytes.take(len)?;
        bytes.skip(1)?;
        media_type
    };
    let kind = bytes.u8()?;
    let description = match encoding {
        1 | 2 => 2 + 2 * bytes.0.chunks_exact(2).position(|unit| unit == [0, 0])?,
        _ => 1 + bytes.0.iter().position(|byte| *byte == 0)?,
    };
    bytes.skip(description)?;
    (media_type != LINK).then_some((Rank::of(kind.into()), bytes.0))
}
