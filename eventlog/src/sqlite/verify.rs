//! Is what is stored what was written? (LOG-5)

use std::path::Path;
use std::pin::pin;

use futures::StreamExt as _;
use sqlx::{Row as _, SqlitePool};

use super::fault::{Fault, is_interrupt};
use super::rows::{self, HEAD, Page, Tail};
use super::{file, read};
use crate::event::Event;
use crate::id::Position;
use crate::record::{ChainCheck, ROOT, Stored};
use crate::store::{Filter, StoreError};

/// Steps of SQLite's machine between two looks whether a check is to end.
const STEPS: i32 = 100_000;

/// Events checked when a log is opened.
const TAIL: u64 = 1000;

/// What a check of the whole log found: it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The last event that was checked, and how many there were.
    pub head: Position,
    /// How many of them are folded.
    pub folded: u64,
}

/// Where the log says that it ends.
pub(super) async fn head(path: &Path, readers: &SqlitePool) -> Result<Tail, StoreError> {
    Ok(ends(path, readers).await?.0)
}

/// Where the log says that it ends, and the first and last position that it has.
async fn ends(path: &Path, readers: &SqlitePool) -> Result<(Tail, u64, u64), StoreError> {
    let fault = Fault::new(path, "open");
    let row = sqlx::query(HEAD)
        .fetch_optional(readers)
        .await
        .map_err(|error| fault.of(error))?;
    let row = row.ok_or_else(|| fault.damaged("it does not say where it ends"))?;
    let tail = rows::tail(&row).map_err(|error| fault.damaged(&error.to_string()))?;
    let at = |index: usize| {
        let position = row.try_get::<Option<i64>, _>(index);
        position.map(|position| position.unwrap_or(0).unsigned_abs())
    };
    let ends = at(3).and_then(|first| Ok((tail, first, at(4)?)));
    ends.map_err(|error| fault.of(error))
}

/// Where the log ends, as it says itself and as its rows say.
async fn end(path: &Path, readers: &SqlitePool) -> Result<Tail, StoreError> {
    let fault = Fault::new(path, "open");
    let (tail, first, last) = ends(path, readers).await?;
    if first > 1 {
        return Err(fault.damaged("the first event is missing"));
    }
    let head = tail.head;
    if last < head.0 {
        let reason = format!("the log ends here, and should end at {head}");
        return Err(fault.at(Position(last).next()).damaged(&reason));
    }
    if last > head.0 {
        let reason = format!("the log should end at {head}, and goes on to {last}");
        return Err(fault.at(head.next()).damaged(&reason));
    }
    Ok(tail)
}

/// Checks the log's end, in milliseconds.
pub(super) async fn tail(path: &Path, readers: &SqlitePool) -> Result<Tail, StoreError> {
    let tail = end(path, readers).await?;
    if tail.head == Position::START {
        return Ok(tail);
    }
    // The event before tells what the first one is chained to.
    let mut after = tail.head.0.saturating_sub(TAIL + 1);
    let mut check = (after == 0).then(|| ChainCheck::after(0, ROOT));
    let mut last = ROOT;
    let mut pages = pin!(read::pages(
        path,
        readers,
        Position(after),
        tail.head,
        Filter::default()
    ));
    while let Some(page) = pages.next().await {
        for event in page?.events() {
            let stored = event?.stored();
            match &mut check {
                Some(check) => check.check(&stored)?,
                None => check = Some(ChainCheck::after(stored.position, stored.chain)),
            }
            after = stored.position;
            last = stored.chain;
        }
    }
    at_end(path, tail, after, last)?;
    Ok(tail)
}

fn at_end(path: &Path, tail: Tail, last: u64, chain: [u8; 32]) -> Result<(), StoreError> {
    if (last, chain) == (tail.head.0, tail.chain) {
        Ok(())
    } else {
        let fault = Fault::new(path, "read").at(Position(last));
        Err(fault.damaged("the log's end is not the one that was written last"))
    }
}

/// What a walk along the whole log carries with it.
struct Walk {
    chain: ChainCheck,
    last: (u64, [u8; 32]),
    folded: u64,
    last_folded: u64,
    summarised: u64,
}

impl Walk {
    /// Damage of which it is not known where it is, put behind what holds.
    fn after(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Damaged { position, reason } => StoreError::Damaged {
                position: position.max(Position(self.last.0).next()),
                reason,
            },
            other => other,
        }
    }

    fn step(&mut self, stored: &Stored) -> Result<(), StoreError> {
        self.chain.check(stored)?;
        if stored.entry.payload.is_none() {
            self.folded += 1;
            self.last_folded = stored.position;
        }
        // What the hash vouches for must also be readable.
        let recorded = stored.to_recorded()?;
        if let Some(Event::AccessFolded { through, .. }) = recorded.event() {
            self.summarised = self.summarised.max(through.0);
        }
        self.last = (stored.position, stored.chain);
        Ok(())
    }
}

pub(super) async fn whole(
    path: &Path,
    readers: &SqlitePool,
    mut progress: impl FnMut(Position, Position) + Send,
) -> Result<Verified, StoreError> {
    // Its end is judged last: what is in doubt first is to be named.
    let tail = head(path, readers).await?;
    let mut walk = Walk {
        chain: ChainCheck::after(0, ROOT),
        last: (0, ROOT),
        folded: 0,
        last_folded: 0,
        summarised: 0,
    };
    let pages = read::pages(path, readers, Position::START, tail.head, Filter::default());
    let mut pages = pin!(pages.map(columns).buffered(2));
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| walk.after(error))?;
        for stored in &page {
            walk.step(stored)?;
        }
        progress(Position(walk.last.0), tail.head);
    }
    at_end(path, tail, walk.last.0, walk.last.1)?;
    let fault = Fault::new(path, "check");
    // Folding may have gone on meanwhile; its summaries are behind what was walked.
    let horizon = end(path, readers).await?.horizon;
    let all_summarised = walk.summarised >= tail.horizon.0;
    let all_announced = (tail.horizon.0..=horizon.0).contains(&walk.last_folded);
    if !(all_summarised && all_announced) {
        let first = match walk.last_folded {
            0 => tail.head.next(),
            folded => Position(folded),
        };
        let reason = "payloads are missing for which no summary stands";
        return Err(fault.at(first).damaged(reason));
    }
    let indexed = indexes(path, readers).await;
    indexed.map_err(|error| walk.after(error))?;
    Ok(Verified {
        head: tail.head,
        folded: walk.folded,
    })
}

/// SQLite's own check of the file's structure, in a fraction of the time of all else; false where
/// `is_over` ended it.
pub(super) async fn quick(
    path: &Path,
    mut is_over: impl FnMut() -> bool + Send + 'static,
) -> Result<bool, StoreError> {
    let fault = Fault::new(path, "check");
    let mut connection = file::reader(path).await?;
    connection
        .lock_handle()
        .await
        .map_err(|error| fault.of(error))?
        .set_progress_handler(STEPS, move || !is_over());
    let found: Result<String, _> = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(&mut connection)
        .await;
    match found {
        Ok(found) if found == "ok" => Ok(true),
        Ok(found) => Err(fault.damaged(&found)),
        Err(error) if is_interrupt(&error) => Ok(false),
        Err(error) => Err(fault.of(error)),
    }
}

/// A page's columns, taken out on a thread for such work.
async fn columns(page: Result<Page, StoreError>) -> Result<Vec<Stored>, StoreError> {
    let page = page?;
    let task = tokio::task::spawn_blocking(move || {
        page.events().map(|event| Ok(event?.stored())).collect()
    });
    task.await.unwrap_or_else(|error| {
        Err(StoreError::Damaged {
            position: Position(1),
            reason: error.to_string(),
        })
    })
}

/// SQLite's own check: every index has every row, and nothing else.
async fn indexes(path: &Path, readers: &SqlitePool) -> Result<(), StoreError> {
    let fault = Fault::new(path, "check");
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(readers)
        .await
        .map_err(|error| fault.of(error))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(fault.damaged(&found))
    }
}
