//! What a scan could not look at, kept until it is looked at again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::scan::Scope;

/// How long what could not be looked at is left alone: a program that writes a file may be done by
/// then, a disk may have got over it.
const FIRST: Duration = Duration::from_secs(30);

/// The longest wait. Each failure doubles it: a broken disk is not to be read all the time.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What is to be listed again, and when.
#[derive(Debug)]
pub(super) struct Later {
    left: Option<Scope>,
    due: Instant,
    wait: Duration,
}

impl Default for Later {
    fn default() -> Self {
        Self {
            left: None,
            due: Instant::now(),
            wait: FIRST,
        }
    }
}

impl Later {
    /// A scan of `listed` ended, and left this.
    pub(super) fn note(&mut self, listed: &Scope, left: Option<Scope>) {
        let before = self.left.take().filter(|_| *listed != Scope::Whole);
        match (before, left) {
            (None, None) => self.wait = FIRST,
            (Some(before), None) => self.left = Some(before),
            (before, Some(left)) => {
                if before.is_none() {
                    self.due = Instant::now() + self.wait;
                }
                self.left = Some(match before {
                    Some(before) => before.union(left),
                    None => left,
                });
            }
        }
    }

    /// Waits until something is due, for ever where nothing is left. Loses nothing when dropped.
    pub(super) async fn due(&mut self) -> Scope {
        loop {
            if self.left.is_some() {
                sleep_until(self.due).await;
            }
            match self.left.take() {
                Some(scope) => {
                    self.wait = (self.wait * 2).min(LONGEST);
                    return scope;
                }
                None => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eventlog::OriginPath;
    use tokio::time::timeout;

    use super::*;

    fn directories(names: &[&str]) -> Scope {
        let path = |name: &&str| OriginPath::new(name.as_bytes()).unwrap();
        Scope::Directories(names.iter().map(path).collect())
    }

    /// How many seconds it takes until something is due, and what.
    async fn next(later: &mut Later) -> (u64, Scope) {
        let began = Instant::now();
        let scope = later.due().await;
        (began.elapsed().as_secs(), scope)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_due_after_half_a_minute_and_then_ever_later() {
        let (mut later, a) = (Later::default(), directories(&["a"]));
        for wait in [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
            later.note(&a, Some(a.clone()));
            assert_eq!(next(&mut later).await, (wait, a.clone()));
        }
        later.note(&a, None);
        let never = timeout(Duration::from_secs(100_000), later.due()).await;
        assert!(never.is_err(), "nothing is left");
        later.note(&a, Some(a.clone()));
        assert_eq!(next(&mut later).await, (30, a));
    }

    #[tokio::test(start_paused = true)]
    async fn other_scans_add_and_a_whole_one_settles() {
        let (mut later, a, b) = (Later::default(), directories(&["a"]), directories(&["b"]));
        later.note(&a, Some(a.clone()));
        tokio::time::sleep(Duration::from_secs(10)).await;
        later.note(&b, None);
        later.note(&b, Some(b.clone()));
        assert_eq!(next(&mut later).await, (20, directories(&["a", "b"])));
        later.note(&a, Some(a.clone()));
        later.note(&Scope::Whole, Some(Scope::Whole));
        assert_eq!(next(&mut later).await.1, Scope::Whole);
        later.note(&a, Some(a.clone()));
        later.note(&Scope::Whole, None);
        assert!(timeout(LONGEST, later.due()).await.is_err());
    }
}
