//! IFF's chunks, in both byte orders, and AIFF, which is made of them.

use std::io;

use eventlog::Field;
use eventlog::tags::{AudioFormat, DefectKind};

use super::Lead;
use crate::bytes::Bytes;
use crate::layer::{Layer, MAX_VALUE};
use crate::sheet::Sheet;
use crate::source::Source;
use crate::tags::id3v2;
use crate::text;

/// How many chunks are looked at.
const MAX_CHUNKS: usize = 1024;

/// A chunk.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub(super) id: [u8; 4],
    /// Where its contents begin.
    pub(super) body: u64,
    /// How many bytes it claims to have.
    pub(super) len: u64,
}

impl Chunk {
    pub(super) fn end(self) -> u64 {
        self.body.saturating_add(self.len)
    }

    /// The contents as text, as much as is kept of a value.
    pub(super) fn text(self, source: &mut Source<'_>) -> io::Result<String> {
        let len = usize::try_from(self.len)
            .unwrap_or(usize::MAX)
            .min(MAX_VALUE + 1);
        let bytes = source.at(self.body, len)?;
        Ok(text::latin1(
            bytes.split(|byte| *byte == 0).next().unwrap_or_default(),
        ))
    }
}

/// The chunks between `start` and `end`, whose sizes `size` reads. `long` is the size of the one
/// called `data` where its own field says that it is elsewhere (RF64).
pub(super) fn chunks(
    source: &mut Source<'_>,
    start: u64,
    end: u64,
    size: fn([u8; 4]) -> u32,
    mut long: Option<u64>,
) -> io::Result<Vec<Chunk>> {
    let mut chunks = Vec::new();
    let mut position = start;
    while position.saturating_add(8) <= end && chunks.len() < MAX_CHUNKS {
        let Some([a, b, c, d, raw @ ..]) = source.array::<8>(position)? else {
            break;
        };
        let (id, raw) = ([a, b, c, d], size(raw));
        let len = long
            .take_if(|_| raw == u32::MAX && &id == b"data")
            .unwrap_or(raw.into());
        chunks.push(Chunk {
            id,
            body: position + 8,
            len,
        });
        // Chunks begin at even places.
        position = (position + 8).saturating_add(len).saturating_add(len & 1);
    }
    Ok(chunks)
}

/// Lays the ID3v2 tag in a chunk onto the sheet.
pub(super) fn lay_id3(source: &mut Source<'_>, sheet: &mut Sheet, chunk: Chunk) -> io::Result<()> {
    let Some(header) = id3v2::header(source.at(chunk.body, 10)?) else {
        sheet.defect(DefectKind::BadTags, "the ID3 chunk holds no ID3v2 tag");
        return Ok(());
    };
    id3v2::lay(source, sheet, chunk.body, header)
}

/// Sets the range of the audio, which claims to be `len` bytes from `start`.
pub(super) fn audio(source: &Source<'_>, sheet: &mut Sheet, start: u64, len: u64) {
    let end = start.saturating_add(len);
    sheet.range(start.min(source.len()), end.min(source.len()));
    if end > source.len() {
        let detail = format!(
            "the audio should have {len} bytes, {} are there",
            sheet.range.len
        );
        sheet.defect(DefectKind::Truncated, detail);
    }
}

/// Reads an AIFF or AIFC file ("Audio Interchange File Format", Apple 1989).
///
/// # Errors
/// What the origin said.
pub(super) fn read_aiff(source: &mut Source<'_>, lead: &Lead) -> io::Result<Sheet> {
    let mut sheet = Sheet::new(AudioFormat::Aiff);
    let len = source.len();
    let chunks = chunks(source, lead.end + 12, len, u32::from_be_bytes, None)?;
    let mut texts = Layer::new();
    for chunk in chunks {
        match &chunk.id {
            b"ID3 " | b"id3 " => lay_id3(source, &mut sheet, chunk)?,
            b"NAME" => texts.push(Field::Title, &chunk.text(source)?),
            b"AUTH" => texts.push(Field::Artist, &chunk.text(source)?),
            b"(c) " => texts.push(Field::Copyright, &chunk.text(source)?),
            b"ANNO" => texts.push(Field::Comment, &chunk.text(source)?),
            b"COMM" => describe(&mut sheet, source.at(chunk.body, 18)?).unwrap_or_default(),
            // Offset and block size stand before the samples.
            b"SSND" => audio(
                source,
                &mut sheet,
                chunk.body + 8,
                chunk.len.saturating_sub(8),
            ),
            _ => {}
        }
    }
    sheet.lay(texts);
    lead.lay(source, &mut sheet)?;
    if sheet.range.len == 0 {
        sheet.defect(DefectKind::BadAudio, "the file holds no sound (SSND)");
    }
    sheet.mean_bitrate(sheet.range.len);
    Ok(sheet)
}

fn describe(sheet: &mut Sheet, comm: &[u8]) -> Option<()> {
    let mut bytes = Bytes(comm);
    let (channels, frames, bits) = (bytes.u16_be()?, bytes.u32_be()?, bytes.u16_be()?);
    let rate = extended(bytes.array()?)?;
    sheet.audio.channels = u8::try_from(channels).ok().filter(|channels| *channels > 0);
    sheet.audio.bit_depth = u8::try_from(bits).ok().filter(|bits| *bits > 0);
    sheet.audio.sample_rate_hz = Some(rate).filter(|rate| *rate > 0);
    sheet.samples(frames.into(), rate);
    Some(())
}

/// The whole part of an 80-bit floating point number.
fn extended(bytes: [u8; 10]) -> Option<u32> {
    let [sign, exponent, mantissa @ ..] = bytes;
    let exponent = u16::from_be_bytes([sign, exponent]).checked_sub(16_383)?;
    let mantissa = u64::from_be_bytes(mantissa);
    u32::try_from(mantissa.checked_shr(63_u32.checked_sub(exponent.into())?)?).ok()
}
