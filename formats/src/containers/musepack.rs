//! Musepack, stream versions 7 and 8 (<https://trac.musepack.net/musepack/wiki/SV8Specification>).

use std::io;

use eventlog::tags::{AudioFormat, DefectKind};

use super::Lead;
use crate::bytes::Bytes;
use crate::sheet::Sheet;
use crate::source::Source;
use crate::tags::trailer;

const RATES: [u32; 4] = [44_100, 48_000, 37_800, 32_000];
const FRAME: u64 = 1152;

/// Samples that a decoder of version 7 adds and nobody wants.
const SYNTHESIS_DELAY: u64 = 481;

/// How many packets are looked at for the stream's header.
const MAX_PACKETS: usize = 32;

struct Header {
    samples: u64,
    rate: u32,
    channels: u8,
}

/// Reads a Musepack file.
///
/// # Errors
/// What the origin said.
pub(super) fn read(source: &mut Source<'_>, lead: &Lead) -> io::Result<Sheet> {
    let mut sheet = Sheet::new(AudioFormat::Musepack);
    let trailer = trailer::find(source, lead.end + 32)?;
    sheet.range(lead.end, trailer.start);
    trailer.lay(source, &mut sheet)?;
    lead.lay(source, &mut sheet)?;
    let start = source.at(lead.end, 4096)?;
    match version_8(start).or_else(|| version_7(start)) {
        Some(header) => {
            sheet.audio.sample_rate_hz = Some(header.rate);
            sheet.audio.channels = Some(header.channels);
            sheet.samples(header.samples, header.rate);
            sheet.mean_bitrate(sheet.range.len);
        }
        None => sheet.defect(DefectKind::BadAudio, "the Musepack header is damaged"),
    }
    Ok(sheet)
}

fn version_7(file: &[u8]) -> Option<Header> {
    let mut bytes = Bytes(file);
    bytes.tag(b"MP+")?;
    let version = bytes.u8()? & 15;
    let frames = u64::from(bytes.u32_le()?);
    let rate = RATES.get(((bytes.u32_le()? >> 16) & 3) as usize).copied()?;
    let samples = (frames * FRAME).saturating_sub(SYNTHESIS_DELAY);
    (version == 7).then_some(Header {
        samples,
        rate,
        channels: 2,
    })
}

fn version_8(file: &[u8]) -> Option<Header> {
    let mut bytes = Bytes(file);
    bytes.tag(b"MPCK")?;
    for _ in 0..MAX_PACKETS {
        let before = bytes.0.len();
        let key: [u8; 2] = bytes.array()?;
        let len = usize::try_from(number(&mut bytes)?).ok()?;
        let body = len.checked_sub(before - bytes.0.len())?;
        let mut packet = Bytes(bytes.take(body)?);
        if &key == b"SH" {
            packet.skip(4 + 1)?;
            let samples = number(&mut packet)?;
            let silence = number(&mut packet)?;
            let (first, second) = (packet.u8()?, packet.u8()?);
            return Some(Header {
                samples: samples.saturating_sub(silence),
                rate: RATES.get(usize::from(first >> 5)).copied()?,
                channels: (second >> 4) + 1,
            });
        }
    }
    None
}

/// A number of seven bits a byte, the most significant first.
fn number(bytes: &mut Bytes<'_>) -> Option<u64> {
    let mut sum = 0;
    for _ in 0..9 {
        let byte = bytes.u8()?;
        sum = (sum << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(sum);
        }
    }
    None
}
