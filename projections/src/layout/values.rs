//! Tags to the texts that names are made of.

use eventlog::tags::{Field, Tags};

use super::inputs::{NameInputs, Value};
use super::names;

/// Longest value that is kept, in bytes: no name is longer.
const MAX_VALUE: usize = 255;
/// Most tags that are kept beside the well-known ones.
const MAX_OTHERS: usize = 64;

/// A field's first value.
pub(crate) fn first(tags: &Tags, field: &Field) -> Value {
    tags.first(field).map(bounded)
}

/// All artists, as one text.
pub(crate) fn artists(tags: &Tags) -> Value {
    match tags.all(&Field::Artist) {
        [] => None,
        [artist] => Some(bounded(artist)),
        artists => {
            let enough = artists.get(..MAX_VALUE).unwrap_or(artists);
            Some(bounded(&enough.join("; ")))
        }
    }
}

/// Whose release it is (FS-3).
pub(crate) fn albumartist(tags: &Tags) -> Value {
    let is_compilation = tags.first(&Field::Compilation).is_some_and(|flag| {
        flag == "1" || flag.eq_ignore_ascii_case("true") || flag.eq_ignore_ascii_case("yes")
    });
    match tags.first(&Field::AlbumArtist) {
        Some(artist) => Some(bounded(artist)),
        None if is_compilation => Some("Various Artists".into()),
        None => first(tags, &Field::Artist),
    }
}

/// The track's number, of two digits at least. 0 is one: rips call what hides before track 1 so.
pub(super) fn track(tags: &Tags) -> Value {
    number(tags, &Field::Track, 2)
}

/// A disc, or a total, without leading zeros. 0 is none.
pub(super) fn count(tags: &Tags, field: &Field) -> Value {
    number(tags, field, 1).filter(|count| **count != *"0")
}

/// The number before a `/`, with leading zeros up to `digits`; what is no number is kept.
fn number(tags: &Tags, field: &Field, digits: usize) -> Value {
    let value = tags.first(field)?;
    let value = value
        .split_once('/')
        .map_or(value, |(number, _)| number)
        .trim();
    match value.parse::<u32>() {
        Ok(number) => Some(format!("{number:0digits$}").into()),
        Err(_) if value.is_empty() => None,
        Err(_) => Some(bounded(value)),
    }
}

/// The release date, else the original one.
pub(super) fn date(tags: &Tags) -> Value {
    first(tags, &Field::Date).or_else(|| first(tags, &Field::OriginalDate))
}

/// The year of the release date, else of the original one: the first four of the first four or more
/// digits in a row. `0000` is none.
pub(super) fn year(tags: &Tags) -> Value {
    let year_of = |date: &str| -> Value {
        date.split(|char: char| !char.is_ascii_digit())
            .find_map(|digits| digits.get(..4))
            .filter(|year| *year != "0000")
            .map(Into::into)
    };
    [Field::Date, Field::OriginalDate]
        .iter()
        .find_map(|field| year_of(tags.first(field)?))
}

/// The tags that have no variable of their own.
pub(super) fn others(tags: &Tags) -> Vec<(Box<str>, Box<str>)> {
    tags.iter()
        .filter(|(field, _)| NameInputs::keeps(field))
        .filter_map(|(field, values)| Some((field.name(), values.first()?)))
        .filter(|(name, value)| name.len() <= MAX_VALUE && value.len() <= MAX_VALUE)
        .take(MAX_OTHERS)
        .map(|(name, value)| (name.into(), bounded(value)))
        .collect()
}

/// The value in NFC, cut to what a name can hold.
pub(super) fn bounded(value: &str) -> Box<str> {
    // Composition can shrink a text to a third, seldom to less; the rest is never looked at.
    let head = value
        .get(..value.floor_char_boundary(MAX_VALUE * 4))
        .unwrap_or(value);
    let composed = names::composed(head);
    names::cut(&composed, MAX_VALUE).into()
}
