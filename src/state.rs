//! The state directory: where a library's log, views, lock and socket are.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::report::{Kind, Report, Result, shell};

/// The state directory of one library. Made private to its owner (0700); one that is there already
/// keeps its mode, which [`StateDir::exposed`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// Opens the directory for writing; makes it where it is not there.
    ///
    /// # Errors
    /// Where it cannot be made or written to: read-only, full, another's.
    pub fn create(path: &Path) -> Result<Self> {
        let make = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
        make(path).map_err(|error| Report::io("create the state directory", path, &error))?;
        let state = Self(path.to_owned());
        for dir in [state.log_dir(), state.views_dir()] {
            make(&dir).map_err(|error| Report::io("create", &dir, &error))?;
        }
        state.probe()?;
        Ok(state)
    }

    /// The directory of a library that is there already, for reading.
    ///
    /// # Errors
    /// Where there is no library, or it cannot be read.
    pub fn existing(path: &Path) -> Result<Self> {
        let state = Self(path.to_owned());
        let found = std::fs::metadata(state.log_file()).map(|log| log.len());
        // An import that was killed leaves an empty file.
        let found = found.and_then(|length| match length {
            0 => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(()),
        });
        match found {
            Ok(()) => Ok(state),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Report::new(
                Kind::Input,
                format!("there is no library in {}", path.display()),
            )
            .hint("make one with `musicfs mount MOUNTPOINT --origin PATH`, or name another place with --state-dir")),
            Err(error) => Err(Report::io("read", &state.log_file(), &error)),
        }
    }

    /// The directory without looking whether it is there.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Writes a byte and removes it, so that a full or read-only disk is told at once.
    ///
    /// # Errors
    /// What the disk said.
    pub fn probe(&self) -> Result<()> {
        let path = self.0.join(".probe");
        let written = std::fs::write(&path, b".");
        let removed = std::fs::remove_file(&path);
        written
            .and(removed)
            .map_err(|error| Report::io("write to the state directory", &self.0, &error))
    }

    /// What is wrong with the directory's mode, and what to do: where others than its owner get in,
    /// they can learn what is in the library, and with the right to write, ruin it.
    #[must_use]
    pub fn exposed(&self) -> Option<Report> {
        let mode = std::fs::metadata(&self.0).ok()?.mode() & 0o777;
        let path = self.0.display();
        (mode & 0o077 != 0).then(|| {
            let message =
                format!("other users get into the state directory {path} (mode {mode:o})");
            Report::new(Kind::Config, message).hint(format!("chmod 700 {path}"))
        })
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the log is.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.0.join("log")
    }

    /// The log's file.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.log_dir().join("events.db")
    }

    /// Where the views are. All of it may be deleted while no daemon runs.
    #[must_use]
    pub fn views_dir(&self) -> PathBuf {
        self.0.join("views")
    }

    /// Where the content store is, unless told otherwise. All of it may be deleted while no daemon runs.
    #[must_use]
    pub fn store_dir(&self) -> PathBuf {
        self.0.join("store")
    }

    /// The file that the daemon locks.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The daemon's control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// What the webhooks remember.
    #[must_use]
    pub fn webhooks_file(&self) -> PathBuf {
        self.0.join("webhooks.db")
    }

    /// What a daemon in the background writes its messages to.
    #[must_use]
    pub fn messages_file(&self) -> PathBuf {
        self.0.join("musicfs.log")
    }

    /// Opens [`StateDir::messages_file`] to append to it.
    ///
    /// # Errors
    /// What the disk said.
    pub fn open_messages(&self) -> Result<File> {
        append_to(&self.messages_file())
    }
}

/// Opens a private file to append to it; makes it where it is not there.
///
/// # Errors
/// What the disk said.
pub fn append_to(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| {
            let report = Report::io("write to", path, &error);
            match path.parent() {
                Some(parent) if error.kind() == io::ErrorKind::NotFound => {
                    report.hint(format!("make its directory: mkdir -p {}", shell(parent)))
                }
                _ => report,
            }
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_state_directory_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(&dir.path().join("a/b")).unwrap();
        let mode = std::fs::metadata(state.path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(state.exposed().is_none());
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        std::fs::write(&path, b"").unwrap();
        let report = StateDir::create(&path).unwrap_err();
        assert_eq!(report.kind(), Kind::Disk);
        assert!(
            report.message().contains(&path.display().to_string()),
            "{report}"
        );
    }
}
