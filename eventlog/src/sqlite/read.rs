//! Reading: pages by range, the next one fetched while the last one is decoded.

use std::path::Path;

use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteRow;

use super::fault::Fault;
use super::rows::{self, PAGE, Select, Want};
use crate::event::Recorded;
use crate::id::Position;
use crate::store::{Filter, StoreError};

/// Pages decoded at the same time.
const IN_FLIGHT: usize = 2;

/// Fewer rows than these are decoded where they are, more on a thread for such work.
const FEW: usize = 16;

pub(super) type Page = Vec<SqliteRow>;

/// Pages of rows, in order; ends after the first error. Each is read on its own, so that a slow
/// reader holds nothing up.
pub(super) fn pages<'s>(
    path: &'s Path,
    readers: &'s SqlitePool,
    after: Position,
    until: Position,
    want: Want,
    filter: Filter,
) -> impl Stream<Item = Result<Page, StoreError>> + Send + 's {
    let whole = filter.is_open();
    let select = Select::new(want, filter);
    stream::try_unfold(Some(after.0), move |after| {
        let select = select.clone();
        async move {
            let Some(after) = after.filter(|after| *after < until.0) else {
                return Ok(None);
            };
            let fault = Fault::new(path, "read").at(Position(after).next());
            let page = select.page(after, until.0).fetch_all(readers).await;
            let page = page.map_err(|error| fault.of(error))?;
            let last = page.last().map_or(after, rows::position);
            if whole && let Some(missing) = gap(&page, after, until.0) {
                let fault = fault.at(Position(missing));
                return Err(fault.damaged("the event is missing"));
            }
            let more = (page.len() == PAGE).then_some(last);
            Ok(Some((page, more)))
        }
    })
}

/// The first position that a page of everything lacks.
fn gap(page: &Page, after: u64, until: u64) -> Option<u64> {
    let due = until.min(after + PAGE as u64);
    let found = page.iter().map(rows::position);
    (after + 1..=due)
        .zip(found.map(Some).chain(std::iter::repeat(None)))
        .find_map(|(due, found)| (found != Some(due)).then_some(due))
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
        let pages = pages(path, readers, after, until, Want::Event, filter).map(decode).buffered(IN_FLIGHT);
        for await page in pages {
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

async fn horizon(path: &Path, readers: &SqlitePool) -> Result<Position, StoreError> {
    let row = sqlx::query(rows::HEAD).fetch_one(readers).await;
    let tail = row.and_then(|row| rows::tail(&row));
    tail.map(|tail| tail.horizon)
        .map_err(|error| Fault::new(path, "read").of(error))
}

async fn decode(page: Result<Page, StoreError>) -> Vec<Result<Recorded, StoreError>> {
    fn events(page: &Page) -> Vec<Result<Recorded, StoreError>> {
        page.iter().map(rows::recorded).collect()
    }

    let page = match page {
        Ok(page) if page.len() <= FEW => return events(&page),
        Ok(page) => page,
        Err(error) => return vec![Err(error)],
    };
    let first = page.first().map_or(0, rows::position);
    tokio::task::spawn_blocking(move || events(&page))
        .await
        .unwrap_or_else(|error| {
            let position = Position(first);
            vec![Err(StoreError::Damaged {
                position,
                reason: format!("decoding failed: {error}"),
            })]
        })
}
