//! Scans: observe an origin, decide what that means, append it.
//!
//! One thread walks and compares with the catalog, some read what is new or changed, and one
//! decides and appends. What is in flight is bounded by the channels between them, and what was
//! appended is known to the next scan: a scan that was killed goes on where it was.

mod beside;
mod commit;
mod compare;
mod progress;
mod read;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use content::Store;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use eventlog::decide::RemovalLimit;
use eventlog::event::{ScanReason, ScanSummary};
use eventlog::{OriginPath, StoreError};
use origins::{Origin, OriginError};
use projections::{ViewError, Views};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

pub use self::beside::Sidecars;
use self::commit::Committer;
use self::compare::{Candidate, Comparer, Known, Listing};
pub use self::progress::{Progress, ScanStatus};
use self::read::Outcome;
pub(crate) use self::read::is_unread;
use crate::writer::LogWriter;

/// Batches of files between walker and readers, and between readers and committer.
const IN_FLIGHT: usize = 16;

/// Files of one directory that go from thread to thread together: waking one for each costs more
/// than reading it.
const BATCH: usize = 16;

/// How long a decided event waits for company before it is appended.
const LINGER: Duration = Duration::from_millis(20);

/// With more directories than these, listing everything again costs less.
const MANY: usize = 1_000;

/// What of an origin is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Whole,
    /// These directories, and what is new or gone below them.
    Directories(Vec<OriginPath>),
}

impl Scope {
    /// What covers both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Directories(mut all), Self::Directories(more)) => {
                all.extend(more);
                Self::Directories(all)
            }
            _ => Self::Whole,
        }
    }
}

/// What is asked of a scan.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to list.
    pub scope: Scope,
    /// Why.
    pub reason: ScanReason,
    /// Believe the listing, however much it lacks (ORG-6).
    pub accept_removals: bool,
    /// Read every file, changed or not (ORG-4).
    pub verify: bool,
    /// Take an origin without anything in it for one that is not there: a bucket that was emptied by
    /// mistake and a share that is not mounted look like that (ORG-6).
    pub doubt_empty: bool,
}

impl Request {
    /// A whole listing, as after a start.
    #[must_use]
    pub const fn whole(reason: ScanReason) -> Self {
        Self {
            scope: Scope::Whole,
            reason,
            accept_removals: false,
            verify: false,
            doubt_empty: false,
        }
    }
}

/// Why a scan ended early. What it had found by then is in the log.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The origin stopped answering.
    #[error("{0}")]
    Origin(OriginError),
    /// There is nothing in it any more, of which so many tracks are known.
    #[error("it is empty, but {0} tracks of it are known")]
    Empty(u64),
    /// The log took no more events.
    #[error(transparent)]
    Log(#[from] StoreError),
    /// The catalog could not be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// Part of the origin does not answer, though its root does.
    #[error(
        "no answer for a long time from {0}, or what is listed next; if a disk or share is mounted \
         there, look after it"
    )]
    Stalled(OriginPath),
    /// The daemon is shutting down.
    #[error("the scan was stopped")]
    Stopped,
    /// A bug.
    #[error("a thread of the scan panicked; this is a bug, please report it with the log")]
    Panicked,
}

/// What scans need of the daemon.
#[derive(Clone)]
pub struct Scanner {
    /// What is known.
    pub views: Arc<Views>,
    /// Where findings go.
    pub writer: Arc<LogWriter>,
    /// Where what is read of files on other machines is kept.
    pub store: Store,
    /// Threads that read files.
    pub readers: usize,
    /// What a listing may remove.
    pub limit: RemovalLimit,
    /// Which files beside tracks are shown.
    pub sidecars: Sidecars,
}

impl Scanner {
    /// Scans an origin. At most one scan an origin may run at a time: `turn` is kept until this one
    /// has truly ended, which is later than this call where its future is dropped while the origin
    /// hangs. A scan that was dropped appends nothing any more.
    ///
    /// # Errors
    /// See [`ScanError`].
    pub async fn scan(
        &self,
        origin: Arc<dyn Origin>,
        request: Request,
        progress: Progress,
        stop: CancellationToken,
        turn: OwnedSemaphorePermit,
    ) -> Result<ScanSummary, ScanError> {
        let dropped = CancellationToken::new();
        let _dropping = dropped.clone().drop_guard();
        let head = self.writer.store().head();
        self.views.wait_for(head).await?;
        let scanner = self.clone();
        let runtime = Handle::current();
        let summary = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            Running {
                scanner: &scanner,
                origin: &*origin,
                request,
                progress,
                stop,
                dropped,
                runtime,
            }
            .run()
        })
        .await
        .map_err(|_| ScanError::Panicked)??;
        // Whoever asked for the scan finds its result in the views.
        self.views.wait_for(self.writer.store().head()).await?;
        Ok(summary)
    }
}

/// A scan at work.
struct Running<'a> {
    scanner: &'a Scanner,
    origin: &'a dyn Origin,
    request: Request,
    progress: Progress,
    stop: CancellationToken,
    dropped: CancellationToken,
    runtime: Handle,
}

type Found = (Candidate, Outcome);

impl Running<'_> {
    fn run(&self) -> Result<ScanSummary, ScanError> {
        let catalog = self.scanner.views.catalog();
        let known = catalog
            .origins()?
            .into_iter()
            .find(|row| row.id == *self.origin.id());
        let first = known.as_ref().is_none_or(|row| row.listed.is_none());
        let was_held = known.is_some_and(|row| row.held_removals.is_some());
        let mut committer = Committer::new(self);
        let listing = self.pipeline(&mut committer)?;
        let doubted = self.request.doubt_empty && !self.request.accept_removals;
        if doubted && listing.is_empty && !listing.missing.is_empty() {
            return Err(ScanError::Empty(listing.missing.len() as u64));
        }
        committer.summary.listed = listing.listed;
        committer.summary.errors += listing.errors;
        committer.summary.whole = self.request.scope == Scope::Whole;
        committer.summary.complete = listing.complete;
        let mut held = false;
        if listing.complete && !listing.missing.is_empty() {
            let accepted = self.request.accept_removals;
            held = committer.missing(&listing.missing, self.scanner.limit, accepted)?;
        }
        if listing.complete && !held {
            let accepted = self.request.accept_removals;
            committer.missing_sidecars(&listing.missing_sidecars, &listing.unwanted, accepted)?;
        }
        let trouble = listing.trouble.or_else(|| committer.trouble());
        let left = committer.take_left();
        // What a directory that failed holds, and what is gone, only the same listing can tell.
        self.progress.again(match (listing.complete, left.len()) {
            (true, 0) => None,
            (true, 1..=MANY) => Some(Scope::Directories(left)),
            (true, _) => Some(Scope::Whole),
            (false, _) => Some(self.request.scope.clone()),
        });
        let summary = committer.finish(first || (was_held && !held))?;
        if let Some(trouble) = trouble {
            self.progress.trouble(trouble);
        }
        self.progress.done(&summary);
        Ok(summary)
    }

    fn pipeline(&self, committer: &mut Committer<'_>) -> Result<Listing, ScanError> {
        std::thread::scope(|threads| {
            let (candidates, to_read) = bounded::<Vec<Candidate>>(IN_FLIGHT);
            let (read, found) = bounded::<Vec<Found>>(IN_FLIGHT);
            let walker = threads.spawn(move || self.walk(&candidates));
            for _ in 0..self.scanner.readers.max(1) {
                let (to_read, read) = (to_read.clone(), read.clone());
                threads.spawn(move || self.read(&to_read, &read));
            }
            drop((to_read, read));
            // Dropping the receiver on an error ends the readers, and they the walker.
            let committed = commit_all(committer, &found);
            drop(found);
            let walked = walker.join().map_err(|_| ScanError::Panicked);
            committed?;
            walked?
        })
    }

    fn walk(&self, candidates: &Sender<Vec<Candidate>>) -> Result<Listing, ScanError> {
        let catalog = self.scanner.views.catalog();
        let comparer = Comparer {
            origin: self.origin,
            catalog: &catalog,
            runtime: &self.runtime,
            progress: &self.progress,
            stop: &self.stop,
            verify: self.request.verify,
            sidecars: &self.scanner.sidecars,
        };
        let _inside = self.runtime.enter();
        let readers = self.scanner.readers.max(1);
        comparer.run(&self.request.scope, |mut found| {
            // Small directories are shared among the readers, too.
            let size = found.len().div_ceil(readers).clamp(1, BATCH);
            while !found.is_empty() {
                let rest = found.split_off(size.min(found.len()));
                if candidates.send(found).is_err() {
                    return false;
                }
                found = rest;
            }
            true
        })
    }

    fn read(&self, to_read: &Receiver<Vec<Candidate>>, read: &Sender<Vec<Found>>) {
        let reading = read::Reading {
            origin: self.origin,
            catalog: &self.scanner.views.catalog(),
            store: &self.scanner.store,
            runtime: &self.runtime,
        };
        let one = |candidate: Candidate| {
            let outcome = read::read(&reading, &candidate);
            (candidate, outcome)
        };
        for candidates in to_read {
            let found = candidates.into_iter().map(one).collect();
            if read.send(found).is_err() {
                return;
            }
        }
    }
}

/// Decides on what comes until no more does.
fn commit_all(
    committer: &mut Committer<'_>,
    found: &Receiver<Vec<Found>>,
) -> Result<(), ScanError> {
    loop {
        match found.recv_timeout(LINGER) {
            Ok(batch) => batch
                .into_iter()
                .try_for_each(|(candidate, outcome)| commit(committer, candidate, outcome))?,
            Err(RecvTimeoutError::Timeout) => committer.flush()?,
            Err(RecvTimeoutError::Disconnected) => return committer.flush(),
        }
    }
}

fn commit(
    committer: &mut Committer<'_>,
    candidate: Candidate,
    outcome: Outcome,
) -> Result<(), ScanError> {
    let Candidate {
        path,
        revision,
        known,
    } = candidate;
    let known = match known {
        Known::Track(known) => known,
        Known::Sidecar(known) => return committer.sidecar(path, revision, known.as_ref()),
    };
    match outcome {
        Outcome::Read(revision, media) => committer.sighted(path, known, revision, media),
        // What a server fails to tell of a new file, it may tell soon: in the log that would stay.
        Outcome::Unreadable(revision, media, error)
            if known.is_none() && committer.is_sure_of(&error) =>
        {
            committer.sighted(path, None, revision, media)
        }
        // What a disk or a server fails to tell for once takes nothing from what is known.
        Outcome::Unreadable(_, _, error) => {
            committer.left(&path, Some(error));
            Ok(())
        }
        // Settled above.
        Outcome::Beside => Ok(()),
        Outcome::Later => {
            tracing::debug!(%path, "changes while it is read; left to a later scan");
            committer.left(&path, None);
            Ok(())
        }
        Outcome::Lost(error) => {
            committer.flush()?;
            Err(ScanError::Origin(error))
        }
    }
}
