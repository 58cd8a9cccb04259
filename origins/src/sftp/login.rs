//! Proving to a server who we are: keys, the agent, passwords; in the order given.

use std::path::Path;
use std::sync::Arc;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::client::AgentClient;
use russh::keys::{Error as KeyError, HashAlg, PrivateKey, PrivateKeyWithHashAlg, load_secret_key};
use russh::{MethodKind, MethodSet};

use super::host::Verifier;
use crate::{Secret, SftpLogin};

/// Most keys of an agent that are shown: a server ends the connection after a few that it does not
/// know (`MaxAuthTries`, 6 by default).
const AGENT_KEYS: usize = 5;

/// Most times that a server may ask something in one login.
const QUESTIONS: usize = 8;

/// How one way of logging in ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    In,
    /// Refused, or it cannot be tried; in words that hold no secret.
    Refused(String),
}

/// Tries one way.
///
/// # Errors
/// Where the connection broke.
pub(super) async fn attempt(
    session: &mut Handle<Verifier>,
    user: &str,
    login: &SftpLogin,
) -> Result<Outcome, russh::Error> {
    let (what, result) = match login {
        SftpLogin::Key(path, passphrase) => {
            let what = format!("the key {}", path.display());
            let key = match load(path, passphrase.as_ref()).await {
                Ok(key) => Arc::new(key),
                Err(why) => return Ok(Outcome::Refused(format!("{what}: {why}"))),
            };
            let key = PrivateKeyWithHashAlg::new(key, None);
            (what, session.authenticate_publickey(user, key).await?)
        }
        SftpLogin::Agent => return agent(session, user).await,
        SftpLogin::Password(password) => {
            let what = "the password".to_owned();
            (what, by_password(session, user, password).await?)
        }
    };
    Ok(match result {
        AuthResult::Success => Outcome::In,
        AuthResult::Failure {
            partial_success: true,
            ..
        } => Outcome::Refused(format!(
            "{what}: taken, but the server wants another proof as well"
        )),
        AuthResult::Failure { .. } => Outcome::Refused(format!("{what}: not accepted")),
    })
}

async fn load(path: &Path, passphrase: Option<&Secret>) -> Result<PrivateKey, String> {
    let (path, passphrase) = (path.to_owned(), passphrase.cloned());
    // Passphrases are stretched, which takes a while.
    let loaded = tokio::task::spawn_blocking(move || {
        const RSA: &str = "RSA keys are not read from files: give one to ssh-agent, or make one with \
                           ssh-keygen -t ed25519";
        let loaded = load_secret_key(&path, passphrase.as_ref().map(Secret::reveal));
        if loaded.as_ref().is_ok_and(|key| key.algorithm().is_rsa()) {
            return Err(RSA.to_owned());
        }
        loaded.map_err(|error| match error {
            KeyError::UnsupportedKeyType {
                key_type_string, ..
            } if key_type_string == "RSA" => RSA.to_owned(),
            KeyError::KeyIsEncrypted => "it is encrypted; give its passphrase".to_owned(),
            KeyError::SshKey(russh::keys::ssh_key::Error::Crypto) if passphrase.is_some() => {
                "it cannot be decrypted; check its passphrase".to_owned()
            }
            KeyError::IO(error) => format!("it cannot be read: {error}"),
            error => format!("it is no private key that is understood: {error}"),
        })
    });
    loaded.await.unwrap_or_else(|error| Err(error.to_string()))
}

/// The hash for signatures by an RSA key: the best that the server says it takes.
async fn rsa_hash(
    session: &Handle<Verifier>,
    algorithm: russh::keys::Algorithm,
) -> Result<Option<HashAlg>, russh::Error> {
    if !algorithm.is_rsa() {
        return Ok(None);
    }
    let best = session.best_supported_rsa_hash().await?;
    Ok(best.unwrap_or(Some(HashAlg::Sha256)))
}

async fn agent(session: &mut Handle<Verifier>, user: &str) -> Result<Outcome, russh::Error> {
    let refused = |why: String| Ok(Outcome::Refused(format!("the agent: {why}")));
    let mut agent = match AgentClient::connect_env().await {
        Ok(agent) => agent,
        Err(error) => return refused(format!("it cannot be reached: {error}")),
    };
    let identities = match agent.request_identities().await {
        Ok(identities) => identities,
        Err(error) => return refused(format!("it does not tell its keys: {error}")),
    };
    let mut tried = 0;
    for identity in identities.iter().take(AGENT_KEYS) {
        let key = identity.public_key().into_owned();
        let hash = rsa_hash(session, key.algorithm()).await?;
        let result = session
            .authenticate_publickey_with(user, key, hash, &mut agent)
            .await;
        match result {
            Ok(AuthResult::Success) => return Ok(Outcome::In),
            Ok(AuthResult::Failure { .. }) => tried += 1,
            Err(error) => tracing::debug!(%error, "the agent does not sign with one of its keys"),
        }
        if session.is_closed() {
            break;
        }
    }
    refused(format!("none of its keys was accepted ({tried} tried)"))
}

/// By password, and where the server wants it so, as the answer to the only question that it asks
/// (RFC 4256).
async fn by_password(
    session: &mut Handle<Verifier>,
    user: &str,
    password: &Secret,
) -> Result<AuthResult, russh::Error> {
    let result = session
        .authenticate_password(user, password.reveal())
        .await?;
    match &result {
        AuthResult::Failure {
            remaining_methods,
            partial_success: false,
        } if asks(remaining_methods) && !session.is_closed() => {}
        _ => return Ok(result),
    }
    let mut said = session
        .authenticate_keyboard_interactive_start(user, None::<String>)
        .await?;
    let mut answered = false;
    for _ in 0..QUESTIONS {
        let answers = match said {
            KeyboardInteractiveAuthResponse::Success => return Ok(AuthResult::Success),
            KeyboardInteractiveAuthResponse::Failure {
                remaining_methods,
                partial_success,
            } => {
                return Ok(AuthResult::Failure {
                    remaining_methods,
                    partial_success,
                });
            }
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                match prompts.as_slice() {
                    [] => vec![],
                    // Not what is echoed: that is no password. And not twice.
                    [only] if !only.echo && !answered => {
                        answered = true;
                        vec![password.reveal().to_owned()]
                    }
                    _ => return Ok(result),
                }
            }
        };
        said = session
            .authenticate_keyboard_interactive_respond(answers)
            .await?;
    }
    Ok(result)
}

fn asks(methods: &MethodSet) -> bool {
    methods.contains(&MethodKind::KeyboardInteractive)
}
