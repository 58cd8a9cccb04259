//! A session with a share: how it begins, and whether it is worth waiting for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smb2::client::{Connection, Liveness, Tree};
use smb2::types::status::NtStatus;
use smb2::{ClientConfig, SmbClient};

use super::error::kind_of;
use crate::origin::{ErrorKind, OriginError};
use crate::pool::Pooled;
use crate::settings::SmbSettings;

/// How long the server may leave everything unanswered before other sessions are preferred.
const SILENCE: Duration = Duration::from_secs(1);

/// How long a connection may take to be made, and the server to answer one request. Callers have
/// limits of their own, which are shorter.
const PATIENCE: Duration = Duration::from_secs(60);

/// Most bytes asked for in one request: enough to fill a fast way, and few enough for several to be
/// under way within the credits that servers give.
const MAX_READ: u32 = 1024 * 1024;

/// Most bytes that every server gives to one read.
const SAFE_READ: u32 = 64 * 1024;

/// A session: many requests at once.
pub(super) struct Share {
    // Holds the session; dropped, it ends.
    _client: SmbClient,
    pub(super) connection: Connection,
    pub(super) tree: Tree,
    max_read: u32,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    waiting: usize,
    /// How many bytes the server had sent when somebody stopped waiting for more, after a while in
    /// which it sent none.
    given_up: Option<u64>,
}

impl Share {
    /// Connects, logs in and takes the share.
    pub(super) async fn connect(settings: Arc<SmbSettings>) -> Result<Self, OriginError> {
        let (user, password, domain) = match &settings.login {
            Some(login) => (
                login.user.clone(),
                login.password.reveal().to_owned(),
                login.domain.clone().unwrap_or_default(),
            ),
            None => ("Guest".to_owned(), String::new(), String::new()),
        };
        let host = if settings.host.contains(':') {
            format!("[{}]", settings.host)
        } else {
            settings.host.clone()
        };
        let config = ClientConfig {
            addr: format!("{host}:{}", settings.port),
            timeout: PATIENCE,
            username: user,
            password,
            domain,
            compression: false,
            response_timeout: Some(PATIENCE),
            ..ClientConfig::default()
        };
        let refused = |error: smb2::Error| refused(&settings, &error);
        let mut client = SmbClient::connect(config).await.map_err(refused)?;
        let tree = client
            .connect_share(&settings.share)
            .await
            .map_err(refused)?;
        let connection = client.connection_for(&tree).map_err(refused)?;
        let most = connection
            .params()
            .map_or(SAFE_READ, |agreed| agreed.max_read_size);
        Ok(Self {
            _client: client,
            connection,
            tree,
            max_read: most.clamp(1, MAX_READ),
            calls: Mutex::default(),
        })
    }

    /// Most bytes to ask for in one read.
    pub(super) fn max_read(&self) -> u32 {
        self.max_read
    }

    /// Notes that a call is under way, until what is returned is dropped.
    pub(super) fn begin(&self) -> Call<'_> {
        self.lock().waiting += 1;
        Call {
            share: self,
            begun: Instant::now(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pooled for Share {
    fn waiting(&self) -> usize {
        self.lock().waiting
    }

    fn is_silent(&self) -> bool {
        match self.connection.liveness() {
            Liveness::Quiet { silent_for } | Liveness::Unresponsive { silent_for } => {
                silent_for >= SILENCE
            }
            _ => false,
        }
    }

    fn lasts(&self) -> bool {
        let given_up = self.lock().given_up;
        if given_up == Some(self.connection.inbound().bytes_received) {
            self.connection.mark_dead();
        }
        !self.connection.is_disconnected()
    }
}

/// A call that is under way.
pub(super) struct Call<'a> {
    share: &'a Share,
    begun: Instant,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        // Whoever got an answer got it from a server that spoke just now.
        let inbound = self.share.connection.inbound();
        let quiet = inbound.since_last_byte.unwrap_or(Duration::MAX);
        let mut calls = self.share.lock();
        calls.waiting -= 1;
        if quiet.min(self.begun.elapsed()) >= SILENCE {
            calls.given_up = Some(inbound.bytes_received);
        }
    }
}

fn refused(settings: &SmbSettings, error: &smb2::Error) -> OriginError {
    let SmbSettings {
        host, port, share, ..
    } = settings;
    let who = settings
        .login
        .as_ref()
        .map_or("a guest", |login| &login.user);
    // A share that the server does not have now: an administrator's slip removes no music.
    let (kind, hint) = match kind_of(error) {
        ErrorKind::NotFound => (ErrorKind::Offline, "; check the share's name"),
        ErrorKind::Denied if error.status() == Some(NtStatus::ACCESS_DENIED) => {
            let hint = "; check who may use the share, and whether it requires encryption";
            (ErrorKind::Denied, hint)
        }
        ErrorKind::Denied => (ErrorKind::Denied, "; check user, password and domain"),
        ErrorKind::Offline => (ErrorKind::Offline, "; check the server and the way to it"),
        // Nothing but the network is read or written yet.
        _ if error.kind() == smb2::ErrorKind::Io => (
            ErrorKind::Offline,
            "; check the server's name and the way to it",
        ),
        kind => (kind, ""),
    };
    OriginError {
        kind,
        message: format!(
            "cannot take the share //{host}/{share} at port {port} as {who}: {error}{hint}"
        ),
    }
}
