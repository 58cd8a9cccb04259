//! The suite that every origin passes, on a Ceph gateway.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use eventlog::OriginPath;
use origins::conformance::{Fixture, check_all};
use origins::test_support::proxy::{Faults, Proxy};
use origins::test_support::server::Server;
use origins::{Origin, RemoteOrigin, S3Settings, Secret};
use tempfile::TempDir;

const KEY: (&str, &str) = ("AKAKAKAK", "SKSKSKSK");

/// One gateway for all tests, since it takes long to start.
fn gateway() -> &'static Server {
    static GATEWAY: OnceLock<(Server, TempDir)> = OnceLock::new();
    let start = || {
        let dir = tempfile::tempdir().unwrap();
        (Server::start("s3", dir.path(), dir.path()), dir)
    };
    &GATEWAY.get_or_init(start).0
}

/// A bucket of its own, reached through a proxy.
struct Bucket {
    name: String,
    prefix: OriginPath,
    proxy: Proxy,
    origin: Arc<dyn Origin>,
}

impl Bucket {
    async fn new(prefix: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let name = format!("music-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let gateway = tokio::task::spawn_blocking(gateway).await.unwrap();
        let proxy = Proxy::to(gateway.address()).await;
        let prefix = OriginPath::new(prefix.as_bytes()).unwrap();
        let settings = settings(&name, &prefix, &proxy);
        let origin = RemoteOrigin::s3("s3".parse().unwrap(), &settings).unwrap();
        let bucket = Self {
            name,
            prefix,
            proxy,
            origin: Arc::new(origin),
        };
        rclone(&["mkdir", &format!("s3:{}", bucket.name)], b"").await;
        if !bucket.prefix.is_root() {
            // What keeps an empty folder there.
            let marker = format!("s3:{}/{}/.keep", bucket.name, bucket.prefix);
            rclone(&["rcat", &marker], b"").await;
        }
        bucket
    }

    fn place(&self, path: &OriginPath) -> String {
        let path = str::from_utf8(path.as_bytes()).unwrap();
        match self.prefix.is_root() {
            true => format!("s3:{}/{path}", self.name),
            false => format!("s3:{}/{}/{path}", self.name, self.prefix),
        }
    }
}

fn settings(bucket: &str, prefix: &OriginPath, proxy: &Proxy) -> S3Settings {
    S3Settings {
        bucket: bucket.to_owned(),
        prefix: prefix.clone(),
        endpoint: Some(format!("http://{}", proxy.address())),
        region: None,
        key: Some((KEY.0.to_owned(), Secret::new(KEY.1.to_owned()))),
        session_token: None,
        connections: 4,
    }
}

/// Writes to the gateway past our own code.
async fn rclone(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("rclone");
    command
        .args(["--config", "/dev/null", "--log-level", "ERROR"])
        .args(arguments)
        // It cannot do with one.
        .env_remove("AWS_CA_BUNDLE")
        .env("RCLONE_CONFIG_S3_TYPE", "s3")
        .env("RCLONE_CONFIG_S3_PROVIDER", "Ceph")
        .env("RCLONE_CONFIG_S3_ACCESS_KEY_ID", KEY.0)
        .env("RCLONE_CONFIG_S3_SECRET_ACCESS_KEY", KEY.1)
        .env(
            "RCLONE_CONFIG_S3_ENDPOINT",
            format!("http://{}", gateway().address()),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let input = input.to_owned();
    let run = move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{command:?}");
        output.stdout
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[async_trait]
impl Fixture for Bucket {
    fn origin(&self) -> Arc<dyn Origin> {
        Arc::clone(&self.origin)
    }

    fn can_have(&self, name: &[u8]) -> bool {
        str::from_utf8(name).is_ok()
    }

    async fn put(&self, path: &OriginPath, bytes: &[u8]) {
        rclone(&["rcat", &self.place(path)], bytes).await;
    }

    async fn remove(&self, path: &OriginPath) {
        rclone(&["deletefile", &self.place(path)], b"").await;
    }

    async fn disconnect(&self) {
        self.proxy.set(Faults {
            reset: true,
            ..Faults::default()
        });
    }

    async fn fingerprint(&self) -> Vec<u8> {
        let all = format!("s3:{}", self.name);
        let list = rclone(
            &["lsf", "-R", "--files-only", "--format", "psth", &all],
            b"",
        )
        .await;
        let mut lines: Vec<&[u8]> = list.split(|byte| *byte == b'\n').collect();
        lines.sort_unstable();
        lines.concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ceph_conforms() {
    check_all(&|| Box::pin(async { Box::new(Bucket::new("").await) as Box<dyn Fixture> })).await;
}
