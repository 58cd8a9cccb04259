//! Bytes to text, whatever they are.

use std::borrow::Cow;

/// The text of `bytes` that ought to be UTF-8; what is not shows as U+FFFD.
pub(crate) fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// The text of `bytes` that ought to be ISO 8859-1. Many writers put UTF-8 there; what is valid
/// UTF-8 beyond ASCII hardly ever means anything else.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// The order of a UTF-16 unit's two bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

/// The text of UTF-16, in the order that its byte order mark says, else in `default`. Marks
/// within, which some writers put before every value, are dropped.
pub(crate) fn utf16(bytes: &[u8], default: Endian) -> String {
    let endian = match bytes {
        [0xff, 0xfe, ..] => Endian::Little,
        [0xfe, 0xff, ..] => Endian::Big,
        _ => default,
    };
    let (pairs, _odd) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| match endian {
        Endian::Little => u16::from_le_bytes(*pair),
        Endian::Big => u16::from_be_bytes(*pair),
    });
    char::decode_utf16(units.filter(|unit| *unit != 0xfeff))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The longest beginning of `text` that has at most `max` bytes and ends between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

/// A tag's name as custom tags are called: upper case, trimmed, without control characters.
pub(crate) fn name(text: &str) -> String {
    text.trim()
        .chars()
        .filter(|c| !c.is_control())
        .flat_map(char::to_uppercase)
        .collect()
}
