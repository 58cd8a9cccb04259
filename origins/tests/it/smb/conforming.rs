//! The suite that every origin passes, behind Samba.

use std::fs;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use eventlog::OriginPath;
use origins::Origin;
use origins::conformance::{Fixture, check_all, ready};

use super::support::{Samba, login, origin};
use crate::servers::place;
use crate::support::fingerprint;

struct Remote {
    samba: Mutex<Samba>,
    root: std::path::PathBuf,
    origin: Arc<dyn Origin>,
}

impl Remote {
    fn new(options: &[&str], password: Option<&str>) -> Self {
        let samba = Samba::with(options);
        let mut settings = samba.settings();
        if let Some(password) = password {
            settings.share = "private".to_owned();
            settings.login = login(password);
        }
        Self {
            root: samba.folder.root(),
            samba: Mutex::new(samba),
            origin: origin(settings),
        }
    }
}

#[async_trait]
impl Fixture for Remote {
    fn origin(&self) -> Arc<dyn Origin> {
        Arc::clone(&self.origin)
    }

    /// Names are Unicode. Windows has none that end so, and Samba shows others in their place.
    fn can_have(&self, name: &[u8]) -> bool {
        std::str::from_utf8(name).is_ok() && !name.ends_with(b" ") && !name.ends_with(b".")
    }

    async fn put(&self, path: &OriginPath, bytes: &[u8]) {
        crate::sftp::support::put(&place(&self.root, path), bytes);
    }

    async fn remove(&self, path: &OriginPath) {
        fs::remove_file(place(&self.root, path)).unwrap();
    }

    async fn disconnect(&self) {
        self.samba.lock().unwrap().server.stop();
    }

    async fn fingerprint(&self) -> Vec<u8> {
        fingerprint(&self.root)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_behind_samba_conforms_for_guests() {
    check_all(&|| ready(Remote::new(&[], None))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_behind_samba_conforms_for_users() {
    check_all(&|| ready(Remote::new(&[], Some("open sesame")))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_behind_samba_conforms_where_everything_is_signed() {
    let options = &["server signing", "mandatory"];
    check_all(&|| ready(Remote::new(options, Some("open sesame")))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_behind_samba_conforms_where_it_speaks_as_of_old() {
    let options = &[
        "server max protocol",
        "SMB2_02",
        "server signing",
        "mandatory",
    ];
    check_all(&|| ready(Remote::new(options, Some("open sesame")))).await;
}
