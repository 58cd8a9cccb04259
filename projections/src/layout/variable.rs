//! What a template can ask for.

use eventlog::tags::Field;

macro_rules! variables {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a template can ask for, by `$name` or `${name}`.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum Variable {
            $($(#[$doc])* $variant,)*
            /// Any other tag, by `${tag:NAME}`.
            Tag(Field),
        }

        impl Variable {
            /// The names of all variables but [`Variable::Tag`].
            pub const NAMES: &'static [&'static str] = &[$($name,)*];

            /// The variable's name, without the `$`; a tag's name for [`Variable::Tag`].
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Tag(field) => field.name(),
                }
            }

            /// The variable of that name.
            pub(super) fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

variables! {
    /// Who performs the track: all values, joined by `; `.
    Artist = "artist",
    /// Whose release it is: the first value; else `Various Artists` for a compilation, else the
    /// first artist.
    AlbumArtist = "albumartist",
    /// The release.
    Album = "album",
    /// The track's title.
    Title = "title",
    /// The track's number, of two digits at least; what is no number is kept as it is (`A1`).
    Track = "track",
    /// How many tracks the disc has.
    TrackTotal = "tracktotal",
    /// The disc's number, where the album has several.
    Disc = "disc",
    /// How many discs the album has.
    DiscTotal = "disctotal",
    /// The year of the date.
    Year = "year",
    /// The release date, else the original release date, as the file has it.
    Date = "date",
    /// The first genre.
    Genre = "genre",
    /// The first composer.
    Composer = "composer",
    /// The extension that players expect, such as `flac`.
    Format = "format",
    /// The format in capitals, such as `FLAC`; says `AAC` or `ALAC` for what is in an `.m4a`.
    FormatUpper = "format_upper",
    /// The original file's name without its extension.
    Filename = "filename",
    /// The id of the origin that has the track.
    Origin = "origin",
}

impl Variable {
    /// The variable that `${tag:NAME}` stands for, whatever its case; a tag that has a variable of
    /// its own stands for that one.
    pub(super) fn from_tag(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        match Field::from_name(&lower) {
            Field::Custom(custom) => Self::Tag(Field::Custom(custom)),
            known => Self::from_name(&lower).unwrap_or(Self::Tag(known)),
        }
    }

    /// The name that was probably meant by one that is none.
    pub(super) fn nearest(name: &str) -> Option<&'static str> {
        let name = name.to_lowercase();
        let limit = (name.len() / 3).clamp(1, 3);
        Self::NAMES
            .iter()
            .map(|known| (strsim::levenshtein(&name, known), *known))
            .filter(|(distance, _)| *distance <= limit)
            .min()
            .map(|(_, known)| known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_word() {
        for (typo, meant) in [
            ("artsit", Some("artist")),
            ("Title", Some("title")),
            ("tracktotals", Some("tracktotal")),
            ("album_artist", Some("albumartist")),
            ("formatupper", Some("format_upper")),
            ("yaer", None),
            ("xyzzy", None),
        ] {
            assert_eq!(Variable::nearest(typo), meant, "{typo}");
        }
    }

    #[test]
    fn tags_are_found_in_any_case() {
        assert_eq!(Variable::from_tag("MOOD"), Variable::from_tag("mood"));
        assert_eq!(Variable::from_tag("Label"), Variable::Tag(Field::Label));
        assert_eq!(Variable::from_tag("TITLE"), Variable::Title);
    }
}
