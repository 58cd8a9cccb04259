//! From nothing to a session in which files can be asked for: connection, proof of the server, proof
//! of the user, protocol.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use russh::client::{Config, Handle, connect_stream};
use russh::{AlgorithmKind, Channel, ChannelMsg, Preferred, cipher};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::host::{self, Farewell, Refusal, Verifier};
use super::link::{Link, Pending, Replied, read_packet};
use super::login::{self, Outcome};
use super::wire::{self, INIT, Request, SAFE_READ, read_limit};
use crate::origin::{ErrorKind, OriginError};
use crate::pool::Pooled;
use crate::settings::SftpSettings;

/// Most bytes asked for in one request: what OpenSSH gives, and short enough for others to come
/// between.
const MAX_READ: u32 = 255 * 1024;

/// Bytes that a server may send before it has to wait for us, at most, for each session.
const WINDOW: u32 = 4 * 1024 * 1024;

/// How often a quiet server is asked for a sign of life, while the session lasts.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// A session: many requests at once.
#[derive(Debug)]
pub(super) struct Session {
    link: Link,
    max_read: u32,
}

impl Session {
    /// Connects, and ends the session after `idle` without a request.
    pub(super) async fn connect(
        settings: Arc<SftpSettings>,
        idle: Duration,
    ) -> Result<Self, OriginError> {
        let handle = log_in(&settings).await?;
        let channel = subsystem(&handle).await.map_err(|error| {
            let what = format!("the server does not begin SFTP: {error}; is it switched on there?");
            failed(&settings, kind_of(&error), &what)
        })?;
        let mut stream = channel.into_stream();
        let version = async {
            stream.write_all(&INIT).await?;
            read_packet(&mut stream, || ()).await
        };
        let version = version.await.map_err(|error| {
            // What is read as a length, where a script greets the user, is none.
            let (kind, hint) = match error.kind() {
                io::ErrorKind::Other => (ErrorKind::Io, "; does a login script print something?"),
                _ => (ErrorKind::Offline, ""),
            };
            failed(
                &settings,
                kind,
                &format!("SFTP does not begin: {error}{hint}"),
            )
        })?;
        let version = wire::decode_version(version)
            .map_err(|error| failed(&settings, ErrorKind::Io, &error.to_string()))?;
        if version.number != 3 {
            let what = format!("it speaks version {} of SFTP, not 3", version.number);
            return Err(failed(&settings, ErrorKind::Io, &what));
        }
        let link = Link::start(stream, handle, idle);
        let mut max_read = SAFE_READ;
        if version.tells_limits {
            let limits = link.ask(Request::Limits).await;
            let limit = limits.and_then(Replied::extended).map(read_limit);
            if let Ok(Some(limit)) = limit {
                max_read = u32::try_from(limit).map_or(MAX_READ, |limit| limit.min(MAX_READ));
            }
        }
        Ok(Self { link, max_read })
    }

    /// Asks the server; see [`Link::ask`].
    pub(super) fn ask(&self, request: Request<'_>) -> Pending {
        self.link.ask(request)
    }

    /// Most bytes to ask for in one read.
    pub(super) fn max_read(&self) -> u32 {
        self.max_read
    }
}

impl Pooled for Session {
    fn waiting(&self) -> usize {
        self.link.waiting()
    }

    fn is_silent(&self) -> bool {
        self.link.is_silent()
    }

    fn lasts(&self) -> bool {
        self.link.lasts()
    }
}

async fn log_in(settings: &Arc<SftpSettings>) -> Result<Handle<Verifier>, OriginError> {
    let mut refused = Vec::new();
    let mut connection = None;
    for login in &settings.logins {
        // A server that ends the connection after a refusal gets another one for the next way.
        let (mut handle, farewell) = match connection.take() {
            Some(open) => open,
            None => connect(settings).await?,
        };
        let outcome = login::attempt(&mut handle, &settings.user, login)
            .await
            .map_err(|error| failed(settings, kind_of(&error), &error.to_string()))?;
        match outcome {
            Outcome::In => return Ok(handle),
            Outcome::Refused(why) => refused.push(why),
        }
        if !handle.is_closed() {
            connection = Some((handle, farewell));
        } else if let Some(said) = words(&farewell) {
            tracing::debug!(
                host = settings.host,
                said,
                "the server ended the connection"
            );
        } else {
            let what = "the connection ended during the login";
            return Err(failed(settings, ErrorKind::Offline, what));
        }
    }
    let what = if refused.is_empty() {
        "no way to log in is set: give a key, the agent or a password".to_owned()
    } else {
        format!(
            "it does not let {} in: {}",
            settings.user,
            refused.join("; ")
        )
    };
    Err(failed(settings, ErrorKind::Denied, &what))
}

async fn connect(
    settings: &Arc<SftpSettings>,
) -> Result<(Handle<Verifier>, Farewell), OriginError> {
    let known = Arc::new(host::known(settings).await?);
    let preferred = Preferred {
        key: Cow::Owned(known.algorithms(&Preferred::DEFAULT.key)),
        cipher: Cow::Borrowed(ciphers()),
        ..Preferred::DEFAULT
    };
    let config = Config {
        preferred,
        window_size: WINDOW,
        maximum_packet_size: 65_535,
        nodelay: true,
        keepalive_interval: Some(SIGN_OF_LIFE),
        keepalive_max: 2,
        // What a server that falls silent before the login is done would hold for ever.
        inactivity_timeout: Some(SIGN_OF_LIFE * 4),
        ..Config::default()
    };
    let offline = |error: std::io::Error| failed(settings, ErrorKind::Offline, &error.to_string());
    let stream = TcpStream::connect((settings.host.as_str(), settings.port))
        .await
        .map_err(offline)?;
    stream.set_nodelay(true).map_err(offline)?;
    let farewell = Farewell::default();
    let verifier = Verifier::new(known, Arc::clone(settings), Arc::clone(&farewell));
    match connect_stream(Arc::new(config), stream, verifier).await {
        Ok(handle) => Ok((handle, farewell)),
        Err(Refusal::Host(error)) => Err(error),
        Err(Refusal::Ssh(error)) => {
            let said = match &error {
                russh::Error::NoCommonAlgo {
                    kind: AlgorithmKind::Key,
                    theirs,
                    ..
                } => format!(
                    "the server has host keys of types only that are not taken: {}; let it have an \
                     ed25519 key",
                    theirs.join(", ")
                ),
                _ => words(&farewell).unwrap_or_else(|| error.to_string()),
            };
            Err(failed(settings, kind_of(&error), &said))
        }
    }
}

/// AES first where the processor has instructions for it, as then it is the fastest.
fn ciphers() -> &'static [cipher::Name] {
    #[cfg(target_arch = "x86_64")]
    let has_aes = std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    let has_aes = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let has_aes = false;
    if has_aes {
        &[
            cipher::AES_256_GCM,
            cipher::CHACHA20_POLY1305,
            cipher::AES_256_CTR,
            cipher::AES_128_CTR,
        ]
    } else {
        &[
            cipher::CHACHA20_POLY1305,
            cipher::AES_256_GCM,
            cipher::AES_256_CTR,
            cipher::AES_128_CTR,
        ]
    }
}

async fn subsystem(handle: &Handle<Verifier>) -> Result<Channel<russh::client::Msg>, russh::Error> {
    let mut channel = handle.channel_open_session().await?;
    channel.request_subsystem(true, "sftp").await?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(channel),
            Some(ChannelMsg::Failure) => return Err(russh::Error::RequestDenied),
            None | Some(ChannelMsg::Close | ChannelMsg::Eof) => return Err(russh::Error::HUP),
            Some(_) => {}
        }
    }
}

fn words(farewell: &Farewell) -> Option<String> {
    let said = farewell.lock().unwrap_or_else(PoisonError::into_inner);
    said.clone()
}

fn kind_of(error: &russh::Error) -> ErrorKind {
    use russh::Error;
    match error {
        Error::IO(_)
        | Error::Disconnect
        | Error::HUP
        | Error::ConnectionTimeout
        | Error::KeepaliveTimeout
        | Error::InactivityTimeout
        | Error::SendError
        | Error::RecvError
        | Error::ChannelOpenFailure(_) => ErrorKind::Offline,
        Error::RequestDenied | Error::WrongServerSig => ErrorKind::Denied,
        _ => ErrorKind::Io,
    }
}

fn failed(settings: &SftpSettings, kind: ErrorKind, what: &str) -> OriginError {
    let SftpSettings { host, port, .. } = settings;
    let hint = match kind {
        ErrorKind::Offline => "; check the server and the way to it",
        _ => "",
    };
    OriginError {
        kind,
        message: format!("cannot log in to {host} port {port}: {what}{hint}"),
    }
}
