//! The suite that every origin passes, behind an sshd.

use std::fs;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use eventlog::OriginPath;
use origins::Origin;
use origins::conformance::{Fixture, check_all, ready};

use super::support::{Sshd, put};
use crate::servers::place;
use crate::support::fingerprint;

struct Remote {
    sshd: Mutex<Sshd>,
    root: std::path::PathBuf,
    origin: Arc<dyn Origin>,
}

impl Remote {
    fn new() -> Self {
        let sshd = Sshd::new();
        let (root, origin) = (sshd.folder.root(), sshd.origin());
        Self {
            sshd: Mutex::new(sshd),
            root,
            origin,
        }
    }
}

#[async_trait]
impl Fixture for Remote {
    fn origin(&self) -> Arc<dyn Origin> {
        Arc::clone(&self.origin)
    }

    async fn put(&self, path: &OriginPath, bytes: &[u8]) {
        put(&place(&self.root, path), bytes);
    }

    async fn remove(&self, path: &OriginPath) {
        fs::remove_file(place(&self.root, path)).unwrap();
    }

    async fn disconnect(&self) {
        self.sshd.lock().unwrap().server.stop();
    }

    async fn fingerprint(&self) -> Vec<u8> {
        fingerprint(&self.root)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_behind_sshd_conforms() {
    check_all(&|| ready(Remote::new())).await;
}
