//! Tags at the end of a file: ID3v1, Lyrics3, APEv2, in whatever order they were appended.

use std::io;

use eventlog::tags::DefectKind;

use crate::sheet::Sheet;
use crate::source::Source;
use crate::tags::{apev2, id3v1};

/// How many tags may stand behind one another.
const MAX_TAGS: usize = 8;

/// `TAG+`, the extension that stands before an ID3v1 tag.
const EXTENDED_LEN: u64 = 227;

/// Bytes that tell of any tag that ends behind them.
const FOOTERS: u64 = EXTENDED_LEN + id3v1::LEN;

/// The longest tag that is fetched at once, pictures and all, in bytes.
const MAX_AT_ONCE: usize = 64 << 10;

/// What stands at a file's end.
pub(crate) struct Trailer {
    /// Where the audio ends and the tags begin.
    pub(crate) start: u64,
    id3v1: Option<Vec<u8>>,
    ape: Option<apev2::Place>,
}

/// Finds the tags that end the file, none of them before `floor`.
///
/// # Errors
/// What the origin said.
pub(crate) fn find(source: &mut Source<'_>, floor: u64) -> io::Result<Trailer> {
    let mut trailer = Trailer {
        start: source.len(),
        id3v1: None,
        ape: None,
    };
    for _ in 0..MAX_TAGS {
        let Some(start) = step(source, &mut trailer)?.filter(|start| *start >= floor) else {
            break;
        };
        trailer.start = start;
    }
    Ok(trailer)
}

/// The beginning of the tag that ends where the trailer now begins.
fn step(source: &mut Source<'_>, trailer: &mut Trailer) -> io::Result<Option<u64>> {
    let end = trailer.start;
    if let Some(start) = end.checked_sub(id3v1::LEN) {
        let tag = source.at(start, 128)?;
        if tag.starts_with(b"TAG") {
            trailer.id3v1.get_or_insert(tag.to_vec());
            let extended = start.saturating_sub(EXTENDED_LEN);
            let is_extended = source.at(extended, 4)? == b"TAG+";
            return Ok(Some(if is_extended { extended } else { start }));
        }
    }
    if let Some(start) = end.checked_sub(apev2::HEADER)
        && let Some(place) = apev2::ended_by(source.at(start, 32)?, start)
    {
        trailer.ape.get_or_insert(place);
        // One read has a tag of usual size, and what another before it would end with.
        let ahead = place.start.saturating_sub(FOOTERS);
        let len = usize::try_from(end - ahead).unwrap_or(usize::MAX);
        if len <= MAX_AT_ONCE {
            source.at(ahead, len)?;
        }
        return Ok(Some(place.start));
    }
    lyrics3(source, end)
}

/// The beginning of a Lyrics3v2 tag that ends there: `LYRICSBEGIN`, its size in six digits,
/// `LYRICS200`.
fn lyrics3(source: &mut Source<'_>, end: u64) -> io::Result<Option<u64>> {
    let Some(footer) = end.checked_sub(15) else {
        return Ok(None);
    };
    let digits = match source.at(footer, 15)?.split_last_chunk::<9>() {
        Some((digits, b"LYRICS200")) => std::str::from_utf8(digits)
            .ok()
            .and_then(|d| d.parse().ok()),
        _ => None,
    };
    let Some(start) = digits.and_then(|size: u64| footer.checked_sub(size)) else {
        return Ok(None);
    };
    Ok((source.at(start, 11)? == b"LYRICSBEGIN").then_some(start))
}

impl Trailer {
    /// Lays the tags found onto the sheet: APEv2 above ID3v1, whose fields are short.
    ///
    /// # Errors
    /// What the origin said.
    pub(crate) fn lay(self, source: &mut Source<'_>, sheet: &mut Sheet) -> io::Result<()> {
        if let Some(place) = self.ape {
            let (layer, broken) = apev2::read(source, place)?;
            if broken {
                sheet.defect(DefectKind::BadTags, "the APEv2 tag is damaged");
            }
            sheet.lay(layer);
        }
        if let Some(layer) = self.id3v1.as_deref().and_then(id3v1::read) {
            sheet.lay(layer);
        }
        Ok(())
    }
}
