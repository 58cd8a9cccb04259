//! One tag of a file, as fields; and the limits that hold for all of them.

use eventlog::{Field, Tags};

use crate::fields::{self, Meaning};
use crate::picture::Cover;
use crate::{numbers, text};

/// Longest value that is kept, in bytes.
pub(crate) const MAX_VALUE: usize = 64 << 10;
const MAX_VALUES: usize = 256;
const MAX_BYTES: usize = 1 << 20;

/// How much more may be kept.
pub(crate) struct Allowance {
    values: usize,
    bytes: usize,
    /// True once something was cut or left out.
    pub(crate) exceeded: bool,
}

impl Allowance {
    pub(crate) const fn new() -> Self {
        Self {
            values: MAX_VALUES,
            bytes: MAX_BYTES,
            exceeded: false,
        }
    }

    /// As much of `value` as may be kept.
    pub(crate) fn admit<'v>(&mut self, value: &'v str) -> Option<&'v str> {
        let kept = text::cut(value, MAX_VALUE);
        self.exceeded |= kept.len() < value.len();
        match (
            self.values.checked_sub(1),
            self.bytes.checked_sub(kept.len()),
        ) {
            (Some(values), Some(bytes)) => {
                (self.values, self.bytes) = (values, bytes);
                Some(kept)
            }
            _ => {
                self.exceeded = true;
                None
            }
        }
    }
}

/// What one tag says.
pub(crate) struct Layer {
    tags: Tags,
    spares: Vec<(Field, String, String)>,
    encoder: Option<String>,
    allowance: Allowance,
    /// Its picture.
    pub(crate) cover: Cover,
}

impl Layer {
    pub(crate) fn new() -> Self {
        Self {
            tags: Tags::new(),
            spares: Vec::new(),
            encoder: None,
            allowance: Allowance::new(),
            cover: Cover::default(),
        }
    }

    /// Adds the value of a tag that is named in words.
    pub(crate) fn named(&mut self, name: &str, value: &str) {
        match fields::meaning(name) {
            Meaning::Field(field) => self.push(field, value),
            Meaning::Spare(field, name) => self.spare(field, name, value),
            Meaning::Encoder => self.encoder(value),
            Meaning::Nothing => {}
        }
    }

    /// Adds a value that means `field` unless something better says it.
    pub(crate) fn spare(&mut self, field: Field, name: String, value: &str) {
        if let Some(value) = self.allowance.admit(value.trim()) {
            self.spares.push((field, name, value.to_owned()));
        }
    }

    /// Says what encoded the file.
    pub(crate) fn encoder(&mut self, value: &str) {
        let value = text::cut(
            value.trim_matches(|c: char| c.is_whitespace() || c == '\0'),
            256,
        );
        if self.encoder.is_none() && !value.is_empty() {
            self.encoder = Some(value.to_owned());
        }
    }

    /// Adds a value of a field, in the field's usual spelling.
    pub(crate) fn push(&mut self, field: Field, value: &str) {
        match field {
            Field::Track | Field::Disc => {
                let (number, total) = numbers::with_total(value);
                let of = if field == Field::Track {
                    Field::TrackTotal
                } else {
                    Field::DiscTotal
                };
                self.once(field, number.as_deref());
                self.once(of, total.as_deref());
            }
            Field::TrackTotal | Field::DiscTotal => {
                self.once(field, numbers::total_of(value).as_deref());
            }
            Field::Compilation => self.once(field, numbers::flag(value).then_some("1")),
            Field::Bpm
            | Field::ReplayGainTrackGain
            | Field::ReplayGainTrackPeak
            | Field::ReplayGainAlbumGain
            | Field::ReplayGainAlbumPeak => self.once(field, Some(value)),
            _ => self.keep(field, value),
        }
    }

    fn once(&mut self, field: Field, value: Option<&str>) {
        if let Some(value) = value.filter(|_| self.tags.all(&field).is_empty()) {
            self.keep(field, value);
        }
    }

    fn keep(&mut self, field: Field, value: &str) {
        let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if value.is_empty() || self.tags.all(&field).iter().any(|have| have == value) {
            return;
        }
        if let Some(value) = self.allowance.admit(value) {
            self.tags.push(field, value);
        }
    }

    /// The tags, the encoder, and whether something had to be cut.
    pub(crate) fn finish(mut self) -> (Tags, Option<String>, bool) {
        // Spares were admitted when they came, so they are kept without asking again. Each name's
        // values stay together: a list that only begins like the field's own is told in full.
        let spares = std::mem::take(&mut self.spares);
        let before = self.tags.clone();
        for (field, name, value) in &spares {
            let have = before.all(field);
            let news = |other: &String| !have.contains(other);
            if have.is_empty() {
                if !self.tags.all(field).contains(value) {
                    self.tags.push(field.clone(), value);
                }
            } else if spares
                .iter()
                .any(|(_, other, value)| other == name && news(value))
            {
                self.tags.push(Field::Custom(name.as_str().into()), value);
            }
        }
        (self.tags, self.encoder, self.allowance.exceeded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(named: &[(&str, &str)]) -> Tags {
        let mut layer = Layer::new();
        named
            .iter()
            .for_each(|(name, value)| layer.named(name, value));
        layer.finish().0
    }

    #[test]
    fn names_are_one_whatever_their_spelling() {
        for name in [
            "ALBUMARTIST",
            "album artist",
            "Album_Artist",
            "album-artist",
        ] {
            assert_eq!(
                tags(&[(name, "X")]).first(&Field::AlbumArtist),
                Some("X"),
                "{name}"
            );
        }
        let other = tags(&[("My own_tag", "X")]);
        assert_eq!(other.first(&Field::Custom("MY OWN_TAG".into())), Some("X"));
    }

    #[test]
    fn a_year_is_the_date_only_where_no_date_is() {
        assert_eq!(tags(&[("YEAR", "1999")]).first(&Field::Date), Some("1999"));
        let both = tags(&[("YEAR", "1999"), ("DATE", "2001-02-03")]);
        assert_eq!(both.all(&Field::Date), ["2001-02-03"]);
        assert_eq!(both.first(&Field::Custom("YEAR".into())), Some("1999"));
    }

    #[test]
    fn a_list_of_artists_stands_in_for_the_artist() {
        assert_eq!(
            tags(&[("ARTISTS", "A"), ("ARTISTS", "B")]).all(&Field::Artist),
            ["A", "B"]
        );
        let both = tags(&[("ARTIST", "A & B"), ("ARTISTS", "A"), ("ARTISTS", "B")]);
        assert_eq!(both.all(&Field::Artist), ["A & B"]);
        assert_eq!(both.all(&Field::Custom("ARTISTS".into())), ["A", "B"]);
        let same = tags(&[("ARTIST", "A"), ("ARTISTS", "A")]);
        assert_eq!(same.iter().count(), 1);
    }

    #[test]
    fn values_are_bounded_in_length_number_and_sum() {
        let mut layer = Layer::new();
        layer.push(Field::Comment, &"ä".repeat(MAX_VALUE));
        let (tags, _, exceeded) = layer.finish();
        assert!(exceeded);
        assert_eq!(tags.first(&Field::Comment).unwrap().len(), MAX_VALUE);

        let mut layer = Layer::new();
        (0..10_000).for_each(|n| layer.named(&format!("X{n}"), &"y".repeat(10_000)));
        let (tags, _, exceeded) = layer.finish();
        let sum: usize = tags
            .iter()
            .flat_map(|(_, values)| values)
            .map(String::len)
            .sum();
        assert!(exceeded && sum <= MAX_BYTES && tags.iter().count() <= MAX_VALUES);
    }
}
