//! A folder behind a smbd.

use std::path::Path;
use std::sync::Arc;

use eventlog::OriginPath;
use origins::{Origin, Secret, SmbLogin, SmbOrigin, SmbSettings};

use crate::servers::{Server, free_port};
use crate::support::{Folder, put};

/// A folder, and a smbd that shows it.
pub(crate) struct Samba {
    // Dropped in this order: the server first.
    pub(crate) server: Server,
    pub(crate) folder: Folder,
}

impl Samba {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With further options of `smb.conf`.
    pub(crate) fn with(options: &[&str]) -> Self {
        let folder = Folder::new();
        let dir = folder.outer().join("smb");
        let server = Server::start("samba", &dir, &folder.root(), free_port(), options);
        Self { server, folder }
    }

    /// Starts it again after it was stopped, where it was.
    pub(crate) fn restart(&mut self) {
        let (dir, port) = (self.folder.outer().join("smb"), self.server.port);
        self.server = Server::start("samba", &dir, &self.folder.root(), port, &[]);
    }

    pub(crate) fn settings(&self) -> SmbSettings {
        SmbSettings {
            host: "127.0.0.1".to_owned(),
            port: self.server.port,
            share: "music".to_owned(),
            root: OriginPath::root(),
            login: None,
            connections: 4,
        }
    }

    pub(crate) fn origin(&self) -> Arc<dyn Origin> {
        origin(self.settings())
    }

    pub(crate) fn put(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        put(&self.folder.root().join(name), bytes);
    }
}

pub(crate) fn origin(settings: SmbSettings) -> Arc<dyn Origin> {
    Arc::new(SmbOrigin::new("nas".parse().unwrap(), settings).unwrap())
}

/// Who runs the tests, and so the server, with a password.
pub(crate) fn login(password: &str) -> Option<SmbLogin> {
    Some(SmbLogin {
        domain: None,
        user: crate::sftp::support::user(),
        password: Secret::new(password.to_owned()),
    })
}
