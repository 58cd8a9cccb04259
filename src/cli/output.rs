//! Printing: data to standard output, all else to standard error, colour only on terminals.
//!
//! Names and tags are other people's: what could steer a terminal or forge a line is shown, not
//! sent.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::report::{Kind, Report, Result, plain};

/// Standard output, buffered. What is not flushed is lost: every command ends with [`Output::end`].
pub(super) struct Output {
    out: io::BufWriter<io::Stdout>,
    closed: bool,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            out: io::BufWriter::new(io::stdout()),
            closed: false,
        }
    }

    /// Prints a line of text for people, [`safe`].
    pub(super) fn line(&mut self, text: impl AsRef<str>) -> Result<()> {
        let written = writeln!(self.out, "{}", safe(text.as_ref()));
        self.told(written)
    }

    /// Prints text as it is.
    pub(super) fn text(&mut self, text: &str) -> Result<()> {
        let written = self.out.write_all(text.as_bytes());
        self.told(written)
    }

    /// Prints a JSON value on one line.
    pub(super) fn json(&mut self, value: &Value) -> Result<()> {
        let written = writeln!(self.out, "{value}");
        self.told(written)
    }

    /// Prints rows in columns as wide as their widest cell, the last one excepted.
    pub(super) fn table<const N: usize>(&mut self, rows: &[[String; N]]) -> Result<()> {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| row.each_ref().map(|cell| safe(cell)))
            .collect();
        let mut widths = [0; N];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                line.push_str(&format!("{cell:width$}  "));
            }
            self.line(line.trim_end())?;
        }
        Ok(())
    }

    /// Hands over what was printed so far, as for one who follows.
    pub(super) fn flush(&mut self) -> Result<()> {
        let flushed = self.out.flush();
        self.told(flushed)
    }

    /// True once nobody reads any more, as after `| head`.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Ends the output.
    pub(super) fn end(mut self) -> Result<()> {
        self.flush()
    }

    /// A reader that has gone away is no error: it has had enough.
    fn told(&mut self, written: io::Result<()>) -> Result<()> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Report::new(
                Kind::Disk,
                format!("cannot write the output: {}", plain(&error)),
            )),
            Ok(()) => Ok(()),
        }
    }
}

/// Writes a report for people.
pub(super) fn report(to: &mut io::StderrLock<'_>, report: &Report) -> io::Result<()> {
    labelled(to, "error:", "31", report)
}

/// Writes to standard error what keeps nothing from working.
pub(super) fn warning(report: &Report) {
    // Should standard error be closed, nobody is there to be told.
    drop(labelled(&mut io::stderr().lock(), "warning:", "33", report));
}

/// Writes to standard error what to do next, after something that went well.
pub(super) fn hint(next: &str) {
    drop(hinted(&mut io::stderr().lock(), next));
}

fn labelled(
    to: &mut io::StderrLock<'_>,
    name: &str,
    code: &str,
    report: &Report,
) -> io::Result<()> {
    let message = safe(report.message());
    writeln!(to, "{} {message}", label(to, name, code))?;
    match report.next_step() {
        Some(next) => hinted(to, next),
        None => Ok(()),
    }
}

fn hinted(to: &mut io::StderrLock<'_>, next: &str) -> io::Result<()> {
    writeln!(to, "{} {}", label(to, "hint:", "36"), safe(next))
}

fn label(to: &io::StderrLock<'_>, name: &str, code: &str) -> String {
    if to.is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[1;{code}m{name}\x1b[0m")
    } else {
        name.to_owned()
    }
}

/// Text as it can be shown on a terminal: control characters (C0, DEL, C1, so also the end of a
/// line), separators of lines and paragraphs, and what overrides or isolates the direction of text
/// (U+202A–202E, U+2066–2069) are written as `\n`, `\t`, `\r` or `\u{…}`.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    let steers =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// `1 track`, `2 tracks`.
pub(super) fn counted(count: u64, one: &str, more: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {more}")
    }
}

/// A length of time for people: `5 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn length(secs: u64) -> String {
    let (minutes, hours, days) = (secs / 60, secs / 3_600, secs / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, _) => format!("{minutes} min {} s", secs % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_sent() {
        let cases = [
            ("Björk – 日本 العربية", "Björk – 日本 العربية"),
            ("a\nb\tc", "a\\nb\\tc"),
            ("\x1b[31mred\x7f", "\\u{1b}[31mred\\u{7f}"),
            (
                "\u{9b}2J\u{202e}gpj\u{2028}",
                "\\u{9b}2J\\u{202e}gpj\\u{2028}",
            ),
        ];
        for (text, shown) in cases {
            assert_eq!(safe(text), shown);
        }
    }

    #[test]
    fn lengths_have_two_units_at_most() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (200, "3 min 20 s"),
            (7_500, "2 h 5 min"),
            (273_600, "3 d 4 h"),
        ];
        for (secs, text) in cases {
            assert_eq!(length(secs), text);
        }
    }
}
