//! Names in addresses (RFC 3986). Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// All but what never needs to be escaped (RFC 3986 §2.3), which is also what S3 signs.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One part of a path, or a value of a query.
pub(super) fn escape(part: &[u8]) -> String {
    percent_encode(part, ESCAPED).to_string()
}

/// A path with its slashes.
pub(super) fn escape_path(path: &[u8]) -> String {
    let parts: Vec<String> = path.split(|byte| *byte == b'/').map(escape).collect();
    parts.join("/")
}

/// What was escaped; a `%` that begins no escape stands for itself.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_comes_back() {
        let all: Vec<u8> = (1..=255).collect();
        assert_eq!(unescape(&escape(&all)), all);
        assert_eq!(escape_path(b"a b/c+d?/\xff~"), "a%20b/c%2Bd%3F/%FF~");
        assert_eq!(unescape("100% %2"), b"100% %2");
    }
}
