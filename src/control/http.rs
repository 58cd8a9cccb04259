//! `/metrics`, `/healthz` and `/readyz` over HTTP, where the configuration asks for them (CTL-5).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parking_lot::Mutex;
use proto::v1;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Engine, address, metrics, status};
use crate::config::Config;
use crate::reload::{Part, Told};
use crate::report::{Kind, Report, Result};

/// How long whoever is being answered has, once the pages end.
const DRAIN: Duration = Duration::from_secs(2);
/// What OpenMetrics 1.0 is called, and sent as.
const OPEN_METRICS: &str = "application/openmetrics-text";
const OPEN_METRICS_1: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What Prometheus' older format is sent as.
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Opens the address.
///
/// # Errors
/// [`Kind::Config`] where it cannot be listened on.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let opened = TcpListener::bind(address).await;
    opened.map_err(|error| unusable(address, &error))
}

fn unusable(address: SocketAddr, error: &io::Error) -> Report {
    let message = format!("cannot serve metrics on {address}: {error}");
    Report::new(Kind::Config, message).hint("choose another address for `metrics.listen`")
}

/// The pages of a daemon, where the configuration wants them.
pub(crate) struct Pages {
    engine: Engine,
    /// Cancelled once nothing is to be answered any more.
    stop: CancellationToken,
    /// Whoever answers.
    tasks: TaskTracker,
    /// Ends those that are served now.
    serving: Mutex<CancellationToken>,
}

impl Pages {
    /// Pages that are served nowhere yet; what serves them is among `tasks`, and ends with `stop`.
    pub(crate) fn new(engine: Engine, stop: &CancellationToken, tasks: &TaskTracker) -> Self {
        Self {
            engine,
            stop: stop.clone(),
            tasks: tasks.clone(),
            serving: Mutex::default(),
        }
    }

    /// Serves there from now on, and nowhere else.
    pub(crate) fn serve(&self, listener: Option<TcpListener>) {
        let end = self.stop.child_token();
        std::mem::replace(&mut *self.serving.lock(), end.clone()).cancel();
        if let Some(listener) = listener {
            self.tasks.spawn(serve(listener, self.engine.clone(), end));
        }
    }
}

#[async_trait]
impl Part for Pages {
    async fn apply(&self, new: &Config, now: &mut Config) -> Told {
        if new.metrics_listen == now.metrics_listen {
            return Told::default();
        }
        match new.metrics_listen {
            Some(address) => {
                let end = || self.serve(None);
                match address::replace(now.metrics_listen, address, end).await {
                    Ok(listener) => self.serve(Some(listener)),
                    Err(refused) => {
                        if refused.back.is_some() {
                            self.serve(refused.back);
                        }
                        return Err(unusable(address, &refused.error)).into();
                    }
                }
            }
            None => self.serve(None),
        }
        now.metrics_listen = new.metrics_listen;
        Told::default()
    }
}

/// Serves until `stop` is cancelled.
async fn serve(listener: TcpListener, engine: Engine, stop: CancellationToken) {
    let app = Router::new()
        .route("/metrics", get(metrics_text))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .with_state(engine);
    let ended = stop.clone().cancelled_owned();
    let serving = axum::serve(listener, app).with_graceful_shutdown(ended);
    let limit = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => if let Err(error) = served {
            tracing::error!(%error, "metrics are no longer served");
        },
        () = limit => {}
    }
}

async fn metrics_text(State(engine): State<Engine>, headers: HeaderMap) -> Response {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let knows = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains(OPEN_METRICS));
    let is_open = accepted.into_iter().any(knows);
    match outside(move || metrics::text(&engine)).await {
        Some(Ok(text)) if is_open => {
            ([(header::CONTENT_TYPE, OPEN_METRICS_1)], text).into_response()
        }
        Some(Ok(text)) => {
            ([(header::CONTENT_TYPE, CLASSIC)], metrics::classic(&text)).into_response()
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// 200 while the tree answers.
async fn healthy(State(engine): State<Engine>) -> Response {
    match outside(move || engine.views.tree().stats()).await {
        Some(Ok(_)) => "ok\n".into_response(),
        Some(Err(error)) => unavailable(error.to_string()),
        None => unavailable("the tree did not answer".to_owned()),
    }
}

/// 200 once the first listing of every origin is done.
async fn ready(State(engine): State<Engine>) -> Response {
    match outside(move || status::running(&engine)).await {
        Some(Ok(status)) if status.state() == v1::DaemonState::Ready => "ready\n".into_response(),
        Some(Ok(status)) => unavailable(format!("{:?}", status.state()).to_lowercase()),
        Some(Err(error)) => unavailable(error.to_string()),
        None => unavailable("the daemon did not answer".to_owned()),
    }
}

fn unavailable(why: String) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response()
}

/// Reads the views on a thread that may wait for them.
async fn outside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
