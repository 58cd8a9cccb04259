//! How far a scan is: written by its threads, read by whoever wants to know.

use std::time::Instant;

use eventlog::OriginPath;
use eventlog::event::ScanSummary;
use tokio::sync::watch;

use super::Scope;

/// A scan as it stands.
#[derive(Debug, Clone)]
pub struct ScanStatus {
    /// When it began; intervals are monotonic.
    pub began: Instant,
    /// The directory listed last.
    pub directory: OriginPath,
    /// Audio files listed so far.
    pub listed: u64,
    /// Tracks known before, what a listing of an unchanged origin will come to.
    pub expected: u64,
    /// What was found so far.
    pub found: ScanSummary,
    /// What could not be listed, and why; the first of it.
    pub trouble: Option<String>,
    /// What is to be listed again soon, though nothing may tell of a change there: directories that
    /// failed, and such as hold files that did not stand still or could not be read.
    pub again: Option<Scope>,
    /// True once nothing is left to be done.
    pub done: bool,
}

/// The writing side of a [`ScanStatus`].
#[derive(Debug, Clone)]
pub struct Progress(watch::Sender<ScanStatus>);

impl Progress {
    /// A scan that begins now, over an origin of which `expected` tracks are known.
    #[must_use]
    pub fn begin(expected: u64) -> Self {
        Self(watch::Sender::new(ScanStatus {
            began: Instant::now(),
            directory: OriginPath::root(),
            listed: 0,
            expected,
            found: ScanSummary::default(),
            trouble: None,
            again: None,
            done: false,
        }))
    }

    /// The reading side.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<ScanStatus> {
        self.0.subscribe()
    }

    pub(super) fn listed(&self, directory: &OriginPath, listed: u64) {
        self.0.send_modify(|status| {
            status.directory.clone_from(directory);
            status.listed = listed;
        });
    }

    pub(super) fn trouble(&self, trouble: String) {
        self.0.send_modify(|status| status.trouble = Some(trouble));
    }

    /// It goes on, though there is nothing to tell: who waits takes silence for a disk that hangs.
    pub(super) fn alive(&self) {
        self.0.send_modify(|_| {});
    }

    pub(super) fn again(&self, scope: Option<Scope>) {
        self.0.send_modify(|status| status.again = scope);
    }

    pub(super) fn found(&self, summary: &ScanSummary) {
        // Told only where it is news: who waits for the scan takes silence for a disk that hangs.
        self.0.send_if_modified(|status| {
            let is_news = status.found != *summary;
            status.found = *summary;
            is_news
        });
    }

    pub(super) fn done(&self, summary: &ScanSummary) {
        self.0.send_modify(|status| {
            status.found = *summary;
            status.done = true;
        });
    }
}
