//! MP4 (ISO 14496-12, -14) with AAC, ALAC and others; iTunes' M4A and M4B.

pub(crate) mod atoms;
mod fragments;
mod moof;
mod rear;
mod sidx;
mod sound;

use std::io;

use eventlog::tags::{AudioFormat, DefectKind};

use self::atoms::{Atom, descend};
use super::Lead;
use crate::sheet::Sheet;
use crate::source::Source;
use crate::tags::ilst;

/// How many fragments are looked at to find the index behind them, where it should not be.
const MAX_UNINDEXED: usize = 16;

/// Reads an MP4 file.
///
/// # Errors
/// What the origin said.
pub(crate) fn read(source: &mut Source<'_>, lead: &Lead) -> io::Result<Sheet> {
    let mut sheet = Sheet::new(AudioFormat::Mp4);
    let top = top(source, lead.end)?;
    let find = |kind: &[u8; 4]| top.iter().copied().find(|atom| &atom.kind == kind);

    let brand = match find(b"ftyp") {
        Some(ftyp) => source.array(ftyp.body)?.unwrap_or_default(),
        None => [0; 4],
    };
    let fragmented = find(b"moof");
    if fragmented.is_none() {
        media_data(&mut sheet, &top, source.len());
    }
    let mut audiobook = brand == *b"M4B ";
    let mut index = None;
    match find(b"moov") {
        Some(moov) => {
            let track = sound::read(source, &mut sheet, moov)?;
            index = track.map(|track| (moov, track));
            if let Some(list) = item_list(source, moov)? {
                let items = ilst::read(source, list)?;
                audiobook |= items.audiobook;
                sheet.lay(items.layer);
                if list.cut() {
                    sheet.defect(
                        DefectKind::BadTags,
                        "the tags claim to be longer than the file",
                    );
                }
            }
            if moov.cut() {
                sheet.defect(
                    DefectKind::Truncated,
                    "the file ends within its index (moov)",
                );
            }
        }
        None => sheet.defect(DefectKind::Truncated, "the file has no index (moov)"),
    }
    if let Some(first) = fragmented {
        fragments::read(source, &mut sheet, &top, first, index)?;
    }
    lead.lay(source, &mut sheet)?;
    if audiobook && sheet.format == AudioFormat::Aac {
        sheet.format = AudioFormat::M4b;
    }
    sheet.mean_bitrate(sheet.range.len);
    Ok(sheet)
}

/// The file's atoms. Of a fragmented file (ISO 14496-12 §8.8) those up to its first fragment: each
/// of the thousands that may follow would cost a read, and what they say together is told
/// elsewhere.
fn top(source: &mut Source<'_>, start: u64) -> io::Result<Vec<Atom>> {
    let (mut indexed, mut fragments) = (false, 0);
    atoms::until(source, start, source.len(), |atom| {
        indexed |= &atom.kind == b"moov";
        fragments += usize::from(&atom.kind == b"moof");
        &atom.kind == b"mdat" && fragments > if indexed { 0 } else { MAX_UNINDEXED }
    })
}

/// The audio is in the longest `mdat`.
fn media_data(sheet: &mut Sheet, top: &[Atom], len: u64) {
    let data = top.iter().filter(|atom| &atom.kind == b"mdat");
    match data.max_by_key(|atom| atom.end - atom.body) {
        Some(mdat) => {
            sheet.range(mdat.body, mdat.end);
            if mdat.cut() {
                let detail = format!("the audio goes on behind the file's end at byte {len}");
                sheet.defect(DefectKind::Truncated, detail);
            }
        }
        None => sheet.defect(DefectKind::BadAudio, "the file holds no media data (mdat)"),
    }
}

fn item_list(source: &mut Source<'_>, moov: Atom) -> io::Result<Option<Atom>> {
    match descend(source, moov, &[b"udta", b"meta", b"ilst"])? {
        Some(list) => Ok(Some(list)),
        None => descend(source, moov, &[b"meta", b"ilst"]),
    }
}
