//! A collection's definition: which tracks, in which order, how many.

/// Which tracks a collection has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What is true of each.
    pub filter: Filter,
    /// Their order, the first key first. None: by album artist, date, album, disc and number.
    pub sort: Vec<(SortKey, Direction)>,
    /// How many at most, of the first in that order; never more than [`Query::MOST`].
    pub limit: Option<u32>,
}

impl Query {
    /// The most tracks of a collection.
    pub const MOST: u32 = 10_000;
    /// Longest text of a query, in characters.
    pub const MAX_CHARS: usize = 2_000;
    /// Deepest nesting.
    pub const MAX_DEPTH: usize = 16;
    /// Most conditions in one.
    pub const MAX_CONDITIONS: usize = 100;

    /// The most tracks that this one has.
    #[must_use]
    pub fn limit(&self) -> usize {
        let limit = self.limit.unwrap_or(Self::MOST).min(Self::MOST);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }
}

/// What is true of a track, put together of conditions.
///
/// As it is read, `All` and `Any` have two or more parts, none of them of the same kind; an `All`
/// without parts is true of every track, and is a whole filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Each of them is true.
    All(Vec<Self>),
    /// One of them is true, or several.
    Any(Vec<Self>),
    /// It is not true.
    Not(Box<Self>),
    /// The condition is true.
    Is(Condition),
}

/// What can be asked of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Title, artists, album artist, album, genres or composers have these words.
    Anywhere(Box<str>),
    /// A text of it has words.
    Text {
        /// Which text.
        field: TextField,
        /// How they have to have them.
        how: Match,
        /// The words, as written.
        text: Box<str>,
    },
    /// A number of it; false where there is none.
    Number(NumberField, Test<u32>),
    /// Its release date; false where there is none.
    Date(Test<Date>),
    /// When it was added or last played; false for one that never was.
    Time(TimeField, When),
    /// It never was played.
    NeverPlayed,
}

/// How words have to be in a text. Case, accents and signs never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Somewhere in it, as whole words, one after the other.
    Words,
    /// They are one of its values.
    Whole,
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident: $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type { $($(#[$variant_doc])* $variant,)* }

        impl $type {
            /// Every one.
            pub const EVERY: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in a query.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

names! {
    /// A text of a track that has a place of its own.
    Column:
    /// The title.
    Title = "title",
    /// The artists.
    Artist = "artist",
    /// Whose release it is, as in the tree.
    AlbumArtist = "albumartist",
    /// The release.
    Album = "album",
    /// The genres.
    Genre = "genre",
    /// The composers.
    Composer = "composer",
    /// Where the file is on its origin.
    Path = "path",
}

/// A text of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextField {
    /// One that has a place of its own.
    Column(Column),
    /// Any other tag, by its name in small letters.
    Tag(Box<str>),
}

names! {
    /// A number of a track.
    NumberField:
    /// The year of its release date.
    Year = "year",
    /// How often it was played; 0 where never.
    Plays = "plays",
    /// Its rating, in tenths of a star.
    Rating = "rating",
    /// Its length, in seconds.
    Length = "length",
}

names! {
    /// A time in the life of a track.
    TimeField:
    /// When it came into the library.
    Added = "added",
    /// When its last play ended.
    Played = "played",
}

names! {
    /// What tracks are sorted by.
    SortKey:
    /// The title.
    Title = "title",
    /// The artists.
    Artist = "artist",
    /// Whose release it is.
    AlbumArtist = "albumartist",
    /// The release.
    Album = "album",
    /// The genres.
    Genre = "genre",
    /// The composers.
    Composer = "composer",
    /// The release date.
    Date = "date",
    /// The disc's number.
    Disc = "disc",
    /// The track's number.
    Track = "track",
    /// When it came into the library.
    Added = "added",
    /// When it was last played.
    Played = "played",
    /// How often it was played.
    Plays = "plays",
    /// Its rating.
    Rating = "rating",
    /// Its length.
    Length = "length",
    /// Where the file is on its origin.
    Path = "path",
}

/// In which direction tracks are sorted. Those that have nothing to sort by come last in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The lowest first.
    Ascending,
    /// The highest first.
    Descending,
}

/// What can be asked of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test<T> {
    /// It is that.
    Is(T),
    /// It is lower.
    Below(T),
    /// It is that or lower.
    AtMost(T),
    /// It is higher.
    Above(T),
    /// It is that or higher.
    AtLeast(T),
    /// It is from one to another, both included; open where there is none.
    Between(Option<T>, Option<T>),
}

impl<T> Test<T> {
    /// The first and last value for which it holds, where there are such; `first` and `last` tell
    /// those of a value.
    pub(super) fn span(
        &self,
        first: impl Fn(&T) -> i64,
        last: impl Fn(&T) -> i64,
    ) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Is(value) => (Some(first(value)), Some(last(value))),
            Self::Below(value) => (None, Some(first(value).saturating_sub(1))),
            Self::AtMost(value) => (None, Some(last(value))),
            Self::Above(value) => (Some(last(value).saturating_add(1)), None),
            Self::AtLeast(value) => (Some(first(value)), None),
            Self::Between(from, to) => (from.as_ref().map(first), to.as_ref().map(last)),
        }
    }
}

/// A year, a month of one, or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: Option<u8>,
    /// 1 to 31; of a month only.
    pub day: Option<u8>,
}

/// What can be asked of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Within so long before now.
    Within(Age),
    /// Longer ago than that.
    Before(Age),
    /// On days, in UTC.
    On(Test<Date>),
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 3,600 seconds.
    Hours,
    /// 24 hours.
    Days,
    /// 7 days.
    Weeks,
    /// 30 days.
    Months,
    /// 365 days.
    Years,
}

impl Unit {
    /// Every one, by the letter that stands for it.
    pub(super) const EVERY: [(char, Self); 5] = [
        ('h', Self::Hours),
        ('d', Self::Days),
        ('w', Self::Weeks),
        ('m', Self::Months),
        ('y', Self::Years),
    ];

    const fn hours(self) -> i64 {
        match self {
            Self::Hours => 1,
            Self::Days => 24,
            Self::Weeks => 7 * 24,
            Self::Months => 30 * 24,
            Self::Years => 365 * 24,
        }
    }
}

impl Age {
    /// Microseconds.
    #[must_use]
    pub fn micros(self) -> i64 {
        let hours = self.unit.hours().saturating_mul(i64::from(self.count));
        hours.saturating_mul(3_600_000_000)
    }
}
