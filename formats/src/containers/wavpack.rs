//! WavPack ("WavPack 4 & 5 Binary File / Block Format").

use std::io;

use eventlog::tags::{AudioFormat, DefectKind};

use super::Lead;
use crate::bytes::{self, Bytes};
use crate::identity;
use crate::sheet::Sheet;
use crate::source::Source;
use crate::tags::trailer;

const RATES: [u32; 15] = [
    6_000, 8_000, 9_600, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000,
    88_200, 96_000, 192_000,
];
const MONO: u32 = 4;
const DSD: u32 = 1 << 31;
const CHANNEL_INFO: u8 = 0x0d;
const SAMPLE_RATE: u8 = 0x27;
const BITSTREAM: u8 = 0x0a;

/// Longest block that is believed; the format allows a mebibyte.
const MAX_BLOCK: u64 = 16 << 20;

/// How much of the audio's end is searched for the last block.
const SEARCHED: u64 = 64 << 10;

struct Block {
    len: u64,
    total: Option<u64>,
    first: u64,
    samples: u64,
    flags: u32,
}

impl Block {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        bytes.tag(b"wvpk")?;
        let len = u64::from(bytes.u32_le()?) + 8;
        let version = bytes.u16_le()?;
        let (first_high, total_high) = (bytes.u8()?, bytes.u8()?);
        let total = bytes.u32_le()?;
        let first = u64::from(bytes.u32_le()?) + (u64::from(first_high) << 32);
        let samples = bytes.u32_le()?.into();
        let flags = bytes.u32_le()?;
        let known = u64::from(total) + (u64::from(total_high) << 32);
        let total = (total != u32::MAX).then_some(known);
        ((0x402..=0x410).contains(&version) && len <= MAX_BLOCK).then_some(Self {
            len,
            total,
            first,
            samples,
            flags,
        })
    }
}

/// Reads a WavPack file.
///
/// # Errors
/// What the origin said.
pub(super) fn read(source: &mut Source<'_>, lead: &Lead) -> io::Result<Sheet> {
    let mut sheet = Sheet::new(AudioFormat::WavPack);
    let trailer = trailer::find(source, lead.end + 32)?;
    sheet.range(lead.end, trailer.start);
    trailer.lay(source, &mut sheet)?;
    lead.lay(source, &mut sheet)?;
    match Block::parse(source.at(lead.end, 32)?) {
        Some(block) => sound(source, &mut sheet, &block)?,
        None => sheet.defect(DefectKind::BadAudio, "the first WavPack block is damaged"),
    }
    Ok(sheet)
}

fn sound(source: &mut Source<'_>, sheet: &mut Sheet, block: &Block) -> io::Result<()> {
    let range = sheet.range;
    let inside = Inside::of(source, range.offset + 32, range.offset + block.len)?;
    let rate = RATES
        .get(((block.flags >> 23) & 15) as usize)
        .copied()
        .or(inside.rate);
    // A byte of DSD holds eight samples.
    let scale = if block.flags & DSD == 0 { 1 } else { 8 };
    let rate = rate.unwrap_or(44_100).saturating_mul(scale);
    let stored = (block.flags & 3) * 8 + 8;
    let bits = if scale == 8 {
        1
    } else {
        stored.saturating_sub((block.flags >> 13) & 31)
    };
    sheet.audio.bit_depth = u8::try_from(bits).ok();
    sheet.audio.sample_rate_hz = Some(rate);
    let channels = if block.flags & MONO == 0 { 2 } else { 1 };
    sheet.audio.channels = Some(inside.channels.unwrap_or(channels));
    if let Some(total) = block.total {
        sheet.samples(total.saturating_mul(scale.into()), rate);
        sheet.mean_bitrate(range.len);
        if identity::is_known_whole(source, sheet)? {
            return Ok(());
        }
        let end = range.offset + range.len;
        let from = range.offset.max(end.saturating_sub(SEARCHED));
        let tail = source.at(from, usize::try_from(end - from).unwrap_or(0))?;
        // A last block longer than the tail tells nothing.
        if block.len > range.len || last_sample(tail).is_some_and(|last| last < total) {
            let detail = format!("the audio ends before its {total} samples do");
            sheet.defect(DefectKind::Truncated, detail);
        }
    }
    Ok(())
}

/// Where, in samples, the last whole block in `bytes` ends.
fn last_sample(bytes: &[u8]) -> Option<u64> {
    let mut last = None;
    let mut rest = bytes;
    while let Some(block) = bytes::find(rest, b"wvpk").and_then(|start| rest.get(start..)) {
        let parsed = Block::parse(block);
        let step = parsed.as_ref().map_or(4, |block| block.len);
        let Some(after) = usize::try_from(step)
            .ok()
            .and_then(|step| block.get(step..))
        else {
            break;
        };
        last = last.max(parsed.map(|block| block.first + block.samples));
        rest = after;
    }
    last
}

/// What the first block's metadata tells that its header has no room for.
#[derive(Default)]
struct Inside {
    channels: Option<u8>,
    rate: Option<u32>,
}

impl Inside {
    fn of(source: &mut Source<'_>, start: u64, end: u64) -> io::Result<Self> {
        let mut found = Self::default();
        let mut position = start;
        for _ in 0..64 {
            if position + 2 > end {
                break;
            }
            let Some([id, size, high, higher]) = source.array::<4>(position)? else {
                break;
            };
            // A large one has its size in three bytes; sizes are in words, less one if odd.
            let (header, words) = if id & 0x80 == 0 {
                (2, u64::from(size))
            } else {
                (4, u64::from(u32::from_le_bytes([size, high, higher, 0])))
            };
            let body = source.at(position + header, 4)?;
            match id & 0x3f {
                CHANNEL_INFO => found.channels = body.first().copied().filter(|count| *count > 0),
                SAMPLE_RATE => {
                    found.rate = Bytes(body)
                        .array()
                        .map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]));
                }
                // What tells how to decode the sound precedes it.
                BITSTREAM => break,
                _ => {}
            }
            position += header + words * 2;
        }
        Ok(found)
    }
}
