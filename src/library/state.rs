//! How an origin is doing, for whoever wants to know.

use std::time::Duration;

use eventlog::Timestamp;
use tokio::sync::watch;

use crate::scan::ScanStatus;

/// Whether an origin answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It does.
    Healthy,
    /// It does, but part of it could not be read.
    Degraded,
    /// It does not.
    Unhealthy,
}

/// How an origin is doing.
#[derive(Debug, Clone, Default)]
pub struct OriginState {
    /// Whether it answers.
    pub health: Health,
    /// Why it does not.
    pub message: Option<String>,
    /// What the last whole listing could not read.
    pub unreadable: Option<String>,
    /// How long its last check took.
    pub latency: Option<Duration>,
    /// When it was last checked.
    pub last_check: Option<Timestamp>,
    /// True once a listing has ended since the daemon started, or is not to be expected: the
    /// origin does not answer, or is listed only when asked.
    pub settled: bool,
    /// Tracks that scans found added, changed, moved or vanished since the daemon started.
    pub changes: u64,
    /// The scan that is running.
    pub scan: Option<watch::Receiver<ScanStatus>>,
}

impl OriginState {
    /// An origin that answers is only healthy where all of it could be read.
    pub(super) fn refresh(&mut self) {
        if self.health == Health::Unhealthy {
            return;
        }
        self.health = match self.unreadable {
            Some(_) => Health::Degraded,
            None => Health::Healthy,
        };
        self.message.clone_from(&self.unreadable);
    }
}
