//! Tags at the beginning of a file, before the container's own first byte.

use std::io;

use eventlog::tags::DefectKind;

use crate::sheet::Sheet;
use crate::source::Source;
use crate::tags::{apev2, id3v2};

/// How many tags may stand before one another.
const MAX_TAGS: usize = 8;

/// How many zero bytes are taken for padding behind a tag.
const MAX_PADDING: usize = 32 << 10;

/// What stands at a file's beginning.
pub(crate) struct Lead {
    /// Where the container itself begins.
    pub(crate) end: u64,
    id3v2: Vec<(u64, id3v2::Header)>,
    ape: Option<apev2::Place>,
}

impl Lead {
    /// Finds the tags that begin the file.
    ///
    /// # Errors
    /// What the origin said.
    pub(crate) fn find(source: &mut Source<'_>) -> io::Result<Self> {
        let mut lead = Self {
            end: 0,
            id3v2: Vec::new(),
            ape: None,
        };
        for _ in 0..MAX_TAGS {
            let start = lead.end;
            let bytes = source.at(start, 32)?;
            if let Some(header) = id3v2::header(bytes) {
                lead.id3v2.push((start, header));
                lead.end = start.saturating_add(header.len()).min(source.len());
            } else if let Some(place) = apev2::begun_by(bytes, start) {
                lead.ape.get_or_insert(place);
                lead.end = place.end.min(source.len());
            } else if bytes.first() == Some(&0) && start > 0 {
                let zeros = source
                    .at(start, MAX_PADDING)?
                    .iter()
                    .take_while(|byte| **byte == 0)
                    .count();
                // MP4 begins with a length, of which the first bytes are zeros too.
                let mp4 = zeros < 4 && source.at(start.saturating_add(4), 4)? == b"ftyp";
                if mp4 || zeros == MAX_PADDING {
                    break;
                }
                lead.end = start + zeros as u64;
            } else {
                break;
            }
        }
        Ok(lead)
    }

    /// True where there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.id3v2.is_empty() && self.ape.is_none()
    }

    /// Lays the tags onto the sheet.
    ///
    /// # Errors
    /// What the origin said.
    pub(crate) fn lay(&self, source: &mut Source<'_>, sheet: &mut Sheet) -> io::Result<()> {
        for (offset, header) in &self.id3v2 {
            id3v2::lay(source, sheet, *offset, *header)?;
        }
        if let Some(place) = self.ape {
            let (layer, broken) = apev2::read(source, place)?;
            if broken {
                sheet.defect(DefectKind::BadTags, "the leading APEv2 tag is damaged");
            }
            sheet.lay(layer);
        }
        Ok(())
    }
}
