//! What is asked for.

mod error;
mod lex;
mod parse;

pub use error::QueryError;

/// Longest query, in characters (FIND-1).
pub const LONGEST: usize = 256;

/// A query that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(pub(crate) Node);

/// What a track has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// Every one of these; with none, nothing was asked for.
    All(Vec<Node>),
    /// One of these at least.
    Any(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// A word.
    Word {
        field: Option<Field>,
        text: String,
        /// How many letters may differ; `None` for what is usual.
        distance: Option<u8>,
    },
    /// Words that stand together.
    Phrase { field: Option<Field>, text: String },
    /// A year within these, both included.
    Years { from: Option<u16>, to: Option<u16> },
}

impl Node {
    fn tags(&self) -> Vec<&str> {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().flat_map(Self::tags).collect(),
            Self::Not(node) => node.tags(),
            Self::Word { field, .. } | Self::Phrase { field, .. } => match field {
                Some(Field::Tag(name)) => vec![name],
                _ => Vec::new(),
            },
            Self::Years { .. } => Vec::new(),
        }
    }
}

/// Where it is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    Artist,
    Album,
    AlbumArtist,
    Title,
    Genre,
    Composer,
    Year,
    Path,
    /// Any other tag, by its name in lower case.
    Tag(String),
}

impl Field {
    fn of(name: &str) -> Self {
        let name = name.to_lowercase();
        match name.as_str() {
            "artist" => Self::Artist,
            "album" => Self::Album,
            "albumartist" | "album_artist" => Self::AlbumArtist,
            "title" => Self::Title,
            "genre" => Self::Genre,
            "composer" => Self::Composer,
            "year" | "date" => Self::Year,
            "path" | "file" => Self::Path,
            _ => Self::Tag(name),
        }
    }
}

impl Query {
    /// Understands a query as people write it: words that all have to match, `field:word`,
    /// `"words together"`, `word~1`, `AND`, `OR`, `NOT`, parentheses, `year:[1990 TO 1999]`.
    ///
    /// # Errors
    /// What about it cannot be understood, and where.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parse::parse(text).map(Self)
    }

    /// True where nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Node::All(nodes) if nodes.is_empty())
    }

    /// The tags that it names, in lower case, which are none of the fields that every track may have.
    #[must_use]
    pub fn tags(&self) -> Vec<&str> {
        self.0.tags()
    }
}
