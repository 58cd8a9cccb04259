//! Who is in no hurry waits while many events come at once.

use std::sync::Arc;
use std::time::Duration;

use eventlog::Position;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// More unread events than these come of a scan, and not of somebody's hands.
const MANY: u64 = 500;

/// The flow has ebbed once no event came for so long, which is more than a scan keeps what it found.
const QUIET: Duration = Duration::from_millis(500);

/// How far others wait for somebody to get, who then is in a hurry.
#[derive(Debug, Clone, Default)]
pub struct Wanted(Arc<watch::Sender<Position>>);

impl Wanted {
    /// Tells that somebody waits for that position to be read.
    pub fn want(&self, position: Position) {
        self.0.send_if_modified(|wanted| {
            let is_more = position > *wanted;
            *wanted = position.max(*wanted);
            is_more
        });
    }

    /// Returns once somebody waits for more than what is read up to `position`.
    async fn beyond(&self, position: Position) {
        let mut wanted = self.0.subscribe();
        // The sender is at hand: it cannot have gone.
        let _ = wanted.wait_for(|wanted| *wanted > position).await;
    }
}

/// Returns once one who is in no hurry, and has read up to `position`, should read on: at once where
/// few events are unread or somebody waits for them, else when no more come, or after `longest`: a scan
/// may take hours. So a scan has the machine to itself and those who are waited for, and what it found
/// is read in one go, which costs less.
pub async fn lull(
    heads: &mut watch::Receiver<Position>,
    position: Position,
    wanted: &Wanted,
    longest: Duration,
) {
    let longest = Instant::now() + longest;
    while *heads.borrow_and_update() > position.plus(MANY) {
        let quiet = Instant::now() + QUIET;
        tokio::select! {
            biased;
            () = wanted.beyond(position) => return,
            more = timeout_at(quiet.min(longest), heads.changed()) => {
                if !matches!(more, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Position = Position(MANY + 1);
    const LONGEST: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn few_events_are_read_at_once() {
        let (_heads, mut seen) = watch::channel(Position(MANY + 7));
        let began = Instant::now();
        lull(&mut seen, Position(7), &Wanted::default(), LONGEST).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_read_once_no_more_come() {
        let (heads, mut seen) = watch::channel(FAR);
        let began = Instant::now();
        let wait = tokio::spawn(async move {
            lull(&mut seen, Position::START, &Wanted::default(), LONGEST).await;
        });
        for more in 1..=10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            heads.send_replace(FAR.plus(more));
        }
        wait.await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(1) + QUIET);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let (heads, mut seen) = watch::channel(FAR);
        let began = Instant::now();
        let wait = tokio::spawn(async move {
            lull(&mut seen, Position::START, &Wanted::default(), LONGEST).await;
        });
        while !wait.is_finished() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            heads.send_modify(|head| *head = head.next());
        }
        assert!(began.elapsed() <= LONGEST + QUIET);
        // Nor for a log that has gone.
        let (_, mut seen) = watch::channel(FAR);
        lull(&mut seen, Position::START, &Wanted::default(), LONGEST).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_waited_for_reads_on() {
        let (_heads, mut seen) = watch::channel(FAR.plus(8));
        let wanted = Wanted::default();
        wanted.want(Position(8));
        wanted.want(Position(7));
        let began = Instant::now();
        lull(&mut seen, Position(7), &wanted, LONGEST).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        // What was waited for is read.
        let wait = tokio::spawn({
            let wanted = wanted.clone();
            let mut seen = seen.clone();
            async move { lull(&mut seen, Position(8), &wanted, LONGEST).await }
        });
        tokio::time::sleep(QUIET / 2).await;
        assert!(!wait.is_finished());
        wanted.want(Position(9));
        wait.await.unwrap();
        assert_eq!(began.elapsed(), QUIET / 2);
    }
}
