//! MPEG audio, layers I to III (ISO 11172-3, 13818-3), and the header that VBR encoders write
//! into the first frame.

use std::io;

use eventlog::tags::{AudioFormat, DefectKind};

use super::Lead;
use crate::bytes::Bytes;
use crate::sheet::Sheet;
use crate::source::Source;
use crate::tags::trailer;
use crate::text;

/// How far behind the tags the first frame is looked for: first where it should be, then where the
/// head of the file has most likely been fetched already, then farther.
const SEARCHED: [usize; 3] = [1 << 10, 32 << 10, 128 << 10];

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    version: Version,
    layer: u8,
    kbps: u32,
    rate: u32,
    channels: u8,
    /// Bytes, header included.
    len: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
    TwoAndHalf,
}

impl Frame {
    /// The frame whose header is `bytes`; none for free format, which tells no length.
    fn parse(bytes: [u8; 4]) -> Option<Self> {
        let header = u32::from_be_bytes(bytes);
        if header >> 21 != 0x7ff {
            return None;
        }
        let version = match (header >> 19) & 3 {
            0 => Version::TwoAndHalf,
            2 => Version::Two,
            3 => Version::One,
            _ => return None,
        };
        let layer = u8::try_from(4 - ((header >> 17) & 3))
            .ok()
            .filter(|layer| *layer < 4)?;
        let kbps = kbps(version, layer, (header >> 12) & 15)?;
        let rate = [44_100, 48_000, 32_000].get(((header >> 10) & 3) as usize)?
            / match version {
                Version::One => 1,
                Version::Two => 2,
                Version::TwoAndHalf => 4,
            };
        let padding = (header >> 9) & 1;
        let len = match (layer, version) {
            (1, _) => (12_000 * kbps / rate + padding) * 4,
            (3, Version::Two | Version::TwoAndHalf) => 72_000 * kbps / rate + padding,
            _ => 144_000 * kbps / rate + padding,
        };
        let channels = if (header >> 6) & 3 == 3 { 1 } else { 2 };
        Some(Self {
            version,
            layer,
            kbps,
            rate,
            channels,
            len: len.into(),
        })
    }

    fn samples(self) -> u32 {
        match (self.layer, self.version) {
            (1, _) => 384,
            (3, Version::Two | Version::TwoAndHalf) => 576,
            _ => 1152,
        }
    }

    /// Where in the frame a Xing header stands: behind header and side information.
    fn xing_offset(self) -> u64 {
        4 + match (self.version, self.channels) {
            (Version::One, 1) => 17,
            (Version::One, _) => 32,
            (_, 1) => 9,
            _ => 17,
        }
    }

    fn like(self, other: Self) -> bool {
        (self.version, self.layer, self.rate) == (other.version, other.layer, other.rate)
    }
}

fn kbps(version: Version, layer: u8, index: u32) -> Option<u32> {
    const V1L1: [u32; 14] = [
        32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
    ];
    const V1L2: [u32; 14] = [
        32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
    ];
    const V1L3: [u32; 14] = [
        32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ];
    const V2L1: [u32; 14] = [
        32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
    ];
    const V2L23: [u32; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let table = match (version, layer) {
        (Version::One, 1) => V1L1,
        (Version::One, 2) => V1L2,
        (Version::One, _) => V1L3,
        (_, 1) => V2L1,
        _ => V2L23,
    };
    table
        .get(usize::try_from(index.checked_sub(1)?).ok()?)
        .copied()
}

/// The first frame from `start` on, and where it is. A header counts where the frames that follow
/// it are alike: three in a row, or all there are.
///
/// # Errors
/// What the origin said.
pub(crate) fn first_frame(source: &mut Source<'_>, start: u64) -> io::Result<Option<(u64, Frame)>> {
    let mut done = 0;
    for reach in SEARCHED {
        let searched = source.at(start, reach)?.to_vec();
        for (index, header) in searched.array_windows::<4>().enumerate().skip(done) {
            if let Some(frame) = Frame::parse(*header) {
                let offset = start + index as u64;
                if chained(source, offset, frame, index == 0)? {
                    return Ok(Some((offset, frame)));
                }
            }
        }
        done = searched.len().saturating_sub(3);
    }
    Ok(None)
}

fn chained(source: &mut Source<'_>, offset: u64, first: Frame, at_start: bool) -> io::Result<bool> {
    let mut next = offset + first.len;
    for _ in 0..2 {
        // A single frame at the very beginning will do; elsewhere it is too likely noise.
        let Some(header) = source.array(next)? else {
            return Ok(at_start);
        };
        match Frame::parse(header) {
            Some(frame) if frame.like(first) => next += frame.len,
            _ => return Ok(at_start && next > offset + first.len && is_tag(header)),
        }
    }
    Ok(true)
}

fn is_tag(bytes: [u8; 4]) -> bool {
    bytes.starts_with(b"TAG") || bytes == *b"APET" || bytes == *b"LYRI"
}

/// What a Xing, Info or VBRI header tells.
#[derive(Default)]
struct VbrHeader {
    frames: Option<u32>,
    bytes: Option<u32>,
    encoder: Option<String>,
    /// Samples that the encoder added at beginning and end.
    padding: u32,
}

fn vbr_header(source: &mut Source<'_>, offset: u64, frame: Frame) -> io::Result<Option<VbrHeader>> {
    let xing = source.at(offset + frame.xing_offset(), 156)?;
    if xing.starts_with(b"Xing") || xing.starts_with(b"Info") {
        return Ok(parse_xing(xing));
    }
    let vbri = source.at(offset + 36, 18)?;
    Ok(parse_vbri(vbri))
}

fn parse_xing(bytes: &[u8]) -> Option<VbrHeader> {
    let mut bytes = Bytes(bytes);
    bytes.skip(4)?;
    let flags = bytes.u32_be()?;
    let mut header = VbrHeader::default();
    if flags & 1 != 0 {
        header.frames = Some(bytes.u32_be()?);
    }
    if flags & 2 != 0 {
        header.bytes = Some(bytes.u32_be()?);
    }
    bytes.skip(if flags & 4 != 0 { 100 } else { 0 } + if flags & 8 != 0 { 4 } else { 0 })?;
    // LAME's extension: its name and version, 12 bytes of settings, delay and padding.
    if let Some((name, rest)) = bytes.0.split_at_checked(9)
        && name
            .iter()
            .all(|byte| *byte == 0 || (b' '..0x7f).contains(byte))
        && name.first().is_some_and(u8::is_ascii_alphabetic)
    {
        header.encoder = Some(text::utf8(name).trim_matches([' ', '\0']).to_owned());
        if let Some([a, b, c]) = rest.get(12..15).and_then(|p| p.first_chunk::<3>()) {
            let packed = u32::from_be_bytes([0, *a, *b, *c]);
            header.padding = (packed >> 12) + (packed & 0xfff);
        }
    }
    Some(header)
}

fn parse_vbri(bytes: &[u8]) -> Option<VbrHeader> {
    let mut bytes = Bytes(bytes);
    bytes.tag(b"VBRI")?;
    bytes.skip(6)?;
    let (size, frames) = (bytes.u32_be()?, bytes.u32_be()?);
    Some(VbrHeader {
        frames: Some(frames),
        bytes: Some(size),
        ..VbrHeader::default()
    })
}

/// Reads a stream of MPEG frames.
///
/// # Errors
/// What the origin said.
pub(crate) fn read(source: &mut Source<'_>, lead: &Lead) -> io::Result<Option<Sheet>> {
    let Some((start, frame)) = first_frame(source, lead.end)? else {
        return Ok(None);
    };
    let mut sheet = Sheet::new(AudioFormat::Mp3);
    let trailer = trailer::find(source, start)?;
    let header = vbr_header(source, start, frame)?;
    // The frame of that header has no sound. Programs that copy a stream write one of their own.
    let sound_start = match &header {
        Some(_) => start.saturating_add(frame.len).min(trailer.start),
        None => start,
    };
    sheet.range(sound_start, trailer.start);
    sound(&mut sheet, frame, header);
    lead.lay(source, &mut sheet)?;
    trailer.lay(source, &mut sheet)?;
    Ok(Some(sheet))
}

fn sound(sheet: &mut Sheet, frame: Frame, header: Option<VbrHeader>) {
    let bytes = sheet.range.len;
    sheet.audio.sample_rate_hz = Some(frame.rate);
    sheet.audio.channels = Some(frame.channels);
    let header = header.unwrap_or_default();
    sheet.audio.encoder = header.encoder;
    if let Some(frames) = header.frames.filter(|frames| *frames > 0) {
        let samples = u64::from(frames) * u64::from(frame.samples());
        sheet.samples(samples.saturating_sub(header.padding.into()), frame.rate);
        sheet.mean_bitrate(header.bytes.map_or(bytes, u64::from));
    } else {
        sheet.audio.bitrate_kbps = Some(frame.kbps);
        sheet.audio.duration_ms = Some(bytes * 8 / u64::from(frame.kbps));
    }
    // Some encoders count the frame of the header itself, some do not, a few round up.
    if let Some(claimed) = header.bytes.map(u64::from)
        && claimed > bytes + frame.len * 3 + bytes / 100
    {
        let detail = format!("the audio should have {claimed} bytes, {bytes} are there");
        sheet.defect(DefectKind::Truncated, detail);
    }
}
