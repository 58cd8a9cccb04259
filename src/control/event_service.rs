//! `EventService`: the log, from anywhere, at any speed.

use std::pin::pin;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use proto::v1;
use proto::v1::event_service_server::EventService;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{Engine, feed, problem};
use crate::report::Result;

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
        let (store, catalog) = (Arc::clone(&self.engine.store), self.engine.views.catalog());
        let events = feed::events(store, Some(catalog), request.into_inner())
            .await
            .map_err(|error| problem::sent(&error))?;
        Ok(Response::new(ending(events, self.stop.clone()).boxed()))
    }
}

/// The events as they are sent, until the daemon stops.
fn ending(
    events: impl Stream<Item = Result<v1::Event>>,
    stop: CancellationToken,
) -> impl Stream<Item = Result<v1::SubscribeEventsResponse, Status>> {
    async_stream::stream! {
        let mut events = pin!(events);
        while let Some(Some(event)) = stop.run_until_cancelled(events.next()).await {
            let failed = event.is_err();
            yield event
                .map(|event| v1::SubscribeEventsResponse { event: Some(event) })
                .map_err(|error| problem::sent(&error));
            if failed {
                break;
            }
        }
    }
}
