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

    /// What readers rely on: the columns they name, and the encodings behind them. Raised when an older
    /// file can no longer be read; until then it is served while a newer one is built beside it (VIEW-5).
    const FORMAT: u32;

    /// True where scans and the mount wait for it. The threads of others let those go first.
    const IS_AWAITED: bool = false;

    /// Its tables. A file with another text can be read, not gone on with.
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

    /// Does what [`apply`](Self::apply) put off. Called once at the end of a batch; where batches end
    /// makes no difference to the rows.
    fn settle(_rows: &mut Self::Rows<'_>) -> Changes {
        Changes::none()
    }

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

/// Changes that are told one by one. More of them say so many names that to forget all of them is
/// less work for everybody.
const MOST: usize = 10_000;

/// Changes in the order in which they were made. Bounded: too many become [`Change::Everything`].
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
            self.each = Vec::new();
        }
        if self.everything {
            return;
        }
        self.each.push(change);
        if self.each.len() > 2 * MOST {
            self.tidy();
        }
    }

    /// Adds those of a later event.
    pub fn append(&mut self, later: Self) {
        if later.everything {
            self.push(Change::Everything);
        }
        later.each.into_iter().for_each(|change| self.push(change));
    }

    /// The changes, each once, in the order in which they were first made.
    #[must_use]
    pub fn distinct(mut self) -> Vec<Change> {
        self.tidy();
        if self.everything {
            return vec![Change::Everything];
        }
        self.each
    }

    /// Leaves out repetitions, and all if there still are too many.
    fn tidy(&mut self) {
        let mut seen = HashSet::with_capacity(self.each.len());
        self.each.retain(|change| seen.insert(change.clone()));
        if self.each.len() > MOST {
            self.push(Change::Everything);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(inos: std::ops::Range<u64>) -> Changes {
        let mut changes = Changes::none();
        for ino in inos {
            changes.push(Change::DirectoryChanged { ino: Ino(ino) });
            changes.push(Change::FileChanged { ino: Ino::ROOT });
        }
        changes
    }

    #[test]
    fn too_many_changes_are_everything() {
        let limit = MOST as u64;
        let mut most = of(1..limit);
        most.append(of(1..limit));
        assert_eq!(most.clone().distinct().len(), MOST);
        most.append(of(limit..limit + 1));
        assert_eq!(most.distinct(), [Change::Everything]);
        let many = of(0..5 * limit);
        assert!(
            many.each.len() <= 2 * MOST,
            "they are not kept until asked for"
        );
        assert_eq!(many.distinct(), [Change::Everything]);
    }
}
