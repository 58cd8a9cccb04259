//! A folder behind an sshd.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use origins::{Origin, SftpLogin, SftpOrigin, SftpSettings};

use crate::servers::{Server, free_port};
use crate::support::Folder;

/// A folder, and an sshd that shows it.
pub(crate) struct Sshd {
    // Dropped in this order: the server first.
    pub(crate) server: Server,
    pub(crate) folder: Folder,
}

impl Sshd {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With further options of `sshd_config`.
    pub(crate) fn with(options: &[&str]) -> Self {
        let folder = Folder::new();
        let dir = folder.outer().join("ssh");
        let server = Server::start("sshd", &dir, &folder.root(), free_port(), options);
        Self { server, folder }
    }

    /// Starts it again after it was stopped, where it was.
    pub(crate) fn restart(&mut self) {
        let (dir, port) = (self.dir(), self.server.port);
        self.server = Server::start("sshd", &dir, &self.folder.root(), port, &[]);
    }

    /// Where its keys are.
    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.outer().join("ssh")
    }

    pub(crate) fn settings(&self) -> SftpSettings {
        SftpSettings {
            host: "127.0.0.1".to_owned(),
            port: self.server.port,
            user: user(),
            root: self.folder.root().into_os_string().into_encoded_bytes(),
            logins: vec![SftpLogin::Key(self.dir().join("user"), None)],
            known_hosts: self.dir().join("known_hosts"),
            connections: 4,
        }
    }

    pub(crate) fn origin(&self) -> Arc<dyn Origin> {
        origin(self.settings())
    }

    /// What the server said of itself.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir().join("log")).unwrap()
    }

    pub(crate) fn put(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        put(&self.folder.root().join(name), bytes);
    }
}

pub(crate) fn origin(settings: SftpSettings) -> Arc<dyn Origin> {
    Arc::new(SftpOrigin::new("nas".parse().unwrap(), settings).unwrap())
}

/// Who runs the tests, and so the server.
pub(crate) fn user() -> String {
    env::var("USER").unwrap_or_else(|_| {
        let id = std::process::Command::new("id")
            .arg("-un")
            .output()
            .unwrap();
        String::from_utf8(id.stdout).unwrap().trim().to_owned()
    })
}

/// Writes a file, with its parents, at a second that no file had before: the protocol tells time in
/// seconds.
pub(crate) fn put(path: &Path, bytes: &[u8]) {
    static CLOCK: AtomicU64 = AtomicU64::new(1_500_000_000);
    crate::support::put(path, bytes);
    let second = CLOCK.fetch_add(1, Ordering::Relaxed);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second))
        .unwrap();
}
