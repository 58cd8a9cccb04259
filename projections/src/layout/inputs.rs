//! What of a track its name depends on.

use eventlog::id::{OriginId, OriginPath};
use eventlog::tags::{AudioFormat, Field, Media, Tags};
use serde::{Deserialize, Serialize};

use super::names;
use super::variable::Variable;

/// Longest value that is kept, in bytes: no name is longer.
const MAX_VALUE: usize = 255;
/// Most tags that are kept beside the well-known ones.
const MAX_OTHERS: usize = 64;

/// All that a track's name can depend on: NFC, at most 255 bytes a value, and no more of them than
/// templates can ask for. The tree keeps it beside each track, so that another template needs
/// nothing but the tree. Its serialised form is the tree's own affair and may change with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NameInputs {
    artist: Value,
    albumartist: Value,
    album: Value,
    title: Value,
    track: Value,
    tracktotal: Value,
    disc: Value,
    disctotal: Value,
    year: Value,
    date: Value,
    genre: Value,
    composer: Value,
    format: Value,
    format_upper: Value,
    filename: Box<str>,
    /// The original's own extension, and whether `format` was told by the content instead.
    extension: Value,
    is_told: bool,
    origin: Box<str>,
    /// Other tags, by name.
    others: Vec<(Box<str>, Box<str>)>,
}

type Value = Option<Box<str>>;

/// What the tracks of one album have in common: album artist, album and year, whatever their case.
/// A 128-bit hash, the same in every version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlbumKey(pub [u8; 16]);

impl NameInputs {
    /// Takes out of a track's facts what its name depends on.
    #[must_use]
    pub fn of(media: &Media, origin: &OriginId, path: &OriginPath) -> Self {
        let original = String::from_utf8_lossy(path.name());
        let (filename, extension) = names::split_extension(&original);
        Self::of_parts(media, origin.as_str(), filename, extension)
    }

    /// The same track, after what it says about itself changed, or its path, or both.
    #[must_use]
    pub fn updated(&self, media: Option<&Media>, path: Option<&OriginPath>) -> Self {
        let original = path.map(|path| String::from_utf8_lossy(path.name()));
        let (filename, extension) = match &original {
            Some(original) => names::split_extension(original),
            None => (&*self.filename, self.extension.as_deref()),
        };
        if let Some(media) = media {
            return Self::of_parts(media, &self.origin, filename, extension);
        }
        let mut renamed = Self {
            filename: bounded(filename),
            extension: extension.map(bounded),
            ..self.clone()
        };
        if !self.is_told {
            renamed.format = extension.map(|extension| extension.to_ascii_lowercase().into());
            renamed.format_upper = extension.map(|extension| extension.to_ascii_uppercase().into());
        }
        renamed
    }

    fn of_parts(media: &Media, origin: &str, filename: &str, own_extension: Option<&str>) -> Self {
        let tags = &media.tags;
        let date = first(tags, &Field::Date).or_else(|| first(tags, &Field::OriginalDate));
        Self {
            artist: artists(tags),
            albumartist: first(tags, &Field::AlbumArtist).or_else(|| {
                if is_compilation(tags) {
                    Some("Various Artists".into())
                } else {
                    first(tags, &Field::Artist)
                }
            }),
            album: first(tags, &Field::Album),
            title: first(tags, &Field::Title),
            track: number(tags, &Field::Track, 2),
            tracktotal: number(tags, &Field::TrackTotal, 0).filter(|total| **total != *"0"),
            disc: number(tags, &Field::Disc, 0).filter(|disc| **disc != *"0"),
            disctotal: number(tags, &Field::DiscTotal, 0).filter(|total| **total != *"0"),
            year: [Field::Date, Field::OriginalDate]
                .iter()
                .find_map(|field| tags.first(field).and_then(year)),
            date,
            genre: first(tags, &Field::Genre),
            composer: first(tags, &Field::Composer),
            format: media.format.map_or_else(
                || own_extension.map(|extension| extension.to_ascii_lowercase().into()),
                |format| Some(format.extension().into()),
            ),
            format_upper: media.format.map_or_else(
                || own_extension.map(|extension| extension.to_ascii_uppercase().into()),
                |format| Some(capitals(format)),
            ),
            filename: bounded(filename),
            extension: own_extension.map(bounded),
            is_told: media.format.is_some(),
            origin: origin.into(),
            others: others(tags),
        }
    }

    /// A variable's value, where it has one. `$disc` has one only where `multi_disc` is true.
    #[must_use]
    pub fn value(&self, variable: &Variable, multi_disc: bool) -> Option<&str> {
        match variable {
            Variable::Artist => self.artist.as_deref(),
            Variable::AlbumArtist => self.albumartist.as_deref(),
            Variable::Album => self.album.as_deref(),
            Variable::Title => self.title.as_deref(),
            Variable::Track => self.track.as_deref(),
            Variable::TrackTotal => self.tracktotal.as_deref(),
            Variable::Disc => self.disc.as_deref().filter(|_| multi_disc),
            Variable::DiscTotal => self.disctotal.as_deref(),
            Variable::Year => self.year.as_deref(),
            Variable::Date => self.date.as_deref(),
            Variable::Genre => self.genre.as_deref(),
            Variable::Composer => self.composer.as_deref(),
            Variable::Format => self.format.as_deref(),
            Variable::FormatUpper => self.format_upper.as_deref(),
            Variable::Filename => Some(&*self.filename).filter(|name| !name.is_empty()),
            Variable::Origin => Some(&self.origin),
            Variable::Tag(field) => self.other(field.name()),
        }
    }

    /// What is shown for a variable that must be shown and has no value.
    #[must_use]
    pub fn fallback(&self, variable: &Variable) -> Option<&str> {
        match variable {
            Variable::Artist | Variable::AlbumArtist => Some("Unknown Artist"),
            Variable::Album => Some("Unknown Album"),
            Variable::Title => self.value(&Variable::Filename, false),
            _ => None,
        }
    }

    /// The extension that the track's file is shown with.
    #[must_use]
    pub fn format(&self) -> Option<&str> {
        self.format.as_deref()
    }

    /// The original file's name without its extension.
    #[must_use]
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// The album that the track is of; none without an album tag.
    #[must_use]
    pub fn album_key(&self) -> Option<AlbumKey> {
        let album = self.album.as_deref()?;
        let mut hasher = blake3::Hasher::new();
        for part in [
            self.albumartist.as_deref(),
            Some(album),
            self.year.as_deref(),
        ] {
            hasher.update(names::folded(part.unwrap_or_default()).as_bytes());
            hasher.update(&[0]);
        }
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        Some(AlbumKey(key))
    }

    /// True where the track tells that its album has several discs.
    #[must_use]
    pub fn is_multi_disc_hint(&self) -> bool {
        [&self.disc, &self.disctotal].into_iter().any(|value| {
            value
                .as_deref()
                .and_then(|value| value.parse::<u32>().ok())
                .is_some_and(|disc| disc > 1)
        })
    }

    /// True for the tags that `${tag:NAME}` can ask for beside the variables: all but long texts,
    /// levels, and ids that name no release.
    #[must_use]
    pub(super) fn keeps(field: &Field) -> bool {
        matches!(
            field,
            Field::Custom(_)
                | Field::OriginalDate
                | Field::Compilation
                | Field::TitleSort
                | Field::ArtistSort
                | Field::AlbumSort
                | Field::AlbumArtistSort
                | Field::MusicBrainzAlbumId
                | Field::Isrc
                | Field::Label
                | Field::CatalogNumber
                | Field::Bpm
        )
    }

    fn other(&self, name: &str) -> Option<&str> {
        self.others
            .iter()
            .find(|(known, _)| **known == *name)
            .map(|(_, value)| &**value)
    }
}

fn first(tags: &Tags, field: &Field) -> Value {
    tags.first(field).map(bounded)
}

/// All artists, as one text.
fn artists(tags: &Tags) -> Value {
    match tags.all(&Field::Artist) {
        [] => None,
        [artist] => Some(bounded(artist)),
        artists => {
            let enough = artists.get(..MAX_VALUE).unwrap_or(artists);
            Some(bounded(&enough.join("; ")))
        }
    }
}

fn is_compilation(tags: &Tags) -> bool {
    tags.first(&Field::Compilation).is_some_and(|flag| {
        flag == "1" || flag.eq_ignore_ascii_case("true") || flag.eq_ignore_ascii_case("yes")
    })
}

/// A count, without `/total` and with leading zeros up to `digits`; what is no count is kept.
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

/// The first four of the first four or more digits in a row; `0000` is no year.
fn year(date: &str) -> Value {
    date.split(|char: char| !char.is_ascii_digit())
        .find_map(|digits| digits.get(..4))
        .filter(|year| *year != "0000")
        .map(Into::into)
}

/// `$format_upper`: the extension in capitals, but what is inside where the extension names only
/// the container.
fn capitals(format: AudioFormat) -> Box<str> {
    match format {
        AudioFormat::Aac => "AAC".into(),
        AudioFormat::Alac => "ALAC".into(),
        AudioFormat::OggFlac => "FLAC".into(),
        other => other.extension().to_ascii_uppercase().into(),
    }
}

fn others(tags: &Tags) -> Vec<(Box<str>, Box<str>)> {
    tags.iter()
        .filter(|(field, _)| NameInputs::keeps(field))
        .filter_map(|(field, values)| Some((field.name(), values.first()?)))
        .filter(|(name, value)| name.len() <= MAX_VALUE && value.len() <= MAX_VALUE)
        .take(MAX_OTHERS)
        .map(|(name, value)| (name.into(), bounded(value)))
        .collect()
}

/// The value in NFC, cut to what a name can hold.
fn bounded(value: &str) -> Box<str> {
    // Composition can shrink a text to a third, seldom to less; the rest is never looked at.
    let head = value
        .get(..value.floor_char_boundary(MAX_VALUE * 4))
        .unwrap_or(value);
    let composed = names::composed(head);
    names::cut(&composed, MAX_VALUE).into()
}
