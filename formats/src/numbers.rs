//! Numbers as tags spell them.

/// A track's or disc's number, and the total where the text says `3/12`.
pub(crate) fn with_total(text: &str) -> (Option<String>, Option<String>) {
    match text.split_once('/') {
        Some((number, total)) if is_digits(total.trim()) || total.trim().is_empty() => {
            (number_of(number), total_of(total))
        }
        _ => (number_of(text), None),
    }
}

/// A number: digits without leading zeros, anything else (vinyl's `A1`) as it stands.
fn number_of(text: &str) -> Option<String> {
    let text = text.trim();
    if is_digits(text) {
        let digits = text.trim_start_matches('0');
        return Some(if digits.is_empty() { "0" } else { digits }.to_owned());
    }
    (!text.is_empty()).then(|| text.to_owned())
}

/// A total: as a number, but none is told by zero.
pub(crate) fn total_of(text: &str) -> Option<String> {
    number_of(text).filter(|number| number != "0")
}

/// Whether a flag is set.
pub(crate) fn flag(text: &str) -> bool {
    let text = text.trim();
    if is_digits(text) {
        return text.bytes().any(|digit| digit != b'0');
    }
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("yes")
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_totals() {
        for (text, number, total) in [
            ("3", Some("3"), None),
            ("03", Some("3"), None),
            ("3/12", Some("3"), Some("12")),
            (" 03 / 012 ", Some("3"), Some("12")),
            ("/12", None, Some("12")),
            ("3/", Some("3"), None),
            ("3/0", Some("3"), None),
            ("0", Some("0"), None),
            ("A1", Some("A1"), None),
            ("A1/B", Some("A1/B"), None),
            ("", None, None),
        ] {
            assert_eq!(
                with_total(text),
                (number.map(str::to_owned), total.map(str::to_owned)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn flags() {
        assert!(flag("1") && flag("true") && flag("Yes") && flag("01"));
        assert!(!flag("0") && !flag("") && !flag("no"));
    }
}
