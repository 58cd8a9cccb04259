//! The identity of a file's sound, whatever its tags or name (ORG-4).
//!
//! The first 128 bits of BLAKE3 over the format's name, a length, and what stands for the audio:
//! FLAC's own checksum, or a few samples of the bytes. Retagging moves the audio but keeps its
//! bytes, so the samples are taken from the audio's own range. In Ogg, where retagging renumbers
//! and may repack every page, they are taken from the packets, and the length is the last granule
//! position.
//!
//! A program that writes other audio bytes makes another sound: so does ffmpeg where it copies an
//! MP3 and puts a first frame of its own before it.

use std::io;

use blake3::Hasher;
use eventlog::ContentId;
use eventlog::tags::{AudioFormat, ByteRange};

use crate::source::Source;

/// Bytes of each sample, at most.
pub(crate) const SAMPLE: usize = 4 << 10;

/// What the identity of a file is computed from, beside its format.
pub(crate) enum Essence {
    /// The beginning, middle and end of the audio's range, and its length.
    Samples,
    /// The checksum of the decoded audio, and the length of the encoded.
    Checksum([u8; 16]),
    /// What an Ogg stream carries.
    Packets {
        /// The payload's first bytes.
        first: Vec<u8>,
        /// The payload's last bytes.
        last: Vec<u8>,
        /// The last granule position: the stream's length in samples.
        granule: u64,
    },
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
    let mut hasher = Hasher::new();
    let name = format.map_or("unknown", family);
    hasher
        .update(&[u8::try_from(name.len()).unwrap_or(u8::MAX)])
        .update(name.as_bytes());
    match essence {
        Essence::Checksum(md5) => {
            hasher
                .update(b"c")
                .update(&range.len.to_le_bytes())
                .update(md5);
        }
        Essence::Packets {
            first,
            last,
            granule,
        } => {
            hasher.update(b"p").update(&granule.to_le_bytes());
            hasher
                .update(&(first.len() as u64).to_le_bytes())
                .update(first)
                .update(last);
        }
        Essence::Samples => {
            hasher.update(b"s").update(&range.len.to_le_bytes());
            for (offset, len) in samples(range) {
                hasher.update(source.exactly(offset, len)?);
            }
        }
    }
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    Ok(ContentId(id))
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
