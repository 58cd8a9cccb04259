//! A connection to the running daemon.

use std::error::Error;
use std::io;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use proto::v1::cache_service_client::CacheServiceClient;
use proto::v1::collection_service_client::CollectionServiceClient;
use proto::v1::control_service_client::ControlServiceClient;
use proto::v1::event_service_client::EventServiceClient;
use proto::v1::layout_service_client::LayoutServiceClient;
use proto::v1::origin_service_client::OriginServiceClient;
use proto::v1::search_service_client::SearchServiceClient;
use proto::v1::view_service_client::ViewServiceClient;
use proto::v1::webhook_service_client::WebhookServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use super::socket;
use super::tcp::Token;
use crate::lock::Lock;
use crate::report::{Kind, Report, Result};
use crate::state::StateDir;

/// How long a daemon elsewhere has to take a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// A daemon, at the other end of its socket or of a TCP connection.
#[derive(Debug, Clone)]
pub struct Client(Connection);

/// A connection, with what has to be shown on it.
pub type Connection = InterceptedService<Channel, Credentials>;

/// What each call shows: a token over TCP, nothing on the socket.
#[derive(Debug, Clone, Default)]
pub struct Credentials(Option<MetadataValue<Ascii>>);

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            let headers = request.metadata_mut();
            headers.insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// A daemon that is reached over TCP.
#[derive(Debug, Clone)]
pub struct Remote {
    /// `https://HOST:PORT`.
    pub address: String,
    /// What it wants to be shown.
    pub token: Option<Token>,
    /// Whose certificates are believed, in PEM; those that the system believes where absent.
    pub authorities: Option<Vec<u8>>,
}

/// Largest answer of a search, in bytes: 10,000 tracks with long paths and many words marked.
const RESULTS: usize = 64 << 20;

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
            .map(|channel| Self(with(channel, None)))
            .map_err(|error| {
                Report::new(Kind::NotRunning, format!("the daemon went away: {error}"))
            })
    }

    /// Connects to a daemon over TCP.
    ///
    /// # Errors
    /// [`Kind::Usage`] where the address is none; [`Kind::NotRunning`] where nobody answers there,
    /// or nobody who is believed.
    pub async fn connect_to(remote: &Remote) -> Result<Self> {
        let Remote {
            address,
            token,
            authorities,
        } = remote;
        let usage = || {
            Report::new(Kind::Usage, format!("{address} is no address of a daemon"))
                .hint("write --connect https://HOST:PORT")
        };
        if !address.starts_with("https://") {
            return Err(usage());
        }
        let tls = ClientTlsConfig::new();
        let tls = match authorities {
            Some(authorities) => tls.ca_certificate(Certificate::from_pem(authorities)),
            None => tls.with_native_roots(),
        };
        let endpoint = Endpoint::from_shared(address.clone())
            .and_then(|endpoint| endpoint.tls_config(tls))
            .map_err(|_| usage())?;
        let connected = endpoint.connect_timeout(PATIENCE).connect().await;
        let channel = connected.map_err(|error| unreachable(address, &error))?;
        Ok(Self(with(channel, token.as_ref())))
    }

    /// The connection itself, for services that are not of `musicfs.v1`.
    #[must_use]
    pub fn channel(&self) -> Connection {
        self.0.clone()
    }

    /// Its own affairs.
    #[must_use]
    pub fn control(&self) -> ControlServiceClient<Connection> {
        ControlServiceClient::new(self.0.clone())
    }

    /// The origins.
    #[must_use]
    pub fn origins(&self) -> OriginServiceClient<Connection> {
        OriginServiceClient::new(self.0.clone())
    }

    /// The log.
    #[must_use]
    pub fn events(&self) -> EventServiceClient<Connection> {
        EventServiceClient::new(self.0.clone())
    }

    /// The rule for names.
    #[must_use]
    pub fn layout(&self) -> LayoutServiceClient<Connection> {
        LayoutServiceClient::new(self.0.clone())
    }

    /// The collections.
    #[must_use]
    pub fn collections(&self) -> CollectionServiceClient<Connection> {
        CollectionServiceClient::new(self.0.clone())
    }

    /// Finding tracks.
    #[must_use]
    pub fn search(&self) -> SearchServiceClient<Connection> {
        SearchServiceClient::new(self.0.clone()).max_decoding_message_size(RESULTS)
    }

    /// The views.
    #[must_use]
    pub fn views(&self) -> ViewServiceClient<Connection> {
        ViewServiceClient::new(self.0.clone())
    }

    /// What is kept of files on other machines.
    #[must_use]
    pub fn cache(&self) -> CacheServiceClient<Connection> {
        CacheServiceClient::new(self.0.clone())
    }

    /// The webhooks.
    #[must_use]
    pub fn webhooks(&self) -> WebhookServiceClient<Connection> {
        WebhookServiceClient::new(self.0.clone())
    }
}

fn with(channel: Channel, token: Option<&Token>) -> Connection {
    InterceptedService::new(channel, Credentials(token.and_then(Token::header)))
}

/// Why nobody answers at an address; what TLS says is at the end of a chain of causes.
fn unreachable(address: &str, error: &tonic::transport::Error) -> Report {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let report = Report::new(Kind::NotRunning, format!("cannot reach {address}: {cause}"));
    report.hint(if cause.to_string().contains("certificate") {
        "name the file of a certificate that is to be believed with --ca, and the host as it names it"
    } else {
        "`control.listen` in the configuration of the daemon says where it can be reached"
    })
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
