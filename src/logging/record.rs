//! One message, and how it looks.

use std::borrow::Cow;
use std::fmt::{self, Write};

use eventlog::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::redact;

/// A message of the program about itself.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) level: Level,
    /// The part of the program that says it, such as `musicfs::daemon`.
    pub(super) target: String,
    pub(super) message: String,
    /// What else it tells, in the order in which it was told.
    pub(super) fields: Vec<(String, Value)>,
}

impl Record {
    /// What an event says; without paths, if they are to be left out.
    pub(super) fn of(event: &Event<'_>, redact: bool) -> Self {
        let metadata = event.metadata();
        let mut record = Self {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut Reader {
            record: &mut record,
            redact,
        });
        record
    }

    /// A line for people. What could steer a terminal or forge a line is written as `\n` or
    /// `\u{1b}`; a backtrace keeps its lines.
    pub(super) fn text(&self, now: Timestamp, colour: bool) -> String {
        let level = format!("{:>5}", self.level);
        let mut line = if colour {
            let code = match self.level {
                Level::ERROR => "31",
                Level::WARN => "33",
                Level::INFO => "32",
                Level::DEBUG => "34",
                Level::TRACE => "35",
            };
            format!(
                "\x1b[2m{now}\x1b[0m \x1b[{code}m{level}\x1b[0m \x1b[2m{}:\x1b[0m ",
                self.target
            )
        } else {
            format!("{now} {level} {}: ", self.target)
        };
        line.push_str(&safe(&self.message));
        for (name, value) in &self.fields {
            let shown = match value {
                Value::String(text) if name == BACKTRACE => Cow::Borrowed(&**text),
                Value::String(text) => safe(text),
                other => Cow::Owned(other.to_string()),
            };
            // A string takes no error.
            let _ = write!(line, " {name}={shown}");
        }
        line.push('\n');
        line
    }

    /// A JSON object on a line: `{"timestamp", "level", "fields": {"message", …}, "target"}`.
    pub(super) fn json(&self, now: Timestamp) -> String {
        let message = ("message".to_owned(), Value::from(self.message.as_str()));
        let fields: Map<_, _> = std::iter::once(message)
            .chain(self.fields.iter().cloned())
            .collect();
        let line = serde_json::json!({
            "timestamp": now.to_string(),
            "level": self.level.as_str(),
            "fields": fields,
            "target": self.target,
        });
        format!("{line}\n")
    }
}

/// The field that has lines of its own.
const BACKTRACE: &str = "backtrace";

fn safe(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Takes what an event says, field by field.
struct Reader<'a> {
    record: &'a mut Record,
    redact: bool,
}

impl Reader<'_> {
    fn text(&mut self, field: &Field, text: &str) {
        let text = if self.redact {
            redact::field(field.name(), text)
        } else {
            Cow::Borrowed(text)
        };
        match field.name() {
            "message" => self.record.message = text.into_owned(),
            // What came by way of the `log` crate tells there who said it.
            "log.target" => self.record.target = text.into_owned(),
            name if name.starts_with("log.") => {}
            name => self.value(name, Value::from(text.into_owned())),
        }
    }

    fn value(&mut self, name: &str, value: Value) {
        let name = name.strip_prefix("r#").unwrap_or(name);
        if !name.starts_with("log.") {
            self.record.fields.push((name.to_owned(), value));
        }
    }
}

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field.name(), Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field.name(), Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field.name(), Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field.name(), Value::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_line_whatever_it_says() {
        let record = Record {
            level: Level::WARN,
            target: "musicfs::scan".to_owned(),
            message: "not read\nforged".to_owned(),
            fields: vec![
                ("path".to_owned(), Value::from("a\x1b[31m.flac")),
                ("count".to_owned(), Value::from(3)),
            ],
        };
        assert_eq!(
            record.text(Timestamp(0), false),
            "1970-01-01T00:00:00.000000Z  WARN musicfs::scan: not read\\nforged \
             path=a\\u{1b}[31m.flac count=3\n"
        );
        let json: Value = serde_json::from_str(&record.json(Timestamp(0))).unwrap();
        assert_eq!(json["fields"]["message"], "not read\nforged");
        assert_eq!(json["fields"]["count"], 3);
        assert_eq!(json["level"], "WARN");
    }
}
