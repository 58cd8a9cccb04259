//! LOG-8: durable appends in batches of 1,000, and replay from disk through decoding.
//!
//! `cargo bench -p musicfs-eventlog [-- EVENTS [DIRECTORY]]`; half a million events and the
//! system's temporary directory if not told otherwise. A directory on tmpfs measures no disk.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use eventlog::conformance::samples;
use eventlog::{EventStore as _, Filter, Position, SqliteStore};
use futures::StreamExt as _;

/// As the tool has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const BATCH: u64 = 1000;
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let told: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let events: u64 = told.first().map_or(Ok(500_000), |events| events.parse())?;
    let directory = told.get(1).map_or_else(std::env::temp_dir, Into::into);
    let mut out = std::io::stdout();
    for _ in 0..ROUNDS {
        let directory = tempfile::tempdir_in(&directory)?;
        let path = directory.path().join("events.db");
        let appended = append(&path, events).await?;
        let bytes = std::fs::metadata(&path)?.len() / events.max(1);
        let (opened, replayed) = replay(&path, events).await?;
        writeln!(
            out,
            "{events} events, {bytes} bytes each: append {:.0}/s, open {:.1} ms, replay {:.0}/s",
            rate(events, appended),
            opened.as_secs_f64() * 1000.0,
            rate(events, replayed),
        )?;
    }
    Ok(())
}

/// Durable appends in batches; making the events is not counted.
async fn append(path: &Path, events: u64) -> Result<Duration, Box<dyn Error>> {
    let store = SqliteStore::open(path).await?;
    let mut taken = Duration::ZERO;
    for first in (0..events).step_by(usize::try_from(BATCH)?) {
        let batch = samples::discoveries(first..events.min(first + BATCH));
        let start = Instant::now();
        store.append(Position(first), &batch).await?;
        taken += start.elapsed();
    }
    store.close().await;
    Ok(taken)
}

/// Opening with the tail check, and reading everything.
async fn replay(path: &Path, events: u64) -> Result<(Duration, Duration), Box<dyn Error>> {
    let start = Instant::now();
    let store = SqliteStore::open(path).await?;
    let opened = start.elapsed();
    let start = Instant::now();
    let mut seen = 0_u64;
    let mut stream = store.read(Position::START, None, Filter::default());
    while let Some(event) = stream.next().await {
        seen += u64::from(event?.event().is_some());
    }
    assert_eq!(seen, events);
    Ok((opened, start.elapsed()))
}

fn rate(events: u64, taken: Duration) -> f64 {
    // Precise enough: fewer than 2^52 of either.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let events = events as f64;
    events / taken.as_secs_f64()
}
