//! How an endpoint is doing.

use std::time::Duration;

use eventlog::{Position, Timestamp};

use super::answer::Outcome;

/// How an endpoint is doing, since the daemon started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// The last event that it is done with; `None` before that is known.
    pub position: Option<Position>,
    /// What it does.
    pub activity: Activity,
    /// Requests that were taken.
    pub delivered: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Requests that were put aside.
    pub parked: u64,
    /// Letters that lie aside, from earlier runs too.
    pub letters: u64,
    /// Why the last try failed; `None` once one was taken.
    pub problem: Option<String>,
    /// When a request was last taken.
    pub last_delivery: Option<Timestamp>,
}

/// What an endpoint does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Activity {
    /// It waits for events.
    #[default]
    Idle,
    /// It delivers.
    Delivering,
    /// It waits before it tries again.
    Waiting {
        /// When it will.
        until: Timestamp,
        /// How often it has tried.
        tries: u32,
    },
}

impl Figures {
    /// Notes what came of a try. True where that is news: it was fine before and now is not, or the
    /// other way round.
    pub(super) fn note(&mut self, outcome: &Outcome, now: Timestamp) -> bool {
        match outcome {
            Outcome::Taken => {
                self.delivered += 1;
                self.last_delivery = Some(now);
                self.problem.take().is_some()
            }
            Outcome::Later { problem, .. } | Outcome::Never { problem } => {
                self.failed += 1;
                self.problem.replace(problem.clone()).is_none()
            }
        }
    }

    /// Notes a pause before the next try.
    pub(super) fn wait(&mut self, pause: Duration, tries: u32, now: Timestamp) {
        let micros = i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
        self.activity = Activity::Waiting {
            until: Timestamp(now.0.saturating_add(micros)),
            tries,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_turn_is_news() {
        let later = || Outcome::Later {
            problem: "it was asleep".to_owned(),
            after: None,
        };
        let mut figures = Figures::default();
        let now = Timestamp(1);
        let news: Vec<bool> = [Outcome::Taken, later(), later(), Outcome::Taken]
            .iter()
            .map(|outcome| figures.note(outcome, now))
            .collect();
        assert_eq!(news, [false, true, false, true]);
        assert_eq!((figures.delivered, figures.failed), (2, 2));
        figures.wait(Duration::from_millis(1), 2, now);
        let until = Timestamp(1_001);
        assert_eq!(figures.activity, Activity::Waiting { until, tries: 2 });
    }
}
