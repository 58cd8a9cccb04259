//! A query as text.

use std::fmt;

use super::query::{
    Age, Condition, Date, Direction, Filter, Match, NumberField, Query, Test, TextField, Unit, When,
};
use super::text::quoted;

/// As [`Query::parse`] reads it.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blank = "";
        let is_everything = self.filter == Filter::All(Vec::new());
        if !is_everything || (self.sort.is_empty() && self.limit.is_none()) {
            write!(f, "{}", self.filter)?;
            blank = " ";
        }
        for (number, (key, direction)) in self.sort.iter().enumerate() {
            let before = if number == 0 { "SORT " } else { ", " };
            let blank = if number == 0 { blank } else { "" };
            write!(f, "{blank}{before}{}", key.name())?;
            if *direction == Direction::Descending {
                f.write_str(" DESC")?;
            }
        }
        if !self.sort.is_empty() {
            blank = " ";
        }
        match self.limit {
            Some(limit) => write!(f, "{blank}LIMIT {limit}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], by: &str| {
            parts.iter().enumerate().try_for_each(|(number, part)| {
                if number > 0 {
                    f.write_str(by)?;
                }
                part.within(f)
            })
        };
        match self {
            Self::All(parts) if parts.is_empty() => f.write_str("*"),
            Self::All(parts) => joined(f, parts, " AND "),
            Self::Any(parts) => joined(f, parts, " OR "),
            Self::Not(part) => {
                f.write_str("NOT ")?;
                part.within(f)
            }
            Self::Is(condition) => condition.fmt(f),
        }
    }
}

impl Filter {
    /// As a part of another.
    fn within(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(_) | Self::Any(_) => write!(f, "({self})"),
            Self::Not(_) | Self::Is(_) => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anywhere(text) => f.write_str(&quoted(text)),
            Self::Text { field, how, text } => {
                match field {
                    TextField::Column(column) => f.write_str(column.name())?,
                    TextField::Tag(name) => write!(f, "tag.{}", quoted(name))?,
                }
                let sign = match how {
                    Match::Words => ':',
                    Match::Whole => '=',
                };
                write!(f, "{sign}{}", quoted(text))
            }
            Self::Number(field, test) => {
                write!(f, "{}:", field.name())?;
                test.write(f, |f, number| field.write(f, *number))
            }
            Self::Date(test) => {
                f.write_str("date:")?;
                test.write(f, |f, date| date.fmt(f))
            }
            Self::Time(field, when) => {
                write!(f, "{}:", field.name())?;
                match when {
                    When::Within(age) => write!(f, "<{age}"),
                    When::Before(age) => write!(f, ">{age}"),
                    When::On(test) => test.write(f, |f, date| date.fmt(f)),
                }
            }
            Self::NeverPlayed => f.write_str("played:never"),
        }
    }
}

impl NumberField {
    fn write(self, f: &mut fmt::Formatter<'_>, number: u32) -> fmt::Result {
        match self {
            Self::Year | Self::Plays => write!(f, "{number}"),
            Self::Rating if number.is_multiple_of(10) => write!(f, "{}", number / 10),
            Self::Rating => write!(f, "{}.{}", number / 10, number % 10),
            Self::Length => write!(f, "{}:{:02}", number / 60, number % 60),
        }
    }
}

impl<T> Test<T> {
    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        value: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
    ) -> fmt::Result {
        let (sign, one) = match self {
            Self::Is(one) => ("", one),
            Self::Below(one) => ("<", one),
            Self::AtMost(one) => ("<=", one),
            Self::Above(one) => (">", one),
            Self::AtLeast(one) => (">=", one),
            Self::Between(from, to) => {
                for (before, end) in [("[", from), (" TO ", to)] {
                    f.write_str(before)?;
                    match end {
                        Some(end) => value(f, end)?,
                        None => f.write_str("*")?,
                    }
                }
                return f.write_str("]");
            }
        };
        f.write_str(sign)?;
        value(f, one)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        for part in [self.month, self.day].into_iter().flatten() {
            write!(f, "-{part:02}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = Unit::EVERY.iter().find(|(_, unit)| *unit == self.unit);
        let letter = letter.map_or('d', |(letter, _)| *letter);
        write!(f, "{}{letter}", self.count)
    }
}
