//! What a view is: rows, and a pure function that folds events into them.

use std::collections::HashSet;

use eventlog::{Position, Recorded};
use rusqlite::Connection;

use crate::tree::Ino;

/// A kind of state folded from the log, kept as rows of a SQLite file.
///
/// The fold behind [`apply`](Self::apply) is written over a trait of rows, which a plain map
/// implements too: tests compare the two.
pub trait View: Send + Sync + 'static {
    /// Its name, and its file's.
    const NAME: &'static str;

    /// The revision of its code: raised with every change of what the fold computes.
    const REVISION: u32;

    /// Its tables. Another text is another file format.
    const SCHEMA: &'static str;

    /// Its indices for readers, which the fold can do without.
    const INDEXES: &'static str;

    /// Its rows, during one transaction.
    type Rows<'c>: Rows;

    /// The rows of a file, within the transaction that is open on it.
    fn rows(connection: &Connection) -> Self::Rows<'_>;

    /// Folds one event in. Total, synchronous, no clock, no input but the rows (VIEW-2); what the
    /// storage did wrong is told by [`Rows::finish`].
    fn apply(rows: &mut Self::Rows<'_>, event: &Recorded) -> Changes;

    /// Feeds the rows' meaning, in a fixed order, to the hasher.
    ///
    /// # Errors
    /// What SQLite says.
    fn digest(connection: &Connection, hasher: &mut blake3::Hasher) -> rusqlite::Result<()>;
}

/// Rows remember the first thing that went wrong; from then on they do nothing.
pub trait Rows {
    /// Writes what is still held back.
    ///
    /// # Errors
    /// The first error since the rows were made. The transaction is then to be rolled back.
    fn finish(self) -> rusqlite::Result<()>;
}

/// What became different for those who look at the tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// A directory has a new entry.
    EntryAdded {
        /// The directory.
        parent: Ino,
        /// The entry.
        name: Box<str>,
    },
    /// A directory lost an entry.
    EntryRemoved {
        /// The directory.
        parent: Ino,
        /// The entry.
        name: Box<str>,
        /// What it led to; may live on under another name.
        ino: Ino,
    },
    /// A directory's attributes or list of entries.
    DirectoryChanged {
        /// The directory.
        ino: Ino,
    },
    /// A file's bytes or attributes.
    FileChanged {
        /// The file.
        ino: Ino,
    },
    /// Possibly every name and attribute: the layout changed, or a rebuild came out differently.
    Everything,
}

/// Changes in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    each: Vec<Change>,
    everything: bool,
}

impl Changes {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            each: Vec::new(),
            everything: false,
        }
    }

    /// Adds one. After [`Change::Everything`], others say nothing more and are dropped.
    pub fn push(&mut self, change: Change) {
        if change == Change::Everything {
            self.everything = true;
            self.each.clear();
        }
        if !self.everything {
            self.each.push(change);
        }
    }

    /// Adds those of a later event.
    pub fn append(&mut self, later: Self) {
        if later.everything {
            self.push(Change::Everything);
        }
        if !self.everything {
            self.each.extend(later.each);
        }
    }

    /// The changes, each once, in the order in which they were first made.
    #[must_use]
    pub fn distinct(mut self) -> Vec<Change> {
        if self.everything {
            return vec![Change::Everything];
        }
        let mut seen = HashSet::with_capacity(self.each.len());
        self.each.retain(|change| seen.insert(change.clone()));
        self.each
    }
}

/// Changes that were committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The view's position with them.
    pub position: Position,
    /// What is different.
    pub changes: std::sync::Arc<[Change]>,
}
