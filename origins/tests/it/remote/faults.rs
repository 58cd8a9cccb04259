//! Real servers, with a network that fails.

use std::time::Duration;

use origins::conformance::Fixture;
use origins::test_support::proxy::{Faults, Proxy};
use origins::{Depth, ErrorKind, Origin, OriginError, RemoteOrigin};

use futures::StreamExt;

use super::s3::Bucket;
use super::webdav::{Webdav, origin, origin_of};
use super::within;
use crate::support::path;

/// An Apache behind a proxy.
struct Distant {
    server: Webdav,
    proxy: Proxy,
    origin: RemoteOrigin,
}

impl Distant {
    async fn new() -> Self {
        let server = Webdav::new("apache");
        let proxy = Proxy::to(server.address()).await;
        let origin = origin(&format!("http://{}", proxy.address()), "secret");
        Self {
            server,
            proxy,
            origin,
        }
    }

    async fn with_file(content: &[u8]) -> Self {
        let distant = Self::new().await;
        distant.server.put(&path("d/f"), content).await;
        distant
    }

    async fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, OriginError> {
        let revision = within(self.origin.stat(&path("d/f"))).await?;
        let file = within(self.origin.open(&path("d/f"), &revision)).await?;
        Ok(within(file.read_at(offset, len)).await?.to_vec())
    }
}

fn content() -> Vec<u8> {
    (0..500_000_u32).map(|place| (place % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_is_as_good_as_fast() {
    let distant = Distant::with_file(&content()).await;
    distant.proxy.set(Faults {
        latency: Duration::from_millis(5),
        rate: Some(2_000_000),
        ..Faults::default()
    });
    assert_eq!(
        distant.read(1000, 300_000).await.unwrap(),
        content()[1000..301_000]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_ends_early_is_no_bytes() {
    let distant = Distant::with_file(&content()).await;
    let revision = distant.origin.stat(&path("d/f")).await.unwrap();
    let file = distant.origin.open(&path("d/f"), &revision).await.unwrap();
    // Idle connections are cut at their next byte, new ones in the middle.
    distant.proxy.set(Faults {
        cut: Some(100_000),
        ..Faults::default()
    });
    let error = within(file.read_at(0, 500_000)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
    distant.proxy.set(Faults::default());
    assert_eq!(within(file.read_at(0, 500_000)).await.unwrap(), content());
}

/// Idle connections that were lost are replaced within the same call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_are_replaced_at_once() {
    let distant = Distant::with_file(&content()).await;
    let revision = distant.origin.stat(&path("d/f")).await.unwrap();
    let file = distant.origin.open(&path("d/f"), &revision).await.unwrap();
    let reads = (0..4).map(|_| file.read_at(0, 500_000));
    futures::future::join_all(reads).await;
    assert!(distant.proxy.counts().connections > 1, "several are idle");
    for _ in 0..3 {
        distant.proxy.set(Faults {
            reset: true,
            ..Faults::default()
        });
        distant.proxy.set(Faults::default());
        assert_eq!(
            within(file.read_at(10, 10)).await.unwrap(),
            content()[10..20]
        );
    }
    let reads = (0..4).map(|_| file.read_at(0, 500_000));
    futures::future::join_all(reads).await;
    // They end once they are used again: all of them have carried more than that. New ones do not.
    distant.proxy.set(Faults {
        cut: Some(5000),
        ..Faults::default()
    });
    let connections = distant.proxy.counts().connections;
    assert_eq!(
        within(file.read_at(10, 10)).await.unwrap(),
        content()[10..20]
    );
    assert_eq!(distant.proxy.counts().connections, connections + 1);
    // Where a new one ends as well, that is all.
    distant.proxy.set(Faults {
        cut: Some(1),
        ..Faults::default()
    });
    let error = within(file.read_at(10, 10)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_is_away_comes_back() {
    let distant = Distant::with_file(b"abc").await;
    assert_eq!(distant.read(0, 10).await.unwrap(), b"abc");
    distant.proxy.set(Faults {
        reset: true,
        ..Faults::default()
    });
    assert_eq!(
        distant.read(0, 10).await.unwrap_err().kind,
        ErrorKind::Offline
    );
    distant.proxy.set(Faults {
        black_hole: true,
        ..Faults::default()
    });
    let asked = tokio::time::timeout(Duration::from_millis(300), distant.origin.check()).await;
    assert!(
        asked.is_err(),
        "nobody answers, and the caller sets the limit"
    );
    distant.proxy.set(Faults::default());
    assert_eq!(distant.read(0, 10).await.unwrap(), b"abc");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_not_there_is_offline() {
    let port = origins::test_support::server::free_port();
    for place in [
        format!("http://127.0.0.1:{port}/"),
        "http://no-such-host.invalid/".to_owned(),
        format!("https://127.0.0.1:{port}/"),
    ] {
        let error = within(origin(&place, "secret").check()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Offline, "{error}");
        assert!(
            error.message.contains(place.trim_end_matches('/')),
            "{error}"
        );
    }
}

/// Whoever reads what a listing found need not read the listing to its end first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_nobody_looks_at_keeps_nobody_waiting() {
    let server = Webdav::new("apache");
    for number in 0..200 {
        server.put(&path(&format!("{number}/f")), b"abc").await;
    }
    let origin = origin_of(&format!("http://{}", server.address()), "secret", 1);
    let mut walk = origin.walk(&path(""), Depth::All);
    assert!(walk.next().await.unwrap().is_ok());
    for number in 0..200 {
        let revision = within(origin.stat(&path(&format!("{number}/f")))).await;
        assert_eq!(revision.unwrap().size, 3);
    }
    assert_eq!(walk.count().await, 200);
}

/// A listing that is cut at any byte is an error, or complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cut_makes_a_listing_shorter() {
    let distant = Distant::new().await;
    for name in ["a/1", "a/2", "b/c/3", "4"] {
        distant.server.put(&path(name), b"x").await;
    }
    let whole = distant.listed().await.unwrap();
    assert_eq!(whole, ["4", "a/1", "a/2", "b/c/3"]);
    let mut errors = 0;
    for cut in (1..6000).step_by(171) {
        // Those that are idle have carried more already.
        let origin = origin(&format!("http://{}", distant.proxy.address()), "secret");
        distant.proxy.set(Faults {
            cut: Some(cut),
            ..Faults::default()
        });
        match listed(&origin).await {
            Ok(files) => assert_eq!(files, whole, "cut after {cut}"),
            Err(kind) => {
                assert_eq!(kind, ErrorKind::Offline, "cut after {cut}");
                errors += 1;
            }
        }
    }
    assert!(errors > 3, "{errors} were cut");
}

impl Distant {
    async fn listed(&self) -> Result<Vec<String>, ErrorKind> {
        listed(&self.origin).await
    }
}

async fn listed(origin: &dyn Origin) -> Result<Vec<String>, ErrorKind> {
    let mut files = Vec::new();
    let mut walk = origin.walk(&path(""), Depth::All);
    while let Some(item) = within(async { Ok(walk.next().await) }).await.unwrap() {
        let directory = item.map_err(|error| error.error.kind)?;
        for file in directory.files {
            files.push(directory.path.join(&file.name).unwrap().to_string());
        }
    }
    files.sort();
    Ok(files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_denied() {
    let distant = Distant::with_file(b"abc").await;
    let origin = origin(&format!("http://{}", distant.proxy.address()), "wrong");
    assert_eq!(
        within(origin.check()).await.unwrap_err().kind,
        ErrorKind::Denied
    );
    let error = within(origin.stat(&path("d/f"))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(!error.message.contains("wrong"), "{error}");
    assert_eq!(listed(&origin).await, Err(ErrorKind::Denied));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_not_there_is_no_empty_one() {
    let distant = Distant::with_file(b"abc").await;
    let url = format!("http://{}/nowhere", distant.proxy.address());
    let origin = origin(&url, "secret");
    assert_eq!(
        within(origin.check()).await.unwrap_err().kind,
        ErrorKind::Offline
    );
    assert_eq!(listed(&origin).await, Err(ErrorKind::Offline));
    let error = within(origin.stat(&path("f"))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "nothing is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_or_prefix_that_is_not_there_is_no_empty_one() {
    let bucket = Bucket::new("").await;
    assert_eq!(
        listed(&*bucket.origin()).await,
        Ok(Vec::new()),
        "an empty bucket is one"
    );
    within(bucket.origin().check()).await.unwrap();
    for origin in [
        bucket.with("no-such-bucket", "", "SKSKSKSK"),
        bucket.with("", "nothing", "SKSKSKSK"),
    ] {
        assert_eq!(listed(&origin).await, Err(ErrorKind::Offline));
        assert_eq!(
            within(origin.check()).await.unwrap_err().kind,
            ErrorKind::Offline
        );
        let error = within(origin.stat(&path("f"))).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Offline, "nothing is gone");
    }
    let stranger = bucket.with("", "", "wrong");
    assert_eq!(listed(&stranger).await, Err(ErrorKind::Denied));
    assert_eq!(
        within(stranger.check()).await.unwrap_err().kind,
        ErrorKind::Denied
    );
}
