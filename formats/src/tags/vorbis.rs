//! Vorbis comments (<https://xiph.org/vorbis/doc/v-comment.html>).

use std::io;

use eventlog::tags::DefectKind;

use crate::base64::Base64;
use crate::layer::{Layer, MAX_VALUE};
use crate::picture;
use crate::sheet::Sheet;
use crate::stream::{Part, Stream};
use crate::text;

/// How many comments are looked at.
const MAX_COMMENTS: u32 = 4096;

/// Bytes read of a comment at most: the longest value, one over so that the cut shows, and any name.
const MAX_COMMENT: usize = MAX_VALUE + 512;

/// What begins the comments that hold a picture: a block as in FLAC, in Base64
/// (<https://wiki.xiph.org/VorbisComment#Cover_art>); and once, a picture of which nothing is told.
const PICTURE: &[u8] = b"METADATA_BLOCK_PICTURE=";
const COVER_ART: &[u8] = b"COVERART=";

/// What a comment block holds.
struct Comments {
    /// The tags.
    layer: Layer,
    /// Who wrote the stream.
    vendor: String,
    /// True where the block ended before its last comment.
    broken: bool,
}

/// Lays a comment block onto the sheet, and what is wrong with it.
///
/// # Errors
/// What the origin said.
pub(crate) fn lay(stream: &mut impl Stream, sheet: &mut Sheet) -> io::Result<()> {
    let comments = read(stream)?;
    if comments.broken {
        sheet.defect(DefectKind::BadTags, "the Vorbis comment is damaged");
    }
    sheet.lay(comments.layer);
    sheet.vendor(comments.vendor);
    Ok(())
}

/// Reads a comment block without holding its pictures.
fn read(stream: &mut impl Stream) -> io::Result<Comments> {
    let mut comments = Comments {
        layer: Layer::new(),
        vendor: String::new(),
        broken: true,
    };
    let Some(vendor) = counted(stream, 1024)? else {
        return Ok(comments);
    };
    comments.vendor = text::utf8(&vendor).into_owned();
    let Some(count) = stream.array().map(|n| n.map(u32::from_le_bytes))? else {
        return Ok(comments);
    };
    for _ in 0..count.min(MAX_COMMENTS) {
        let Some(len) = stream.array().map(|n| n.map(u32::from_le_bytes))? else {
            return Ok(comments);
        };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut comment = stream.take(len.min(PICTURE.len()))?;
        if comment.len() < len.min(PICTURE.len()) {
            return Ok(comments);
        }
        let rest = len - comment.len();
        if begins(&comment, PICTURE) {
            let mut text = Part::new(stream, rest as u64);
            let picture = picture::of_block(&mut Base64::new(&mut text))?;
            let whole = text.finish()?;
            comments.layer.cover.offer(picture.filter(|_| whole));
            continue;
        }
        if begins(&comment, COVER_ART) {
            stream.skip(rest as u64)?;
            continue;
        }
        let wanted = rest.min(MAX_COMMENT - PICTURE.len());
        let more = stream.take(wanted)?;
        if more.len() < wanted {
            return Ok(comments);
        }
        comment.extend_from_slice(&more);
        stream.skip((rest - wanted) as u64)?;
        if let Some((name, value)) = text::utf8(&comment).split_once('=') {
            comments.layer.named(name, value);
        }
    }
    comments.broken = count > MAX_COMMENTS;
    Ok(comments)
}

fn begins(comment: &[u8], name: &[u8]) -> bool {
    (comment.get(..name.len())).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// The bytes that follow their own length, of which at most `max` are kept.
fn counted(stream: &mut impl Stream, max: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(len) = stream.array()?.map(u32::from_le_bytes) else {
        return Ok(None);
    };
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let kept = stream.take(len.min(max))?;
    stream.skip((len - kept.len()) as u64)?;
    Ok(Some(kept))
}
