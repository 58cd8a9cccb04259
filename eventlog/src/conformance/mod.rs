//! What every event store must do, as code: [`suite`] runs all of it. Also [`samples`]: events to
//! do it with.

#![expect(
    clippy::indexing_slicing,
    reason = "cases are tests, and panic where they do not hold"
)]

mod append;
mod fold;
mod follow;
mod read;
pub mod samples;

use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use futures::TryStreamExt as _;

use crate::event::{NewEvent, Recorded};
use crate::id::Position;
use crate::store::{EventStore, Filter, StoreError};

/// How a case ended; one that does not hold panics, as tests do.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Holds a store to its contract. `make` gives an empty one each time.
///
/// # Errors
/// Where a store fails in what should succeed.
///
/// # Panics
/// Where a store does not do what it must.
pub async fn suite<S: EventStore, F: Future<Output = S>>(make: impl Fn() -> F) -> Outcome {
    append::positions_have_no_gaps(&make().await).await?;
    append::every_kind_comes_back_as_it_was(&make().await).await?;
    append::a_wrong_expectation_is_refused(&make().await).await?;
    append::a_repetition_writes_nothing(&make().await).await?;
    append::half_a_repetition_is_refused(&make().await).await?;
    append::an_id_twice_in_a_batch_is_refused(&make().await).await?;
    append::large_batches_are_whole(&make().await).await?;
    append::of_many_writers_one_wins(Arc::new(make().await)).await?;
    read::ranges_are_kept(&make().await).await?;
    read::filters_let_through_what_they_say(&make().await).await?;
    read::readers_do_not_disturb_each_other(Arc::new(make().await)).await?;
    read::times_lead_to_positions(&make().await).await?;
    follow::a_subscriber_sees_all_once_in_order(Arc::new(make().await)).await?;
    follow::a_slow_subscriber_misses_nothing(Arc::new(make().await)).await?;
    follow::a_subscription_keeps_its_filter(Arc::new(make().await)).await?;
    fold::old_access_is_folded_and_nothing_else(&make().await).await?;
    fold::folding_in_steps_loses_nothing(&make().await).await?;
    fold::only_who_asks_for_access_meets_the_horizon(&make().await).await?;
    Ok(())
}

async fn all(store: &dyn EventStore) -> Result<Vec<Recorded>, StoreError> {
    filtered(store, Filter::default()).await
}

async fn filtered(store: &dyn EventStore, filter: Filter) -> Result<Vec<Recorded>, StoreError> {
    store
        .read(Position::START, None, filter)
        .try_collect()
        .await
}

fn kinds(kinds: &[&str]) -> Filter {
    Filter {
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        subject: None,
    }
}

/// True where what was recorded is what was to be, in that order from position 1.
fn are(recorded: &[Recorded], new: &[NewEvent]) -> bool {
    let is = |(recorded, new): (&Recorded, &NewEvent)| {
        recorded.id == new.id
            && recorded.recorded_at == new.recorded_at
            && recorded.cause == new.cause
            && *recorded.subject == new.event.subject().to_string()
            && recorded.event() == Some(&new.event)
    };
    recorded.len() == new.len()
        && recorded.iter().zip(new).all(is)
        && recorded
            .iter()
            .zip(1..)
            .all(|(recorded, place)| recorded.position.0 == place)
}
