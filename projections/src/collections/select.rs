//! A query as SQL: text of our own, and whatever somebody wrote as parameters.

use eventlog::Timestamp;
use rusqlite::types::Value;

use super::facts::tag_mark;
use super::query::{
    Column, Condition, Date, Direction, Filter, Match, NumberField, Query, SortKey, Test,
    TextField, TimeField, When,
};
use super::text::{TAG, VALUE, words};

/// Where words may stand that are asked for anywhere.
const ANYWHERE: [Column; 6] = [
    Column::Title,
    Column::Artist,
    Column::AlbumArtist,
    Column::Album,
    Column::Genre,
    Column::Composer,
];

/// The order of a collection that tells none, and of tracks that are equal by what it tells.
const USUAL: [SortKey; 5] = [
    SortKey::AlbumArtist,
    SortKey::Date,
    SortKey::Album,
    SortKey::Disc,
    SortKey::Track,
];

/// A statement, and its parameters in order.
pub(super) struct Select {
    pub(super) sql: String,
    pub(super) parameters: Vec<Value>,
}

/// What finds the tracks of a collection at a moment: id, artist, title, length; at most `limit`.
pub(super) fn select(query: &Query, now: Timestamp, limit: usize) -> Select {
    let mut select = Select {
        sql: "SELECT track.id, shown_artist, shown_title, length_ms FROM track \
              LEFT JOIN tally ON tally.track = track.id WHERE track.living = 1 AND "
            .to_owned(),
        parameters: Vec::new(),
    };
    select.filter(&query.filter, now);
    select.order(&query.sort);
    select.text(" LIMIT ");
    select.value(i64::try_from(limit).unwrap_or(i64::MAX));
    select
}

impl Select {
    fn text(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    fn value(&mut self, value: impl Into<Value>) {
        self.sql.push('?');
        self.parameters.push(value.into());
    }

    /// What is not known is not true: `NOT` makes it true.
    fn filter(&mut self, filter: &Filter, now: Timestamp) {
        let (parts, between, none) = match filter {
            Filter::All(parts) => (parts, " AND ", "1"),
            Filter::Any(parts) => (parts, " OR ", "0"),
            Filter::Not(part) => {
                self.text("(");
                self.filter(part, now);
                self.text(") IS NOT TRUE");
                return;
            }
            Filter::Is(condition) => {
                self.condition(condition, now);
                return;
            }
        };
        self.text("(");
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                self.text(between);
            }
            self.filter(part, now);
        }
        if parts.is_empty() {
            self.text(none);
        }
        self.text(")");
    }

    fn condition(&mut self, condition: &Condition, now: Timestamp) {
        match condition {
            Condition::Anywhere(text) => {
                let needle = needle(Match::Words, text);
                self.text("(");
                for (number, column) in ANYWHERE.iter().enumerate() {
                    if number > 0 {
                        self.text(" OR ");
                    }
                    self.column(*column, needle.clone());
                }
                self.text(")");
            }
            Condition::Text { field, how, text } => match field {
                TextField::Column(column) => self.column(*column, needle(*how, text)),
                TextField::Tag(name) => self.tag(name, needle(*how, text)),
            },
            Condition::Number(field, test) => self.number(*field, test),
            Condition::Date(test) => {
                self.span("track.date", test.span(first_date, last_date));
            }
            Condition::Time(field, when) => {
                let column = match field {
                    TimeField::Added => "track.added",
                    TimeField::Played => "tally.last",
                };
                let before = |micros: i64| now.0.saturating_sub(micros);
                let span = match when {
                    When::Within(age) => (Some(before(age.micros())), None),
                    When::Before(age) => (None, Some(before(age.micros()).saturating_sub(1))),
                    When::On(test) => test.span(day_begins, |date| {
                        day_begins(&after(*date)).saturating_sub(1)
                    }),
                };
                self.span(column, span);
            }
            Condition::NeverPlayed => self.text("tally.track IS NULL"),
        }
    }

    fn column(&mut self, column: Column, needle: String) {
        // Columns have the names of the fields.
        self.text("instr(track.");
        self.text(column.name());
        self.text(", ");
        self.value(needle);
        self.text(") > 0");
    }

    /// Looks between the mark of the tag and the next one.
    fn tag(&mut self, name: &str, needle: String) {
        let mark = tag_mark(name);
        // The last character of the mark begins the first value.
        let skip = i64::try_from(mark.chars().count() - 1).unwrap_or(i64::MAX);
        self.text("(instr(track.tags, ");
        self.value(mark.clone());
        self.text(") > 0 AND instr(substr(");
        for times in 0..2 {
            self.text("substr(track.tags, instr(track.tags, ");
            self.value(mark.clone());
            self.text(") + ");
            self.value(skip);
            self.text(if times == 0 { "), 1, instr(" } else { "), " });
        }
        self.value(TAG.to_string());
        self.text(")), ");
        self.value(needle);
        self.text(") > 0)");
    }

    fn number(&mut self, field: NumberField, test: &Test<u32>) {
        let scaled = |by: i64, rest: i64| {
            test.span(
                |number| i64::from(*number).saturating_mul(by),
                |number| i64::from(*number).saturating_mul(by).saturating_add(rest),
            )
        };
        match field {
            NumberField::Year => self.span("track.date", scaled(10_000, 9_999)),
            NumberField::Rating => self.span("track.rating", scaled(1, 0)),
            NumberField::Length => self.span("track.length_ms", scaled(1_000, 999)),
            NumberField::Plays => match scaled(1, 0) {
                // Whoever has a row was played: the index can be used.
                span @ (Some(1..), _) => self.span("tally.plays", span),
                span => self.span("coalesce(tally.plays, 0)", span),
            },
        }
    }

    /// True where a column has a value, and that is within both ends.
    fn span(&mut self, column: &str, span: (Option<i64>, Option<i64>)) {
        self.text("(");
        self.text(column);
        match span {
            (None, None) => self.text(" IS NOT NULL"),
            (Some(first), Some(last)) => {
                self.text(" BETWEEN ");
                self.value(first);
                self.text(" AND ");
                self.value(last);
            }
            (Some(first), None) => {
                self.text(" >= ");
                self.value(first);
            }
            (None, Some(last)) => {
                self.text(" <= ");
                self.value(last);
            }
        }
        self.text(")");
    }

    fn order(&mut self, keys: &[(SortKey, Direction)]) {
        self.text(" ORDER BY ");
        for (key, direction) in keys {
            self.sort(*key, *direction);
        }
        let is_asked = |key: &SortKey| keys.iter().any(|(asked, _)| asked == key);
        for key in USUAL.into_iter().filter(|key| !is_asked(key)) {
            self.sort(key, Direction::Ascending);
        }
        self.text("track.id");
    }

    fn sort(&mut self, key: SortKey, direction: Direction) {
        let (column, is_empty) = match key {
            SortKey::Title => ("track.title", " = ''"),
            SortKey::Artist => ("track.artist", " = ''"),
            SortKey::AlbumArtist => ("track.albumartist", " = ''"),
            SortKey::Album => ("track.album", " = ''"),
            SortKey::Genre => ("track.genre", " = ''"),
            SortKey::Composer => ("track.composer", " = ''"),
            SortKey::Path => ("track.path", " = ''"),
            SortKey::Date => ("track.date", " IS NULL"),
            SortKey::Disc => ("track.disc", " IS NULL"),
            SortKey::Track => ("track.number", " IS NULL"),
            SortKey::Rating => ("track.rating", " IS NULL"),
            SortKey::Length => ("track.length_ms", " IS NULL"),
            SortKey::Played => ("tally.last", " IS NULL"),
            // An album comes track by track, and is to stay together: ten minutes count as
            // one moment.
            SortKey::Added => ("track.added / 600000000", ""),
            SortKey::Plays => ("coalesce(tally.plays, 0)", ""),
        };
        if !is_empty.is_empty() {
            self.text(column);
            self.text(is_empty);
            self.text(", ");
        }
        self.text(column);
        self.text(match direction {
            Direction::Ascending => ", ",
            Direction::Descending => " DESC, ",
        });
    }
}

/// What a text has to have in it.
fn needle(how: Match, text: &str) -> String {
    let words = words(text);
    match how {
        Match::Words => words,
        Match::Whole => format!("{VALUE}{words}{VALUE}"),
    }
}

fn first_date(date: &Date) -> i64 {
    packed(date, 0, 0)
}

fn last_date(date: &Date) -> i64 {
    packed(date, 99, 99)
}

fn packed(date: &Date, month: u8, day: u8) -> i64 {
    let (month, day) = (date.month.unwrap_or(month), date.day.unwrap_or(day));
    i64::from(date.year) * 10_000 + i64::from(month) * 100 + i64::from(day)
}

/// The year, month or day that follows. Months are taken to have as many days as they like.
fn after(date: Date) -> Date {
    match date {
        Date { day: Some(day), .. } => Date {
            day: Some(day.saturating_add(1)),
            ..date
        },
        Date {
            month: Some(month), ..
        } => Date {
            month: Some(month.saturating_add(1)),
            ..date
        },
        Date { year, .. } => Date {
            year: year.saturating_add(1),
            ..date
        },
    }
}

/// When it begins in UTC, in microseconds since the Unix epoch. Months and days beyond the last are
/// of the next year and month: days since the epoch by the proleptic Gregorian calendar.
fn day_begins(date: &Date) -> i64 {
    let month = i64::from(date.month.unwrap_or(1)) - 1;
    let year = i64::from(date.year) + month.div_euclid(12);
    let month = month.rem_euclid(12);
    // Years that begin with March end with the day that may be missing.
    let (year, month) = if month < 2 {
        (year - 1, month + 10)
    } else {
        (year, month - 2)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From March on, months are of 31, 30, 31, 30, 31 days, twice, and 31.
    let days = year * 365 + leaps + (month * 153 + 2) / 5;
    let days = days + i64::from(date.day.unwrap_or(1)) - 1;
    // From 1 March of the year 0 to 1 January 1970.
    let since_epoch = days - 719_468;
    since_epoch * 86_400_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_when_the_calendar_says() {
        let begins = |text: &str| {
            let query = Query::parse(&format!("date:{text}")).unwrap();
            let Filter::Is(Condition::Date(Test::Is(date))) = query.filter else {
                panic!("{text}");
            };
            (
                Timestamp(day_begins(&date)),
                Timestamp(day_begins(&after(date))),
            )
        };
        for (text, first, end) in [
            ("1970", "1970-01-01", "1971-01-01"),
            ("2024-02", "2024-02-01", "2024-03-01"),
            ("2024-02-29", "2024-02-29", "2024-03-01"),
            ("2023-12", "2023-12-01", "2024-01-01"),
            ("2023-12-31", "2023-12-31", "2024-01-01"),
            ("2000-02-28", "2000-02-28", "2000-02-29"),
            ("1900-02-28", "1900-02-28", "1900-03-01"),
        ] {
            let day = |text: &str| format!("{text}T00:00:00Z").parse().unwrap();
            assert_eq!(begins(text), (day(first), day(end)), "{text}");
        }
    }
}
