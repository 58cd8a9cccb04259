//! FLAC (RFC 9639).

use std::io;

use eventlog::tags::{AudioFormat, DefectKind};

use super::{Lead, flac_frames};
use crate::bytes::Bytes;
use crate::identity::{self, Essence};
use crate::picture;
use crate::sheet::Sheet;
use crate::source::Source;
use crate::stream::Plain;
use crate::tags::{trailer, vorbis};

const STREAMINFO: u8 = 0;
const VORBIS_COMMENT: u8 = 4;
/// The block that holds a picture.
pub(crate) const PICTURE: u8 = 6;

/// How many metadata blocks are looked at.
const MAX_BLOCKS: usize = 1024;

/// The metadata block of that name (RFC 9639 §8.2).
#[derive(Clone, Copy)]
pub(crate) struct StreamInfo {
    /// Samples of a frame, at most.
    pub(crate) max_block: u16,
    /// Samples a second.
    pub(crate) rate: u32,
    /// Channels.
    pub(crate) channels: u8,
    /// Bits a sample.
    pub(crate) bits: u8,
    /// Samples of each channel; none where unknown.
    pub(crate) samples: Option<u64>,
    /// MD5 of the decoded audio; none where it was not computed.
    pub(crate) md5: Option<[u8; 16]>,
}

impl StreamInfo {
    pub(crate) fn parse(block: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(block);
        bytes.skip(2)?;
        let max_block = bytes.u16_be()?;
        bytes.skip(6)?;
        // 20 bits of rate, 3 of channels, 5 of bits a sample, 36 of samples.
        let packed = bytes.u64_be()?;
        let md5 = bytes.array()?;
        let low = |value: u64, bits: u32| value & ((1 << bits) - 1);
        Some(Self {
            max_block,
            rate: u32::try_from(packed >> 44).unwrap_or(0),
            channels: u8::try_from(low(packed >> 41, 3) + 1).unwrap_or(0),
            bits: u8::try_from(low(packed >> 36, 5) + 1).unwrap_or(0),
            samples: Some(low(packed, 36)).filter(|samples| *samples > 0),
            md5: Some(md5).filter(|md5| *md5 != [0; 16]),
        })
    }

    /// Tells the sheet how the stream sounds.
    pub(crate) fn describe(self, sheet: &mut Sheet) {
        sheet.audio.sample_rate_hz = Some(self.rate).filter(|rate| *rate > 0);
        sheet.audio.channels = Some(self.channels);
        sheet.audio.bit_depth = Some(self.bits);
        sheet.audio.audio_md5 = self.md5;
        sheet.samples(self.samples.unwrap_or(0), self.rate);
    }
}

/// Reads a FLAC stream.
///
/// # Errors
/// What the origin said.
pub(crate) fn read(source: &mut Source<'_>, lead: &Lead) -> io::Result<Sheet> {
    let mut sheet = Sheet::new(AudioFormat::Flac);
    let mut position = lead.end + 4;
    let (mut info, mut ended) = (None, false);
    for _ in 0..MAX_BLOCKS {
        let Some([head, size @ ..]) = source.array::<4>(position)? else {
            break;
        };
        let body = position + 4;
        let size = size
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        match head & 0x7f {
            STREAMINFO => info = info.or(StreamInfo::parse(source.at(body, 34)?)),
            VORBIS_COMMENT => {
                vorbis::lay(&mut Plain::new(source, body, body + size), &mut sheet)?;
            }
            PICTURE => {
                let mut block = Plain::new(source, body, body + size);
                sheet.cover.offer(picture::of_block(&mut block)?);
            }
            0x7f => break,
            _ => {}
        }
        position = body + size;
        ended = head & 0x80 != 0;
        if ended || position >= source.len() {
            break;
        }
    }
    lead.lay(source, &mut sheet)?;
    if !ended || position >= source.len() {
        sheet.defect(
            DefectKind::Truncated,
            "the file ends before its audio begins",
        );
    }
    let trailer = trailer::find(source, position)?;
    sheet.range(position.min(source.len()), trailer.start);
    trailer.lay(source, &mut sheet)?;
    sound(source, &mut sheet, info)?;
    Ok(sheet)
}

fn sound(source: &mut Source<'_>, sheet: &mut Sheet, info: Option<StreamInfo>) -> io::Result<()> {
    let Some(info) = info else {
        sheet.defect(DefectKind::BadAudio, "there is no STREAMINFO block");
        return Ok(());
    };
    info.describe(sheet);
    sheet.mean_bitrate(sheet.range.len);
    if let Some(md5) = info.md5 {
        sheet.essence = Essence::Checksum(md5);
    }
    if !identity::is_known_whole(source, sheet)?
        && let Some(samples) = info.samples
        && let Some(end) = flac_frames::end_of_last(source, sheet.range, info)?
        && end < samples
    {
        let detail = format!("the audio should have {samples} samples, it ends after {end}");
        sheet.defect(DefectKind::Truncated, detail);
    }
    Ok(())
}
