//! The identity of a file's sound, whatever its tags or name (ORG-4).
//!
//! The first 128 bits of BLAKE3 over the format's name, a length, and what stands for the audio:
//! FLAC's own checksum, or a few samples of the bytes. Retagging moves the audio but keeps its
//! bytes, so the samples are taken from the audio's own range. In Ogg, where retagging renumbers
//! and may repack every page, they are taken from the packets, and the length is the last granule
//! position.
//!
//! A program that writes other audio bytes makes another sound. The first frame of an MP3 where it
//! has no sound (Xing, Info) does not count: ffmpeg writes one of its own where it copies a stream.

use std::io;

use blake3::Hasher;
use eventlog::ContentId;
use eventlog::tags::{AudioFormat, ByteRange};

use crate::sheet::Sheet;
use crate::source::Source;

/// Bytes of each sample, at most.
pub(crate) const SAMPLE: usize = 2 << 10;

/// What the identity of a file is computed from, beside its format.
pub(crate) enum Essence {
    /// The beginning, middle and end of the audio's range, and its length.
    Samples,
    /// The checksum of the decoded audio, and the length of the encoded.
    Checksum([u8; 16]),
    /// What an Ogg stream carries.
    Packets(Carried),
}

/// What stands for the sound of an Ogg stream.
pub(crate) struct Carried {
    /// The payload's first bytes.
    pub(crate) first: Vec<u8>,
    /// The payload's last bytes.
    pub(crate) last: Vec<u8>,
    /// The last granule position: the stream's length in samples.
    pub(crate) granule: u64,
}

impl Carried {
    /// The identity of what they stand for.
    pub(crate) fn content_id(&self, format: Option<AudioFormat>) -> ContentId {
        let mut hasher = begun(format);
        hasher
            .update(b"p")
            .update(&self.granule.to_le_bytes())
            .update(&(self.first.len() as u64).to_le_bytes())
            .update(&self.first)
            .update(&self.last);
        ended(&hasher)
    }
}

/// The identity of what `range` of the file holds.
///
/// # Errors
/// What the origin said.
pub(crate) fn content_id(
    source: &mut Source<'_>,
    format: Option<AudioFormat>,
    range: ByteRange,
    essence: &Essence,
) -> io::Result<ContentId> {
    let mut hasher = begun(format);
    hasher.update(match essence {
        Essence::Packets(packets) => return Ok(packets.content_id(format)),
        Essence::Checksum(_) => b"c",
        Essence::Samples => b"s",
    });
    hasher.update(&range.len.to_le_bytes());
    if let Essence::Checksum(md5) = essence {
        hasher.update(md5);
    } else {
        for (offset, len) in samples(range) {
            hasher.update(source.exactly(offset, len)?);
        }
    }
    Ok(ended(&hasher))
}

/// True for a file that was whole when it was read before, and sounds as it did then. What its
/// sound lacks need not be looked for again.
///
/// # Errors
/// What the origin said.
pub(crate) fn is_known_whole(source: &mut Source<'_>, sheet: &Sheet) -> io::Result<bool> {
    let Some(known) = source.known_whole() else {
        return Ok(false);
    };
    let id = content_id(source, Some(sheet.format), sheet.range, &sheet.essence)?;
    Ok(id == known.content)
}

/// A hash that every identity of that format begins with.
fn begun(format: Option<AudioFormat>) -> Hasher {
    let name = format.map_or("unknown", family);
    let mut hasher = Hasher::new();
    hasher
        .update(&[u8::try_from(name.len()).unwrap_or(u8::MAX)])
        .update(name.as_bytes());
    hasher
}

fn ended(hasher: &Hasher) -> ContentId {
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    ContentId(id)
}

/// One name for what differs only by tags: an M4A and an M4B of the same AAC sound alike, and
/// which of them a file is may depend on a tag.
fn family(format: AudioFormat) -> &'static str {
    match format {
        AudioFormat::M4b => AudioFormat::Aac.name(),
        other => other.name(),
    }
}

/// Which stretches stand for a range: all of it where it is small, else beginning, middle, end.
fn samples(range: ByteRange) -> impl Iterator<Item = (u64, usize)> {
    let sample = SAMPLE as u64;
    let end = range.offset.saturating_add(range.len);
    let all = range.len <= 3 * sample;
    let starts = if all {
        [Some(range.offset), None, None]
    } else {
        [
            Some(range.offset),
            Some(range.offset + range.len / 2),
            Some(end - sample),
        ]
    };
    let len = if all {
        usize::try_from(range.len).unwrap_or(0)
    } else {
        SAMPLE
    };
    starts.into_iter().flatten().map(move |start| (start, len))
}
