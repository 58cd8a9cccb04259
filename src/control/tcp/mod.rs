//! The control plane over TCP, for those who ask for it: with TLS and a token only (CTL-1, SEC-2).

mod connection;
mod material;
mod peers;
mod token;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Status};

use self::connection::Connection;
use self::material::Material;
pub use self::material::Settings;
use self::peers::Peers;
pub use self::token::{TOKEN_VARIABLE, Token};
use super::{Engine, address, problem, server};
use crate::config::{Config, process_env, warn_if_exposed};
use crate::reload::{Part, Told};
use crate::report::{Kind, Report, Result};

/// How long a peer has to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait where no connection could be accepted, as without a free file descriptor.
const PAUSE: Duration = Duration::from_millis(200);

/// An address that is listened on, and what it is kept by.
pub struct Opened {
    listener: Arc<TcpListener>,
    material: Arc<Material>,
}

/// Opens what the settings name; `None` where they name no address.
///
/// # Errors
/// [`Kind::Config`]: what is missing or wrong, and in which file.
pub async fn open(settings: &Settings) -> Result<Option<Opened>> {
    let Some(address) = settings.listen else {
        return Ok(None);
    };
    let material = load(settings.clone()).await?;
    let listener = TcpListener::bind(address).await;
    let listener = Arc::new(listener.map_err(|error| unusable(address, &error))?);
    Ok(Some(Opened { listener, material }))
}

fn unusable(address: SocketAddr, error: &io::Error) -> Report {
    let message = format!("cannot serve control on {address}: {error}");
    Report::new(Kind::Config, message).hint("choose another address for `control.listen`")
}

/// Looks at what the settings name, and opens nothing.
///
/// # Errors
/// As [`open`].
pub fn check(settings: &Settings) -> Result<()> {
    match settings.listen {
        Some(_) => Material::load(settings, &process_env).map(|_| ()),
        None => Ok(()),
    }
}

async fn load(settings: Settings) -> Result<Arc<Material>> {
    let load = move || {
        let material = Material::load(&settings, &process_env);
        settings.secrets().for_each(warn_if_exposed);
        material.map(Arc::new)
    };
    let loaded = tokio::task::spawn_blocking(load).await;
    loaded.map_err(|error| Report::new(Kind::Bug, format!("reading certificates: {error}")))?
}

/// The control plane of a daemon over TCP, where its configuration wants it.
pub(crate) struct Tcp {
    engine: Engine,
    /// Cancelled once no call is to be answered any more.
    stop: CancellationToken,
    /// Whoever answers calls.
    tasks: TaskTracker,
    serving: Mutex<Option<Serving>>,
}

/// An address that is served.
struct Serving {
    listener: Arc<TcpListener>,
    material: Arc<ArcSwap<Material>>,
    end: CancellationToken,
}

impl Tcp {
    /// Serves nowhere yet; what it runs is among `tasks`, and ends with `stop`.
    pub(crate) fn new(engine: Engine, stop: &CancellationToken, tasks: &TaskTracker) -> Self {
        Self {
            engine,
            stop: stop.clone(),
            tasks: tasks.clone(),
            serving: Mutex::default(),
        }
    }

    /// Serves there from now on, and nowhere else.
    pub(crate) fn serve(&self, opened: Option<Opened>) {
        self.end();
        let serving = opened.map(|Opened { listener, material }| {
            let (end, cut) = (self.stop.child_token(), CancellationToken::new());
            let material = Arc::new(ArcSwap::new(material));
            let (agreed, connections) = mpsc::channel(1);
            let accepting = accept(
                Arc::clone(&listener),
                Arc::clone(&material),
                cut.clone(),
                agreed,
            );
            self.tasks
                .spawn(end.clone().run_until_cancelled_owned(accepting));
            let (engine, ending, asked) = (self.engine.clone(), end.clone(), Arc::clone(&material));
            self.tasks.spawn(async move {
                let admit = move |request| admit(&asked, request);
                let connections = ReceiverStream::new(connections);
                // Whatever has not ended by itself when this does: nobody may stay who is not to.
                let _cut = cut.drop_guard();
                server::answer(connections, &engine, &ending, admit).await;
            });
            Serving {
                listener,
                material,
                end,
            }
        });
        *self.serving.lock() = serving;
    }

    /// Serves nowhere; calls under way get two seconds. What it was kept by.
    fn end(&self) -> Option<Arc<Material>> {
        let before = self.serving.lock().take()?;
        before.end.cancel();
        Some(before.material.load_full())
    }

    /// Has those who connect from now on meet another certificate, or all calls another token; with
    /// it, the connections of those who know only the old one end. True where either is another
    /// than before.
    fn renew(&self, material: Arc<Material>) -> bool {
        let opened = {
            let serving = self.serving.lock();
            let Some(Serving {
                listener,
                material: current,
                ..
            }) = &*serving
            else {
                return false;
            };
            let before = current.load_full();
            if before.is_as(&material) {
                return false;
            }
            if before.token == material.token {
                current.store(material);
                return true;
            }
            let listener = Arc::clone(listener);
            Opened { listener, material }
        };
        self.serve(Some(opened));
        true
    }

    /// Serves on another address, or on none; where that cannot be, on the old one as before.
    async fn move_to(&self, new: &Settings, old: &Settings) -> Result<()> {
        let Some(address) = new.listen else {
            self.end();
            return Ok(());
        };
        let material = load(new.clone()).await?;
        let mut before = None;
        let opened = address::replace(old.listen, address, || before = self.end()).await;
        let (listener, material, done) = match opened {
            Ok(listener) => (Some(listener), Some(material), Ok(())),
            Err(refused) => (refused.back, before, Err(unusable(address, &refused.error))),
        };
        if let (Some(listener), Some(material)) = (listener, material) {
            let listener = Arc::new(listener);
            self.serve(Some(Opened { listener, material }));
        }
        done
    }
}

#[async_trait]
impl Part for Tcp {
    /// Reads certificate, key and token again, even where the configuration is as it was: they are
    /// renewed under the same names.
    async fn apply(&self, new: &Config, now: &mut Config) -> Told {
        let mut told = Told::default();
        if new.control.listen.is_some() && new.control.listen == now.control.listen {
            let material = match load(new.control.clone()).await {
                Ok(material) => material,
                Err(report) => return Err(report).into(),
            };
            if self.renew(material) {
                let note = "control over TCP has another certificate, key or token".to_owned();
                told.notes.push(note);
            }
        } else if let Err(report) = self.move_to(&new.control, &now.control).await {
            return Err(report).into();
        }
        now.control.clone_from(&new.control);
        told
    }
}

/// Lets a call through that shows the token, whichever service it is for: health and reflection
/// tell of the library, too.
fn admit(material: &ArcSwap<Material>, request: Request<()>) -> Result<Request<()>, Status> {
    let header = request.metadata().get("authorization");
    let shown = header.and_then(|header| token::shown(header.as_bytes()));
    if shown.is_some_and(|shown| material.load().token.is(shown)) {
        return Ok(request);
    }
    let message = match shown {
        Some(_) => "the token is another than the daemon's",
        None => "calls over TCP need a token, as the header authorization: Bearer",
    };
    let report = Report::new(Kind::Config, message).hint(format!(
        "name its file with --token-file, or set {TOKEN_VARIABLE}"
    ));
    Err(problem::as_code(tonic::Code::Unauthenticated, &report))
}

/// Hands on who connects, finds a place and agrees on TLS. One that is slow keeps nobody.
async fn accept(
    listener: Arc<TcpListener>,
    material: Arc<ArcSwap<Material>>,
    cut: CancellationToken,
    agreed: mpsc::Sender<io::Result<Connection>>,
) {
    let peers = Arc::new(Peers::default());
    let mut handshakes = JoinSet::new();
    loop {
        while handshakes.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(place) = peers.admit(peer.ip().to_canonical()) else {
                    continue;
                };
                let acceptor = TlsAcceptor::from(Arc::clone(&material.load().tls));
                let (agreed, cut) = (agreed.clone(), cut.clone());
                handshakes.spawn(async move {
                    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        // Should the server have ended, the connection does as well.
                        Ok(Ok(stream)) => {
                            let connection = Connection::new(stream, cut, place);
                            drop(agreed.send(Ok(connection)).await);
                        }
                        Ok(Err(error)) => tracing::debug!(%peer, "no TLS: {error}"),
                        Err(_) => tracing::debug!(%peer, "no TLS within {HANDSHAKE:?}"),
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the control address was lost");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
