//! What a file says about itself: tags, sound, defects.

use crate::id::ContentId;

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A tag's name. The well-known ones have a variant; every other is [`Field::Custom`].
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $($(#[$doc])* $variant,)*
            /// Any other tag, by its upper-case name.
            Custom(Box<str>),
        }

        impl Field {
            /// Every well-known field, in the order of their declaration.
            pub const KNOWN: &'static [Field] = &[$(Field::$variant,)*];

            /// The field's name: as stored, shown and used in templates.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Custom(name) => name,
                }
            }

            /// The field of that name; unknown names are custom tags, upper-cased.
            #[must_use]
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($name => Self::$variant,)*
                    other => Self::Custom(other.to_uppercase().into()),
                }
            }
        }
    };
}

fields! {
    /// The track's title.
    Title = "title",
    /// Who performs it.
    Artist = "artist",
    /// The release.
    Album = "album",
    /// Whose release it is.
    AlbumArtist = "albumartist",
    /// Genres.
    Genre = "genre",
    /// Release date: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, or whatever the file says.
    Date = "date",
    /// Original release date.
    OriginalDate = "originaldate",
    /// The track's number: digits, or vinyl numbering such as `A1`.
    Track = "track",
    /// How many tracks the disc has.
    TrackTotal = "tracktotal",
    /// The disc's number.
    Disc = "disc",
    /// How many discs the release has.
    DiscTotal = "disctotal",
    /// Who wrote it.
    Composer = "composer",
    /// A remark.
    Comment = "comment",
    /// Words, plain or timed.
    Lyrics = "lyrics",
    /// Copyright notice.
    Copyright = "copyright",
    /// `1` where the release is a compilation of several artists.
    Compilation = "compilation",
    /// Title for sorting.
    TitleSort = "titlesort",
    /// Artist for sorting.
    ArtistSort = "artistsort",
    /// Album for sorting.
    AlbumSort = "albumsort",
    /// Album artist for sorting.
    AlbumArtistSort = "albumartistsort",
    /// MusicBrainz recording id.
    MusicBrainzTrackId = "musicbrainz_trackid",
    /// MusicBrainz release id.
    MusicBrainzAlbumId = "musicbrainz_albumid",
    /// MusicBrainz artist id.
    MusicBrainzArtistId = "musicbrainz_artistid",
    /// MusicBrainz release artist id.
    MusicBrainzAlbumArtistId = "musicbrainz_albumartistid",
    /// MusicBrainz release group id.
    MusicBrainzReleaseGroupId = "musicbrainz_releasegroupid",
    /// AcoustID.
    AcoustId = "acoustid_id",
    /// International Standard Recording Code.
    Isrc = "isrc",
    /// Record label.
    Label = "label",
    /// The label's catalogue number.
    CatalogNumber = "catalognumber",
    /// ReplayGain of the track, in dB.
    ReplayGainTrackGain = "replaygain_track_gain",
    /// Peak of the track, 1.0 is full scale.
    ReplayGainTrackPeak = "replaygain_track_peak",
    /// ReplayGain of the album, in dB.
    ReplayGainAlbumGain = "replaygain_album_gain",
    /// Peak of the album, 1.0 is full scale.
    ReplayGainAlbumPeak = "replaygain_album_peak",
    /// Beats per minute.
    Bpm = "bpm",
}

/// Tags as a file carries them: field → its values, in the file's order. No field is present
/// without a value, no value is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tags {
    /// For each value its field, in order: a library holds millions of these, and two vectors
    /// cost less than a map of vectors.
    fields: Vec<Field>,
    values: Vec<String>,
}

impl Tags {
    /// No tags.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No tags yet, and room for so many values.
    #[must_use]
    pub fn with_capacity(values: usize) -> Self {
        Self {
            fields: Vec::with_capacity(values),
            values: Vec::with_capacity(values),
        }
    }

    /// Adds a value to a field; white space around it is cut, an empty one is dropped.
    pub fn push(&mut self, field: Field, value: &str) {
        let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if !value.is_empty() {
            let place = match self.fields.last() {
                Some(last) if *last > field => self.range(&field).end,
                _ => self.fields.len(),
            };
            self.fields.insert(place, field);
            self.values.insert(place, value.to_owned());
        }
    }

    /// Replaces all of a field's values; none removes the field.
    pub fn set<S: AsRef<str>>(&mut self, field: &Field, values: impl IntoIterator<Item = S>) {
        let old = self.range(field);
        self.fields.drain(old.clone());
        self.values.drain(old);
        for value in values {
            self.push(field.clone(), value.as_ref());
        }
    }

    /// A field's values, in the file's order.
    #[must_use]
    pub fn all(&self, field: &Field) -> &[String] {
        self.values.get(self.range(field)).unwrap_or_default()
    }

    /// A field's first value.
    #[must_use]
    pub fn first(&self, field: &Field) -> Option<&str> {
        self.all(field).first().map(String::as_str)
    }

    /// Adds all values of `other`, after those that are there.
    pub fn append(&mut self, other: Self) {
        for (field, value) in other.fields.into_iter().zip(other.values) {
            self.push(field, &value);
        }
    }

    /// Fields and values, by field.
    pub fn iter(&self) -> impl Iterator<Item = (&Field, &[String])> {
        let mut values = self.values.as_slice();
        self.fields
            .chunk_by(|one, next| one == next)
            .filter_map(move |run| {
                let (own, rest) = values.split_at_checked(run.len())?;
                values = rest;
                Some((run.first()?, own))
            })
    }

    /// True where there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Where a field's values are, or would be.
    fn range(&self, field: &Field) -> std::ops::Range<usize> {
        let start = self.fields.partition_point(|other| other < field);
        let end = self.fields.partition_point(|other| other <= field);
        start..end
    }

    /// True where some field is none of the well-known ones.
    #[must_use]
    pub fn has_custom(&self) -> bool {
        matches!(self.fields.last(), Some(Field::Custom(_)))
    }
}

macro_rules! audio_formats {
    ($($variant:ident = $name:literal, $extension:literal;)*) => {
        /// A file's format, told by its content.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AudioFormat {
            $(#[doc = concat!("`", $name, "`, shown with the extension `", $extension, "`.")] $variant,)*
        }

        impl AudioFormat {
            /// All formats.
            pub const ALL: &'static [AudioFormat] = &[$(AudioFormat::$variant,)*];

            /// The format's name as stored; `$format` in templates is its [extension](Self::extension).
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The file name extension that players expect.
            #[must_use]
            pub const fn extension(self) -> &'static str {
                match self { $(Self::$variant => $extension,)* }
            }

            /// The format of that stored name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

audio_formats! {
    Flac = "flac", "flac";
    Mp3 = "mp3", "mp3";
    OggVorbis = "vorbis", "ogg";
    OggFlac = "oggflac", "oga";
    Opus = "opus", "opus";
    Speex = "speex", "spx";
    Aac = "aac", "m4a";
    Alac = "alac", "m4a";
    Mp4 = "mp4", "m4a";
    M4b = "m4b", "m4b";
    Adts = "adts", "aac";
    Wav = "wav", "wav";
    Aiff = "aiff", "aiff";
    WavPack = "wavpack", "wv";
    Ape = "ape", "ape";
    Musepack = "musepack", "mpc";
}

/// How a file sounds. What the file does not tell is absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct AudioProperties {
    /// Length in milliseconds.
    pub duration_ms: Option<u64>,
    /// Mean rate of the audio, kbit/s.
    pub bitrate_kbps: Option<u32>,
    /// Samples a second.
    pub sample_rate_hz: Option<u32>,
    /// Channels.
    pub channels: Option<u8>,
    /// Bits a sample, of lossless formats.
    pub bit_depth: Option<u8>,
    /// What encoded it, as the file says.
    pub encoder: Option<String>,
    /// FLAC's MD5 of the unencoded audio (RFC 9639 §8.2); absent where it is all zero.
    pub audio_md5: Option<[u8; 16]>,
}

/// A range of a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ByteRange {
    /// Bytes before it.
    pub offset: u64,
    /// Bytes in it.
    pub len: u64,
}

/// Something wrong with a file that did not keep it out of the library (TAG-4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Defect {
    /// What kind of thing is wrong; stable, for machines.
    pub kind: DefectKind,
    /// What is wrong, for people.
    pub detail: String,
}

macro_rules! defect_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Kinds of defects.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DefectKind { $($(#[$doc])* $variant,)* }

        impl DefectKind {
            /// The kind's stored name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The kind of that stored name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

defect_kinds! {
    /// The content is of no known audio format, although the name says so.
    NotAudio = "not_audio",
    /// The content is of another format than the name says.
    WrongExtension = "wrong_extension",
    /// Tags could not be read, or only in part.
    BadTags = "bad_tags",
    /// The audio could not be understood.
    BadAudio = "bad_audio",
    /// The file ends before it should.
    Truncated = "truncated",
    /// A value was longer than we keep, and was cut.
    TooLong = "too_long",
    /// The origin would not let us read it.
    Unreadable = "unreadable",
}

/// All that reading a file's headers and footers tells about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Media {
    /// The format, by content; by name where the content tells nothing. Absent where neither does.
    pub format: Option<AudioFormat>,
    /// The tags.
    pub tags: Tags,
    /// The sound.
    pub audio: AudioProperties,
    /// Where in the file the audio is, between the tags; empty where none was found.
    pub audio_range: ByteRange,
    /// The identity of the sound.
    pub content: ContentId,
    /// Bytes of the picture that stands for the file, as it is encoded there (JPEG, PNG, …): the
    /// first that is called the front cover, else the first of any kind but an icon, else the first
    /// icon. One of more than 10 MiB does not count. Absent where the file carries none.
    pub cover: Option<u64>,
    /// What is wrong with it.
    pub defects: Vec<Defect>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_in_order_however_they_come() {
        let mut tags = Tags::new();
        tags.push(Field::Custom("MOOD".into()), "calm");
        tags.push(Field::Title, " One ");
        tags.push(Field::Artist, "First");
        tags.push(Field::Title, "Two");
        tags.push(Field::Artist, "\0");
        assert_eq!(tags.all(&Field::Title), ["One", "Two"]);
        assert_eq!(tags.all(&Field::Album), [""; 0]);
        let fields: Vec<_> = tags
            .iter()
            .map(|(field, values)| (field.name(), values.len()))
            .collect();
        assert_eq!(fields, [("title", 2), ("artist", 1), ("MOOD", 1)]);
        assert!(tags.has_custom());

        tags.set(&Field::Title, ["Three"]);
        tags.set(&Field::Artist, [""; 0]);
        assert_eq!(tags.first(&Field::Title), Some("Three"));
        assert_eq!(tags.iter().count(), 2);
    }
}
