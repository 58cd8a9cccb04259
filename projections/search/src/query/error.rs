//! Why a query is not understood.

use std::fmt;

/// What is wrong with a query, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// The character that it is about, counted from 1; one beyond the last is the end.
    pub at: usize,
    /// What is wrong with it, and what would be right.
    pub what: String,
}

impl QueryError {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self {
            at: at + 1,
            what: what.into(),
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the query is not understood at character {}: {}",
            self.at, self.what
        )
    }
}

impl std::error::Error for QueryError {}
