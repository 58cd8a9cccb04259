//! Fragmented files (ISO 14496-12 §8.8), as DASH and recorders have them: the audio is in as many
//! `mdat` as there are fragments, and the index tells neither where it ends nor how long it is.

use std::io;

use eventlog::tags::DefectKind;

use super::atoms::{self, Atom, descend};
use super::moof::Track;
use super::rear::Rear;
use super::{sidx, sound};
use crate::bytes::Bytes;
use crate::sheet::Sheet;
use crate::source::Source;

/// How many atoms of the last fragment are looked at.
const MAX_LAST: usize = 16;

/// What a segment may begin with.
const SEGMENT: [&[u8; 4]; 5] = [b"moof", b"styp", b"sidx", b"emsg", b"prft"];

/// Finds where the audio is and how long it lasts. `top` are the file's atoms up to the `first`
/// fragment's audio, `index` is the file's and the audio track's in it.
///
/// # Errors
/// What the origin said.
pub(super) fn read(
    source: &mut Source<'_>,
    sheet: &mut Sheet,
    top: &[Atom],
    first: Atom,
    index: Option<(Atom, Atom)>,
) -> io::Result<()> {
    let len = source.len();
    let rear = Rear::find(source)?;
    let end = match segments(source, top, &rear)? {
        Some(segments) => {
            sheet.samples(segments.duration, segments.timescale);
            segments.end
        }
        None => match rear.last_fragment(source, top, first)? {
            Some(last) => {
                if let Some((moov, trak)) = index
                    && let Some(track) = Track::read(source, moov, trak)?
                {
                    let duration = duration(source, &track, top, first, last)?;
                    sheet.samples(duration, track.timescale);
                }
                end_of_data(source, last, rear.start)?
            }
            None => rear.start,
        },
    };
    if let Some((moov, _)) = index
        && let Some((duration, timescale)) = told_duration(source, moov)?
    {
        sheet.samples(duration, timescale);
    }
    let data = top.iter().find(|atom| &atom.kind == b"mdat");
    let start = data.map_or(first.start, |mdat| mdat.body);
    sheet.range(start, end.min(len));
    if end > len {
        let detail = format!("the audio goes on behind the file's end at byte {len}");
        sheet.defect(DefectKind::Truncated, detail);
    }
    Ok(())
}

/// What the segment index before the first fragment tells, where it is one for the whole file:
/// some writers put one before each fragment.
fn segments(
    source: &mut Source<'_>,
    top: &[Atom],
    rear: &Rear,
) -> io::Result<Option<sidx::Segments>> {
    let Some(sidx) = top.iter().find(|atom| &atom.kind == b"sidx") else {
        return Ok(None);
    };
    let segments = sidx::read(source, *sidx)?;
    Ok(match segments {
        Some(segments) if segments.end < rear.start => {
            let next = source.array::<4>(segments.end.saturating_add(4))?;
            let goes_on = next.is_some_and(|kind| SEGMENT.contains(&&kind));
            Some(segments).filter(|_| !goes_on)
        }
        segments => segments,
    })
}

/// From the first fragment to the end of the last, in the track's units: a file cut from a
/// broadcast begins at any time. What stands before the first fragment begins at 0.
fn duration(
    source: &mut Source<'_>,
    track: &Track,
    top: &[Atom],
    first: Atom,
    last: Atom,
) -> io::Result<u64> {
    let Some(span) = track.span(source, last)? else {
        return Ok(0);
    };
    let whole = top
        .iter()
        .any(|atom| &atom.kind == b"mdat" && atom.start < first.start);
    let begin = match track.span(source, first)? {
        Some(first) if !whole => first.begin,
        _ => 0,
    };
    Ok(span.end.saturating_sub(begin))
}

/// Where the last fragment's audio claims to end; where `end` is if it has none.
fn end_of_data(source: &mut Source<'_>, last: Atom, end: u64) -> io::Result<u64> {
    let mut seen = 0;
    let atoms = atoms::until(source, last.start, end, |_| {
        seen += 1;
        seen == MAX_LAST
    })?;
    let data = atoms.iter().rfind(|atom| &atom.kind == b"mdat");
    Ok(data.map_or(end, |mdat| mdat.claimed))
}

/// The duration of all fragments and its timescale, where the index tells (§8.8.2).
fn told_duration(source: &mut Source<'_>, moov: Atom) -> io::Result<Option<(u64, u32)>> {
    let Some(mehd) = descend(source, moov, &[b"mvex", b"mehd"])? else {
        return Ok(None);
    };
    let mut bytes = Bytes(source.at(mehd.body, 12)?);
    let duration = match bytes.array::<4>() {
        Some([1, ..]) => bytes.u64_be(),
        _ => bytes.u32_be().map(u64::from),
    };
    let Some(mvhd) = descend(source, moov, &[b"mvhd"])? else {
        return Ok(None);
    };
    let timing = sound::timing(source.at(mvhd.body, 32)?);
    Ok(duration
        .zip(timing)
        .map(|(duration, (timescale, _))| (duration, timescale)))
}
