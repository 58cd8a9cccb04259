//! `EventService`: the log, from anywhere, at any speed.

use std::pin::pin;
use std::sync::Arc;

use eventlog::CauseId;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use proto::v1;
use proto::v1::event_service_server::EventService;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{Engine, convert, feed, problem};
use crate::access::retention;
use crate::report::{Kind, Report, Result};

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

    async fn fold_reads(
        &self,
        request: Request<v1::FoldReadsRequest>,
    ) -> Result<Response<v1::FoldReadsResponse>, Status> {
        let Some(older_than) = request.into_inner().older_than else {
            let report = Report::new(Kind::Input, "it is not said how old the reads are to be");
            return Err(problem::sent(&report));
        };
        let older_than = convert::timestamp(&older_than).map_err(|error| problem::sent(&error))?;
        let (writer, stop) = (Arc::clone(&self.engine.writer), &self.engine.shutdown);
        let stop = stop.child_token();
        let _caller_is_there = stop.clone().drop_guard();
        // In a task of its own, so that a step whose caller goes away is brought to its end.
        let work = async move {
            let cause = CauseId::generate();
            retention::fold(&writer, older_than, cause, &stop).await
        };
        let folding = tokio::spawn(work).await;
        let folding = folding.map_err(|error| Report::new(Kind::Bug, error.to_string()));
        let folding = folding.and_then(|folding| folding.map_err(Report::from));
        let folding = folding.map_err(|error| problem::sent(&error))?;
        Ok(Response::new(v1::FoldReadsResponse {
            folded: folding.folded,
            position: folding.head.0,
        }))
    }

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
