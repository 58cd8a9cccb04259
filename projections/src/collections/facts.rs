//! What conditions look at, taken out of what a track says about itself.

use eventlog::{Field, Media, OriginPath, Tags};

use super::query::Column;
use super::text::{self, TAG};
use crate::layout::{NameInputs, values};

/// Most tags that have no place of their own that are looked at.
const MAX_TAGS: usize = 64;
/// Longest name of one, in bytes.
const MAX_NAME: usize = 100;

/// What conditions look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Texts as conditions see them, in the order of [`Column::EVERY`].
    pub texts: [Box<str>; Column::EVERY.len()],
    /// Other tags: names, and texts as conditions see them.
    pub tags: Box<str>,
    /// The release date, in decimal digits `YYYYMMDD`; 0 for what it does not tell.
    pub date: Option<i64>,
    /// The disc's number.
    pub disc: Option<i64>,
    /// The track's number.
    pub number: Option<i64>,
    /// The rating, in tenths of a star.
    pub rating: Option<i64>,
    /// The length, in milliseconds.
    pub length_ms: Option<i64>,
    /// The artists, for people.
    pub artist: Option<Box<str>>,
    /// The title, for people.
    pub title: Option<Box<str>>,
}

impl Facts {
    /// The facts of a file.
    #[must_use]
    pub fn of(media: &Media, path: &OriginPath) -> Self {
        let tags = &media.tags;
        let number = |field: &Field| tags.first(field).and_then(leading);
        let text = |column: &Column| -> Box<str> {
            let field = match column {
                Column::Title => Field::Title,
                Column::Artist => Field::Artist,
                Column::AlbumArtist => {
                    return text::values(values::albumartist(tags)).into();
                }
                Column::Album => Field::Album,
                Column::Genre => Field::Genre,
                Column::Composer => Field::Composer,
                Column::Path => return path_text(path),
            };
            text::values(tags.all(&field)).into()
        };
        let mut texts = <[Box<str>; Column::EVERY.len()]>::default();
        for (place, column) in texts.iter_mut().zip(Column::EVERY) {
            *place = text(column);
        }
        Self {
            texts,
            tags: others(tags),
            date: date(tags),
            disc: number(&Field::Disc),
            number: number(&Field::Track),
            rating: rating(tags),
            length_ms: media
                .audio
                .duration_ms
                .and_then(|ms| i64::try_from(ms).ok()),
            artist: values::artists(tags),
            title: values::first(tags, &Field::Title),
        }
    }

    /// What the file at the same path says now.
    #[must_use]
    pub fn told(self, media: &Media) -> Self {
        let mut told = Self::of(media, &OriginPath::root());
        let paths = self.texts.into_iter().zip(Column::EVERY);
        for (place, (path, column)) in told.texts.iter_mut().zip(paths) {
            if *column == Column::Path {
                *place = path;
            }
        }
        told
    }

    /// The same, of a file that is elsewhere.
    #[must_use]
    pub fn moved(mut self, path: &OriginPath) -> Self {
        for (place, column) in self.texts.iter_mut().zip(Column::EVERY) {
            if *column == Column::Path {
                *place = path_text(path);
            }
        }
        self
    }
}

fn path_text(path: &OriginPath) -> Box<str> {
    text::values([path.to_string()]).into()
}

/// How the tags begin that have that name.
pub(super) fn tag_mark(name: &str) -> String {
    format!("{TAG}{}{}", name.to_lowercase(), text::VALUE)
}

fn others(tags: &Tags) -> Box<str> {
    let mut text = String::new();
    let kept = tags.iter().filter(|(field, _)| NameInputs::keeps(field));
    let kept = kept.filter(|(field, _)| field.name().len() <= MAX_NAME);
    for (field, values) in kept.take(MAX_TAGS) {
        let values = text::values(values);
        let name = field.name();
        if let Some(values) = values.strip_prefix(text::VALUE)
            && !name.contains([TAG, text::VALUE])
        {
            text.push_str(&tag_mark(name));
            text.push_str(values);
        }
    }
    if !text.is_empty() {
        text.push(TAG);
    }
    text.into()
}

/// The number that a text begins with.
fn leading(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits)?.parse().ok()
}

/// The release date, else the original one: where neither is written as `YYYY-MM-DD` or the beginning
/// of that, its year as names have it.
fn date(tags: &Tags) -> Option<i64> {
    let of = |text: &str| {
        let year = text
            .split(|char: char| !char.is_ascii_digit())
            .find_map(|digits| digits.get(..4))?;
        let year: i64 = year.parse().ok().filter(|year| *year > 0)?;
        let mut parts = text.split(['-', 'T', ' ']);
        let is_first = parts.next()?.parse() == Ok(year);
        let mut part = |most: i64| {
            let number = parts.next().filter(|text| text.len() == 2)?;
            let number = number.parse().ok();
            number.filter(|number| (1..=most).contains(number))
        };
        let month = part(12).filter(|_| is_first).unwrap_or(0);
        let day = part(31).filter(|_| month > 0).unwrap_or(0);
        Some(year * 10_000 + month * 100 + day)
    };
    [Field::Date, Field::OriginalDate]
        .iter()
        .find_map(|field| of(tags.first(field)?))
}

/// The rating in tenths of a star, whoever gave it: the first tag that tells one. 0 is none.
///
/// `FMPS_RATING` is of 0 to 1, `RATING` of 1 to 5 stars, or of 100. ID3's `POPM` is of 1 to 255, where
/// players write 1, 64, 128, 196 and 255 for one to five stars.
fn rating(tags: &Tags) -> Option<i64> {
    let of = |(field, values): (&Field, &[String])| {
        let value = values.first()?;
        let name = match field {
            Field::Custom(name) => &**name,
            _ => return None,
        };
        let tenths = match name {
            "FMPS_RATING" => hundredths(value).filter(|of| *of <= 100)? / 2,
            "RATING" => match hundredths(value)? {
                stars @ 0..=500 => stars / 10,
                percent @ 501..=10_000 => percent / 200,
                _ => return None,
            },
            name if name == "POPM" || name.starts_with("POPM:") => match leading(value)? {
                0 => 0,
                1..=31 => 10,
                32..=95 => 20,
                96..=159 => 30,
                160..=223 => 40,
                224..=255 => 50,
                _ => return None,
            },
            _ => return None,
        };
        Some(tenths).filter(|tenths| *tenths > 0)
    };
    tags.iter().find_map(of)
}

/// A number with or without decimals, in hundredths.
fn hundredths(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 4 || !is_plain(whole) || !is_plain(decimals) {
        return None;
    }
    let decimals: String = decimals.chars().chain("00".chars()).take(2).collect();
    Some(whole.parse::<i64>().ok()? * 100 + decimals.parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        let mut tags = Tags::new();
        for (name, value) in pairs {
            tags.push(Field::from_name(name), value);
        }
        tags
    }

    #[test]
    fn dates_are_as_exact_as_they_are_told() {
        for (text, expected) in [
            ("1994", Some(19_940_000)),
            ("1994-05", Some(19_940_500)),
            ("1994-05-17", Some(19_940_517)),
            ("1994-05-17T10:00:00", Some(19_940_517)),
            ("1994-13-01", Some(19_940_000)),
            ("17.05.1994", Some(19_940_000)),
            ("0000", None),
            ("soon", None),
        ] {
            assert_eq!(date(&tags(&[("date", text)])), expected, "{text}");
        }
        let original = tags(&[("date", "soon"), ("originaldate", "1960-02")]);
        assert_eq!(date(&original), Some(19_600_200));
    }

    #[test]
    fn ratings_are_told_in_stars_whoever_gave_them() {
        for (name, value, expected) in [
            ("RATING", "4", Some(40)),
            ("RATING", "4.5", Some(45)),
            ("RATING", "80", Some(40)),
            ("RATING", "0", None),
            ("RATING", "good", None),
            ("FMPS_RATING", "0.8", Some(40)),
            ("POPM", "196", Some(40)),
            ("POPM:me@example.com", "255", Some(50)),
            ("MOOD", "5", None),
        ] {
            assert_eq!(rating(&tags(&[(name, value)])), expected, "{name} {value}");
        }
    }

    #[test]
    fn other_tags_stay_apart() {
        let tags = tags(&[
            ("MOOD", "Calm"),
            ("MOOD", "so wistful"),
            ("label", "Blue Note"),
        ]);
        assert_eq!(
            &*others(&tags),
            "\u{1e}label\u{1f} blue note \u{1f}\u{1e}mood\u{1f} calm \u{1f} so wistful \u{1f}\u{1e}"
        );
    }
}
