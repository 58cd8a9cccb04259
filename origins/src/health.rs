//! How an origin is doing, out of its checks (ORG-8). Pure: whoever checks tells how it went.

use std::collections::VecDeque;
use std::time::Duration;

/// Checks whose time is remembered: few enough to follow a line that gets slower, enough that one
/// slow answer says nothing.
const REMEMBERED: usize = 9;

/// Time between checks of an origin that answers (ORG-8).
const USUAL: Duration = Duration::from_secs(30);
/// Until the next attempt to find a server's address (ORG-8).
const UNRESOLVED: Duration = Duration::from_secs(5);
/// Until a folder of this machine that is not there is looked for again: that costs next to nothing.
const ABSENT: Duration = Duration::from_secs(5);
/// Until a server is asked again while no origin answers (ORG-8).
const OFFLINE: Duration = Duration::from_secs(60);
/// Longest time until a server that does not let us in is asked again: others lock accounts that are
/// tried too often.
const LOCKED_OUT: Duration = Duration::from_secs(1_800);

/// Whether an origin answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It does.
    Healthy,
    /// It answers badly: not at every check, or not for all of it.
    Degraded,
    /// It does not.
    Unhealthy,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered, within that time.
    Answered(Duration),
    /// It does not let us in. What lets us in may have been changed meanwhile, so that nothing is won
    /// by asking again in the same way.
    Denied,
    /// Its server has a name whose address is not to be had.
    Unresolved,
    /// It did not answer, or its root is not there.
    Silent,
}

/// An origin's life signs.
#[derive(Debug, Clone)]
pub struct Vitals {
    /// Checks that fail, one after the other, until it is given up.
    threshold: u32,
    /// True for a folder of this machine.
    at_hand: bool,
    failures: u32,
    health: Health,
    unresolved: bool,
    /// How often, one after the other, it did not let us in.
    denied: u32,
    latencies: VecDeque<Duration>,
}

impl Vitals {
    /// Those of a folder of this machine: one failed check tells all.
    #[must_use]
    pub fn of_a_disk() -> Self {
        Self::with(1, true)
    }

    /// Those of an origin that lies elsewhere: three failed checks give it up.
    #[must_use]
    pub fn of_a_server() -> Self {
        Self::with(3, false)
    }

    const fn with(threshold: u32, at_hand: bool) -> Self {
        Self {
            threshold,
            at_hand,
            failures: 0,
            health: Health::Unknown,
            unresolved: false,
            denied: 0,
            latencies: VecDeque::new(),
        }
    }

    /// Takes in how a check went. What never answered, or was given up, needs no three checks.
    pub fn note(&mut self, outcome: Outcome) {
        let answered = matches!(self.health, Health::Healthy | Health::Degraded);
        self.unresolved = outcome == Outcome::Unresolved;
        self.denied = match outcome {
            Outcome::Denied => self.denied.saturating_add(1),
            _ => 0,
        };
        match outcome {
            Outcome::Answered(latency) => {
                self.failures = 0;
                self.health = Health::Healthy;
                if self.latencies.len() == REMEMBERED {
                    self.latencies.pop_front();
                }
                self.latencies.push_back(latency);
            }
            Outcome::Unresolved => self.health = Health::Degraded,
            Outcome::Denied => {
                self.failures = self.threshold;
                self.health = Health::Unhealthy;
            }
            Outcome::Silent => {
                self.failures = self.failures.saturating_add(1);
                self.health = if answered && self.failures < self.threshold {
                    Health::Degraded
                } else {
                    Health::Unhealthy
                };
            }
        }
    }

    /// Takes in that it is lost by this outcome: nothing is left that could answer another check.
    pub fn lose(&mut self, outcome: Outcome) {
        self.note(outcome);
        if outcome == Outcome::Silent {
            self.health = Health::Unhealthy;
        }
    }

    /// How it is doing.
    #[must_use]
    pub const fn health(&self) -> Health {
        self.health
    }

    /// True where nothing can be had of it now, whatever the reason.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.health == Health::Unhealthy || self.unresolved
    }

    /// Until the next check; `offline` where no origin answers.
    #[must_use]
    pub fn again(&self, offline: bool) -> Duration {
        match self.health {
            _ if self.unresolved => UNRESOLVED,
            Health::Unhealthy if self.at_hand => ABSENT,
            Health::Unhealthy if self.denied > 0 => {
                let doubled = 2_u32.saturating_pow(self.denied - 1);
                USUAL.saturating_mul(doubled).min(LOCKED_OUT)
            }
            Health::Unhealthy if offline => OFFLINE,
            _ => USUAL,
        }
    }

    /// How long its last checks took: half of them less, half of them more.
    #[must_use]
    pub fn median(&self) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.latencies.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Outcome = Outcome::Answered(Duration::from_millis(1));

    fn healths(mut vitals: Vitals, outcomes: &[Outcome]) -> Vec<Health> {
        let note = |outcome: &Outcome| {
            vitals.note(*outcome);
            vitals.health()
        };
        outcomes.iter().map(note).collect()
    }

    #[test]
    fn a_server_is_given_up_after_three_checks_and_a_disk_after_one() {
        use Health::{Degraded, Healthy, Unhealthy};
        use Outcome::Silent;
        assert_eq!(
            healths(
                Vitals::of_a_server(),
                &[
                    FAST, Silent, Silent, FAST, Silent, Silent, Silent, Silent, FAST
                ]
            ),
            [
                Healthy, Degraded, Degraded, Healthy, Degraded, Degraded, Unhealthy, Unhealthy,
                Healthy
            ]
        );
        assert_eq!(
            healths(Vitals::of_a_disk(), &[FAST, Silent, FAST]),
            [Healthy, Unhealthy, Healthy]
        );
    }

    #[test]
    fn what_never_answered_or_lets_us_not_in_is_given_up_at_once() {
        let never = healths(Vitals::of_a_server(), &[Outcome::Silent]);
        assert_eq!(never, [Health::Unhealthy]);
        let denied = healths(Vitals::of_a_server(), &[FAST, Outcome::Denied]);
        assert_eq!(denied, [Health::Healthy, Health::Unhealthy]);
    }

    #[test]
    fn a_name_that_is_not_resolved_gives_nothing_up() {
        let mut vitals = Vitals::of_a_server();
        for _ in 0..9 {
            vitals.note(Outcome::Unresolved);
            assert_eq!(vitals.health(), Health::Degraded);
            assert_eq!(vitals.again(true), UNRESOLVED);
            assert!(vitals.is_down());
        }
        vitals.note(FAST);
        assert!(!vitals.is_down());
        assert_eq!(vitals.again(false), USUAL);
    }

    #[test]
    fn the_next_check_is_due_by_what_is_known() {
        let down = |mut vitals: Vitals, offline| {
            vitals.note(Outcome::Silent);
            vitals.again(offline).as_secs()
        };
        assert_eq!(down(Vitals::of_a_server(), false), 30);
        assert_eq!(down(Vitals::of_a_server(), true), 60);
        assert_eq!(down(Vitals::of_a_disk(), true), 5);
    }

    #[test]
    fn who_does_not_let_us_in_is_asked_less_and_less() {
        let mut vitals = Vitals::of_a_server();
        let mut waits = Vec::new();
        for _ in 0..9 {
            vitals.note(Outcome::Denied);
            waits.push(vitals.again(false).as_secs());
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
        vitals.note(FAST);
        vitals.note(Outcome::Denied);
        assert_eq!(vitals.again(true).as_secs(), 30);
    }

    #[test]
    fn one_slow_answer_says_nothing() {
        let mut vitals = Vitals::of_a_server();
        assert_eq!(vitals.median(), None);
        for millis in [5, 900, 7, 6] {
            vitals.note(Outcome::Answered(Duration::from_millis(millis)));
        }
        assert_eq!(vitals.median(), Some(Duration::from_millis(7)));
        for _ in 0..REMEMBERED {
            vitals.note(FAST);
        }
        assert_eq!(vitals.median(), Some(Duration::from_millis(1)));
    }
}
