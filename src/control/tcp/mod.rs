//! The control plane over TCP, for those who ask for it: with TLS and a token only (CTL-1, SEC-2).

mod material;
mod token;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Status};

use self::material::Material;
pub use self::material::Settings;
pub use self::token::{TOKEN_VARIABLE, Token};
use super::{Engine, problem, server};
use crate::config::{Config, process_env};
use crate::reload::{Part, Told};
use crate::report::{Kind, Report, Result};

/// How long a peer has to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many peers may be doing so at once; more wait to be accepted.
const HANDSHAKES: usize = 64;
/// How long to wait where no connection could be accepted, as without a free file descriptor.
const PAUSE: Duration = Duration::from_millis(200);

/// An address that is listened on, and what it is kept by.
pub struct Opened {
    listener: TcpListener,
    material: Material,
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
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let message = format!("cannot serve control on {address}: {error}");
        Report::new(Kind::Config, message).hint("choose another address for `control.listen`")
    })?;
    Ok(Some(Opened { listener, material }))
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

async fn load(settings: Settings) -> Result<Material> {
    let load = move || {
        let material = Material::load(&settings, &process_env);
        for file in settings.exposed() {
            let file = file.display();
            tracing::warn!("other users can read {file}, a secret: chmod 600 it");
        }
        material
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
        let serving = opened.map(|Opened { listener, material }| {
            let end = self.stop.child_token();
            let material = Arc::new(ArcSwap::from_pointee(material));
            let (agreed, connections) = mpsc::channel(1);
            let accepting = accept(listener, Arc::clone(&material), agreed);
            self.tasks
                .spawn(end.clone().run_until_cancelled_owned(accepting));
            let (engine, ending, asked) = (self.engine.clone(), end.clone(), Arc::clone(&material));
            self.tasks.spawn(async move {
                let admit = move |request| admit(&asked, request);
                let connections = ReceiverStream::new(connections);
                server::answer(connections, &engine, &ending, admit).await;
            });
            Serving { material, end }
        });
        let before = std::mem::replace(&mut *self.serving.lock(), serving);
        if let Some(before) = before {
            before.end.cancel();
        }
    }

    /// Has those who connect from now on meet another certificate, and all calls another token.
    /// True where they are others than before.
    fn renew(&self, material: Material) -> bool {
        let serving = self.serving.lock();
        let current = serving.as_ref().map(|serving| &serving.material);
        let other = current.filter(|current| !current.load().is_as(&material));
        if let Some(current) = other {
            current.store(Arc::new(material));
        }
        other.is_some()
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
        } else {
            match open(&new.control).await {
                Ok(opened) => self.serve(opened),
                Err(report) => return Err(report).into(),
            }
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

/// Hands on who connects and agrees on TLS. One that is slow keeps nobody.
async fn accept(
    listener: TcpListener,
    material: Arc<ArcSwap<Material>>,
    agreed: mpsc::Sender<io::Result<TlsStream<TcpStream>>>,
) {
    let mut handshakes = JoinSet::new();
    loop {
        while handshakes.try_join_next().is_some() {}
        if handshakes.len() >= HANDSHAKES {
            handshakes.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                let acceptor = TlsAcceptor::from(Arc::clone(&material.load().tls));
                let agreed = agreed.clone();
                handshakes.spawn(async move {
                    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        // Should the server have ended, the connection does as well.
                        Ok(Ok(stream)) => drop(agreed.send(Ok(stream)).await),
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
