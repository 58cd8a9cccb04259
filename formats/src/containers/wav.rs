//! WAV: RIFF, and RF64 for files over 4 GiB (EBU Tech 3306).

use std::io;

use eventlog::tags::{AudioFormat, DefectKind};

use super::Lead;
use super::iff::{Chunk, audio, chunks, lay_id3};
use crate::bytes::Bytes;
use crate::layer::Layer;
use crate::sheet::Sheet;
use crate::source::Source;

/// Reads a WAV file. An ID3v2 chunk counts more than RIFF's own INFO list, which has few fields.
///
/// # Errors
/// What the origin said.
pub(super) fn read(source: &mut Source<'_>, lead: &Lead) -> io::Result<Sheet> {
    let mut sheet = Sheet::new(AudioFormat::Wav);
    let long = long_data(source.at(lead.end + 12, 36)?);
    let len = source.len();
    let chunks = chunks(source, lead.end + 12, len, u32::from_le_bytes, long)?;
    let mut info = Layer::new();
    let mut bytes_a_second = None;
    for chunk in chunks {
        match &chunk.id {
            b"fmt " => bytes_a_second = describe(&mut sheet, source.at(chunk.body, 16)?),
            b"data" => data(source, &mut sheet, chunk, long),
            b"id3 " | b"ID3 " => lay_id3(source, &mut sheet, chunk)?,
            b"LIST" if source.at(chunk.body, 4)? == b"INFO" => read_info(source, &mut info, chunk)?,
            _ => {}
        }
    }
    sheet.lay(info);
    lead.lay(source, &mut sheet)?;
    if sheet.range.len == 0 {
        sheet.defect(DefectKind::BadAudio, "the file holds no sound (data)");
    }
    if let Some(rate) = bytes_a_second {
        sheet.samples(sheet.range.len, rate);
        sheet.audio.bitrate_kbps = Some(rate / 125).filter(|kbps| *kbps > 0);
    }
    Ok(sheet)
}

/// The size of the audio in an RF64 file's first chunk.
fn long_data(first: &[u8]) -> Option<u64> {
    let mut bytes = Bytes(first);
    bytes.tag(b"ds64")?;
    bytes.skip(4 + 8)?;
    bytes.u64_le()
}

fn data(source: &Source<'_>, sheet: &mut Sheet, chunk: Chunk, long: Option<u64>) {
    // Who writes to a pipe cannot know the size, and leaves it empty or full.
    let unknown = chunk.len == 0 || (chunk.len == u64::from(u32::MAX) && long.is_none());
    let len = if unknown {
        source.len().saturating_sub(chunk.body)
    } else {
        chunk.len
    };
    if sheet.range.len == 0 {
        audio(source, sheet, chunk.body, len);
    }
}

/// Reads the format chunk; gives the bytes a second.
fn describe(sheet: &mut Sheet, format: &[u8]) -> Option<u32> {
    let mut bytes = Bytes(format);
    let _codec = bytes.u16_le()?;
    let (channels, rate) = (bytes.u16_le()?, bytes.u32_le()?);
    let bytes_a_second = bytes.u32_le()?;
    bytes.skip(2)?;
    let bits = bytes.u16_le()?;
    sheet.audio.channels = u8::try_from(channels).ok().filter(|channels| *channels > 0);
    sheet.audio.sample_rate_hz = Some(rate).filter(|rate| *rate > 0);
    sheet.audio.bit_depth = u8::try_from(bits).ok().filter(|bits| *bits > 0);
    Some(bytes_a_second).filter(|rate| *rate > 0)
}

fn read_info(source: &mut Source<'_>, info: &mut Layer, list: Chunk) -> io::Result<()> {
    let end = list.end().min(source.len());
    for item in chunks(source, list.body + 4, end, u32::from_le_bytes, None)? {
        let name = match &item.id {
            b"INAM" => "TITLE",
            b"IART" => "ARTIST",
            b"IPRD" => "ALBUM",
            b"IAAR" => "ALBUMARTIST",
            b"ICRD" => "DATE",
            b"IGNR" => "GENRE",
            b"ICMT" => "COMMENT",
            b"ICOP" => "COPYRIGHT",
            b"IPRT" | b"ITRK" => "TRACKNUMBER",
            b"IMUS" => "COMPOSER",
            b"ISFT" => "ENCODER",
            b"ILNG" => "LANGUAGE",
            b"ISRC" => "SOURCE",
            other => std::str::from_utf8(other).unwrap_or_default(),
        };
        let value = item.text(source)?;
        info.named(name, &value);
    }
    Ok(())
}
