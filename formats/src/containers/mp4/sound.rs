//! The audio track of an MP4 file.

use std::io;

use eventlog::tags::{AudioFormat, DefectKind};

use super::atoms::{Atom, children, descend};
use crate::bytes::Bytes;
use crate::sheet::Sheet;
use crate::source::Source;

/// Describes the first audio track in `moov`, and gives it.
///
/// # Errors
/// What the origin said.
pub(super) fn read(
    source: &mut Source<'_>,
    sheet: &mut Sheet,
    moov: Atom,
) -> io::Result<Option<Atom>> {
    let tracks = children(source, moov.body, moov.end)?;
    for track in tracks.into_iter().filter(|atom| &atom.kind == b"trak") {
        let Some(media) = descend(source, track, &[b"mdia"])? else {
            continue;
        };
        let handler = match descend(source, media, &[b"hdlr"])? {
            Some(hdlr) => source.array::<4>(hdlr.body.saturating_add(8))?,
            None => None,
        };
        if handler == Some(*b"soun") {
            describe(source, sheet, media)?;
            return Ok(Some(track));
        }
    }
    sheet.defect(DefectKind::BadAudio, "the file has no audio track");
    Ok(None)
}

fn describe(source: &mut Source<'_>, sheet: &mut Sheet, media: Atom) -> io::Result<()> {
    if let Some(mdhd) = descend(source, media, &[b"mdhd"])?
        && let Some((timescale, duration)) = timing(source.at(mdhd.body, 32)?)
    {
        sheet.samples(duration, timescale);
        sheet.audio.sample_rate_hz = Some(timescale).filter(|rate| *rate > 0);
    }
    let Some(stsd) = descend(source, media, &[b"minf", b"stbl", b"stsd"])? else {
        sheet.defect(
            DefectKind::BadAudio,
            "the audio track is not described (stsd)",
        );
        return Ok(());
    };
    let entries = children(source, stsd.body.saturating_add(8), stsd.end)?;
    let Some(entry) = entries.first().copied() else {
        return Ok(());
    };
    sheet.format = match &entry.kind {
        b"mp4a" | b"enca" | b"drms" => AudioFormat::Aac,
        b"alac" => AudioFormat::Alac,
        _ => AudioFormat::Mp4,
    };
    if matches!(&entry.kind, b"drms" | b"enca") {
        sheet.defect(DefectKind::BadAudio, "the audio is encrypted");
    }
    sample_entry(source, sheet, entry)
}

/// Timescale and duration of a media header (ISO 14496-12 §8.4.2), which a movie's header (§8.2.2)
/// begins like.
pub(super) fn timing(mdhd: &[u8]) -> Option<(u32, u64)> {
    let mut bytes = Bytes(mdhd);
    let [version, ..] = bytes.array::<4>()?;
    if version == 1 {
        bytes.skip(16)?;
        Some((bytes.u32_be()?, bytes.u64_be()?))
    } else {
        bytes.skip(8)?;
        Some((bytes.u32_be()?, bytes.u32_be()?.into()))
    }
}

/// An audio sample entry (§12.2.3), and what follows it inside.
fn sample_entry(source: &mut Source<'_>, sheet: &mut Sheet, entry: Atom) -> io::Result<()> {
    let bytes = source.at(entry.body, 28)?.to_vec();
    let Some(fields) = fields(&bytes) else {
        return Ok(());
    };
    sheet.audio.channels = u8::try_from(fields.channels)
        .ok()
        .filter(|channels| *channels > 0);
    if fields.rate > 0 {
        sheet.audio.sample_rate_hz = Some(fields.rate);
    }
    if sheet.format == AudioFormat::Alac {
        sheet.audio.bit_depth = u8::try_from(fields.bits).ok();
        // QuickTime's version 1 has four more numbers before the atoms inside.
        let inside = entry.body + 28 + if fields.version == 1 { 16 } else { 0 };
        let config = children(source, inside, entry.end)?;
        if let Some(config) = config.into_iter().find(|atom| &atom.kind == b"alac") {
            alac(sheet, source.at(config.body, 28)?);
        }
    }
    Ok(())
}

struct Fields {
    version: u16,
    channels: u16,
    bits: u16,
    rate: u32,
}

fn fields(bytes: &[u8]) -> Option<Fields> {
    let mut bytes = Bytes(bytes);
    bytes.skip(8)?;
    let version = bytes.u16_be()?;
    bytes.skip(6)?;
    let (channels, bits) = (bytes.u16_be()?, bytes.u16_be()?);
    bytes.skip(4)?;
    Some(Fields {
        version,
        channels,
        bits,
        rate: bytes.u32_be()? >> 16,
    })
}

/// ALAC's own description ("magic cookie"), which knows more than the entry: rates over 65535 Hz.
fn alac(sheet: &mut Sheet, config: &[u8]) -> Option<()> {
    let mut bytes = Bytes(config);
    bytes.skip(4 + 4 + 1)?;
    let bits = bytes.u8()?;
    bytes.skip(3)?;
    let channels = bytes.u8()?;
    bytes.skip(2 + 4 + 4)?;
    let rate = bytes.u32_be()?;
    sheet.audio.bit_depth = Some(bits);
    sheet.audio.channels = Some(channels).filter(|channels| *channels > 0);
    sheet.audio.sample_rate_hz = Some(rate).filter(|rate| *rate > 0);
    Some(())
}
