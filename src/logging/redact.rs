//! Paths left out of messages, for logs that are given to others (CTL-8).

use std::borrow::Cow;

/// What stands in place of a path.
pub(super) const HIDDEN: &str = "(path)";

/// Fields whose whole value is a path.
const FIELDS: [&str; 6] = ["path", "mountpoint", "directory", "root", "file", "name"];

/// Fields that tell places in the code: a panic could not be found without them, and they tell
/// nothing of the music.
const OF_CODE: [&str; 2] = ["backtrace", "place"];

/// The value of a field of that name without its paths.
pub(super) fn field<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if FIELDS.contains(&name) {
        return Cow::Borrowed(HIDDEN);
    }
    if OF_CODE.contains(&name) {
        return Cow::Borrowed(value);
    }
    text(value)
}

/// A text without its paths, as far as they can be told from what is around them.
///
/// A path is whatever has a slash. An absolute one begins at the blank, quote or bracket before it;
/// a relative one, whose beginning nothing tells, takes all that stands after the last `: ` before
/// it. It goes on to the end, as names have blanks, colons and line ends, but for a reason after the
/// last `: `: one that begins with a small letter, and has neither a slash nor a dot.
///
/// It is a guess, and errs on both sides: of a text with two paths, what is between them is left out
/// as well; and the end of a folder's name that looks like a reason, as in `/music/Foo: bar`, stays.
fn text(text: &str) -> Cow<'_, str> {
    let Some(slash) = text.find('/') else {
        return Cow::Borrowed(text);
    };
    let (before, after) = text.split_at(slash);
    let is_absolute = before
        .chars()
        .next_back()
        .is_none_or(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | '=' | '<'));
    let kept = if is_absolute {
        before
    } else {
        before
            .rfind(": ")
            .map_or("", |at| before.get(..at + 2).unwrap_or_default())
    };
    let is_reason = |text: &&str| {
        text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.contains(['/', '.'])
    };
    let reason = after
        .rsplit_once(": ")
        .map(|(_, reason)| reason)
        .filter(is_reason);
    Cow::Owned(match reason {
        Some(reason) => format!("{kept}{HIDDEN}: {reason}"),
        None => format!("{kept}{HIDDEN}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_path_is_left() {
        let cases = [
            ("3 added, 0 vanished", "3 added, 0 vanished"),
            (
                "cannot read /srv/Björk - Post/05.flac: permission denied",
                "cannot read (path): permission denied",
            ),
            ("cannot read /srv/A: B/c: D.flac", "cannot read (path)"),
            ("cannot read /srv/A/Foo: bar.flac", "cannot read (path)"),
            (
                "/srv/A/Foo: bar.flac: is a directory",
                "(path): is a directory",
            ),
            ("/srv/A/b\nc.flac", "(path)"),
            (
                "/srv/music and the mount point /mnt lie within each other",
                "(path)",
            ),
            (
                "origin unreachable: Pink Floyd/The Wall: is gone",
                "origin unreachable: (path): is gone",
            ),
            ("Pink Floyd/The Wall", "(path)"),
            ("moved \"/a b\" (\"/c\")", "moved \"(path)"),
        ];
        for (text, expected) in cases {
            assert_eq!(field("message", text), expected);
        }
        assert_eq!(field("path", "no slash.flac"), HIDDEN);
    }

    #[test]
    fn places_in_the_code_stay() {
        let backtrace =
            "   0: musicfs::scan::scan\n             at ./src/scan/mod.rs:3:5\n   1: main";
        assert_eq!(field("backtrace", backtrace), backtrace);
        assert_eq!(field("place", "src/scan/mod.rs:3:5"), "src/scan/mod.rs:3:5");
    }
}
