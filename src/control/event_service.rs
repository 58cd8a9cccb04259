//! `EventService`: the log, from anywhere, at any speed.

use std::pin::pin;
use std::sync::Arc;

use eventlog::{EventStore, Filter, Position, Recorded, StoreError, Timestamp};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use proto::v1;
use proto::v1::event_service_server::EventService;
use proto::v1::subscribe_events_request::From;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{Engine, convert, problem};
use crate::report::{Kind, Report};

pub(super) struct Events {
    engine: Engine,
    stop: CancellationToken,
}

impl Events {
    pub(super) const fn new(engine: Engine, stop: CancellationToken) -> Self {
        Self { engine, stop }
    }
}

#[tonic::async_trait]
impl EventService for Events {
    type SubscribeEventsStream = BoxStream<'static, Result<v1::SubscribeEventsResponse, Status>>;

    async fn subscribe_events(
        &self,
        request: Request<v1::SubscribeEventsRequest>,
    ) -> Result<Response<Self::SubscribeEventsStream>, Status> {
        let request = request.into_inner();
        if !request.origin.is_empty() {
            let report = Report::new(Kind::Input, "events cannot be filtered by origin yet");
            return Err(problem::sent(&report));
        }
        let store = Arc::clone(&self.engine.store);
        let after = after(&*store, request.from.as_ref())
            .await
            .map_err(|error| problem::sent(&error.into()))?;
        let filter = Filter {
            kinds: request.types,
            subject: None,
        };
        let events = if request.follow {
            eventlog::subscribe(store, after, filter)
        } else {
            existing(store, after, filter)
        };
        Ok(Response::new(ending(events, self.stop.clone()).boxed()))
    }
}

/// The position behind which a stream begins.
async fn after(store: &dyn EventStore, from: Option<&From>) -> Result<Position, StoreError> {
    match from {
        None | Some(From::Now(false)) => Ok(Position::START),
        Some(From::Position(position)) => Ok(Position(position.saturating_sub(1))),
        Some(From::Time(time)) => {
            let micros = time
                .seconds
                .saturating_mul(1_000_000)
                .saturating_add(i64::from(time.nanos) / 1_000);
            store.position_at(Timestamp(micros.saturating_sub(1))).await
        }
        Some(From::Now(true)) => Ok(store.head()),
    }
}

/// The events that the log has by now.
fn existing(
    store: Arc<dyn EventStore>,
    after: Position,
    filter: Filter,
) -> BoxStream<'static, Result<Recorded, StoreError>> {
    async_stream::stream! {
        let mut events = store.read(after, None, filter);
        while let Some(event) = events.next().await {
            yield event;
        }
    }
    .boxed()
}

/// The events as they are sent, until the daemon stops.
fn ending(
    events: impl Stream<Item = Result<Recorded, StoreError>>,
    stop: CancellationToken,
) -> impl Stream<Item = Result<v1::SubscribeEventsResponse, Status>> {
    async_stream::stream! {
        let mut events = pin!(events);
        loop {
            let next = tokio::select! {
                next = events.next() => next,
                () = stop.cancelled() => break,
            };
            match next {
                Some(Ok(recorded)) => {
                    let event = Some(convert::event(&recorded));
                    yield Ok(v1::SubscribeEventsResponse { event });
                }
                Some(Err(error)) => {
                    yield Err(problem::sent(&error.into()));
                    break;
                }
                None => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eventlog::event::LayoutSpec;
    use eventlog::{Event, EventId, MemoryStore, NewEvent};

    use super::*;

    #[tokio::test]
    async fn a_stream_begins_with_the_event_asked_for() {
        let store = MemoryStore::default();
        let layout = LayoutSpec {
            template: "$title".to_owned(),
            names: Default::default(),
        };
        let events: Vec<_> = [10, 20, 30]
            .map(|at| NewEvent {
                id: EventId::generate(),
                recorded_at: Timestamp(at),
                cause: None,
                event: Event::LayoutChanged {
                    layout: layout.clone(),
                },
            })
            .into();
        store.append(Position::START, &events).await.unwrap();
        let time = |micros: i32| {
            From::Time(prost_types::Timestamp {
                seconds: 0,
                nanos: micros * 1_000,
            })
        };
        let cases = [
            (None, 0),
            (Some(From::Position(1)), 0),
            (Some(From::Position(3)), 2),
            (Some(From::Now(true)), 3),
            (Some(time(20)), 1),
            (Some(time(21)), 2),
        ];
        for (from, expected) in cases {
            assert_eq!(
                after(&store, from.as_ref()).await.unwrap(),
                Position(expected),
                "{from:?}"
            );
        }
    }
}
