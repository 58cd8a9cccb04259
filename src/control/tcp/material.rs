//! What TCP control is kept by: a certificate, its key, and a token, out of their files.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};
use zeroize::Zeroizing;

use super::token::{TOKEN_VARIABLE, Token};
use crate::config::Env;
use crate::report::{Kind, Report, Result, plain};

/// Where control is served over TCP, and the files that keep it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The address; served nowhere without one.
    pub listen: Option<SocketAddr>,
    /// The certificate and those it rests on, in PEM.
    pub tls_cert: Option<PathBuf>,
    /// Its key, in PEM.
    pub tls_key: Option<PathBuf>,
    /// The file of the token.
    pub token_file: Option<PathBuf>,
}

impl Settings {
    /// Files with secrets.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Path> {
        let secrets = [self.tls_key.as_deref(), self.token_file.as_deref()];
        secrets.into_iter().flatten()
    }
}

/// What the files hold.
pub(super) struct Material {
    /// How connections are encrypted.
    pub(super) tls: Arc<ServerConfig>,
    /// What callers have to know.
    pub(super) token: Token,
    certificates: Vec<CertificateDer<'static>>,
    /// Of the key, to know it again by: the key itself is wiped once `tls` is made of it.
    key_digest: [u8; 32],
}

impl Material {
    /// Reads the files.
    ///
    /// # Errors
    /// [`Kind::Config`], naming the key and the file: one is missing, unreadable, or no such thing.
    pub(super) fn load(settings: &Settings, env: Env<'_>) -> Result<Self> {
        let Settings {
            tls_cert,
            tls_key,
            token_file,
            ..
        } = settings;
        let (Some(cert), Some(key)) = (tls_cert, tls_key) else {
            return Err(incomplete("control.tls_cert and control.tls_key"));
        };
        let Some(token) = Token::find("control.token_file", token_file.as_deref(), env)? else {
            return Err(incomplete(&format!(
                "control.token_file, or {TOKEN_VARIABLE}"
            )));
        };
        let certificates = certificates(cert)?;
        let key_file = key;
        let key = private_key(key_file)
            .map_err(|error| unusable("control.tls_key", key_file, "private key", &error))?;
        let refused = |error: rustls::Error| {
            let (cert, key) = (cert.display(), key_file.display());
            let message = match error {
                rustls::Error::InconsistentKeys(_) => {
                    format!("control.tls_key: {key} is not the key of the certificate {cert}")
                }
                error => format!("control.tls_cert: {cert} with {key} cannot be used: {error}"),
            };
            Report::new(Kind::Config, message).hint("name a certificate and its own key")
        };
        let mut tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certified(&certificates, &key).map_err(refused)?));
        // gRPC is HTTP/2, and nothing else.
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self {
            tls: Arc::new(tls),
            token,
            certificates,
            key_digest: Sha256::digest(key.secret_der()).into(),
        })
    }

    /// True where both hold the same.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.token == other.token
            && self.certificates == other.certificates
            && self.key_digest == other.key_digest
    }
}

/// Reads a key; what was read is wiped, and what it became is when it is dropped.
fn private_key(file: &Path) -> Result<Zeroizing<PrivateKeyDer<'static>>, pem::Error> {
    let text = std::fs::read(file).map(Zeroizing::new);
    PrivateKeyDer::from_pem_slice(&text.map_err(pem::Error::Io)?).map(Zeroizing::new)
}

/// What rustls makes of a certificate and a key by itself, but for a copy of the key.
fn certified(
    certificates: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<SingleCertAndKey, rustls::Error> {
    let key = ring::sign::any_supported_type(key)?;
    let certified = CertifiedKey::new(certificates.to_vec(), key);
    match certified.keys_match() {
        // Of a kind that cannot be compared; the first handshake tells.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
            Ok(certified.into())
        }
        Err(error) => Err(error),
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |error: &pem::Error| unusable("control.tls_cert", file, "certificate", error);
    let read = CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))?;
    let certificates: Vec<_> = read
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(&error))?;
    if certificates.is_empty() {
        return Err(wrong(&pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn incomplete(missing: &str) -> Report {
    let message = format!("control.listen: TCP is served with TLS and a token only; set {missing}");
    Report::new(Kind::Config, message).hint(
        "docs/CONTROL.md shows how to make them; the socket in the state directory needs none",
    )
}

fn unusable(key: &str, file: &Path, what: &str, error: &pem::Error) -> Report {
    let file = file.display();
    let message = match error {
        pem::Error::Io(error) => format!("{key}: cannot read {file}: {}", plain(error)),
        pem::Error::NoItemsFound => format!("{key}: {file} holds no {what} in PEM"),
        error => format!("{key}: {file} is no PEM: {error}"),
    };
    Report::new(Kind::Config, message).hint(format!(
        "name a file with a {what}, beginning with -----BEGIN, that the daemon may read"
    ))
}
