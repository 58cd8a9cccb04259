//! The contract of an event store. `conformance` holds every implementation to it.

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::sync::watch;

use crate::event::{NewEvent, Recorded};
use crate::id::{CauseId, EventId, Position, Timestamp};
use crate::wire::{self, WireError};

/// An append-only log of events.
///
/// Positions are 1, 2, 3, … without gaps. What was appended is never altered, except that
/// access events may be folded (LOG-6).
///
/// # Folded events
/// [`fold_access`](Self::fold_access) drops the payloads of old access events; their positions,
/// ids, hashes and all other columns stay. The last folded position is the *horizon*. A reader
/// that goes through the log gets them as [`Body::Folded`](crate::Body::Folded), so that views can
/// rebuild from the first event for ever, and takes what they said from the
/// [`AccessFolded`](crate::Event::AccessFolded) that follows. A reader that asks for access events
/// by name (`track.read` among [`Filter::kinds`]; a pattern such as `track.*` is no name) from a
/// position below the horizon gets [`StoreError::BelowHorizon`] instead of an answer with holes.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Appends events after `expected`, all or none, durable on return (LOG-2).
    ///
    /// Where the log's head is not `expected`, nothing is written, except for a repetition: when
    /// every id is in the log already, the call succeeds and tells where the head is.
    ///
    /// Returns the log's head after the call.
    ///
    /// # Errors
    /// [`StoreError::WrongPosition`] for a wrong expectation, [`StoreError::DuplicateId`] where
    /// some of the ids are in the log and others not, [`StoreError::Poisoned`] after an append
    /// whose outcome is in doubt: the store then refuses every append until it is opened anew.
    async fn append(&self, expected: Position, events: &[NewEvent])
    -> Result<Position, StoreError>;

    /// Events after `after` up to and with `until` (the head at the time of the call if `None`),
    /// in order, as many as the filter lets through. Ends after the first error.
    fn read(
        &self,
        after: Position,
        until: Option<Position>,
        filter: Filter,
    ) -> BoxStream<'_, Result<Recorded, StoreError>>;

    /// The position of the last event.
    fn head(&self) -> Position;

    /// Tells of every later head. A hint that there is more to read, never the data itself.
    fn heads(&self) -> watch::Receiver<Position>;

    /// The last event recorded at or before a time; [`Position::START`] where there is none.
    ///
    /// # Errors
    /// Where the log cannot be read.
    async fn position_at(&self, time: Timestamp) -> Result<Position, StoreError>;

    /// Folds access events into a summary, appended in the same step (LOG-6): those before the
    /// first access event that was recorded at `older_than` or later, or that a newer version
    /// wrote. Nothing happens where there are none. Only the log's one writer calls this, since it moves the head.
    ///
    /// # Errors
    /// As for [`append`](Self::append).
    async fn fold_access(
        &self,
        older_than: Timestamp,
        now: Timestamp,
        cause: Option<CauseId>,
    ) -> Result<Folding, StoreError>;
}

/// What [`EventStore::fold_access`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folding {
    /// How many access events it folded.
    pub folded: u64,
    /// The log's head afterwards.
    pub head: Position,
}

/// Which events a reader wants. The default lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds such as `track.moved`, or `track.*`; none means all.
    pub kinds: Vec<String>,
    /// Only events about this subject, in its display form.
    pub subject: Option<String>,
}

impl Filter {
    /// True where the filter lets an event of that kind and subject through.
    #[must_use]
    pub fn lets(&self, kind: &str, subject: &str) -> bool {
        let kind_matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => kind == pattern,
        };
        (self.kinds.is_empty() || self.kinds.iter().any(kind_matches))
            && self
                .subject
                .as_deref()
                .is_none_or(|wanted| wanted == subject)
    }

    /// True where access events are asked for by name: see [`EventStore`] on folded events.
    #[must_use]
    pub fn names_access(&self) -> bool {
        self.kinds.iter().any(|kind| kind == wire::ACCESS_KIND)
    }

    /// True where it lets everything through.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.kinds.is_empty() && self.subject.is_none()
    }
}

/// Why a store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else wrote in between; read on and decide again.
    #[error("the log is at position {actual}, not at {expected} as expected")]
    WrongPosition {
        /// What the caller took the head to be.
        expected: Position,
        /// What it is.
        actual: Position,
    },
    /// Part of the batch is in the log already.
    #[error("event {0} is already in the log, others of the same batch are not")]
    DuplicateId(EventId),
    /// The events asked for were folded away (LOG-6).
    #[error("events up to position {horizon} were folded into a summary; read from there on")]
    BelowHorizon {
        /// The last folded position.
        horizon: Position,
    },
    /// What is stored is not what was written.
    #[error("the log is damaged at position {position}: {reason}; nothing was changed")]
    Damaged {
        /// The first position in doubt.
        position: Position,
        /// What does not hold.
        reason: String,
    },
    /// An earlier append failed in a way that leaves its outcome in doubt.
    #[error(
        "the log takes no more events after an earlier failure ({0}); restart, and see `musicfs log verify`"
    )]
    Poisoned(String),
    /// An event that cannot be stored.
    #[error(transparent)]
    Unstorable(#[from] WireError),
    /// The log was opened for reading only.
    #[error("the log at {path} was opened for reading only")]
    ReadOnly {
        /// The log's file.
        path: String,
    },
    /// Another process writes to the log.
    #[error("the log at {path} is in use by another process; stop that one first")]
    InUse {
        /// The log's file.
        path: String,
    },
    /// A file that must not be there is.
    #[error("{path} exists already and is not overwritten; choose another name")]
    Exists {
        /// The file.
        path: String,
    },
    /// A new file, of a backup or of an imported log, that cannot be made.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// The file.
        path: String,
        /// What the disk said.
        source: std::io::Error,
    },
    /// A line of an export that cannot be imported.
    #[error("line {line} of the export: {reason}; nothing was imported")]
    BadLine {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk is full.
    #[error("no space left for the log at {path}; free some space, nothing was lost")]
    DiskFull {
        /// The log's file.
        path: String,
    },
    /// Anything else that the file, disk or server did.
    #[error("cannot {action} the log at {path}: {source}")]
    Backend {
        /// What was being done.
        action: &'static str,
        /// The log's file or address.
        path: String,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
