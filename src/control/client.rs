//! A connection to the running daemon.

use std::io;

use hyper_util::rt::TokioIo;
use proto::v1::control_service_client::ControlServiceClient;
use proto::v1::event_service_client::EventServiceClient;
use proto::v1::layout_service_client::LayoutServiceClient;
use proto::v1::origin_service_client::OriginServiceClient;
use proto::v1::view_service_client::ViewServiceClient;
use proto::v1::webhook_service_client::WebhookServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::socket;
use crate::lock::Lock;
use crate::report::{Kind, Report, Result};
use crate::state::StateDir;

/// The daemon of a state directory, at the other end of its socket.
#[derive(Debug, Clone)]
pub struct Client(Channel);

impl Client {
    /// Connects to the daemon that serves that state directory.
    ///
    /// # Errors
    /// [`Kind::NotRunning`] where there is none; [`Kind::Busy`] where a process holds the directory
    /// but does not answer.
    pub async fn connect(state: &StateDir) -> Result<Self> {
        let path = state.socket();
        // Tried once before the channel is made: a channel would hide why it could not connect.
        if let Err(error) = socket::connect(&path).await {
            return Err(absent(state, &error));
        }
        let connector = tower::service_fn(move |_| {
            let path = path.clone();
            async move { socket::connect(&path).await.map(TokioIo::new) }
        });
        // The name is for HTTP's sake; what is connected to is the socket.
        Endpoint::from_static("http://musicfs.invalid")
            .connect_with_connector(connector)
            .await
            .map(Self)
            .map_err(|error| {
                Report::new(Kind::NotRunning, format!("the daemon went away: {error}"))
            })
    }

    /// The connection itself, for services that are not of `musicfs.v1`.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.0.clone()
    }

    /// Its own affairs.
    #[must_use]
    pub fn control(&self) -> ControlServiceClient<Channel> {
        ControlServiceClient::new(self.0.clone())
    }

    /// The origins.
    #[must_use]
    pub fn origins(&self) -> OriginServiceClient<Channel> {
        OriginServiceClient::new(self.0.clone())
    }

    /// The log.
    #[must_use]
    pub fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.0.clone())
    }

    /// The rule for names.
    #[must_use]
    pub fn layout(&self) -> LayoutServiceClient<Channel> {
        LayoutServiceClient::new(self.0.clone())
    }

    /// The views.
    #[must_use]
    pub fn views(&self) -> ViewServiceClient<Channel> {
        ViewServiceClient::new(self.0.clone())
    }

    /// The webhooks.
    #[must_use]
    pub fn webhooks(&self) -> WebhookServiceClient<Channel> {
        WebhookServiceClient::new(self.0.clone())
    }
}

fn absent(state: &StateDir, error: &io::Error) -> Report {
    let path = state.path().display();
    match Lock::holder(state) {
        Some(pid) => {
            let who = pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"));
            Report::new(
                Kind::Busy,
                format!("{who} holds the library in {path}, but does not answer"),
            )
            .hint("it may be starting, stopping or working offline; try again in a moment")
        }
        None if error.kind() == io::ErrorKind::PermissionDenied => {
            Report::io("connect to", &state.socket(), error)
        }
        None => Report::new(
            Kind::NotRunning,
            format!("no daemon serves the library in {path}"),
        )
        .hint("start one with `musicfs mount MOUNTPOINT`, or name another place with --state-dir"),
    }
}
