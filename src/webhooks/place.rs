//! Places in the log, and whether it is still the log in which an endpoint got there.
//!
//! A log that was restored from a backup, or cut by a repair, has other events at positions that were
//! told of before. Their ids tell.

use eventlog::{EventStore, Filter, Position, Recorded};
use futures::StreamExt;

use super::ledger::Place;
use crate::report::Result;

/// The event at a position; `None` where the log has none there.
///
/// # Errors
/// Where the log cannot be read.
pub(super) async fn event_at(log: &dyn EventStore, position: Position) -> Result<Option<Recorded>> {
    let Some(before) = position.0.checked_sub(1) else {
        return Ok(None);
    };
    let mut events = log.read(Position(before), Some(position), Filter::default());
    Ok(events.next().await.transpose()?)
}

/// The place at a position.
///
/// # Errors
/// Where the log cannot be read.
pub(super) async fn at(log: &dyn EventStore, position: Position) -> Result<Place> {
    let event = event_at(log, position).await?.map(|recorded| recorded.id);
    Ok(Place { position, event })
}

/// True where the log has a place still: it reaches so far, and has the same event there.
///
/// # Errors
/// Where the log cannot be read.
pub(super) async fn is_in(log: &dyn EventStore, place: Place) -> Result<bool> {
    Ok(place.position <= log.head() && at(log, place.position).await? == place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
    use eventlog::{Event, EventId, MemoryStore, NewEvent};

    #[tokio::test]
    async fn another_log_is_known_by_its_events() {
        let log = MemoryStore::new();
        let layout = LayoutSpec {
            template: "$title".to_owned(),
            names: NameProfile::Posix,
            duplicates: Duplicates::Content,
        };
        let events: Vec<NewEvent> = std::iter::repeat_with(|| {
            let layout = layout.clone();
            NewEvent::now(Event::LayoutChanged { layout }, None)
        })
        .take(2)
        .collect();
        log.append(Position::START, &events).await.unwrap();
        for (position, event, expected) in [
            (0, None, true),
            (1, Some(events[0].id), true),
            (2, Some(events[1].id), true),
            (2, Some(events[0].id), false),
            (2, Some(EventId::generate()), false),
            (3, Some(EventId::generate()), false),
            (3, None, false),
        ] {
            let position = Position(position);
            let place = Place { position, event };
            assert_eq!(is_in(&log, place).await.unwrap(), expected, "{place:?}");
        }
        assert!(event_at(&log, Position::START).await.unwrap().is_none());
    }
}
