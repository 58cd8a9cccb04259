//! LOG-3: reading.

use std::sync::Arc;

use futures::TryStreamExt as _;

use super::{Outcome, all, are, filtered, kinds, samples};
use crate::event::{Event, Recorded};
use crate::id::{Position, Timestamp, TrackId};
use crate::store::{EventStore, Filter};

pub(super) async fn ranges_are_kept(store: &dyn EventStore) -> Outcome {
    store
        .append(Position::START, &samples::discoveries(0..2500))
        .await?;
    let ranges = [
        (0, None, 1..=2500),
        (0, Some(1), 1..=1),
        (1023, Some(1025), 1024..=1025),
        (1024, Some(2048), 1025..=2048),
        (2499, None, 2500..=2500),
        (10, Some(9999), 11..=2500),
    ];
    for (after, until, expected) in ranges {
        let read = store.read(Position(after), until.map(Position), Filter::default());
        let positions: Vec<u64> = read.map_ok(|event| event.position.0).try_collect().await?;
        assert!(positions.into_iter().eq(expected.clone()), "{expected:?}");
    }
    for (after, until) in [
        (2500, None),
        (9999, None),
        (5, Some(5)),
        (5, Some(4)),
        (0, Some(0)),
    ] {
        let read = store.read(Position(after), until.map(Position), Filter::default());
        assert_eq!(
            read.try_collect::<Vec<_>>().await?,
            [],
            "after {after} until {until:?}"
        );
    }
    Ok(())
}

pub(super) async fn filters_let_through_what_they_say(store: &dyn EventStore) -> Outcome {
    let mixed = |n: u64| match n % 3 {
        0 => samples::discovery(n / 30 + 1),
        1 => samples::read(n / 30 + 1),
        _ => Event::TrackVanished {
            track: TrackId(n / 30 + 1),
        },
    };
    let mut events: Vec<_> = (0..3000).map(|n| samples::new_event(n, mixed(n))).collect();
    let others = samples::every_kind().into_iter();
    events.extend(
        (3000..)
            .zip(others)
            .map(|(n, event)| samples::new_event(n, event)),
    );
    store.append(Position::START, &events).await?;

    let everything = all(store).await?;
    assert!(are(&everything, &events));
    let about = |subject: &str, of: &[&str]| Filter {
        subject: Some(subject.to_owned()),
        ..kinds(of)
    };
    let filters = [
        kinds(&["track.vanished"]),
        kinds(&["track.vanished", "scan.*"]),
        kinds(&["track.*"]),
        kinds(&["*"]),
        kinds(&["track"]),
        kinds(&["%", "track._"]),
        kinds(&["no.such"]),
        about("track:1", &[]),
        about("track:77", &["track.read"]),
        about("origin:music", &[]),
        about("library", &["layout.changed"]),
        about("nothing", &[]),
    ];
    for filter in filters {
        let wanted: Vec<Recorded> = everything
            .iter()
            .filter(|event| filter.lets(&event.kind, &event.subject))
            .cloned()
            .collect();
        assert_eq!(filtered(store, filter.clone()).await?, wanted, "{filter:?}");
    }
    Ok(())
}

pub(super) async fn readers_do_not_disturb_each_other(store: Arc<dyn EventStore>) -> Outcome {
    let events = samples::discoveries(0..4000);
    store.append(Position::START, &events[..2000]).await?;
    let read = |_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { all(&*store).await })
    };
    let readers: Vec<_> = (0..8).map(read).collect();
    // More than there are connections, none of them read to its end.
    let mut unread: Vec<_> = (0..8)
        .map(|_| store.read(Position::START, None, Filter::default()))
        .collect();
    for stream in &mut unread {
        assert!(stream.try_next().await?.is_some());
    }
    store.append(Position(2000), &events[2000..]).await?;
    for reader in readers {
        let seen = reader.await??;
        assert!(are(&seen, &events[..seen.len()]) && seen.len() >= 2000);
    }
    for stream in unread {
        // The end was fixed when the reading began.
        assert_eq!(stream.try_collect::<Vec<_>>().await?.len(), 1999);
    }
    Ok(())
}

pub(super) async fn times_lead_to_positions(store: &dyn EventStore) -> Outcome {
    assert_eq!(
        store.position_at(Timestamp(i64::MAX)).await?,
        Position::START
    );
    let mut events = samples::discoveries(0..6);
    // The clock was set back for a moment.
    for (event, time) in events.iter_mut().zip([10, 20, 30, 15, 40, 40]) {
        event.recorded_at = Timestamp(time);
    }
    store.append(Position::START, &events).await?;
    let expected = [
        (9, 0),
        (10, 1),
        (14, 1),
        (15, 4),
        (29, 4),
        (30, 4),
        (39, 4),
        (40, 6),
        (99, 6),
    ];
    for (time, position) in expected {
        assert_eq!(
            store.position_at(Timestamp(time)).await?,
            Position(position),
            "at {time}"
        );
    }
    Ok(())
}
