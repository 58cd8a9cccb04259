//! The end of a stream that was read before, without its last page.
//!
//! How long a stream is stands before its last page, which in Opus has 16 KiB and more. But its
//! identity is known, and how long it was, to a millisecond. So where one of the few lengths that
//! it can have gives that identity, together with the bytes that begin and end the stream now, it
//! has that length, and is whole.

use std::io;

use super::codec::Codec;
use super::page::Page;
use crate::bytes;
use crate::identity::{Carried, SAMPLE};
use crate::source::Source;

/// How much of the end is read: a sample, and a page's header where there is one in it.
const END: u64 = SAMPLE as u64 + 512;

/// The highest sampling rate whose lengths are tried, in Hz.
const MAX_RATE: u32 = 768_000;

/// What the identity of the stream is made of that begins with `first`, and how many milliseconds
/// it lasts, where it sounds as it did.
///
/// # Errors
/// What the origin said.
pub(super) fn unchanged(
    source: &mut Source<'_>,
    codec: &Codec,
    first: &[u8],
    md5: Option<[u8; 16]>,
) -> io::Result<Option<(Carried, u64)>> {
    let known = source.known_whole();
    let Some((known, ms)) = known.and_then(|known| Some((known, known.audio.duration_ms?))) else {
        return Ok(None);
    };
    let (first, last) = match md5 {
        Some(md5) => (md5.to_vec(), Vec::new()),
        None => (first.to_vec(), last_payload(source)?),
    };
    let granules = lengths(ms, codec.rate).map(|samples| samples.saturating_add(codec.pre_skip));
    let found = granules
        .map(|granule| Carried {
            first: first.clone(),
            last: last.clone(),
            granule,
        })
        .find(|carried| carried.content_id(known.format) == known.content);
    Ok(found.map(|carried| (carried, ms)))
}

/// The numbers of samples that last so many whole milliseconds.
fn lengths(ms: u64, rate: u32) -> impl Iterator<Item = u64> {
    let at = |ms: u64| {
        let samples = (u128::from(ms) * u128::from(rate)).div_ceil(1000);
        u64::try_from(samples).unwrap_or(u64::MAX)
    };
    let end = if rate > MAX_RATE {
        0
    } else {
        at(ms.saturating_add(1))
    };
    at(ms)..end
}

/// The last bytes that the file's pages carry, as many as are sampled.
fn last_payload(source: &mut Source<'_>) -> io::Result<Vec<u8>> {
    let len = source.len().min(END);
    let from = source.len() - len;
    let bytes = source.exactly(from, usize::try_from(len).unwrap_or(0))?;
    let (mut payload, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some((before, page)) =
        bytes::find(rest, b"OggS\0").and_then(|at| rest.split_at_checked(at))
    {
        payload.extend_from_slice(before);
        let header = Page::parse(page, 0).map_or(page.len(), |page| {
            usize::try_from(page.body()).unwrap_or(usize::MAX)
        });
        rest = page.get(header..).unwrap_or_default();
    }
    payload.extend_from_slice(rest);
    let surplus = payload.len().saturating_sub(SAMPLE);
    payload.drain(..surplus);
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::lengths;

    #[test]
    fn lengths_are_those_of_the_millisecond() {
        for (ms, rate) in [
            (0, 48_000),
            (1, 44_100),
            (240_017, 44_100),
            (59_999, 11_025),
        ] {
            let of = |samples: u64| samples * 1000 / u64::from(rate);
            let lengths: Vec<_> = lengths(ms, rate).collect();
            assert!(lengths.iter().all(|samples| of(*samples) == ms));
            assert_eq!(of(lengths[lengths.len() - 1] + 1), ms + 1);
            assert!(lengths[0] == 0 || of(lengths[0] - 1) == ms - 1);
        }
        assert_eq!(lengths(5, u32::MAX).count(), 0);
    }
}
