//! Plays that the log tells of, as if there had been somebody.

use eventlog::{Event, EventStore, NewEvent, SqliteStore, Timestamp, TrackId};
use tokio::runtime::Runtime;

use crate::world::World;

/// How long each is: a play of any track.
const LENGTH_MS: u64 = 240_000;

/// Writes into the log of a world whose daemon is stopped that a program played tracks, in order: each
/// with when that began.
pub(crate) fn played(world: &World, plays: &[(u64, Timestamp)]) {
    let play = |(track, began): &(u64, Timestamp)| {
        let read = Event::TrackRead {
            track: TrackId(*track),
            bytes: None,
            duration_ms: LENGTH_MS,
            reader: Some("player".to_owned()),
        };
        NewEvent {
            recorded_at: Timestamp(began.0 + 1_000 * LENGTH_MS.cast_signed()),
            ..NewEvent::now(read, None)
        }
    };
    let plays: Vec<NewEvent> = plays.iter().map(play).collect();
    Runtime::new().unwrap().block_on(async {
        let log = SqliteStore::open(world.state().join("log/events.db"));
        let log = log.await.unwrap();
        log.append(log.head(), &plays).await.unwrap();
        log.close().await;
    });
}
