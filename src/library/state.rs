//! How an origin is doing, for whoever wants to know.

use std::time::Duration;

use eventlog::Timestamp;
pub use origins::Health;
use tokio::sync::watch;

use crate::scan::ScanStatus;

/// How an origin is doing.
#[derive(Debug, Clone, Default)]
pub struct OriginState {
    /// Whether it answers, and all of it can be read.
    pub health: Health,
    /// Why it does not, or not well.
    pub message: Option<String>,
    /// What the last whole listing could not read.
    pub unreadable: Option<String>,
    /// How long its last check took.
    pub latency: Option<Duration>,
    /// How long its last checks took, in the middle.
    pub median: Option<Duration>,
    /// The higher, the sooner it is read where others have the same music.
    pub priority: i32,
    /// When it was last checked.
    pub last_check: Option<Timestamp>,
    /// True once a listing has ended since the daemon started, or is not to be expected: the
    /// origin does not answer, or is listed only when asked.
    pub settled: bool,
    /// Tracks that scans found added, changed, moved or vanished since the daemon started.
    pub changes: u64,
    /// The scan that is running.
    pub scan: Option<watch::Receiver<ScanStatus>>,
    /// True where nothing can be had of it now.
    pub down: bool,
    /// Whether it answers its checks, and why not.
    checks: (Health, Option<String>),
}

impl OriginState {
    /// Takes in how it answers its checks. Returns true where that is news.
    pub(super) fn answers(&mut self, health: Health, why: Option<String>) -> bool {
        let now = (health, why);
        let news = self.checks != now;
        self.checks = now;
        self.refresh();
        news
    }

    /// How it answers its checks.
    pub(super) const fn answering(&self) -> Health {
        self.checks.0
    }

    /// An origin that answers is only healthy where all of it could be read.
    pub(super) fn refresh(&mut self) {
        let (health, why) = &self.checks;
        (self.health, self.message) = match (health, &self.unreadable) {
            (Health::Healthy, Some(unreadable)) => (Health::Degraded, Some(unreadable.clone())),
            (health, _) => (*health, why.clone()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_degrades_what_answers() {
        let mut state = OriginState::default();
        assert!(state.answers(Health::Healthy, None));
        assert!(!state.answers(Health::Healthy, None));
        state.unreadable = Some("cannot list a".to_owned());
        state.refresh();
        assert_eq!(state.health, Health::Degraded);
        assert!(state.answers(Health::Unhealthy, Some("no answer".to_owned())));
        assert_eq!(state.message.as_deref(), Some("no answer"));
        state.answers(Health::Healthy, None);
        assert_eq!(state.message.as_deref(), Some("cannot list a"));
    }
}
