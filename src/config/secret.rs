//! Secrets, and where they are kept (ORG-10, SEC-2).

use std::path::{Path, PathBuf};

pub use origins::Secret;
use zeroize::Zeroizing;

use super::Env;
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
}

impl SecretSource {
    /// Fetches the secret.
    ///
    /// # Errors
    /// Why there is none, such as `… is not set`. Never holds any of it.
    pub fn fetch(&self, env: Env<'_>) -> Result<Secret, String> {
        let text = match self {
            Self::Inline(secret) => return filled(secret.clone(), "is empty"),
            Self::Environment(name) => {
                env(name).ok_or_else(|| format!("names the variable {name}, which is not set"))?
            }
            Self::File(path) => read(path)?,
        };
        filled(Secret::new(text), "names a place where nothing is")
    }
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
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let source = SecretSource::Inline(Secret::new("hunter2".to_owned()));
        assert_eq!(format!("{source:?}"), "Inline((hidden))");
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
        let empty = SecretSource::Inline(Secret::new(String::new()));
        assert_eq!(fetch(empty), Err("is empty".to_owned()));
    }
}
