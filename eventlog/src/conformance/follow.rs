//! LOG-3: following.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};

use super::{Outcome, are, kinds, samples};
use crate::event::NewEvent;
use crate::id::Position;
use crate::store::{EventStore, Filter, StoreError};
use crate::subscribe::subscribe;

/// Longer than any store takes for what a case asks of it.
const PATIENCE: Duration = Duration::from_secs(60);

async fn write(store: Arc<dyn EventStore>, events: Vec<NewEvent>, batch: usize) -> Outcome {
    for batch in events.chunks(batch) {
        store.append(store.head(), batch).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

pub(super) async fn a_subscriber_sees_all_once_in_order(store: Arc<dyn EventStore>) -> Outcome {
    let events = samples::discoveries(0..3000);
    store.append(Position::START, &events[..1500]).await?;
    let follow = |after: u64| {
        let live = subscribe(Arc::clone(&store), Position(after), Filter::default());
        let count = usize::try_from(3000 - after).unwrap_or(0);
        tokio::spawn(tokio::time::timeout(
            PATIENCE,
            live.take(count).try_collect::<Vec<_>>(),
        ))
    };
    let followers = [0, 1, 1499, 1500, 1501, 2999].map(|after| (after, follow(after)));
    write(Arc::clone(&store), events[1500..].to_vec(), 7).await?;
    for (after, follower) in followers {
        let seen = follower.await???;
        assert!(
            seen.iter()
                .zip(after + 1..)
                .all(|(event, place)| event.position.0 == place)
        );
        assert!(after > 0 || are(&seen, &events));
    }
    let heads = store.heads();
    assert_eq!(*heads.borrow(), Position(3000));
    Ok(())
}

pub(super) async fn a_slow_subscriber_misses_nothing(store: Arc<dyn EventStore>) -> Outcome {
    let events = samples::discoveries(0..2000);
    let mut live = subscribe(Arc::clone(&store), Position::START, Filter::default());
    let writer = tokio::spawn(write(Arc::clone(&store), events.clone(), 1000));
    let mut seen = Vec::new();
    while seen.len() < events.len() {
        let next = tokio::time::timeout(PATIENCE, live.try_next()).await??;
        seen.extend(next);
        if seen.len() == 1 {
            // The log grows by far more than any buffer while the subscriber looks away.
            let mut heads = store.heads();
            heads.wait_for(|head| head.0 == 2000).await?;
        }
    }
    assert!(are(&seen, &events));
    writer.await??;
    Ok(())
}

pub(super) async fn a_subscription_keeps_its_filter(store: Arc<dyn EventStore>) -> Outcome {
    let mut live = subscribe(Arc::clone(&store), Position::START, kinds(&["track.read"]));
    let event = |n: u64| {
        let event = if n % 100 == 99 {
            samples::read(n)
        } else {
            samples::discovery(n)
        };
        samples::new_event(n, event)
    };
    let writer = tokio::spawn(write(
        Arc::clone(&store),
        (0..1000).map(event).collect(),
        10,
    ));
    let mut seen: Vec<u64> = Vec::new();
    while seen.len() < 10 {
        let next: Result<_, StoreError> = tokio::time::timeout(PATIENCE, live.try_next()).await?;
        seen.extend(next?.map(|event| event.position.0));
    }
    assert!(seen.into_iter().eq((1..=10).map(|n| n * 100)));
    writer.await??;
    Ok(())
}
