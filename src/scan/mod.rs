//! Scans: observe an origin, decide what that means, append it.
//!
//! One thread walks and compares with the catalog, some read what is new or changed, and one
//! decides and appends. What is in flight is bounded by the channels between them, and what was
//! appended is known to the next scan: a scan that was killed goes on where it was.

mod commit;
mod compare;
mod progress;
mod read;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use eventlog::decide::RemovalLimit;
use eventlog::event::{ScanReason, ScanSummary};
use eventlog::{CauseId, OriginPath, StoreError};
use origins::{Origin, OriginError};
use projections::{ViewError, Views};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::commit::Committer;
use self::compare::{Candidate, Comparer, Listing};
pub use self::progress::{Progress, ScanStatus};
use self::read::Outcome;
use crate::writer::LogWriter;

/// Files between walker and readers, and between readers and committer.
const IN_FLIGHT: usize = 256;

/// How long a decided event waits for company before it is appended.
const LINGER: Duration = Duration::from_millis(20);

/// What of an origin is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Whole,
    /// These directories, and what is new or gone below them.
    Directories(Vec<OriginPath>),
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
        }
    }
}

/// Why a scan ended early. What it had found by then is in the log.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The origin stopped answering.
    #[error("{0}")]
    Origin(OriginError),
    /// The log took no more events.
    #[error(transparent)]
    Log(#[from] StoreError),
    /// The catalog could not be read.
    #[error(transparent)]
    View(#[from] ViewError),
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
    /// Threads that read files.
    pub readers: usize,
    /// What a listing may remove.
    pub limit: RemovalLimit,
}

impl Scanner {
    /// Scans an origin. At most one scan an origin may run at a time.
    ///
    /// # Errors
    /// See [`ScanError`].
    pub async fn scan(
        &self,
        origin: Arc<dyn Origin>,
        request: Request,
        progress: Progress,
        stop: CancellationToken,
    ) -> Result<ScanSummary, ScanError> {
        let head = self.writer.store().head();
        self.views.wait_for(head).await?;
        let scanner = self.clone();
        let runtime = Handle::current();
        let summary = tokio::task::spawn_blocking(move || {
            Running {
                scanner: &scanner,
                origin: &*origin,
                request,
                progress,
                stop,
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
        let mut committer = Committer::new(
            self.origin,
            &self.scanner.views,
            &self.scanner.writer,
            &self.runtime,
            &self.progress,
            CauseId::generate(),
            self.request.reason,
        );
        let listing = self.pipeline(&mut committer)?;
        committer.summary.listed = listing.listed;
        committer.summary.errors += listing.errors;
        committer.summary.whole = self.request.scope == Scope::Whole;
        committer.summary.complete = listing.complete;
        let mut held = false;
        if listing.complete && !listing.missing.is_empty() {
            let accepted = self.request.accept_removals;
            held = committer.missing(&listing.missing, self.scanner.limit, accepted)?;
        }
        let summary = committer.finish(first || (was_held && !held))?;
        if let Some(trouble) = listing.trouble {
            self.progress.trouble(trouble);
        }
        self.progress.done(&summary);
        Ok(summary)
    }

    fn pipeline(&self, committer: &mut Committer<'_>) -> Result<Listing, ScanError> {
        std::thread::scope(|threads| {
            let (candidates, to_read) = bounded::<Candidate>(IN_FLIGHT);
            let (read, found) = bounded::<Found>(IN_FLIGHT);
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

    fn walk(&self, candidates: &Sender<Candidate>) -> Result<Listing, ScanError> {
        let catalog = self.scanner.views.catalog();
        let comparer = Comparer {
            origin: self.origin,
            catalog: &catalog,
            runtime: &self.runtime,
            progress: &self.progress,
            stop: &self.stop,
            verify: self.request.verify,
        };
        let _inside = self.runtime.enter();
        comparer.run(&self.request.scope, |candidate| {
            candidates.send(candidate).is_ok()
        })
    }

    fn read(&self, to_read: &Receiver<Candidate>, read: &Sender<Found>) {
        for candidate in to_read {
            let Candidate { path, revision, .. } = &candidate;
            let outcome = read::read(self.origin, path, revision, &self.runtime);
            if read.send((candidate, outcome)).is_err() {
                return;
            }
        }
    }
}

/// Decides on what comes until no more does.
fn commit_all(committer: &mut Committer<'_>, found: &Receiver<Found>) -> Result<(), ScanError> {
    loop {
        match found.recv_timeout(LINGER) {
            Ok((Candidate { path, known, .. }, Outcome::Read(revision, media))) => {
                committer.sighted(path, known, revision, media)?;
            }
            Ok((Candidate { path, .. }, Outcome::Later)) => {
                tracing::debug!(%path, "changes while it is read; left to a later scan");
                committer.summary.errors += 1;
            }
            Ok((_, Outcome::Lost(error))) => {
                committer.flush()?;
                return Err(ScanError::Origin(error));
            }
            Err(RecvTimeoutError::Timeout) => committer.flush()?,
            Err(RecvTimeoutError::Disconnected) => return committer.flush(),
        }
    }
}
