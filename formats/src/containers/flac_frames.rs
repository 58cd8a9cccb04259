//! FLAC's frame headers (RFC 9639 §9.1), as far as is needed to see where the audio ends.

use std::io;

use eventlog::tags::ByteRange;

use super::flac::StreamInfo;
use crate::bytes::Bytes;
use crate::source::Source;

/// How much of the audio's end is searched for its last frame: more than most frames have.
const SEARCHED: u64 = 64 << 10;

/// Where, in samples, the last frame ends whose header is found near the end of `range`.
///
/// # Errors
/// What the origin said.
pub(super) fn end_of_last(
    source: &mut Source<'_>,
    range: ByteRange,
    info: StreamInfo,
) -> io::Result<Option<u64>> {
    let end = range.offset + range.len;
    let start = range.offset.max(end.saturating_sub(SEARCHED));
    let bytes = source.at(start, usize::try_from(end - start).unwrap_or(0))?;
    let limit = info.samples.unwrap_or(u64::MAX);
    let mut latest = None;
    let places = bytes.array_windows::<2>().enumerate().rev();
    for (index, _) in places.filter(|(_, pair)| matches!(pair, [0xff, 0xf8 | 0xf9])) {
        // Noise can look like a header: eight bits of checksum let one in 256 pass, but hardly
        // with a place that the stream can have.
        let found = bytes.get(index..).and_then(|bytes| frame_end(bytes, info));
        latest = latest.max(found.filter(|end| *end <= limit));
        if latest == Some(limit) {
            break;
        }
    }
    Ok(latest)
}

/// Where the frame ends whose header is at the beginning of `bytes`.
fn frame_end(bytes: &[u8], info: StreamInfo) -> Option<u64> {
    let mut rest = Bytes(bytes);
    let [_, sync, sizes, channels] = rest.array()?;
    if channels & 1 != 0 || channels >> 4 > 10 {
        return None;
    }
    let number = coded_number(&mut rest)?;
    let block = match sizes >> 4 {
        0 => return None,
        1 => 192,
        code @ 2..=5 => 144 << code,
        6 => u64::from(rest.u8()?) + 1,
        7 => u64::from(rest.u16_be()?) + 1,
        code => 1 << code,
    };
    match sizes & 15 {
        12 => rest.skip(1)?,
        13 | 14 => rest.skip(2)?,
        15 => return None,
        _ => {}
    }
    let header = bytes.len() - rest.0.len();
    let checksum = rest.u8()?;
    if block > info.max_block.into() || crc8(bytes.get(..header)?) != checksum {
        return None;
    }
    // Streams of fixed block size count frames, the others samples.
    let first = if sync & 1 == 0 {
        number.checked_mul(info.max_block.into())?
    } else {
        number
    };
    first.checked_add(block)
}

/// A number of up to 36 bits in UTF-8's way of coding.
fn coded_number(bytes: &mut Bytes<'_>) -> Option<u64> {
    let first = bytes.u8()?;
    let following = match first.leading_ones() {
        0 => return Some(first.into()),
        ones @ 2..=7 => ones - 1,
        _ => return None,
    };
    let start = u64::from(first) & ((1 << (6 - following)) - 1);
    (0..following).try_fold(start, |sum, _| {
        let byte = bytes.u8()?;
        (byte & 0xc0 == 0x80).then_some((sum << 6) | u64::from(byte & 0x3f))
    })
}

/// CRC-8 with polynomial x^8 + x^2 + x + 1.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| {
            if crc & 0x80 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x07
            }
        })
    })
}
