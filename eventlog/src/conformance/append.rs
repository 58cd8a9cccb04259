//! LOG-1, LOG-2.

use std::sync::Arc;

use super::{Outcome, all, are, samples};
use crate::id::Position;
use crate::store::{EventStore, StoreError};

pub(super) async fn positions_have_no_gaps(store: &dyn EventStore) -> Outcome {
    assert_eq!(store.head(), Position::START);
    assert_eq!(store.append(Position::START, &[]).await?, Position::START);
    let events = samples::discoveries(0..10);
    let (first, rest) = events.split_at(3);
    assert_eq!(store.append(Position::START, first).await?, Position(3));
    assert_eq!(store.append(Position(3), rest).await?, Position(10));
    assert_eq!(store.head(), Position(10));
    assert!(are(&all(store).await?, &events));
    Ok(())
}

pub(super) async fn every_kind_comes_back_as_it_was(store: &dyn EventStore) -> Outcome {
    let events: Vec<_> = (0..)
        .zip(samples::every_kind())
        .map(|(n, event)| samples::new_event(n, event))
        .collect();
    store.append(Position::START, &events).await?;
    assert!(are(&all(store).await?, &events));
    Ok(())
}

pub(super) async fn a_wrong_expectation_is_refused(store: &dyn EventStore) -> Outcome {
    let events = samples::discoveries(0..4);
    let (first, rest) = events.split_at(2);
    store.append(Position::START, first).await?;
    for expected in [0, 1, 3, u64::MAX] {
        let refused = store.append(Position(expected), rest).await;
        assert!(
            matches!(
                refused,
                Err(StoreError::WrongPosition { expected: e, actual: Position(2) }) if e.0 == expected
            ),
            "{refused:?}"
        );
    }
    assert!(are(&all(store).await?, first));
    // And is no harm to the store.
    store.append(Position(2), rest).await?;
    assert!(are(&all(store).await?, &events));
    Ok(())
}

pub(super) async fn a_repetition_writes_nothing(store: &dyn EventStore) -> Outcome {
    let events = samples::discoveries(0..600);
    let (first, rest) = events.split_at(300);
    store.append(Position::START, first).await?;
    assert_eq!(store.append(Position::START, first).await?, Position(300));
    store.append(Position(300), rest).await?;
    // Also with the head elsewhere by now, with the right expectation, and in part of a batch.
    assert_eq!(store.append(Position::START, first).await?, Position(600));
    assert_eq!(store.append(Position(600), first).await?, Position(600));
    assert_eq!(
        store.append(Position(9999), &rest[..7]).await?,
        Position(600)
    );
    assert!(are(&all(store).await?, &events));
    Ok(())
}

pub(super) async fn half_a_repetition_is_refused(store: &dyn EventStore) -> Outcome {
    let events = samples::discoveries(0..300);
    store.append(Position::START, &events[..200]).await?;
    for expected in [Position(200), Position(100)] {
        let refused = store.append(expected, &events[100..]).await;
        assert!(
            matches!(refused, Err(StoreError::DuplicateId(_))),
            "{refused:?}"
        );
    }
    assert_eq!(store.head(), Position(200));
    assert!(are(&all(store).await?, &events[..200]));
    store.append(Position(200), &events[200..]).await?;
    assert!(are(&all(store).await?, &events));
    Ok(())
}

pub(super) async fn an_id_twice_in_a_batch_is_refused(store: &dyn EventStore) -> Outcome {
    let mut events = samples::discoveries(0..3);
    events.push(samples::new_event(1, samples::discovery(9)));
    let refused = store.append(Position::START, &events).await;
    assert!(
        matches!(refused, Err(StoreError::DuplicateId(_))),
        "{refused:?}"
    );
    assert_eq!(all(store).await?, []);
    events.pop();
    store.append(Position::START, &events).await?;
    assert!(are(&all(store).await?, &events));
    Ok(())
}

pub(super) async fn large_batches_are_whole(store: &dyn EventStore) -> Outcome {
    let events = samples::discoveries(0..3001);
    assert_eq!(
        store.append(Position::START, &events).await?,
        Position(3001)
    );
    assert!(are(&all(store).await?, &events));
    Ok(())
}

pub(super) async fn of_many_writers_one_wins(store: Arc<dyn EventStore>) -> Outcome {
    const WRITERS: u64 = 8;
    const EACH: u64 = 20;
    let write = |writer: u64| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..EACH {
                let event = [samples::new_event(writer * EACH + n, samples::read(writer))];
                loop {
                    match store.append(store.head(), &event).await {
                        Ok(_) => break,
                        Err(StoreError::WrongPosition { .. }) => tokio::task::yield_now().await,
                        Err(error) => return Err(error),
                    }
                }
            }
            Ok(())
        })
    };
    let writers: Vec<_> = (0..WRITERS).map(write).collect();
    for writer in writers {
        writer.await??;
    }
    let recorded = all(&*store).await?;
    assert_eq!(recorded.len() as u64, WRITERS * EACH);
    assert!(
        recorded
            .iter()
            .zip(1..)
            .all(|(event, place)| event.position == Position(place))
    );
    Ok(())
}
