//! Old reads are folded into sums for each track (LOG-6), where the owner of the log wants it.

use std::sync::Arc;
use std::time::Duration;

use eventlog::{CauseId, EventStore, Filter, Folding, Position, StoreError, Timestamp, wire};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::writer::LogWriter;

/// Events folded in one transaction: some 0.1 s for which other appends wait.
const STEP: usize = 10_000;
/// Between the start and the first folding, which is to disturb no start.
const FIRST: Duration = Duration::from_secs(5);
/// Between foldings.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// The moment so many days before another.
#[must_use]
pub fn days_before(now: Timestamp, days: u32) -> Timestamp {
    Timestamp(
        now.0
            .saturating_sub(i64::from(days).saturating_mul(DAY_MICROS)),
    )
}

/// Folds reads older than so many days, soon and then once a day, until told to stop.
pub async fn run(writer: Arc<LogWriter>, days: u32, stop: CancellationToken) {
    let mut wait = FIRST;
    while stop
        .run_until_cancelled(tokio::time::sleep(wait))
        .await
        .is_some()
    {
        wait = EVERY;
        let older_than = days_before(Timestamp::now(), days);
        // Stopped between two steps at most: one that was begun is brought to its end.
        match fold(&writer, older_than, CauseId::generate(), &stop).await {
            Ok(Folding { folded: 0, .. }) => {}
            Ok(Folding { folded, .. }) => {
                tracing::info!("{folded} reads older than {days} days were folded into sums");
            }
            Err(error) => tracing::error!("old reads are not folded, trying tomorrow: {error}"),
        }
    }
}

/// Folds reads recorded before a time, step by step, until all are or `stop` is cancelled. Tells how
/// many were.
///
/// # Errors
/// Where the log cannot be read or written; what was folded until then stays folded.
pub async fn fold(
    writer: &LogWriter,
    older_than: Timestamp,
    cause: CauseId,
    stop: &CancellationToken,
) -> Result<Folding, StoreError> {
    let mut sum = Folding {
        folded: 0,
        head: writer.store().head(),
    };
    while !stop.is_cancelled() {
        let until = step(&**writer.store(), older_than, STEP).await?;
        let done = writer.fold_access(until, cause).await?;
        sum.head = done.head;
        sum.folded += done.folded;
        if done.folded == 0 {
            break;
        }
    }
    Ok(sum)
}

/// How far a step goes: the time before which only so many of those that are left were recorded.
async fn step(
    store: &dyn EventStore,
    older_than: Timestamp,
    count: usize,
) -> Result<Timestamp, StoreError> {
    let mut after = Position::START;
    loop {
        let reads = Filter {
            kinds: vec![wire::ACCESS_KIND.to_owned()],
            subject: None,
        };
        let mut reads = store.read(after, None, reads).take(count);
        let mut latest = None;
        loop {
            match reads.next().await.transpose() {
                Ok(Some(read)) => latest = latest.max(Some(read.recorded_at)),
                Ok(None) => {
                    // Just above, so that the step takes something though the clock stood still.
                    let end = latest.map_or(older_than, |latest| Timestamp(latest.0 + 1));
                    return Ok(end.min(older_than));
                }
                // Those before are folded; what is left begins there.
                Err(StoreError::BelowHorizon { horizon }) if horizon > after => {
                    after = horizon;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eventlog::conformance::samples;
    use eventlog::{Event, MemoryStore, NewEvent};
    use futures::TryStreamExt;

    use super::*;

    fn read(n: u64, at: i64) -> NewEvent {
        NewEvent {
            recorded_at: Timestamp(at),
            ..samples::new_event(n, samples::read(n % 7 + 1))
        }
    }

    async fn sums(store: &MemoryStore) -> (usize, u64) {
        let all = store.read(Position::START, None, Filter::default());
        let all: Vec<_> = all.try_collect().await.unwrap();
        let folded = |event: &&Event| matches!(event, Event::AccessFolded { .. });
        let summaries = all.iter().filter_map(|it| it.event()).filter(folded);
        let reads = summaries.clone().map(|event| match event {
            Event::AccessFolded { plays, .. } => plays.iter().map(|it| it.reads).sum(),
            _ => 0,
        });
        (summaries.clone().count(), reads.sum())
    }

    #[tokio::test]
    async fn old_reads_are_folded_in_steps_whatever_the_clock_did() {
        let store = Arc::new(MemoryStore::new());
        let writer = LogWriter::new(Arc::clone(&store) as _);
        let count = i64::try_from(STEP).unwrap() * 2 + 500;
        // It stood still for half of them, and then went back and on.
        let time = |n: i64| (n - count / 2).max(0) - 100 * (n % 2);
        let events: Vec<_> = (0..count)
            .map(|n| read(n.unsigned_abs(), time(n)))
            .collect();
        writer.append(&events).await.unwrap();
        let go = CancellationToken::new();
        let cause = CauseId::generate();
        let older = Timestamp(i64::MAX);
        let done = fold(&writer, older, cause, &go).await.unwrap();
        assert_eq!(done.folded, count.unsigned_abs());
        assert_eq!(done.head, store.head());
        let (summaries, reads) = sums(&store).await;
        assert!((2..=4).contains(&summaries), "{summaries}");
        assert_eq!(reads, count.unsigned_abs());
        assert_eq!(fold(&writer, older, cause, &go).await.unwrap().folded, 0);
    }

    #[tokio::test]
    async fn what_is_young_stays_and_who_is_stopped_begins_nothing() {
        let store = Arc::new(MemoryStore::new());
        let writer = LogWriter::new(Arc::clone(&store) as _);
        let now = Timestamp(100 * DAY_MICROS);
        let events: Vec<_> = (0..10_u32)
            .map(|days| read(days.into(), days_before(now, 9 - days).0))
            .collect();
        writer.append(&events).await.unwrap();
        let stopped = CancellationToken::new();
        stopped.cancel();
        let cause = CauseId::generate();
        let older = days_before(now, 4);
        let none = fold(&writer, older, cause, &stopped).await.unwrap();
        assert_eq!((none.folded, none.head), (0, Position(10)));
        let go = CancellationToken::new();
        let done = fold(&writer, older, cause, &go).await.unwrap();
        assert_eq!(done.folded, 5);
    }
}
