//! Is what is stored what was written? (LOG-5)

use std::path::Path;
use std::pin::pin;

use futures::StreamExt as _;
use rusqlite::OptionalExtension as _;

use super::fault::{Fault, is_interrupt};
use super::readers::Readers;
use super::rows::{HEAD, Tail};
use super::{file, read};
use crate::event::{Body, Event};
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

/// Where a log ends.
pub(super) struct Ends {
    /// As it says itself.
    pub(super) tail: Tail,
    /// The first and the last position that its rows have; 0 where there are none.
    first: u64,
    last: u64,
}

/// Where the log says that it ends, and what its rows say.
pub(super) async fn ends(readers: &Readers, fault: Fault<'_>) -> Result<Ends, StoreError> {
    let found = readers.read(|connection| {
        let row = connection.query_row(HEAD, [], |row| {
            let place = |index| row.get::<_, Option<i64>>(index);
            let at = |place: Option<i64>| place.unwrap_or_default().unsigned_abs();
            let chain: Vec<u8> = row.get(1)?;
            let tail = Tail::of(row.get(0)?, &chain, row.get(2)?);
            Ok((tail, at(place(3)?), at(place(4)?)))
        });
        row.optional()
    });
    let found = found.await.map_err(|error| fault.of(error))?;
    let Some((tail, first, last)) = found else {
        return Err(fault.damaged("it does not say where it ends"));
    };
    let tail = tail.ok_or_else(|| fault.damaged("a hash is not 32 bytes long"))?;
    Ok(Ends { tail, first, last })
}

/// Where the log says that it ends.
pub(super) async fn head(readers: &Readers) -> Result<Tail, StoreError> {
    let fault = Fault::new(readers.path(), "open");
    Ok(ends(readers, fault).await?.tail)
}

/// Where the log says that it ends, if its rows say so, too.
async fn checked_head(readers: &Readers) -> Result<Tail, StoreError> {
    let fault = Fault::new(readers.path(), "open");
    let Ends { tail, first, last } = ends(readers, fault).await?;
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
pub(super) async fn tail(readers: &Readers) -> Result<Tail, StoreError> {
    let tail = checked_head(readers).await?;
    if tail.head == Position::START {
        return Ok(tail);
    }
    // The event before tells what the first one is chained to.
    let mut after = tail.head.0.saturating_sub(TAIL + 1);
    let mut check = (after == 0).then(|| ChainCheck::after(0, ROOT));
    let mut last = ROOT;
    let filter = Filter::default();
    let mut pages = pin!(read::pages(readers, Position(after), tail.head, filter));
    while let Some(page) = pages.next().await {
        for event in page.events {
            let stored = event?;
            match &mut check {
                Some(check) => check.check(&stored)?,
                None => check = Some(ChainCheck::after(stored.position, stored.chain)),
            }
            after = stored.position;
            last = stored.chain;
        }
    }
    at_end(readers.path(), tail, after, last)?;
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
        if let Body::Known(Event::AccessFolded { through, .. }) = stored.body()? {
            self.summarised = self.summarised.max(through.0);
        }
        self.last = (stored.position, stored.chain);
        Ok(())
    }
}

pub(super) async fn whole(
    readers: &Readers,
    mut progress: impl FnMut(Position, Position) + Send,
) -> Result<Verified, StoreError> {
    // Its end is judged last: what is in doubt first is to be named.
    let tail = head(readers).await?;
    let mut walk = Walk {
        chain: ChainCheck::after(0, ROOT),
        last: (0, ROOT),
        folded: 0,
        last_folded: 0,
        summarised: 0,
    };
    let fault = Fault::new(readers.path(), "check");
    let pages = read::pages(readers, Position::START, tail.head, Filter::default());
    let mut pages = pin!(read::ahead(pages));
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| fault.backend(error))?;
        for stored in page.events {
            walk.step(&stored.map_err(|error| walk.after(error))?)?;
        }
        progress(Position(walk.last.0), tail.head);
    }
    at_end(readers.path(), tail, walk.last.0, walk.last.1)?;
    // Folding may have gone on meanwhile; its summaries are behind what was walked.
    let horizon = checked_head(readers).await?.horizon;
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
    let indexed = indexes(readers).await;
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

/// SQLite's own check: every index has every row, and nothing else.
async fn indexes(readers: &Readers) -> Result<(), StoreError> {
    let fault = Fault::new(readers.path(), "check");
    let found = readers.read(|connection| {
        connection.query_row("PRAGMA integrity_check(1)", [], |row| {
            row.get::<_, String>(0)
        })
    });
    match found.await.map_err(|error| fault.of(error))? {
        found if found == "ok" => Ok(()),
        found => Err(fault.damaged(&found)),
    }
}
