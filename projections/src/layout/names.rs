//! Which names are allowed, which are equal, and how equal ones are told apart (FS-4).
//!
//! A file's name keeps 13 bytes free, so that a number never makes it lose a letter. That is what
//! makes [`conflict_class`] exact.

use std::borrow::Cow;

use eventlog::event::NameProfile;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_segmentation::UnicodeSegmentation;

/// Longest name, in bytes: Linux's `NAME_MAX`.
pub const MAX_BYTES: usize = 255;
/// Longest file name before it is numbered: ` (4294967295)` fits in the rest.
pub const MAX_FILE_BYTES: usize = MAX_BYTES - 13;
/// Longest extension, in characters.
const MAX_EXTENSION: usize = 16;
/// A cut gives up at most this many bytes to keep together what is shown as one character.
const MAX_CLUSTER: usize = 64;

/// A valid name for a directory, as like `raw` as possible.
#[must_use]
pub fn directory(raw: &str, profile: NameProfile) -> String {
    let mut name = replaced(raw, profile);
    loop {
        fit(&mut name, MAX_BYTES);
        end(&mut name, profile);
        if !rename_device(&mut name, profile) {
            return name;
        }
    }
}

/// A valid name for a file, as like `raw` as possible, with its extension kept and with room for a
/// [number](numbered).
#[must_use]
pub fn file(raw: &str, profile: NameProfile) -> String {
    let mut name = replaced(raw, profile);
    loop {
        if name.len() > MAX_FILE_BYTES {
            let (stem, extension) = split_extension(&name);
            let extension = extension
                .map(|extension| format!(".{extension}"))
                .unwrap_or_default();
            let mut stem = stem.to_owned();
            fit(&mut stem, MAX_FILE_BYTES - extension.len());
            name = stem + &extension;
        }
        end(&mut name, profile);
        if !rename_device(&mut name, profile) {
            return name;
        }
    }
}

/// The name with a number: `stem (n).ext`. Of a [file]'s name it makes a valid one.
#[must_use]
pub fn numbered(name: &str, n: u32) -> String {
    match split_extension(name) {
        (stem, Some(extension)) => format!("{stem} ({n}).{extension}"),
        (stem, None) => format!("{stem} ({n})"),
    }
}

/// What two names have in common when they are equal in that profile: in POSIX the name itself, in
/// Windows the name without regard to case.
#[must_use]
pub fn key(name: &str, profile: NameProfile) -> Cow<'_, str> {
    match profile {
        NameProfile::Posix => Cow::Borrowed(name),
        NameProfile::Windows => folded(name),
    }
}

/// What all names have in common that could be equal after numbering, in either profile: a name, and
/// every name that [`numbered`] makes of it or of an equal one. Others may share it by chance. A
/// 64-bit hash, the same in every version.
#[must_use]
pub fn conflict_class(file: &str) -> u64 {
    let key = folded(file);
    let (mut stem, extension) = split_extension(&key);
    while let Some(shorter) = without_number(stem) {
        stem = shorter;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(stem.as_bytes());
    if let Some(extension) = extension {
        hasher.update(b".").update(extension.as_bytes());
    }
    let mut class = [0; 8];
    hasher.finalize_xof().fill(&mut class);
    u64::from_le_bytes(class)
}

/// The text without regard to case, in NFC. Letter by letter, as Windows compares: `ß` is not `ss`.
#[must_use]
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    Cow::Owned(composed(text).chars().map(fold).nfc().collect())
}

/// The text without regard to case, accents (U+0300 to U+036F), and blanks at its ends.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() {
        return folded(text);
    }
    let is_accent = |char: &char| ('\u{300}'..='\u{36f}').contains(char);
    let bare: String = text.nfd().filter(|char| !is_accent(char)).collect();
    Cow::Owned(folded(&bare).into_owned())
}

fn fold(char: char) -> char {
    fn only(mut chars: impl ExactSizeIterator<Item = char>, or: char) -> char {
        if chars.len() == 1 {
            chars.next().unwrap_or(or)
        } else {
            or
        }
    }
    if char.is_ascii() {
        return char.to_ascii_lowercase();
    }
    let upper = only(char.to_uppercase(), char);
    only(upper.to_lowercase(), upper)
}

/// The text in NFC.
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// Stem and extension. An extension follows the last dot, if that is not the first character, and
/// is of 1 to 16 letters and digits of ASCII, or of what equals them in Windows.
pub(crate) fn split_extension(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty()
                && !extension.is_empty()
                && extension.chars().nth(MAX_EXTENSION).is_none()
                && extension
                    .chars()
                    .all(|char| fold(char).is_ascii_alphanumeric()) =>
        {
            (stem, Some(extension))
        }
        _ => (name, None),
    }
}

/// The name without `.extension` at its end, where it ends so; case does not matter.
pub(super) fn without_extension<'a>(name: &'a str, extension: &str) -> Option<&'a str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(extension.len())?)?;
    end.eq_ignore_ascii_case(extension)
        .then(|| stem.strip_suffix('.'))
        .flatten()
}

/// The longest beginning of at most `limit` bytes that does not tear a character, nor, if possible,
/// what is shown as one.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let hard = text.floor_char_boundary(limit);
    let soft = text
        .grapheme_indices(true)
        .map(|(start, _)| start)
        .take_while(|start| *start <= limit)
        .last()
        .filter(|start| start + MAX_CLUSTER >= hard);
    text.get(..soft.unwrap_or(hard)).unwrap_or(text)
}

/// The stem without one ` (n)` at its end, where there is one.
fn without_number(stem: &str) -> Option<&str> {
    let digits = stem.strip_suffix(')')?;
    let rest = digits.trim_end_matches(|char: char| char.is_ascii_digit());
    rest.strip_suffix(" (")
        .filter(|_| rest.len() < digits.len())
}

/// NFC, white space around it cut off, and no character that a name must not have.
fn replaced(raw: &str, profile: NameProfile) -> String {
    let composed = composed(raw);
    let text = composed.trim();
    let mut name = if text.chars().all(|char| is_allowed(char, profile)) {
        text.to_owned()
    } else {
        let valid = |char| if is_allowed(char, profile) { char } else { '_' };
        text.chars().map(valid).collect()
    };
    if name.starts_with('.') {
        name.replace_range(..1, "_");
    }
    if name.is_empty() {
        name.push('_');
    }
    name
}

fn is_allowed(char: char, profile: NameProfile) -> bool {
    match char {
        '/' => false,
        // They show a name as another than it is; marks and letters of right-to-left scripts stay.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        // Line and paragraph separator: they tear listings as a newline does.
        '\u{2028}' | '\u{2029}' => false,
        '<' | '>' | ':' | '"' | '\\' | '|' | '?' | '*' => profile == NameProfile::Posix,
        other => !other.is_control(),
    }
}

fn fit(name: &mut String, limit: usize) {
    if name.len() > limit {
        let end = cut(name, limit).trim_end().len();
        name.truncate(end);
    }
}

/// Windows drops a dot at a name's end without a word.
fn end(name: &mut String, profile: NameProfile) {
    if profile == NameProfile::Windows && name.ends_with('.') {
        name.pop();
        name.push('_');
    }
}

/// Windows takes `CON`, and `CON.txt` too, for a device. True where the name was one, and is now longer.
fn rename_device(name: &mut String, profile: NameProfile) -> bool {
    let base = name.split('.').next().unwrap_or_default().trim_end();
    let is_device = profile == NameProfile::Windows && is_device(base);
    if is_device {
        let end = base.len();
        name.insert(end, '_');
    }
    is_device
}

/// The names that "Naming Files, Paths, and Namespaces" (Microsoft) reserves, and the console's.
fn is_device(base: &str) -> bool {
    const PLAIN: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let numbered = || {
        let (kind, number) = base.split_at_checked(3)?;
        let is_port = kind.eq_ignore_ascii_case("COM") || kind.eq_ignore_ascii_case("LPT");
        let mut number = number.chars();
        (is_port && matches!(number.next()?, '1'..='9' | '¹' | '²' | '³'))
            .then(|| number.next().is_none())
    };
    PLAIN.iter().any(|device| base.eq_ignore_ascii_case(device)) || numbered() == Some(true)
}
