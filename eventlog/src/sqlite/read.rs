//! Reading: pages by range, the next one fetched while the last one is decoded.

use std::path::Path;
use std::pin::pin;

use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use sqlx::SqlitePool;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::fault::Fault;
use super::rows::{self, Page, Select};
use crate::event::Recorded;
use crate::id::Position;
use crate::store::{Filter, StoreError};

/// Pages decoded at the same time.
const IN_FLIGHT: usize = 2;

/// Fewer events than these are decoded where they are, more on a thread for such work.
const FEW: usize = 16;

/// Pages of events, in order; ends after the first error. Each is read on its own, so that a slow
/// reader holds nothing up.
pub(super) fn pages(
    path: &Path,
    readers: &SqlitePool,
    after: Position,
    until: Position,
    filter: Filter,
) -> impl Stream<Item = Result<Page, StoreError>> + Send + use<> {
    let whole = filter.is_open();
    let select = Select::new(filter);
    let (path, readers) = (path.to_owned(), readers.clone());
    stream::try_unfold(Some(after.0), move |after| {
        let (select, path, readers) = (select.clone(), path.clone(), readers.clone());
        async move {
            let Some(after) = after.filter(|after| *after < until.0) else {
                return Ok(None);
            };
            let fault = Fault::new(&path, "read").at(Position(after).next());
            let page = select.page(&readers, after, until.0).await;
            let page = page.map_err(|error| fault.of(error))?;
            if whole && let Some(missing) = gap(&page, after, until.0)? {
                let fault = fault.at(Position(missing));
                return Err(fault.damaged("the event is missing"));
            }
            let more = page.is_full().then_some(page.last);
            Ok(Some((page, more)))
        }
    })
}

/// The first position that a page of everything lacks.
fn gap(page: &Page, after: u64, until: u64) -> Result<Option<u64>, StoreError> {
    let is_end = page.is_full() || page.last == until;
    if is_end && page.last == after + page.count as u64 {
        return Ok(None);
    }
    let mut next = after + 1;
    for event in page.events() {
        if event?.position != next {
            break;
        }
        next += 1;
    }
    Ok(Some(next))
}

pub(super) fn read<'s>(
    path: &'s Path,
    readers: &'s SqlitePool,
    after: Position,
    until: Position,
    filter: Filter,
) -> BoxStream<'s, Result<Recorded, StoreError>> {
    async_stream::stream! {
        if filter.names_access() {
            let horizon = horizon(path, readers).await;
            match horizon {
                Ok(horizon) if after < horizon => {
                    yield Err(StoreError::BelowHorizon { horizon });
                    return;
                }
                Ok(_) => {}
                Err(error) => {
                    yield Err(error);
                    return;
                }
            }
        }
        let pages = pages(path, readers, after, until, filter).map(decode).buffered(IN_FLIGHT);
        for await page in ahead(pages) {
            let page = page.unwrap_or_else(|error| {
                vec![Err(Fault::new(path, "read").backend(error))]
            });
            for event in page {
                let failed = event.is_err();
                yield event;
                if failed {
                    return;
                }
            }
        }
    }
    .boxed()
}

/// Has a stream go on while its reader is busy, until there is enough for it to read next. Where it
/// panics, it does not just end, which would look like the end of the log.
fn ahead<T: Send + 'static>(
    stream: impl Stream<Item = T> + Send + 'static,
) -> impl Stream<Item = Result<T, JoinError>> {
    let (sender, receiver) = mpsc::channel(1);
    let task = tokio::spawn(async move {
        let mut stream = pin!(stream);
        while let Some(item) = stream.next().await {
            if sender.send(item).await.is_err() {
                break;
            }
        }
    });
    stream::unfold(Some((receiver, task)), |state| async {
        let (mut receiver, task) = state?;
        match receiver.recv().await {
            Some(item) => Some((Ok(item), Some((receiver, task)))),
            None => Some((Err(task.await.err()?), None)),
        }
    })
}

async fn horizon(path: &Path, readers: &SqlitePool) -> Result<Position, StoreError> {
    let row = sqlx::query(rows::HEAD).fetch_one(readers).await;
    let tail = row.and_then(|row| rows::tail(&row));
    tail.map(|tail| tail.horizon)
        .map_err(|error| Fault::new(path, "read").of(error))
}

async fn decode(page: Result<Page, StoreError>) -> Vec<Result<Recorded, StoreError>> {
    fn events(page: &Page) -> Vec<Result<Recorded, StoreError>> {
        let mut events = Vec::with_capacity(page.count);
        events.extend(page.events().map(|event| event?.recorded()));
        events
    }

    let page = match page {
        Ok(page) if page.count <= FEW => return events(&page),
        Ok(page) => page,
        Err(error) => return vec![Err(error)],
    };
    let position = Position(page.last);
    tokio::task::spawn_blocking(move || events(&page))
        .await
        .unwrap_or_else(|error| {
            vec![Err(StoreError::Damaged {
                position,
                reason: format!("decoding failed: {error}"),
            })]
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_no_end() {
        let numbers = stream::iter(0..3).inspect(|number| assert!(*number < 2, "on purpose"));
        let read: Vec<_> = ahead(numbers).map(Result::ok).collect().await;
        assert_eq!(read, [Some(0), Some(1), None]);
        let read: Vec<_> = ahead(stream::iter(0..3)).map(Result::ok).collect().await;
        assert_eq!(read, [Some(0), Some(1), Some(2)]);
    }
}
