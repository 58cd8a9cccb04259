//! The suite that every origin passes, on a Ceph gateway.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use eventlog::OriginPath;
use futures::StreamExt;
use origins::conformance::{Fixture, check_all};
use origins::test_support::proxy::{Faults, Proxy};
use origins::test_support::server::Server;
use origins::{Depth, Origin, RemoteOrigin, S3Settings, Secret};
use tempfile::TempDir;

use super::within;
use crate::support::path;

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
pub(super) struct Bucket {
    name: String,
    prefix: OriginPath,
    proxy: Proxy,
    origin: Arc<dyn Origin>,
}

impl Bucket {
    pub(super) async fn new(prefix: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let name = format!("music-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let gateway = tokio::task::spawn_blocking(gateway).await.unwrap();
        let proxy = Proxy::to(gateway.address()).await;
        let prefix = OriginPath::new(prefix.as_bytes()).unwrap();
        let origin = origin(&name, &prefix, KEY.1, &proxy);
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

    /// An origin at the same gateway, with other settings; an empty bucket is this one.
    pub(super) fn with(&self, bucket: &str, prefix: &str, secret: &str) -> RemoteOrigin {
        let bucket = Some(bucket).filter(|it| !it.is_empty());
        let prefix = OriginPath::new(prefix.as_bytes()).unwrap();
        origin(bucket.unwrap_or(&self.name), &prefix, secret, &self.proxy)
    }

    fn place(&self, path: &OriginPath) -> String {
        let path = str::from_utf8(path.as_bytes()).unwrap();
        match self.prefix.is_root() {
            true => format!("s3:{}/{path}", self.name),
            false => format!("s3:{}/{}/{path}", self.name, self.prefix),
        }
    }
}

fn origin(bucket: &str, prefix: &OriginPath, secret: &str, proxy: &Proxy) -> RemoteOrigin {
    let settings = S3Settings {
        bucket: bucket.to_owned(),
        prefix: prefix.clone(),
        endpoint: Some(format!("http://{}", proxy.address())),
        region: None,
        key: Some((KEY.0.to_owned(), Secret::new(secret.to_owned()))),
        session_token: None,
        connections: 4,
    };
    RemoteOrigin::s3("s3".parse().unwrap(), &settings).unwrap()
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

/// A prefix is a root like another; its keys are told from those beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_is_a_root() {
    let bucket = Bucket::new("music/all of it").await;
    let beside = format!("s3:{}/music/all of it-not/x", bucket.name);
    rclone(&["rcat", &beside], b"x").await;
    bucket.put(&path("a/1"), b"abc").await;
    let origin = bucket.origin();
    let revision = within(origin.stat(&path("a/1"))).await.unwrap();
    let file = within(origin.open(&path("a/1"), &revision)).await.unwrap();
    assert_eq!(&*within(file.read_at(1, 9)).await.unwrap(), b"bc");
    let listed: Vec<_> = origin.walk(&path(""), Depth::All).collect().await;
    let listed: Vec<_> = listed.into_iter().map(Result::unwrap).collect();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].path, path("a"));
    assert_eq!(listed[0].files[0].revision, revision);
    assert_eq!(listed[1].files[0].name.as_ref(), b".keep");
}

/// An unchanged library costs one listing, and a page of it has 1,000 keys (ORG-5). These are half a
/// megabyte from Ceph.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_tracks_are_two_requests() {
    let bucket = Bucket::new("").await;
    let dir = tempfile::tempdir().unwrap();
    for number in 0..2000 {
        let album = dir
            .path()
            .join(format!("Artist {}/Album {}", number / 100, number / 10));
        std::fs::create_dir_all(&album).unwrap();
        std::fs::write(
            album.join(format!("{number:02} Title of a song.flac")),
            b"x",
        )
        .unwrap();
    }
    let from = dir.path().to_str().unwrap();
    let to = format!("s3:{}", bucket.name);
    rclone(&["copy", "--transfers", "16", from, &to], b"").await;

    let before = bucket.proxy.counts();
    let listed: Vec<_> = bucket.origin().walk(&path(""), Depth::All).collect().await;
    let files: usize = listed
        .iter()
        .map(|it| it.as_ref().unwrap().files.len())
        .sum();
    assert_eq!((files, listed.len()), (2000, 221));
    let after = bucket.proxy.counts();
    let received = after.received - before.received;
    assert_eq!(after.requests - before.requests, 2);
    assert!(received < 2_000_000, "{received}");
}

/// What the service tells of an object without sending it is what its bytes give (CAS-3).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etags_are_checksums_of_files_and_of_their_parts() {
    let bucket = Bucket::new("").await;
    let bytes: Vec<u8> = (0..12 << 20_u32).map(|at| (at / 251) as u8).collect();
    let cases = [
        ("one", 3_000_000, None),
        ("three", bytes.len(), Some(5 << 20)),
    ];
    for (name, len, part) in cases {
        let (path, bytes) = (path(name), &bytes[..len]);
        let to = bucket.place(&path);
        let parts: &[&str] = match part {
            Some(_) => &["--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M"],
            None => &["--streaming-upload-cutoff", "100M"],
        };
        rclone(&[&["rcat", &to], parts].concat(), bytes).await;
        let origin = bucket.origin();
        let revision = within(origin.stat(&path)).await.unwrap();
        let file = within(origin.open(&path, &revision)).await.unwrap();
        let before = bucket.proxy.counts();
        let checksum = within(file.checksum()).await.unwrap().expect(name);
        let after = bucket.proxy.counts();
        assert_eq!(after.requests - before.requests, 1, "{name}");
        assert!(after.received - before.received < 2_000, "{name}");
        assert_eq!(checksum.part.map(std::num::NonZero::get), part);
        let holds = |bytes: &[u8]| {
            let mut verify = checksum.verify();
            verify.update(bytes);
            verify.holds()
        };
        assert!(holds(bytes), "{name}");
        let mut edited = bytes.to_vec();
        edited[len / 2] ^= 1;
        assert!(!holds(&edited), "{name}");
        // Of another object than was opened, nothing is told.
        bucket.put(&path, b"other").await;
        let error = within(file.checksum()).await.unwrap_err();
        assert_eq!(error.kind, origins::ErrorKind::Changed, "{name}");
    }
}
