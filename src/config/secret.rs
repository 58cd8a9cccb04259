//! Secrets, and where they are kept (ORG-10, SEC-2).

use std::collections::BTreeSet;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use origins::Secret;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::{Env, keyring};
use crate::report::plain;

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The configuration itself.
    Inline(Secret),
    /// An environment variable of the daemon.
    Environment(String),
    /// A file; one end of line at its end is not part of the secret.
    File(PathBuf),
    /// A credential that systemd gives the service (systemd.exec(5), `LoadCredential=`); one end of
    /// line at its end is not part of the secret.
    Credential(String),
    /// An entry of the system's keyring.
    Keyring(String),
}

/// Where systemd puts a service's credentials (systemd.exec(5)).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

impl SecretSource {
    /// Fetches the secret. Blocks: a file may be on a disk, a keyring may have to be unlocked.
    ///
    /// # Errors
    /// Why there is none, such as `… is not set`. Never holds any of it.
    pub fn fetch(&self, env: Env<'_>) -> Result<Secret, String> {
        let text = match self {
            Self::Inline(secret) => return filled(secret.clone(), "is empty"),
            Self::Environment(name) => {
                env(name).ok_or_else(|| format!("names the variable {name}, which is not set"))?
            }
            Self::File(path) => {
                warn_if_exposed(path);
                read(path)?
            }
            Self::Credential(name) => {
                let directory = env(CREDENTIALS).ok_or_else(|| {
                    format!(
                        "names the credential {name}, but systemd gave none: add LoadCredential={name}:FILE \
                         to the unit"
                    )
                })?;
                read(&Path::new(&directory).join(name))?
            }
            Self::Keyring(name) => std::mem::take(&mut *keyring::read(name)?),
        };
        filled(
            Secret::new(text),
            &format!("names {self}, where nothing is"),
        )
    }
}

/// Where it is kept, for people.
impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("itself"),
            Self::Environment(name) => write!(f, "the variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Credential(name) => write!(f, "the credential {name}"),
            Self::Keyring(name) => write!(f, "{name} of the keyring"),
        }
    }
}

/// Files that were warned of.
static WARNED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Warns, once for each, of a file with a secret that others than its owner can read.
pub(crate) fn warn_if_exposed(path: &Path) {
    if is_exposed(path) && WARNED.lock().insert(path.to_owned()) {
        let file = path.display();
        tracing::warn!("other users can read {file}, a secret: chmod 600 it");
    }
}

fn is_exposed(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|it| it.mode() & 0o044 != 0)
}

fn filled(secret: Secret, or_else: &str) -> Result<Secret, String> {
    if secret.reveal().is_empty() {
        return Err(or_else.to_owned());
    }
    Ok(secret)
}

fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| {
        format!(
            "names the file {}, which cannot be read: {}",
            path.display(),
            plain(&error)
        )
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let source = SecretSource::Inline(Secret::new("hunter2".to_owned()));
        assert_eq!(format!("{source:?}"), "Inline((hidden))");
    }

    #[test]
    fn a_file_that_others_can_read_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "x").unwrap();
        let mode = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).unwrap();
            is_exposed(&path)
        };
        assert_eq!([0o600, 0o640, 0o604].map(mode), [false, true, true]);
    }

    #[test]
    fn secrets_come_from_files_and_variables() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "hunter2 \r\n").unwrap();
        let env = |name: &str| (name == "HOOK").then(|| "correct horse".to_owned());
        let fetch = |source: SecretSource| source.fetch(&env).map(|it| it.reveal().to_owned());
        assert_eq!(fetch(SecretSource::File(path)), Ok("hunter2 ".to_owned()));
        assert_eq!(
            fetch(SecretSource::Environment("HOOK".to_owned())),
            Ok("correct horse".to_owned())
        );
        assert_eq!(
            fetch(SecretSource::Environment("NONE".to_owned())),
            Err("names the variable NONE, which is not set".to_owned())
        );
        let absent = fetch(SecretSource::File("/nowhere/secret".into())).unwrap_err();
        assert_eq!(
            absent,
            "names the file /nowhere/secret, which cannot be read: no such file or directory"
        );
        std::fs::write(dir.path().join("nas"), "credential\n").unwrap();
        let source = SecretSource::Credential("nas".to_owned());
        let directory = dir.path().to_str().unwrap().to_owned();
        let given = source.fetch(&|name| (name == CREDENTIALS).then(|| directory.clone()));
        assert_eq!(given.unwrap().reveal(), "credential");
        let told = fetch(source).unwrap_err();
        assert!(told.contains("LoadCredential=nas:FILE"), "{told}");
        let empty = SecretSource::Inline(Secret::new(String::new()));
        assert_eq!(fetch(empty), Err("is empty".to_owned()));
    }
}
