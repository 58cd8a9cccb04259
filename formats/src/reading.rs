//! The order of things: what begins the file, what it is, what it says, what it should be.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use eventlog::Media;
use eventlog::tags::{AudioFormat, ByteRange, DefectKind};

use crate::ReadAt;
use crate::containers::{self, Container, Lead};
use crate::identity::{self, Essence};
use crate::sheet::Sheet;
use crate::sniff;
use crate::source::Source;

/// Reads a file; see [`crate::read`].
pub(crate) fn read(mut source: Source<'_>, name: &[u8]) -> io::Result<Media> {
    let (mut sheet, format) = parsed(&mut source, name)?;
    if source.exhausted() {
        if let Some(anew) = source.anew() {
            // Small steps led nowhere.
            return read(anew, name);
        }
        let detail = "the tags are larger or more scattered than is read (16 MiB, 256 reads)";
        sheet.given_up(detail);
    }
    // Where there is no audio, all there is stands for it: two such files are not the same track.
    let (range, essence) = match sheet.range.len {
        0 => (
            ByteRange {
                offset: 0,
                len: source.len(),
            },
            &Essence::Samples,
        ),
        _ => (sheet.range, &sheet.essence),
    };
    let content = identity::content_id(&mut source, format, range, essence)?;
    let (audio_range, cover) = (sheet.range, sheet.cover.size());
    let (tags, audio, defects) = sheet.finish();
    Ok(Media {
        format,
        tags,
        audio,
        audio_range,
        content,
        cover,
        defects,
    })
}

/// The picture that stands for a file; see [`crate::cover`].
pub(crate) fn cover(file: &dyn ReadAt, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let (sheet, _) = parsed(&mut Source::new(file), name)?;
    let fetched = catch_unwind(AssertUnwindSafe(|| sheet.cover.fetch(file)));
    fetched.unwrap_or_else(|_| {
        let detail = "reading the picture failed by a fault of ours: please report it";
        Err(io::Error::new(io::ErrorKind::InvalidData, detail))
    })
}

type Parsed = (Sheet, Option<AudioFormat>);

/// What a file says, as far as it can be told.
fn parsed(source: &mut Source<'_>, name: &[u8]) -> io::Result<Parsed> {
    let promised = sniff::promised(name).unwrap_or_default();
    // The parsers do not panic, as far as tests and fuzzing can tell. Should one all the same,
    // that file is listed under its name, and the scan goes on (TAG-4).
    let parsed = catch_unwind(AssertUnwindSafe(|| parse(source, promised)));
    parsed.unwrap_or_else(|_| Ok(given_up(promised)))
}

fn parse(source: &mut Source<'_>, promised: &[AudioFormat]) -> io::Result<Parsed> {
    let lead = Lead::find(source)?;
    let candidates = match sniff::container(source.at(lead.end, 16)?) {
        Some(container) => vec![container],
        None => vec![Container::Mpeg, Container::Adts],
    };
    for container in candidates {
        if let Some(mut sheet) = containers::read(container, source, &lead)? {
            let (format, wrong) = sniff::settle(Some(sheet.format), promised);
            if let Some(detail) = wrong {
                sheet.defect(DefectKind::WrongExtension, detail);
            }
            return Ok((sheet, format));
        }
    }
    unknown(source, &lead, promised)
}

/// A file of no known container: tags without audio, or no audio at all.
fn unknown(source: &mut Source<'_>, lead: &Lead, promised: &[AudioFormat]) -> io::Result<Parsed> {
    let mut sheet = silent(promised);
    let (mut format, _) = sniff::settle(None, promised);
    if lead.is_empty() {
        sheet.defect(DefectKind::NotAudio, sniff::describe(source.at(0, 4096)?));
    } else {
        format.get_or_insert(AudioFormat::Mp3);
        lead.lay(source, &mut sheet)?;
        let (kind, detail) = if lead.end >= source.len() {
            (DefectKind::Truncated, "the file ends with its tags")
        } else {
            (
                DefectKind::BadAudio,
                "no audio that is known follows the tags",
            )
        };
        sheet.defect(kind, detail);
    }
    Ok((sheet, format))
}

fn given_up(promised: &[AudioFormat]) -> Parsed {
    let mut sheet = silent(promised);
    sheet.defect(
        DefectKind::BadTags,
        "reading it failed by a fault of ours: please report it",
    );
    let (format, _) = sniff::settle(None, promised);
    (sheet, format)
}

/// A sheet of a file in which no audio was found: its range stays empty.
fn silent(promised: &[AudioFormat]) -> Sheet {
    Sheet::new(promised.first().copied().unwrap_or(AudioFormat::Mp3))
}
