//! Retention of access events (LOG-6).

use std::pin::pin;

use futures::StreamExt as _;
use sqlx::Row as _;
use tokio::sync::{OwnedMutexGuard, watch};

use super::append::{Failure, Writer};
use super::fault::Fault;
use super::read;
use super::readers::Readers;
use super::rows::{CHUNK, Tail, stored_integer};
use crate::id::{CauseId, Position, Timestamp};
use crate::record::{Entry, Summary};
use crate::store::{Filter, Folding, StoreError};
use crate::wire;

/// The first access event that stays, or the place after the log's end.
const FIRST_KEPT: &str = "SELECT coalesce(min(position), ?) FROM events \
     INDEXED BY events_of_access WHERE kind = 'track.read' AND recorded_at >= ?";

const DROP_PAYLOADS: &str = "UPDATE events INDEXED BY events_of_access SET payload = NULL \
     WHERE kind = 'track.read' AND position > ? AND position <= ?";

/// Folds, in a task of its own: once begun, it is seen through.
pub(super) async fn fold(
    mut writer: OwnedMutexGuard<Writer>,
    heads: &watch::Sender<Position>,
    older_than: Timestamp,
    now: Timestamp,
    cause: Option<CauseId>,
) -> Result<Folding, StoreError> {
    writer.usable()?;
    // A reader of its own: the others may be busy for long, and appends wait for this.
    let readers = Readers::new(writer.path.clone());
    let summary = sum_up(&mut writer, &readers, older_than).await;
    readers.close().await;
    let summary = summary?;
    let folded = summary.folded();
    if folded == 0 {
        return Ok(Folding {
            folded,
            head: writer.tail().head,
        });
    }
    let through = summary.through();
    let events = summary.into_events(now, cause);
    let entries: Vec<_> = events.iter().map(Entry::new).collect::<Result<_, _>>()?;
    let heads = heads.clone();
    let task = tokio::spawn(async move {
        match replace(&mut writer, through, entries).await {
            Ok(tail) => writer.advance(tail),
            Err(failure) => return Err(writer.abandon(failure).await),
        }
        heads.send_replace(writer.tail().head);
        Ok(Folding {
            folded,
            head: writer.tail().head,
        })
    });
    task.await
        .map_err(|error| StoreError::Poisoned(format!("the writing task ended: {error}")))?
}

async fn sum_up(
    writer: &mut Writer,
    readers: &Readers,
    older_than: Timestamp,
) -> Result<Summary, StoreError> {
    let path = writer.path.clone();
    let fault = Fault::new(&path, "read");
    let Tail { head, horizon, .. } = writer.tail();
    let connection = writer.connection().map_err(|error| fault.of(error))?;
    let first_kept = sqlx::query(FIRST_KEPT)
        .bind(stored_integer(head.next().0))
        .bind(older_than.0)
        .fetch_one(&mut *connection)
        .await
        .and_then(|row| row.try_get::<i64, _>(0))
        .map_err(|error| fault.of(error))?
        .unsigned_abs();
    let access = Filter {
        kinds: vec![wire::ACCESS_KIND.to_owned()],
        subject: None,
    };
    let until = Position(first_kept.saturating_sub(1));
    let mut summary = Summary::default();
    let mut pages = pin!(read::pages(readers, horizon, until, access));
    while let Some(page) = pages.next().await {
        for event in page.events {
            if !summary.add(&event?.into_recorded()?) {
                return Ok(summary);
            }
        }
    }
    Ok(summary)
}

async fn replace(
    writer: &mut Writer,
    through: Position,
    entries: Vec<Entry>,
) -> Result<Tail, Failure> {
    let mut tail = writer.tail();
    writer.begin().await?;
    sqlx::query(DROP_PAYLOADS)
        .bind(stored_integer(tail.horizon.0))
        .bind(stored_integer(through.0))
        .execute(writer.connection()?)
        .await?;
    let mut entries = entries.into_iter();
    loop {
        let chunk: Vec<_> = entries.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        tail = writer.insert(tail, chunk).await?;
    }
    tail.horizon = through;
    writer.commit(tail).await?;
    Ok(tail)
}
