//! APEv1 and APEv2 tags (<https://wiki.hydrogenaud.io/index.php?title=APEv2_specification>).

use std::io;

use crate::bytes::Bytes;
use crate::layer::{Layer, MAX_VALUE};
use crate::picture;
use crate::source::Source;
use crate::stream::{Part, Plain, Stream};
use crate::text;

/// Bytes of a header, and of a footer.
pub(crate) const HEADER: u64 = 32;

const HAS_HEADER: u32 = 1 << 31;
const IS_HEADER: u32 = 1 << 29;
const MAX_ITEMS: u32 = 1024;
const MAX_KEY: usize = 255;

/// Where a tag stands.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Where the tag begins, its header included.
    pub(crate) start: u64,
    /// Where it ends, its footer included.
    pub(crate) end: u64,
    items: u64,
    items_end: u64,
    count: u32,
}

/// The tag that `footer`, which stands at `offset`, ends.
pub(crate) fn ended_by(footer: &[u8], offset: u64) -> Option<Place> {
    let (size, count, flags) = parse(footer)?;
    if flags & IS_HEADER != 0 {
        return None;
    }
    let end = offset.checked_add(HEADER)?;
    let items = end.checked_sub(size)?;
    let header = if flags & HAS_HEADER == 0 { 0 } else { HEADER };
    Some(Place {
        start: items.checked_sub(header)?,
        end,
        items,
        items_end: offset,
        count,
    })
}

/// The tag that `header`, which stands at `offset`, begins.
pub(crate) fn begun_by(header: &[u8], offset: u64) -> Option<Place> {
    let (size, count, flags) = parse(header)?;
    let items = offset.checked_add(HEADER)?;
    let end = items.checked_add(size)?;
    (flags & IS_HEADER != 0).then_some(Place {
        start: offset,
        end,
        items,
        items_end: end - HEADER,
        count,
    })
}

/// Size of items and footer, number of items, flags.
fn parse(block: &[u8]) -> Option<(u64, u32, u32)> {
    let mut bytes = Bytes(block);
    bytes.tag(b"APETAGEX")?;
    let _version = bytes.u32_le()?;
    let size = u64::from(bytes.u32_le()?);
    let count = bytes.u32_le()?;
    let flags = bytes.u32_le()?;
    (size >= HEADER).then_some((size, count, flags))
}

/// Reads the tag's items; the flag is true where they are broken.
///
/// # Errors
/// What the origin said.
pub(crate) fn read(source: &mut Source<'_>, place: Place) -> io::Result<(Layer, bool)> {
    let mut layer = Layer::new();
    let mut stream = Plain::new(source, place.items, place.items_end);
    for _ in 0..place.count.min(MAX_ITEMS) {
        let Some([size, flags]) = stream.array::<8>()?.map(|head| {
            let mut head = Bytes(&head);
            [head.u32_le(), head.u32_le()].map(Option::unwrap_or_default)
        }) else {
            return Ok((layer, true));
        };
        let look = stream.ahead(0, MAX_KEY + 1)?;
        let Some(key) = look
            .split(|byte| *byte == 0)
            .next()
            .filter(|key| key.len() < look.len())
        else {
            return Ok((layer, true));
        };
        stream.skip(key.len() as u64 + 1)?;
        // Two bits of the flags tell text (0) and links (2) from binary matter (1): pictures.
        if flags & 0b110 == 0b10 {
            let mut item = Part::new(&mut stream, size.into());
            let picture = picture::of_item(&mut item, key, &layer.cover)?;
            let whole = item.finish()?;
            layer.cover.offer(picture.filter(|_| whole));
            continue;
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let wanted = size.min(2 * MAX_VALUE);
        let value = stream.take(wanted)?;
        if value.len() < wanted {
            return Ok((layer, true));
        }
        stream.skip((size - wanted) as u64)?;
        let key = text::utf8(key);
        text::utf8(&value)
            .split('\0')
            .for_each(|value| layer.named(&key, value));
    }
    Ok((layer, place.count > MAX_ITEMS))
}
