//! Serves the control plane until the daemon stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use proto::v1;
use proto::v1::cache_service_server::CacheServiceServer;
use proto::v1::collection_service_server::CollectionServiceServer;
use proto::v1::control_service_server::ControlServiceServer;
use proto::v1::event_service_server::EventServiceServer;
use proto::v1::layout_service_server::LayoutServiceServer;
use proto::v1::origin_service_server::OriginServiceServer;
use proto::v1::search_service_server::SearchServiceServer;
use proto::v1::view_service_server::ViewServiceServer;
use proto::v1::webhook_service_server::WebhookServiceServer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::{InterceptorLayer, RoutesBuilder};
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Status};
use tonic_health::server::HealthReporter;

use super::cache_service::Cache;
use super::collection_service::Kept;
use super::control_service::Control;
use super::deadline::Deadlines;
use super::event_service::Events;
use super::layout_service::Layouts;
use super::origin_service::Origins;
use super::search_service::Searches;
use super::view_service::ViewsService;
use super::webhook_service::Hooks;
use super::{Engine, problem, socket};
use crate::report::Result;
use crate::state::StateDir;

/// How long calls that are under way have to end, once the daemon stops.
const DRAIN: Duration = Duration::from_secs(2);

/// How long a connection may say nothing before it is asked whether it is still there.
const ALIVE: Duration = Duration::from_secs(60);

/// A socket that listens, and waits for a daemon to serve.
#[derive(Debug)]
pub struct Listening {
    listener: UnixListener,
    state: StateDir,
}

/// Opens the control socket of a state directory. Only for who holds its lock.
///
/// # Errors
/// Where the socket cannot be made.
pub fn listen(state: &StateDir) -> Result<Listening> {
    Ok(Listening {
        listener: socket::bind(state)?,
        state: state.clone(),
    })
}

impl Listening {
    /// Serves until `stop` is cancelled; streams end then. Calls under way get two seconds.
    pub async fn serve(self, engine: Engine, stop: CancellationToken) {
        let trusted = UnixListenerStream::new(self.listener).filter(|stream| {
            let known = stream.as_ref().map_or(true, socket::is_trusted);
            if !known {
                tracing::warn!("a process of another user was turned away from the control socket");
            }
            std::future::ready(known)
        });
        answer(trusted, &engine, &stop, Ok).await;
        // Gone or not: the next daemon replaces it.
        drop(std::fs::remove_file(self.state.socket()));
    }
}

/// Answers whoever connects and is admitted, until `stop` is cancelled.
pub(super) async fn answer<C>(
    connections: impl Stream<Item = io::Result<C>>,
    engine: &Engine,
    stop: &CancellationToken,
    admit: impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone + Send + Sync + 'static,
) where
    C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let (reporter, health) = tonic_health::server::health_reporter();
    let mut routes = routes(engine, stop);
    routes.add_service(health);
    let serving = Server::builder()
        .http2_keepalive_interval(Some(ALIVE))
        .layer(InterceptorLayer::new(admit))
        .layer(Deadlines)
        .add_routes(routes.routes())
        .serve_with_incoming_shutdown(connections, stop.clone().cancelled_owned());
    let limit = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => if let Err(error) = served {
            tracing::error!(%error, "the control plane failed");
        },
        () = limit => {}
        () = report_health(engine, reporter) => {}
    }
}

/// Every service of `musicfs.v1`, and the one that describes them.
fn routes(engine: &Engine, stop: &CancellationToken) -> RoutesBuilder {
    let mut routes = RoutesBuilder::default();
    let (asked, engine) = (Arc::clone(&engine.resources), || engine.clone());
    // Status and shutdown are answered however short of descriptors the daemon is.
    let admit = move |request: Request<()>| match asked.admit() {
        Ok(()) => Ok(request),
        Err(report) => Err(problem::sent(&report)),
    };
    let admit = || admit.clone();
    let events = Events::new(engine(), stop.clone());
    routes
        .add_service(ControlServiceServer::new(Control::new(engine())))
        .add_service(OriginServiceServer::with_interceptor(
            Origins::new(engine()),
            admit(),
        ))
        .add_service(EventServiceServer::with_interceptor(events, admit()))
        .add_service(CacheServiceServer::with_interceptor(
            Cache::new(engine()),
            admit(),
        ))
        .add_service(CollectionServiceServer::with_interceptor(
            Kept::new(engine()),
            admit(),
        ))
        .add_service(LayoutServiceServer::with_interceptor(
            Layouts::new(engine()),
            admit(),
        ))
        .add_service(SearchServiceServer::with_interceptor(
            Searches::new(engine()),
            admit(),
        ))
        .add_service(ViewServiceServer::with_interceptor(
            ViewsService::new(engine()),
            admit(),
        ))
        .add_service(WebhookServiceServer::with_interceptor(
            Hooks::new(engine()),
            admit(),
        ));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1();
    match reflection {
        Ok(reflection) => {
            routes.add_service(reflection);
        }
        Err(error) => tracing::error!(%error, "the control socket cannot describe itself"),
    }
    routes
}

/// Tells who asks by `grpc.health.v1` that every service is there, and, once the daemon is on its
/// way out, that none is. Never returns.
async fn report_health(engine: &Engine, reporter: HealthReporter) {
    use tonic_health::ServingStatus::{NotServing, Serving};
    for status in [Serving, NotServing] {
        for service in SERVICES {
            reporter.set_service_status(service, status).await;
        }
        engine.shutdown.cancelled().await;
    }
    std::future::pending::<()>().await;
}

/// The names under which health is told; the empty one is for the daemon as a whole.
const SERVICES: [&str; 10] = [
    "",
    v1::cache_service_server::SERVICE_NAME,
    v1::collection_service_server::SERVICE_NAME,
    v1::control_service_server::SERVICE_NAME,
    v1::event_service_server::SERVICE_NAME,
    v1::layout_service_server::SERVICE_NAME,
    v1::origin_service_server::SERVICE_NAME,
    v1::search_service_server::SERVICE_NAME,
    v1::view_service_server::SERVICE_NAME,
    v1::webhook_service_server::SERVICE_NAME,
];
