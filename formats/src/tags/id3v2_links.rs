//! The frames of ID3v2 that are not all text: links, and what players counted.

use crate::bytes::Bytes;
use crate::text::{self, Endian};

/// Text in one of ID3v2's encodings (id3v2.4.0 §4); an unknown one is taken for the commonest.
pub(super) fn decoded(encoding: u8, bytes: &[u8]) -> String {
    match encoding {
        1 => text::utf16(bytes, Endian::Little),
        2 => text::utf16(bytes, Endian::Big),
        3 => text::utf8(bytes).into_owned(),
        _ => text::latin1(bytes),
    }
}

/// The URL of a link frame (`W???`, id3v2.4.0 §4.3.1): ISO 8859-1 whatever stands before it, and
/// nothing counts behind a zero.
pub(super) fn link(bytes: &[u8]) -> String {
    match bytes {
        // No URL begins with a byte order mark: this is UTF-16, whoever wrote it.
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            let text = text::utf16(bytes, Endian::Little);
            text.split('\0').next().unwrap_or_default().to_owned()
        }
        _ => text::latin1(bytes.split(|byte| *byte == 0).next().unwrap_or_default()),
    }
}

/// Description and URL of `WXXX` (§4.3.2), of which only the description is in the encoding that
/// the first byte tells. Where nothing ends the description, there is none.
pub(super) fn described_link(body: &[u8]) -> Option<(String, String)> {
    let (encoding, rest) = body.split_first()?;
    let (description, url) = match encoding {
        1 | 2 => rest
            .as_chunks::<2>()
            .0
            .iter()
            .position(|unit| *unit == [0, 0])
            .and_then(|unit| halves(rest, unit * 2, 2)),
        _ => rest
            .iter()
            .position(|byte| *byte == 0)
            .and_then(|at| halves(rest, at, 1)),
    }
    .unwrap_or((&[], rest));
    Some((decoded(*encoding, description), link(url)))
}

/// What stands before `at`, and what behind the `len` bytes there.
fn halves(bytes: &[u8], at: usize, len: usize) -> Option<(&[u8], &[u8])> {
    let (before, behind) = bytes.split_at_checked(at)?;
    Some((before, behind.get(len..)?))
}

/// Whose and what rating `POPM` tells (§4.17): the rating from 1 to 255, 0 where there is none,
/// and after a blank how often the file was played, where that was counted.
pub(super) fn popularity(body: &[u8]) -> Option<(String, String)> {
    let at = body.iter().position(|byte| *byte == 0)?;
    let (email, rest) = halves(body, at, 1)?;
    let mut rest = Bytes(rest);
    let rating = rest.u8()?;
    let value = match count(rest.0) {
        Some(plays) => format!("{rating} {plays}"),
        None => rating.to_string(),
    };
    Some((text::latin1(email), value))
}

/// A counter (`PCNT`, §4.16), which grows by a byte whenever it has filled its bytes.
pub(super) fn count(bytes: &[u8]) -> Option<u64> {
    (!bytes.is_empty()).then(|| {
        bytes.iter().fold(0_u64, |sum, byte| {
            sum.saturating_mul(256).saturating_add((*byte).into())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_description_of_a_link_is_encoded() {
        let of = |body: &[u8]| described_link(body).unwrap();
        let both = |description: &str, url: &str| (description.to_owned(), url.to_owned());
        assert_eq!(
            of(b"\x01\xff\xfe\0\0http://x.org"),
            both("", "http://x.org")
        );
        // A zero byte is no end where the zeros are not one unit.
        assert_eq!(
            of(b"\x01\xff\xfea\0\0\x01\0\0http://\xe9"),
            both("aĀ", "http://é")
        );
        assert_eq!(of(b"\x02\0a\0\0x"), both("a", "x"));
        assert_eq!(of(b"\x03\xc3\xa9\0x\0ignored"), both("é", "x"));
        assert_eq!(of(b"\0no end"), both("", "no end"));
        assert_eq!(of(b"\x01\xff\xfea\0\0\0\xff\xfex\0"), both("a", "x"));
        assert_eq!(described_link(b""), None);
    }

    #[test]
    fn counters_have_any_length() {
        assert_eq!(count(&[]), None);
        assert_eq!(count(&[0, 0, 1, 2]), Some(258));
        assert_eq!(count(&[1, 0, 0, 0, 0]), Some(1 << 32));
        assert_eq!(count(&[0xff; 40]), Some(u64::MAX));
        let popularity = |body| popularity(body).map(|(_, value)| value);
        assert_eq!(popularity(b"a\0\x80"), Some("128".to_owned()));
        assert_eq!(popularity(b"no end"), None);
        assert_eq!(popularity(b"a\0"), None);
    }
}
