//! One request, one answer: pooled connections, failures told apart.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Request, Response};
use rustls::crypto::ring;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::{Refused, cut};
use crate::origin::{ErrorKind, OriginError};

/// Idle connections that are kept, and for how long (ORG-9).
const IDLE: usize = 4;
const IDLE_FOR: Duration = Duration::from_secs(90);

/// So much is read of an answer that says why not.
const WORDS: usize = 16 << 10;

/// So much memory is taken for a body before its bytes come, whatever its length is said to be.
const AT_FIRST: usize = 1 << 20;

/// Sends requests, at most so many at once.
pub(super) struct Http {
    pooled: Client,
    /// Without idle connections, for where those were lost.
    fresh: Client,
    turns: Arc<Semaphore>,
}

impl Http {
    /// Sends at most `connections` requests at once, and at least one.
    ///
    /// # Errors
    /// Where this machine cannot have a client.
    pub(super) fn new(connections: usize) -> Result<Self, OriginError> {
        // Which implementation of TLS's primitives the whole process uses; the first call counts.
        drop(ring::default_provider().install_default());
        let connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            pooled: client(|| builder().pool_max_idle_per_host(IDLE))?,
            fresh: client(|| builder().pool_max_idle_per_host(0))?,
            turns: Arc::new(Semaphore::new(connections)),
        })
    }

    /// Sends a request once. Where a connection turns out to be lost before an answer came, which
    /// is what an idle one may be, the request goes over a new one; all our requests can be
    /// repeated.
    ///
    /// # Errors
    /// Where there is no answer.
    pub(super) async fn send(&self, request: Request, doing: &str) -> Result<Reply, OriginError> {
        // Never closed.
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
        let again = request.try_clone();
        let response = match (self.pooled.execute(request).await, again) {
            (Err(error), Some(again)) if is_lost(&error) => self.fresh.execute(again).await,
            (result, _) => result,
        };
        let response = response.map_err(|error| failed(doing, error))?;
        Ok(Reply {
            response,
            _turn: turn,
        })
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("MusicFS/", env!("CARGO_PKG_VERSION")))
        // To follow would be to hand the credentials to whoever is named.
        .redirect(Policy::none())
        .no_proxy()
        .pool_idle_timeout(IDLE_FOR)
}

/// A client that trusts what the system trusts; where that is nobody, HTTP goes on working.
fn client(builder: impl Fn() -> ClientBuilder) -> Result<Client, OriginError> {
    let client = builder().build().or_else(|error| {
        tracing::warn!("no server can be reached over https: {}", chain(&error));
        builder().tls_certs_only([]).build()
    });
    client.map_err(|error| OriginError {
        kind: ErrorKind::Exhausted,
        message: format!("no HTTP client can be made: {}", chain(&error)),
    })
}

/// An answer whose body has not been read. Holds one of the turns.
pub(super) struct Reply {
    pub(super) response: Response,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Reply {
    /// The body.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where it is longer than `most`; where it breaks off.
    pub(super) async fn body(mut self, most: usize, doing: &str) -> Result<Bytes, OriginError> {
        let said = self.response.content_length().unwrap_or(0);
        let said = usize::try_from(said).unwrap_or(usize::MAX);
        let mut body = BytesMut::with_capacity(said.min(AT_FIRST).min(most));
        while let Some(chunk) = self
            .response
            .chunk()
            .await
            .map_err(|error| failed(doing, error))?
        {
            if chunk.len() > most - body.len() {
                return Err(OriginError {
                    kind: ErrorKind::Io,
                    message: format!("cannot {doing}: the answer is longer than {most} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// What is to be known of an answer that is no success.
    pub(super) async fn refused(mut self) -> Refused {
        let mut words = Vec::new();
        // Words that break off are good enough.
        while let Ok(Some(chunk)) = self.response.chunk().await {
            words.extend(chunk.iter().take(WORDS - words.len()));
            if words.len() == WORDS {
                break;
            }
        }
        Refused {
            status: self.response.status(),
            headers: self.response.headers().clone(),
            words,
        }
    }
}

/// True where a connection ended instead of giving an answer.
fn is_lost(error: &reqwest::Error) -> bool {
    !error.is_connect()
        && causes(error).any(|cause| {
            let cut = |error: &hyper::Error| error.is_incomplete_message() || error.is_canceled();
            cause.downcast_ref().is_some_and(cut) || io_kind(cause).is_some_and(is_cut)
        })
}

fn is_cut(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}

/// What it means that no answer came, or only the beginning of one.
fn failed(doing: &str, error: reqwest::Error) -> OriginError {
    let error = error.without_url();
    let (kind, hint) = kind_of(&error);
    OriginError {
        kind,
        message: format!("cannot {doing}: {}{hint}", cut(&chain(&error))),
    }
}

fn kind_of(error: &reqwest::Error) -> (ErrorKind, &'static str) {
    for cause in causes(error) {
        let tls = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(_)) = tls {
            let hint = "; let this machine trust the server's certificate";
            return (ErrorKind::Denied, hint);
        }
        let ours = |errno| matches!(errno, rustix::io::Errno::MFILE | rustix::io::Errno::NFILE);
        let errno = cause
            .downcast_ref()
            .and_then(rustix::io::Errno::from_io_error);
        if errno.is_some_and(ours) {
            let hint = "; raise the limit of open files (ulimit -n)";
            return (ErrorKind::Exhausted, hint);
        }
        if cause
            .downcast_ref()
            .is_some_and(|error: &hyper::Error| error.is_parse())
        {
            return (ErrorKind::Io, "; this is no HTTP server");
        }
    }
    let hint = "; check that its server is running and can be reached";
    (ErrorKind::Offline, hint)
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    error.downcast_ref::<io::Error>().map(io::Error::kind)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        (*error).source()
    })
}

/// An error and its causes, the last of which tells most.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in causes(error) {
        let part = cause.to_string();
        // Many repeat what is below them.
        if !parts.iter().any(|known| known.contains(&part)) {
            parts.push(part);
        }
    }
    parts.join(": ")
}
