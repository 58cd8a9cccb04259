//! LOG-6: retention.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;

use super::{Outcome, all, filtered, kinds, samples};
use crate::event::{Body, Event, Recorded};
use crate::id::{Position, Timestamp};
use crate::store::{EventStore, Filter, StoreError};

/// When the n-th sample event was recorded.
fn time(n: u64) -> Timestamp {
    samples::new_event(n, samples::read(1)).recorded_at
}

/// Reads of tracks 1 to 5 at every other position, discoveries between them.
async fn fill(store: &dyn EventStore, count: u64) -> Result<Vec<Recorded>, StoreError> {
    let event = |n: u64| {
        let event = if n % 2 == 1 {
            samples::read(n % 5 + 1)
        } else {
            samples::discovery(n + 1)
        };
        samples::new_event(n, event)
    };
    store
        .append(Position::START, &(0..count).map(event).collect::<Vec<_>>())
        .await?;
    all(store).await
}

/// Reads and bytes of each track, folded or not.
fn plays(events: &[Recorded]) -> BTreeMap<u64, (u64, u64)> {
    let mut plays = BTreeMap::<u64, (u64, u64)>::new();
    let mut add = |track: u64, reads: u64, bytes: u64| {
        let entry = plays.entry(track).or_default();
        *entry = (entry.0 + reads, entry.1 + bytes);
    };
    for event in events {
        match event.event() {
            Some(Event::TrackRead { track, bytes, .. }) => add(track.0, 1, bytes.unwrap_or(0)),
            Some(Event::AccessFolded { plays, .. }) => {
                plays
                    .iter()
                    .for_each(|of| add(of.track.0, of.reads, of.bytes));
            }
            _ => {}
        }
    }
    plays
}

pub(super) async fn old_access_is_folded_and_nothing_else(store: &dyn EventStore) -> Outcome {
    let before = fill(store, 2000).await?;
    let nothing = store.fold_access(time(0), time(9999), None).await?;
    assert_eq!((nothing.folded, nothing.head), (0, Position(2000)));

    // n = 1000 is a discovery; the last read before it is at position 1000.
    let folding = store.fold_access(time(1000), time(9999), None).await?;
    assert_eq!(folding.folded, 500);
    assert_eq!(store.head(), folding.head);
    let after = all(store).await?;
    assert_eq!(after.len() as u64, folding.head.0);
    for (old, new) in before.iter().zip(&after) {
        let folded = &*old.kind == "track.read" && old.position <= Position(1000);
        if folded {
            assert_eq!(new.body, Body::Folded);
        } else {
            assert_eq!(new, old);
        }
        assert_eq!(
            (old.position, old.id, &old.kind),
            (new.position, new.id, &new.kind)
        );
    }
    for summary in &after[2000..] {
        assert_eq!(summary.recorded_at, time(9999));
        assert!(matches!(
            summary.event(),
            Some(Event::AccessFolded {
                through: Position(1000),
                ..
            })
        ));
    }
    assert_eq!(plays(&after), plays(&before));
    // What was folded is still known by its id.
    let again = samples::new_event(1, samples::read(2));
    assert_eq!(store.append(folding.head, &[again]).await?, folding.head);
    Ok(())
}

pub(super) async fn folding_in_steps_loses_nothing(store: &dyn EventStore) -> Outcome {
    let before = plays(&fill(store, 1500).await?);
    for step in [200, 200, 700, 1500] {
        store.fold_access(time(step), time(9999), None).await?;
        assert_eq!(plays(&all(store).await?), before, "up to {step}");
    }
    assert_eq!(
        store
            .fold_access(time(99_999), time(9999), None)
            .await?
            .folded,
        0
    );
    let reads = filtered(store, kinds(&["track.*"])).await?;
    assert!(
        reads
            .iter()
            .all(|event| (&*event.kind == "track.read") == (event.body == Body::Folded))
    );
    Ok(())
}

pub(super) async fn only_who_asks_for_access_meets_the_horizon(store: &dyn EventStore) -> Outcome {
    fill(store, 100).await?;
    store.fold_access(time(50), time(9999), None).await?;
    let horizon = Position(50);
    let read = |after: u64, filter: Filter| {
        store
            .read(Position(after), None, filter)
            .try_collect::<Vec<_>>()
    };
    for after in [0, 49] {
        for filter in [kinds(&["track.read"]), kinds(&["scan.*", "track.read"])] {
            let refused = read(after, filter).await;
            assert!(
                matches!(refused, Err(StoreError::BelowHorizon { horizon: at }) if at == horizon),
                "{refused:?}"
            );
        }
        for filter in [
            Filter::default(),
            kinds(&["track.*"]),
            kinds(&["track.discovered"]),
        ] {
            read(after, filter).await?;
        }
    }
    assert_eq!(read(50, kinds(&["track.read"])).await?.len(), 25);
    Ok(())
}
