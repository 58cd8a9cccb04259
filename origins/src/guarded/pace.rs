//! A rate that is kept: so many requests or bytes a second.

use std::num::NonZero;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// So many a second, evenly. What is taken is paid for by whoever comes next: a request larger than a
/// second's worth passes, too.
#[derive(Debug)]
pub(super) struct Pace {
    each: f64,
    /// When all that was taken is paid for.
    free: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(per_second: NonZero<u64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let each = 1.0 / per_second.get() as f64;
        Self {
            each,
            free: Mutex::new(None),
        }
    }

    /// Waits until so many may be taken. Who gives up waiting has taken nothing.
    pub(super) async fn take(&self, count: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let cost = Duration::try_from_secs_f64(self.each * count as f64);
        let cost = cost.unwrap_or(Duration::ZERO);
        let turn = {
            let mut free = self.free();
            let now = Instant::now();
            let turn = free.map_or(now, |free| free.max(now));
            *free = Some(turn + cost);
            turn
        };
        let mut waiting = Waiting { pace: self, cost };
        sleep_until(turn).await;
        waiting.cost = Duration::ZERO;
    }

    fn free(&self) -> MutexGuard<'_, Option<Instant>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives back what was not taken.
struct Waiting<'p> {
    pace: &'p Pace,
    cost: Duration,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut free = self.pace.free();
        *free = free.map(|free| free.checked_sub(self.cost).unwrap_or(free));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_and_a_pause_saves_nothing_up() {
        let pace = Pace::new(NonZero::new(10).unwrap());
        let began = Instant::now();
        for _ in 0..11 {
            pace.take(1).await;
        }
        assert_eq!(began.elapsed().as_millis(), 1_000);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let began = Instant::now();
        pace.take(100).await;
        pace.take(1).await;
        assert_eq!(began.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_no_debt() {
        let pace = Pace::new(NonZero::new(1).unwrap());
        pace.take(1).await;
        for _ in 0..50 {
            let given_up = tokio::time::timeout(Duration::from_millis(1), pace.take(10));
            assert!(given_up.await.is_err());
        }
        let began = Instant::now();
        pace.take(1).await;
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}
