//! The suite that every origin passes, on four servers, each with ways of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use eventlog::OriginPath;
use origins::conformance::{Fixture, check_all, ready};
use origins::test_support::server::Server;
use origins::{Origin, RemoteOrigin, Secret, WebdavLogin, WebdavSettings};

use crate::support::{Folder, fingerprint};

pub(super) struct Webdav {
    name: &'static str,
    folder: Folder,
    server: Mutex<Server>,
    origin: Arc<dyn Origin>,
}

impl Webdav {
    pub(super) fn new(name: &'static str) -> Self {
        let folder = Folder::new();
        let server = Server::start(name, &folder.outer().join("server"), &folder.root());
        let origin = origin(&format!("http://{}", server.address()), "secret");
        Self {
            name,
            folder,
            server: Mutex::new(server),
            origin: Arc::new(origin),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.lock().unwrap().address()
    }

    fn place(&self, path: &OriginPath) -> PathBuf {
        let path = std::ffi::OsStr::from_bytes(path.as_bytes());
        self.folder.root().join(Path::new(path))
    }
}

pub(super) fn origin(url: &str, password: &str) -> RemoteOrigin {
    origin_of(url, password, 4)
}

pub(super) fn origin_of(url: &str, password: &str, connections: usize) -> RemoteOrigin {
    let settings = WebdavSettings {
        url: url.to_owned(),
        login: Some(WebdavLogin::Password(
            "user".to_owned(),
            Secret::new(password.to_owned()),
        )),
        connections,
    };
    RemoteOrigin::webdav("dav".parse().unwrap(), &settings).unwrap()
}

#[async_trait]
impl Fixture for Webdav {
    fn origin(&self) -> Arc<dyn Origin> {
        Arc::clone(&self.origin)
    }

    fn can_have(&self, name: &[u8]) -> bool {
        match self.name {
            // It shows another sign in its place.
            "rclone-webdav" => !name.contains(&b'\n'),
            // It refuses to be asked for what is not printable UTF-8.
            "lighttpd" => !name.contains(&b'\n') && str::from_utf8(name).is_ok(),
            // It takes a dot for the mark of a hidden file.
            "nginx" => !name.starts_with(b"."),
            _ => true,
        }
    }

    /// HTTP knows times to the second, and these servers make their entity tags of times.
    async fn put(&self, path: &OriginPath, bytes: &[u8]) {
        static CLOCK: AtomicU64 = AtomicU64::new(1_600_000_000);
        let place = self.place(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, bytes).unwrap();
        let seconds = CLOCK.fetch_add(1, Ordering::Relaxed);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let file = File::options().write(true).open(&place).unwrap();
        file.set_modified(time).unwrap();
    }

    async fn remove(&self, path: &OriginPath) {
        fs::remove_file(self.place(path)).unwrap();
    }

    async fn disconnect(&self) {
        self.server.lock().unwrap().stop();
    }

    async fn fingerprint(&self) -> Vec<u8> {
        fingerprint(&self.folder.root())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apache_conforms() {
    check_all(&|| ready(Webdav::new("apache"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_conforms() {
    check_all(&|| ready(Webdav::new("nginx"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lighttpd_conforms() {
    check_all(&|| ready(Webdav::new("lighttpd"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rclone_conforms() {
    check_all(&|| ready(Webdav::new("rclone-webdav"))).await;
}
