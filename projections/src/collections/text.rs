//! Texts as conditions see them: words, without regard to case, accents and signs.

use std::borrow::Cow;

use crate::layout::names;

/// Between the values of a text, and at both ends.
pub(super) const VALUE: char = '\u{1f}';
/// Between tags, and at both ends.
pub(super) const TAG: char = '\u{1e}';

/// Longest value that is looked at, in bytes.
const MAX_VALUE: usize = 255;
/// Most values of a text that are looked at.
const MAX_VALUES: usize = 32;

/// Words that mean something else in a query, unless they are quoted.
pub(super) const KEYWORDS: [&str; 6] = ["AND", "OR", "NOT", "SORT", "LIMIT", "TO"];

/// True for a character that ends a bare word.
pub(super) fn ends_word(char: char) -> bool {
    char.is_whitespace() || matches!(char, '"' | '(' | ')' | '[' | ']' | ':' | '=' | '<' | '>')
}

/// What would have to stand in the place of a bare word that means something elsewhere, but nothing here;
/// none for one that is a word.
pub(super) fn instead_of(word: &str) -> Option<String> {
    let is_word = |text: &str| text.contains(char::is_alphanumeric);
    let end = word.trim_end_matches(|char: char| char.is_ascii_digit());
    if let Some(rest) = word.strip_prefix(['-', '+']).filter(|rest| is_word(rest)) {
        let not = if word.starts_with('-') { "NOT " } else { "" };
        return Some(format!("{not}{rest}, or \"{word}\" in quotes"));
    }
    if let Some(rest) = end.strip_suffix('~').filter(|rest| is_word(rest)) {
        return Some(format!(
            "{rest}, since collections have no `~`, or \"{word}\" in quotes"
        ));
    }
    if word.ends_with('*') && is_word(word) {
        return Some(format!(
            "a whole word, since collections have no `*`, or \"{word}\" in quotes"
        ));
    }
    None
}

/// A text as it is written in a query: bare where it can be.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    let is_bare = !text.is_empty()
        && !text.starts_with('*')
        && !KEYWORDS
            .iter()
            .any(|keyword| keyword.eq_ignore_ascii_case(text))
        && !text.starts_with("tag.")
        && instead_of(text).is_none()
        && !text
            .chars()
            .any(|char| ends_word(char) || char == '\\' || char == ',');
    if is_bare {
        return Cow::Borrowed(text);
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    Cow::Owned(format!("\"{escaped}\""))
}

/// The words of a text, each between blanks: ` miles davis `. What has no letters and digits at all
/// is one word. Empty for a text that is blank.
pub(super) fn words(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_VALUE);
    let plain = names::plain(text.get(..end).unwrap_or(text));
    let joined = |is_part: fn(char) -> bool| {
        let words = plain.split(|char: char| !is_part(char));
        let mut joined = String::with_capacity(plain.len() + 2);
        for word in words.filter(|word| !word.is_empty()) {
            joined.push(' ');
            joined.push_str(word);
        }
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined
    };
    let words = joined(char::is_alphanumeric);
    if words.is_empty() {
        joined(|char| !char.is_whitespace() && !char.is_control())
    } else {
        words
    }
}

/// The words of several values, with [`VALUE`] between them and at both ends; empty without values.
pub(super) fn values<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> String {
    let mut text = String::new();
    for value in values.into_iter().take(MAX_VALUES) {
        let words = words(value.as_ref());
        if !words.is_empty() {
            if text.is_empty() {
                text.push(VALUE);
            }
            text.push_str(&words);
            text.push(VALUE);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_accents_and_signs() {
        for (text, expected) in [
            ("Miles  Davis", " miles davis "),
            ("Motörhead", " motorhead "),
            ("AC/DC", " ac dc "),
            ("!!!", " !!! "),
            ("…And Justice", " and justice "),
            ("  ", ""),
            ("日本", " 日本 "),
        ] {
            assert_eq!(words(text), expected);
        }
        assert_eq!(
            values(["Jazz", " ", "Be-Bop"]),
            "\u{1f} jazz \u{1f} be bop \u{1f}"
        );
        assert_eq!(values([""; 0]), "");
        assert!(words(&"é".repeat(1000)).len() <= MAX_VALUE + 2);
    }
}
