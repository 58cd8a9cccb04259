//! What of a track its name depends on.

use eventlog::id::{OriginId, OriginPath};
use eventlog::tags::{AudioFormat, Field, Media};
use serde::{Deserialize, Serialize};

use super::variable::Variable;
use super::{names, values};

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
    /// The format that the content tells.
    told: Option<Format>,
    /// The format that the original's name tells.
    named: Option<Format>,
    filename: Box<str>,
    origin: Box<str>,
    /// Other tags, by name.
    others: Vec<(Box<str>, Box<str>)>,
}

/// A text that may be absent; never empty.
pub(crate) type Value = Option<Box<str>>;

/// What a format is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Format {
    extension: Box<str>,
    capitals: Box<str>,
}

/// What the tracks of one album have in common: album artist, album and year, whatever their case.
/// A 128-bit hash, the same in every version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlbumKey(pub [u8; 16]);

impl NameInputs {
    /// Takes out of a track's facts what its name depends on.
    #[must_use]
    pub fn of(media: &Media, origin: &OriginId, path: &OriginPath) -> Self {
        let (filename, named) = original(path);
        Self::of_parts(media, origin.as_str().into(), filename, named)
    }

    /// The same track, after what it says about itself changed, or its path, or both.
    #[must_use]
    pub fn updated(&self, media: Option<&Media>, path: Option<&OriginPath>) -> Self {
        let (filename, named) =
            path.map_or_else(|| (self.filename.clone(), self.named.clone()), original);
        match media {
            Some(media) => Self::of_parts(media, self.origin.clone(), filename, named),
            None => Self {
                filename,
                named,
                ..self.clone()
            },
        }
    }

    fn of_parts(
        media: &Media,
        origin: Box<str>,
        filename: Box<str>,
        named: Option<Format>,
    ) -> Self {
        let tags = &media.tags;
        Self {
            artist: values::artists(tags),
            albumartist: values::albumartist(tags),
            album: values::first(tags, &Field::Album),
            title: values::first(tags, &Field::Title),
            track: values::track(tags),
            tracktotal: values::count(tags, &Field::TrackTotal),
            disc: values::count(tags, &Field::Disc),
            disctotal: values::count(tags, &Field::DiscTotal),
            year: values::year(tags),
            date: values::date(tags),
            genre: values::first(tags, &Field::Genre),
            composer: values::first(tags, &Field::Composer),
            told: media.format.map(Format::of),
            named,
            filename,
            origin,
            others: values::others(tags),
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
            Variable::Format => self.format(),
            Variable::FormatUpper => self.called().map(|format| &*format.capitals),
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
        self.called().map(|format| &*format.extension)
    }

    fn called(&self) -> Option<&Format> {
        self.told.as_ref().or(self.named.as_ref())
    }

    /// The original file's name without its extension.
    #[must_use]
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// What its tags call the recording: artists, album, disc, number and title, whatever their case
    /// and accents. None without an artist and a title. A 64-bit hash, the same in every version.
    #[must_use]
    pub fn recording(&self) -> Option<u64> {
        let named = |value: &Value| value.as_deref().is_some_and(|text| !text.trim().is_empty());
        if !named(&self.artist) || !named(&self.title) {
            return None;
        }
        let parts = [
            &self.artist,
            &self.album,
            &self.disc,
            &self.track,
            &self.title,
        ];
        let parts = parts.map(|part| names::plain(part.as_deref().unwrap_or_default()));
        Some(hash(parts.iter().map(|part| &**part)))
    }

    /// The original file's name, without its extension, by a 64-bit hash.
    #[must_use]
    pub(crate) fn file_hash(&self) -> u64 {
        hash([self.filename()].into_iter())
    }

    /// The album that the track is of; none without an album tag.
    #[must_use]
    pub fn album_key(&self) -> Option<AlbumKey> {
        let album = self.album.as_deref()?;
        let parts = [
            self.albumartist.as_deref(),
            Some(album),
            self.year.as_deref(),
        ];
        let parts = parts.map(|part| names::folded(part.unwrap_or_default()));
        let mut key = [0; 16];
        let hashed = hashed(parts.iter().map(|part| &**part));
        hashed.finalize_xof().fill(&mut key);
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
    pub(crate) fn keeps(field: &Field) -> bool {
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

impl Format {
    /// In capitals, the extension; but what is inside where that names only the container.
    fn of(format: AudioFormat) -> Self {
        let capitals = match format {
            AudioFormat::Aac => "AAC".into(),
            AudioFormat::Alac => "ALAC".into(),
            AudioFormat::OggFlac => "FLAC".into(),
            other => other.extension().to_ascii_uppercase().into(),
        };
        Self {
            extension: format.extension().into(),
            capitals,
        }
    }
}

fn hashed<'t>(parts: impl Iterator<Item = &'t str>) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    hasher
}

fn hash<'t>(parts: impl Iterator<Item = &'t str>) -> u64 {
    let mut hash = [0; 8];
    hashed(parts).finalize_xof().fill(&mut hash);
    u64::from_le_bytes(hash)
}

/// The original's name without its extension, and what that tells.
fn original(path: &OriginPath) -> (Box<str>, Option<Format>) {
    let name = String::from_utf8_lossy(path.name());
    let (stem, extension) = names::split_extension(&name);
    let named = extension.map(|extension| {
        let extension = names::folded(extension);
        Format {
            capitals: extension.to_ascii_uppercase().into(),
            extension: extension.into(),
        }
    });
    (values::bounded(stem), named)
}
