//! Reads what a query asks of one field.

use super::parse::{Parser, found};
use super::problem::QueryError;
use super::query::{
    Age, Column, Condition, Date, Match, NumberField, Test, TextField, TimeField, Unit, When,
};

type Result<T> = std::result::Result<T, QueryError>;

/// Stars that a rating has at most.
const MOST_STARS: u32 = 5;

/// Most digits of a number.
const MAX_DIGITS: usize = 6;

impl Parser<'_> {
    /// What is asked of the field of that name, which stands at `column` and has just been read.
    pub(super) fn field(&mut self, column: usize, name: &str) -> Result<Condition> {
        let name = name.to_lowercase();
        if let Some(tag) = name.strip_prefix("tag.") {
            return self.tag(tag);
        }
        if let Some(column) = named(Column::EVERY, &name, |it| it.name()) {
            return self.words(TextField::Column(column));
        }
        if let Some(field) = named(NumberField::EVERY, &name, |it| it.name()) {
            self.colon()?;
            let what = match field {
                NumberField::Year => "a year",
                NumberField::Plays => "a number",
                NumberField::Rating => "a number of stars from 0 to 5, such as 4 or 3.5",
                NumberField::Length => "a length such as 5:30, or seconds",
            };
            let test = self.test(what, |text| number(field, text))?;
            if field == NumberField::Rating
                && ["star", "stars"].iter().any(|it| self.next_keyword(it))
            {
                return Err(self.error("AND, OR or the end: stars are not written out"));
            }
            return Ok(Condition::Number(field, test));
        }
        if let Some(field) = named(TimeField::EVERY, &name, |it| it.name()) {
            self.colon()?;
            return self.time(field);
        }
        if name == "date" {
            self.colon()?;
            return self.test(A_DATE, date).map(Condition::Date);
        }
        Err(self.error_at(column, &known(&name), found(&name)))
    }

    fn tag(&mut self, name: &str) -> Result<Condition> {
        let column = self.column();
        let name = if name.is_empty() && self.here() == Some('"') {
            self.string()?.to_lowercase()
        } else {
            name.to_owned()
        };
        if name.trim().is_empty() {
            return Err(self.error_at(column, "the name of a tag", found(&name)));
        }
        let own = named(Column::EVERY, &name, |it| it.name());
        self.words(own.map_or_else(|| TextField::Tag(name.into()), TextField::Column))
    }

    fn words(&mut self, field: TextField) -> Result<Condition> {
        let how = match self.here() {
            Some(':') => Match::Words,
            Some('=') => Match::Whole,
            _ => return Err(self.error("`:` or `=`")),
        };
        self.take();
        let text = self.text()?;
        Ok(Condition::Text { field, how, text })
    }

    fn colon(&mut self) -> Result<()> {
        if self.here() == Some(':') {
            self.take();
            return Ok(());
        }
        Err(self.error("`:`"))
    }

    /// What is asked of a value: the value, a sign before it, or a range.
    fn test<T>(&mut self, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<Test<T>> {
        if self.here() == Some('[') {
            self.take();
            let from = self.bound(what, &read)?;
            if !self.keyword("TO") {
                return Err(self.error("TO, as in [1960 TO 1969]"));
            }
            let to = self.bound(what, &read)?;
            if !self.sign(']') {
                return Err(self.error("`]`"));
            }
            return Ok(Test::Between(from, to));
        }
        let of: fn(T) -> Test<T> = match self.compared() {
            Sign::None => Test::Is,
            Sign::Below => Test::Below,
            Sign::AtMost => Test::AtMost,
            Sign::Above => Test::Above,
            Sign::AtLeast => Test::AtLeast,
        };
        let column = self.column();
        let text = self.value();
        read(text)
            .map(of)
            .ok_or_else(|| self.error_at(column, what, found(text)))
    }

    fn bound<T>(&mut self, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        self.peek();
        let column = self.column();
        match self.value() {
            "*" => Ok(None),
            text => read(text).map(Some).ok_or_else(|| {
                let expected = format!("{what}, or `*`");
                self.error_at(column, &expected, found(text))
            }),
        }
    }

    fn time(&mut self, field: TimeField) -> Result<Condition> {
        if self.here() == Some('[') {
            let test = self.test(A_DATE, date)?;
            return Ok(Condition::Time(field, When::On(test)));
        }
        let sign = self.compared();
        let column = self.column();
        let text = self.value();
        if field == TimeField::Played && sign == Sign::None && text == "never" {
            return Ok(Condition::NeverPlayed);
        }
        let when = match (age(text), date(text), sign) {
            (Some(age), _, Sign::Below) => Some(When::Within(age)),
            (Some(age), _, Sign::Above) => Some(When::Before(age)),
            (_, Some(date), Sign::None) => Some(When::On(Test::Is(date))),
            (_, Some(date), Sign::Below) => Some(When::On(Test::Below(date))),
            (_, Some(date), Sign::AtMost) => Some(When::On(Test::AtMost(date))),
            (_, Some(date), Sign::Above) => Some(When::On(Test::Above(date))),
            (_, Some(date), Sign::AtLeast) => Some(When::On(Test::AtLeast(date))),
            _ => None,
        };
        let when = when.ok_or_else(|| {
            let never = match field {
                TimeField::Added => "",
                TimeField::Played => ", never",
            };
            let expected = format!("<30d, >30d (h, d, w, m or y), a date such as 2024-05{never}");
            self.error_at(column, &expected, found(text))
        })?;
        Ok(Condition::Time(field, when))
    }

    fn compared(&mut self) -> Sign {
        let (alone, with) = match self.here() {
            Some('<') => (Sign::Below, Sign::AtMost),
            Some('>') => (Sign::Above, Sign::AtLeast),
            _ => return Sign::None,
        };
        self.take();
        if self.here() == Some('=') {
            self.take();
            return with;
        }
        alone
    }
}

/// What may stand before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    None,
    Below,
    AtMost,
    Above,
    AtLeast,
}

const A_DATE: &str = "a date: 1994, 1994-05 or 1994-05-17";

fn named<T: Copy>(every: &[T], name: &str, of: impl Fn(&T) -> &'static str) -> Option<T> {
    every.iter().find(|it| of(it) == name).copied()
}

/// What fields there are; or the one that was probably meant.
fn known(name: &str) -> String {
    let names = Column::EVERY.iter().map(|it| it.name());
    let names = names.chain(NumberField::EVERY.iter().map(|it| it.name()));
    let names = names.chain(TimeField::EVERY.iter().map(|it| it.name()));
    let names: Vec<&str> = names.chain(["date"]).collect();
    let distance = |known: &&&str| strsim::levenshtein(name, known);
    let nearest = names.iter().filter(|known| distance(known) <= 2);
    match nearest.min_by_key(distance) {
        Some(nearest) => format!("a field such as {nearest}"),
        None => format!("a field: {}, or tag.NAME for other tags", names.join(", ")),
    }
}

fn digits(text: &str) -> Option<u32> {
    let is_plain = text.len() <= MAX_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn number(field: NumberField, text: &str) -> Option<u32> {
    match field {
        NumberField::Plays => digits(text),
        NumberField::Year => digits(text).filter(|year| *year <= 9999),
        NumberField::Rating => {
            let (stars, tenths) = text.split_once('.').unwrap_or((text, "0"));
            let tenths = digits(tenths).filter(|_| tenths.len() == 1)?;
            let stars = digits(stars).filter(|stars| *stars <= MOST_STARS)?;
            Some(stars * 10 + tenths).filter(|tenths| *tenths <= MOST_STARS * 10)
        }
        NumberField::Length => match text.split_once(':') {
            None => digits(text),
            Some((minutes, seconds)) => {
                let seconds = digits(seconds).filter(|_| seconds.len() == 2);
                let seconds = seconds.filter(|seconds| *seconds < 60)?;
                let minutes = digits(minutes).filter(|minutes| *minutes < 10_000)?;
                Some(minutes * 60 + seconds)
            }
        },
    }
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let mut part = |len: usize, range: std::ops::RangeInclusive<u32>| -> Option<Option<u32>> {
        let Some(text) = parts.next() else {
            return Some(None);
        };
        let number = digits(text).filter(|number| text.len() == len && range.contains(number));
        number.map(Some)
    };
    let year = part(4, 0..=9999)??;
    let (month, day) = (part(2, 1..=12)?, part(2, 1..=31)?);
    let small = |number: Option<u32>| number.and_then(|number| u8::try_from(number).ok());
    let date = Date {
        year: u16::try_from(year).ok()?,
        month: small(month),
        day: small(day),
    };
    parts.next().is_none().then_some(date)
}

fn age(text: &str) -> Option<Age> {
    let letter = text.chars().next_back()?;
    let (_, unit) = Unit::EVERY.into_iter().find(|(of, _)| *of == letter)?;
    let count = digits(text.strip_suffix(letter)?)?;
    Some(Age { count, unit })
}
