//! ADTS: AAC as a bare stream of frames (ISO 14496-3, annex 1.A).

use std::io;

use eventlog::tags::AudioFormat;

use super::Lead;
use crate::sheet::Sheet;
use crate::source::Source;
use crate::tags::trailer;

/// How far behind the tags frames are looked for, and averaged over.
const SEARCHED: usize = 32 << 10;

const SAMPLES: u64 = 1024;
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

#[derive(Clone, Copy)]
struct Frame {
    rate: u32,
    channels: u8,
    len: usize,
}

impl Frame {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<7>()?;
        if header[0] != 0xff || header[1] & 0xf6 != 0xf0 {
            return None;
        }
        let rate = *RATES.get(usize::from((header[2] >> 2) & 15))?;
        let channels = ((header[2] & 1) << 2) | (header[3] >> 6);
        let len = (usize::from(header[3] & 3) << 11)
            | (usize::from(header[4]) << 3)
            | usize::from(header[5] >> 5);
        // Seven is eight channels; zero is told by the stream itself.
        let channels = if channels == 7 { 8 } else { channels };
        (len >= 7).then_some(Self {
            rate,
            channels,
            len,
        })
    }
}

/// The frames that follow one another from `start` on, or from not far behind it.
struct Frames {
    first: Frame,
    offset: u64,
    count: u64,
    bytes: u64,
}

fn frames(source: &mut Source<'_>, start: u64) -> io::Result<Option<Frames>> {
    let bytes = source.at(start, SEARCHED)?;
    for offset in 0..bytes.len() {
        let Some(first) = bytes.get(offset..).and_then(Frame::parse) else {
            continue;
        };
        let (mut count, mut end) = (1, offset + first.len);
        while let Some(frame) = bytes.get(end..).and_then(Frame::parse) {
            if frame.rate != first.rate {
                break;
            }
            (count, end) = (count + 1, end + frame.len);
        }
        if count >= 3 || (offset == 0 && end == bytes.len()) {
            let found = Frames {
                first,
                offset: start + offset as u64,
                count,
                bytes: (end - offset) as u64,
            };
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Reads a stream of ADTS frames. The duration is an estimate from the first of them: the stream
/// tells none, and reading all of it is out of the question.
///
/// # Errors
/// What the origin said.
pub(crate) fn read(source: &mut Source<'_>, lead: &Lead) -> io::Result<Option<Sheet>> {
    let Some(found) = frames(source, lead.end)? else {
        return Ok(None);
    };
    let mut sheet = Sheet::new(AudioFormat::Adts);
    let trailer = trailer::find(source, found.offset)?;
    sheet.range(found.offset, trailer.start);
    sheet.audio.sample_rate_hz = Some(found.first.rate);
    sheet.audio.channels = Some(found.first.channels).filter(|channels| *channels > 0);
    let len = sheet.range.len;
    let samples = u128::from(len) * u128::from(found.count * SAMPLES) / u128::from(found.bytes);
    sheet.samples(u64::try_from(samples).unwrap_or(0), found.first.rate);
    sheet.mean_bitrate(len);
    lead.lay(source, &mut sheet)?;
    trailer.lay(source, &mut sheet)?;
    Ok(Some(sheet))
}
