//! What can be wrong with a query, said so that it can be mended.

/// Why a text is no query, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: expected {expected}, found {found}")]
pub struct QueryError {
    /// Where, in characters, from 1.
    pub column: usize,
    /// What could stand there.
    pub expected: String,
    /// What stands there.
    pub found: Found,
}

/// What stands where something else is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing more.
    End,
    /// This.
    Text(String),
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::End => f.write_str("the end"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}
