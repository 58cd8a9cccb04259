//! Monkey's Audio.

use std::io;

use eventlog::tags::{AudioFormat, DefectKind};

use super::Lead;
use crate::bytes::Bytes;
use crate::sheet::Sheet;
use crate::source::Source;
use crate::tags::trailer;

/// The first version whose header has a descriptor before it.
const DESCRIBED: u16 = 3980;

struct Header {
    channels: u16,
    bits: u16,
    rate: u32,
    samples: u64,
    /// Bytes that the file should have between its tags, where it tells.
    len: Option<u64>,
}

/// Reads a Monkey's Audio file.
///
/// # Errors
/// What the origin said.
pub(super) fn read(source: &mut Source<'_>, lead: &Lead) -> io::Result<Sheet> {
    let mut sheet = Sheet::new(AudioFormat::Ape);
    let trailer = trailer::find(source, lead.end + 32)?;
    sheet.range(lead.end, trailer.start);
    trailer.lay(source, &mut sheet)?;
    lead.lay(source, &mut sheet)?;
    let Some(header) = parse(source.at(lead.end, 4096)?) else {
        sheet.defect(
            DefectKind::BadAudio,
            "the header of Monkey's Audio is damaged",
        );
        return Ok(sheet);
    };
    sheet.audio.channels = u8::try_from(header.channels)
        .ok()
        .filter(|channels| *channels > 0);
    sheet.audio.bit_depth = u8::try_from(header.bits).ok().filter(|bits| *bits > 0);
    sheet.audio.sample_rate_hz = Some(header.rate).filter(|rate| *rate > 0);
    sheet.samples(header.samples, header.rate);
    let have = sheet.range.len;
    sheet.mean_bitrate(have);
    if let Some(claimed) = header.len.filter(|claimed| *claimed > have) {
        let detail = format!("the audio should have {claimed} bytes, {have} are there");
        sheet.defect(DefectKind::Truncated, detail);
    }
    Ok(sheet)
}

fn parse(file: &[u8]) -> Option<Header> {
    let mut bytes = Bytes(file);
    bytes.tag(b"MAC ")?;
    let version = bytes.u16_le()?;
    if version >= DESCRIBED {
        described(file)
    } else {
        plain(version, bytes)
    }
}

fn described(file: &[u8]) -> Option<Header> {
    let mut bytes = Bytes(file);
    bytes.skip(8)?;
    let descriptor = bytes.u32_le()?;
    let (header, seek_table, wav_header) = (bytes.u32_le()?, bytes.u32_le()?, bytes.u32_le()?);
    let (audio, audio_high, wav_footer) = (bytes.u32_le()?, bytes.u32_le()?, bytes.u32_le()?);
    let small = [
        descriptor, header, seek_table, wav_header, audio, wav_footer,
    ];
    let small = small.into_iter().map(u64::from).sum::<u64>();
    let len = small.saturating_add(u64::from(audio_high) << 32);

    let mut bytes = Bytes(file.get(usize::try_from(descriptor).ok()?..)?);
    bytes.skip(4)?;
    let (frame, last, frames) = (bytes.u32_le()?, bytes.u32_le()?, bytes.u32_le()?);
    let (bits, channels, rate) = (bytes.u16_le()?, bytes.u16_le()?, bytes.u32_le()?);
    Some(Header {
        channels,
        bits,
        rate,
        samples: samples(frame, last, frames),
        len: Some(len),
    })
}

fn plain(version: u16, mut bytes: Bytes<'_>) -> Option<Header> {
    let (compression, flags) = (bytes.u16_le()?, bytes.u16_le()?);
    let (channels, rate) = (bytes.u16_le()?, bytes.u32_le()?);
    bytes.skip(8)?;
    let (frames, last) = (bytes.u32_le()?, bytes.u32_le()?);
    let frame = match version {
        3950.. => 73_728 * 4,
        3900.. => 73_728,
        3800.. if compression >= 4000 => 73_728,
        _ => 9_216,
    };
    let bits = match flags {
        flags if flags & 1 != 0 => 8,
        flags if flags & 8 != 0 => 24,
        _ => 16,
    };
    Some(Header {
        channels,
        bits,
        rate,
        samples: samples(frame, last, frames),
        len: None,
    })
}

fn samples(frame: u32, last: u32, frames: u32) -> u64 {
    frames.checked_sub(1).map_or(0, |full| {
        u64::from(full) * u64::from(frame) + u64::from(last)
    })
}
