//! Reading: pages by range, the next one fetched while the last one is decoded.

use std::pin::pin;
use std::sync::Arc;

use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::fault::Fault;
use super::readers::Readers;
use super::rows::{Page, Select};
use super::verify::ends;
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
    readers: &Readers,
    after: Position,
    until: Position,
    filter: Filter,
) -> impl Stream<Item = Page> + Send + use<> {
    let (select, readers) = (Arc::new(Select::new(filter)), readers.clone());
    stream::unfold(Some(after.0), move |after| {
        let (select, readers) = (Arc::clone(&select), readers.clone());
        async move {
            let after = after.filter(|after| *after < until.0)?;
            let page = page(&readers, select, after, until.0).await;
            let more = page.is_full.then_some(page.last);
            Some((page, more))
        }
    })
}

/// The page after a position.
pub(super) async fn page(readers: &Readers, select: Arc<Select>, after: u64, until: u64) -> Page {
    let own = readers.clone();
    let read = readers.read(move |connection| {
        let fault = Fault::new(own.path(), "read");
        Ok(select.page(connection, fault, after, until))
    });
    read.await.unwrap_or_else(|error| {
        let fault = Fault::new(readers.path(), "read");
        Page::failed(after, fault.at(Position(after).next()).of(error))
    })
}

pub(super) fn read<'s>(
    readers: &'s Readers,
    after: Position,
    until: Position,
    filter: Filter,
) -> BoxStream<'s, Result<Recorded, StoreError>> {
    async_stream::stream! {
        if filter.names_access() {
            let horizon = horizon(readers).await;
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
        let pages = pages(readers, after, until, filter).map(decode).buffered(IN_FLIGHT);
        for await page in ahead(pages) {
            let page = page.unwrap_or_else(|error| {
                vec![Err(Fault::new(readers.path(), "read").backend(error))]
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
pub(super) fn ahead<T: Send + 'static>(
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

async fn horizon(readers: &Readers) -> Result<Position, StoreError> {
    let ends = ends(readers, Fault::new(readers.path(), "read")).await?;
    Ok(ends.tail.horizon)
}

async fn decode(page: Page) -> Vec<Result<Recorded, StoreError>> {
    fn events(page: Page) -> Vec<Result<Recorded, StoreError>> {
        let events = page.events.into_iter();
        events.map(|event| event?.into_recorded()).collect()
    }

    if page.events.len() <= FEW {
        return events(page);
    }
    let position = Position(page.last);
    tokio::task::spawn_blocking(move || events(page))
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
