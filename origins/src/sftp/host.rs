//! Whether the server is the one that it should be.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use russh::client::{DisconnectReason, Handler};
use russh::keys::{PublicKey, PublicKeyOrCertificate};

use super::known_hosts::{Known, Verdict, fingerprint};
use crate::origin::{ErrorKind, OriginError};
use crate::settings::SftpSettings;

/// Looks at the server's key while the connection is made, and listens to why it ends.
#[derive(Debug)]
pub(super) struct Verifier {
    known: Arc<Known>,
    settings: Arc<SftpSettings>,
    farewell: Farewell,
}

/// The last words of a server, if it said any.
pub(super) type Farewell = Arc<Mutex<Option<String>>>;

/// Why a connection is not made.
#[derive(Debug)]
pub(super) enum Refusal {
    /// We refuse the server.
    Host(OriginError),
    Ssh(russh::Error),
}

impl From<russh::Error> for Refusal {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl Verifier {
    pub(super) fn new(known: Arc<Known>, settings: Arc<SftpSettings>, farewell: Farewell) -> Self {
        Self {
            known,
            settings,
            farewell,
        }
    }
}

impl Handler for Verifier {
    type Error = Refusal;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Refusal> {
        let key = shown.public_key();
        let verdict = self.known.judge(&key);
        if verdict == Verdict::Known && shown.certificate().is_none() {
            return Ok(true);
        }
        Err(Refusal::Host(OriginError {
            kind: ErrorKind::Denied,
            message: refusal(verdict, &key, &self.settings),
        }))
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Refusal>) -> Result<(), Refusal> {
        match reason {
            DisconnectReason::ReceivedDisconnect(said) => {
                let mut farewell = self.farewell.lock().unwrap_or_else(PoisonError::into_inner);
                *farewell = Some(said.message);
                Ok(())
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

/// Reads the file of known hosts; one that is not there knows nobody.
pub(super) async fn known(settings: &SftpSettings) -> Result<Known, OriginError> {
    let path = &settings.known_hosts;
    match tokio::fs::read(path).await {
        Ok(file) => Ok(Known::read(&file, &settings.host, settings.port)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Known::default()),
        Err(error) => Err(OriginError {
            kind: ErrorKind::Denied,
            message: format!(
                "cannot read {}, which says whose server is which: {error}",
                path.display()
            ),
        }),
    }
}

fn refusal(verdict: Verdict, key: &PublicKey, settings: &SftpSettings) -> String {
    let SftpSettings { host, port, .. } = settings;
    let kind = key.algorithm();
    let print = fingerprint(key);
    let file = settings.known_hosts.display();
    match verdict {
        Verdict::Revoked => format!(
            "THE KEY OF {host} PORT {port} IS REVOKED: {file} marks {kind} {print} as @revoked; \
             nothing was sent; somebody may be listening in: ask the server's administrator"
        ),
        Verdict::Changed => format!(
            "THE KEY OF {host} PORT {port} HAS CHANGED: it shows {kind} {print}, and {file} has \
             another; somebody may be listening in, or the server was set up anew; nothing was sent; \
             if its administrator confirms the new key, remove the old one with: {}",
            forget(host, *port, &settings.known_hosts)
        ),
        Verdict::Known | Verdict::Unknown => format!(
            "the server {host} port {port} is not known: it shows {kind} {print}, and {file} has no \
             such key of it; compare the fingerprint with the one that its administrator tells, and \
             add it with: ssh-keyscan -t {} -p {port} {host} >> '{file}'",
            scanned(kind.as_str())
        ),
    }
}

/// What `ssh-keyscan -t` calls a type of keys.
fn scanned(kind: &str) -> &str {
    match kind {
        "ssh-ed25519" => "ed25519",
        kind if kind.starts_with("ecdsa-") => "ecdsa",
        kind if kind.contains("rsa") => "rsa",
        other => other,
    }
}

fn forget(host: &str, port: u16, file: &Path) -> String {
    let name = if port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    };
    format!("ssh-keygen -f '{}' -R '{name}'", file.display())
}
