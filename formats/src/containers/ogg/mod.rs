//! Ogg (RFC 3533): Vorbis, Opus, Speex and FLAC in it.

mod begin;
mod codec;
mod known;
mod packets;
mod page;
mod tail;

use std::io;

use eventlog::tags::{AudioFormat, DefectKind};

use self::codec::Codec;
pub(crate) use self::packets::Packets;
use self::page::Page;
use self::tail::Tail;
use super::{Lead, flac};
use crate::identity::{Carried, Essence, SAMPLE};
use crate::picture::{self, Cover};
use crate::sheet::Sheet;
use crate::source::Source;
use crate::stream::Stream;
use crate::tags::vorbis;

/// How many header packets are stepped over before the audio.
const MAX_HEADERS: usize = 64;

/// Reads the first stream of an Ogg file whose codec is known.
///
/// # Errors
/// What the origin said.
pub(super) fn read(source: &mut Source<'_>, lead: &Lead) -> io::Result<Option<Sheet>> {
    let Some((mut packets, codec)) = stream(source, lead.end)? else {
        return Ok(None);
    };
    let mut sheet = Sheet::new(codec.format);
    codec.describe(&mut sheet);

    if packets.next()? && codec.is_comment(&packets.take_exactly(codec.comment_magic_len())?) {
        vorbis::lay(&mut packets, &mut sheet)?;
    } else {
        sheet.defect(DefectKind::BadTags, "the comment packet is missing");
    }
    let start = skip_headers(&mut packets, &codec, &mut sheet.cover)?;
    let first = packets.payload(SAMPLE)?;
    let serial = packets.serial();

    lead.lay(source, &mut sheet)?;
    sheet.range(start, source.len());
    let known = known::unchanged(source, &codec, &first, sheet.audio.audio_md5)?;
    if let Some((carried, ms)) = known {
        sheet.audio.duration_ms = Some(ms);
        sheet.essence = Essence::Packets(carried);
    } else {
        let tail = Tail::read(source, start, serial)?;
        let begin = if tail.chained {
            0
        } else {
            begin::granule(source, start, codec.held)?
        };
        if let Some(end) = tail.granule {
            let samples = end.saturating_sub(begin).saturating_sub(codec.pre_skip);
            sheet.samples(samples, codec.rate);
        }
        finish(&mut sheet, first, tail);
    }
    sheet.mean_bitrate(sheet.range.len);
    Ok(Some(sheet))
}

/// The packets of the first stream of a known codec, its first packet read.
fn stream<'s, 'f>(
    source: &'s mut Source<'f>,
    start: u64,
) -> io::Result<Option<(Packets<'s, 'f>, Codec)>> {
    // All streams begin before any goes on (RFC 3533 §4): look at the beginnings.
    let mut offset = start;
    for _ in 0..8 {
        let Some(page) = Page::at(source, offset)?.filter(Page::begins_stream) else {
            return Ok(None);
        };
        let body = source.at(page.body(), 128)?;
        if let Some(codec) = Codec::identify(body) {
            let mut packets = Packets::new(source, offset, page.serial);
            packets.next()?;
            return Ok(Some((packets, codec)));
        }
        offset = page.end();
    }
    Ok(None)
}

/// Steps over the headers that follow the comment, and looks for pictures where FLAC has them;
/// gives the page where the audio begins.
fn skip_headers(
    packets: &mut Packets<'_, '_>,
    codec: &Codec,
    cover: &mut Cover,
) -> io::Result<u64> {
    for index in 2..MAX_HEADERS {
        packets.finish_packet()?;
        let start = packets.page_of_next()?;
        if index >= codec.headers.unwrap_or(MAX_HEADERS) {
            return Ok(start);
        }
        if !packets.next()? {
            return Ok(start);
        }
        if codec.headers.is_none() && packets.begins_flac_frame()? {
            return Ok(start);
        }
        // Each of FLAC's metadata blocks is a packet, header and all.
        if codec.format == AudioFormat::OggFlac
            && let Some([head, ..]) = packets.array::<4>()?
            && head & 0x7f == flac::PICTURE
        {
            cover.offer(picture::of_block(packets)?);
        }
    }
    packets.page_of_next()
}

fn finish(sheet: &mut Sheet, first: Vec<u8>, tail: Tail) {
    if tail.granule.is_none() {
        sheet.defect(DefectKind::BadAudio, "no page tells where the stream ends");
    }
    if !tail.ended {
        sheet.defect(
            DefectKind::Truncated,
            "the stream's last page is missing or cut off",
        );
    }
    let (first, last) = match sheet.audio.audio_md5 {
        Some(md5) => (md5.to_vec(), Vec::new()),
        None => (first, tail.payload),
    };
    sheet.essence = Essence::Packets(Carried {
        first,
        last,
        granule: tail.granule.unwrap_or(0),
    });
}
