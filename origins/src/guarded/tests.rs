//! Guarded origins against one that fails as it is told.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use tokio::time::{Instant, sleep};

use super::*;
use crate::origin::ErrorKind;

/// What an attempt comes to.
#[derive(Clone, Copy)]
enum Answer {
    Fine,
    Fails(ErrorKind),
    /// Takes that long, and is fine.
    Takes(Duration),
}

use Answer::{Fails, Fine, Takes};

/// An origin that answers as it is told; when it is told nothing more, all is fine.
struct Scripted {
    id: OriginId,
    answers: Mutex<VecDeque<Answer>>,
    /// Listings by the place they begin at: what each attempt gives.
    listings: Mutex<Vec<(&'static str, Vec<Listed>)>>,
    asked: AtomicUsize,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

/// A directory in a listing.
#[derive(Clone, Copy)]
enum Listed {
    Has(&'static str),
    Lacks(&'static str, ErrorKind),
    Hangs,
}

fn path(text: &str) -> OriginPath {
    OriginPath::new(text.as_bytes()).unwrap()
}

fn failed(kind: ErrorKind) -> OriginError {
    let message = "as told".to_owned();
    OriginError { kind, message }
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self {
            id: "x".parse().unwrap(),
            answers: Mutex::new(answers.into_iter().collect()),
            listings: Mutex::default(),
            asked: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    fn listing(listings: Vec<(&'static str, Vec<Listed>)>) -> Arc<Self> {
        let new = Self::new([]);
        *new.listings.lock().unwrap() = listings;
        new
    }

    async fn answer(&self) -> Result<(), OriginError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Fine);
        let result = match answer {
            Fine => Ok(()),
            Fails(kind) => Err(failed(kind)),
            Takes(long) => {
                sleep(long).await;
                Ok(())
            }
        };
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        result
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn revision() -> Revision {
    Revision {
        size: 1 << 20,
        mtime_ns: 0,
        tag: None,
    }
}

#[async_trait]
impl Origin for Scripted {
    fn id(&self) -> &OriginId {
        &self.id
    }

    fn walk(
        &self,
        from: &OriginPath,
        _: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>> {
        let mut listings = self.listings.lock().unwrap();
        let at = listings.iter().position(|(top, _)| path(top) == *from);
        let (_, items) = listings.remove(at.unwrap());
        let item = |listed: Listed| async move {
            match listed {
                Listed::Has(name) => Ok(Directory {
                    path: path(name),
                    files: Vec::new(),
                    directories: Vec::new(),
                }),
                Listed::Lacks(name, kind) => Err(WalkError {
                    path: path(name),
                    error: failed(kind),
                }),
                Listed::Hangs => std::future::pending().await,
            }
        };
        stream::iter(items).then(item).boxed()
    }

    async fn stat(&self, _: &OriginPath) -> Result<Revision, OriginError> {
        self.answer().await.map(|()| revision())
    }

    async fn open(&self, _: &OriginPath, _: &Revision) -> Result<Arc<dyn OriginFile>, OriginError> {
        Ok(Arc::new(Zeros(revision())))
    }

    async fn check(&self) -> Result<(), OriginError> {
        self.answer().await
    }

    fn watch(&self) -> Result<Option<Watch>, OriginError> {
        Ok(None)
    }
}

struct Zeros(Revision);

#[async_trait]
impl OriginFile for Zeros {
    fn revision(&self) -> &Revision {
        &self.0
    }

    async fn read_at(&self, _: u64, len: usize) -> Result<Bytes, OriginError> {
        Ok(vec![0; len].into())
    }
}

fn guarded(inner: &Arc<Scripted>, limits: Limits) -> Guarded {
    let inner: Arc<dyn Origin> = inner.clone();
    Guarded::new(inner, limits, Arc::default())
}

const SERVER: Limits = Limits {
    reach: Reach::Server,
    connections: None,
    requests_per_second: None,
    bytes_per_second: None,
};

async fn stat(origin: &Guarded) -> (Result<Revision, OriginError>, Duration) {
    let began = Instant::now();
    let result = origin.stat(&path("a")).await;
    (result, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_what_may_not_is_told() {
    let offline = Fails(ErrorKind::Offline);
    let inner = Scripted::new([offline, Fails(ErrorKind::Io), offline]);
    let origin = guarded(&inner, SERVER);
    let (result, took) = stat(&origin).await;
    assert!(result.is_ok());
    assert_eq!((inner.asked(), took.as_millis()), (4, 2_600));

    let inner = Scripted::new([offline; 5]);
    let origin = guarded(&inner, SERVER);
    assert_eq!(stat(&origin).await.0.unwrap_err().kind, ErrorKind::Offline);
    assert_eq!(inner.asked(), 4);
    assert!(origin.doubts().notified().now_or_never().is_some());

    let inner = Scripted::new([Fails(ErrorKind::NotFound); 2]);
    let origin = guarded(&inner, SERVER);
    assert_eq!(stat(&origin).await.0.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(inner.asked(), 1);
    assert!(origin.doubts().notified().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_to_wait_is_left_alone_for_that_long_within_the_limit() {
    let throttled = |secs| {
        Fails(ErrorKind::Throttled {
            retry_after: Some(Duration::from_secs(secs)),
        })
    };
    let inner = Scripted::new([throttled(7)]);
    let (result, took) = stat(&guarded(&inner, SERVER)).await;
    assert!(result.is_ok());
    assert_eq!(took.as_secs(), 7);
    let inner = Scripted::new([throttled(31)]);
    let (result, took) = stat(&guarded(&inner, SERVER)).await;
    assert!(matches!(
        result.unwrap_err().kind,
        ErrorKind::Throttled { .. }
    ));
    assert_eq!(took.as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_within_the_limits() {
    let never = Takes(Duration::from_secs(1_000));
    let inner = Scripted::new([never]);
    let (result, took) = stat(&guarded(&inner, SERVER)).await;
    assert!(result.is_ok());
    assert_eq!(took.as_millis(), 10_100);

    let inner = Scripted::new([never; 9]);
    let origin = guarded(&inner, SERVER);
    let (result, took) = stat(&origin).await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Offline);
    assert_eq!((inner.asked(), took.as_secs()), (3, 30));
    // The next is not waited for as long, until it answers.
    assert_eq!(stat(&origin).await.1.as_secs(), 5);
    inner.answers.lock().unwrap().clear();
    assert!(stat(&origin).await.0.is_ok());
    inner.answers.lock().unwrap().extend([never; 9]);
    assert_eq!(stat(&origin).await.1.as_secs(), 30);
    let timeouts: Vec<_> = origin.guard.figures.errors(Op::Stat).collect();
    assert_eq!(timeouts, [("timeout", 7)]);

    let disk = guarded(&Scripted::new([never]), Limits::default());
    assert_eq!(stat(&disk).await.1.as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_hangs_holds_no_more_than_its_places() {
    let hour = Takes(Duration::from_secs(3_600));
    let inner = Scripted::new([hour; 9]);
    let limits = Limits {
        reach: Reach::Mount,
        connections: NonZero::new(2),
        ..SERVER
    };
    let origin = guarded(&inner, limits);
    let kinds = futures::future::join_all((0..4).map(|_| stat(&origin))).await;
    let kinds: Vec<_> = kinds.into_iter().map(|it| it.0.unwrap_err().kind).collect();
    let offline = kinds.iter().filter(|kind| **kind == ErrorKind::Offline);
    assert_eq!(offline.count(), 2);
    assert_eq!(inner.asked(), 2);
    // They end at last, and all is as before.
    sleep(Duration::from_secs(3_600)).await;
    inner.answers.lock().unwrap().clear();
    assert!(stat(&origin).await.0.is_ok());

    let inner = Scripted::new([Fails(ErrorKind::Changed), Fails(ErrorKind::Changed)]);
    let result = stat(&guarded(&inner, limits)).await.0;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Changed);
    assert_eq!(inner.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn so_many_at_once_and_so_many_a_second() {
    let inner = Scripted::new([Takes(Duration::from_secs(1)); 12]);
    let limits = Limits {
        connections: NonZero::new(3),
        ..SERVER
    };
    let origin = guarded(&inner, limits);
    let began = Instant::now();
    futures::future::join_all((0..6).map(|_| stat(&origin))).await;
    assert_eq!(began.elapsed().as_secs(), 2);
    let scans = origin.for_scans();
    futures::future::join_all((0..6).map(|_| stat(&scans))).await;
    assert_eq!(began.elapsed().as_secs(), 5);
    assert_eq!(inner.most.load(Ordering::Relaxed), 3);

    let limits = Limits {
        requests_per_second: NonZero::new(2),
        bytes_per_second: NonZero::new(1 << 20),
        ..SERVER
    };
    let origin = guarded(&Scripted::new([]), limits);
    let began = Instant::now();
    let file = origin.open(&path("a"), &revision()).await.unwrap();
    for at in 0..4 {
        file.read_at(at << 18, 1 << 18).await.unwrap();
    }
    assert_eq!(began.elapsed().as_millis(), 2_000);
    assert_eq!(origin.guard.figures.bytes(), 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_gets_no_place_is_told_so_in_time() {
    let inner = Scripted::new([Takes(Duration::from_secs(9)); 99]);
    let limits = Limits {
        connections: NonZero::new(1),
        ..SERVER
    };
    let origin = guarded(&inner, limits);
    let all = futures::future::join_all((0..6).map(|_| stat(&origin))).await;
    let late: Vec<_> = all.into_iter().filter_map(|it| it.0.err()).collect();
    assert_eq!(late.len(), 2);
    let throttled = ErrorKind::Throttled { retry_after: None };
    assert!(late.iter().all(|it| it.kind == throttled));
}

async fn listed(inner: &Arc<Scripted>) -> (Vec<String>, Duration) {
    let began = Instant::now();
    let walk = guarded(inner, SERVER).walk(&OriginPath::root(), Depth::All);
    let items = walk.map(|item| match item {
        Ok(directory) => directory.path.to_string(),
        Err(failed) => format!("-{} {:?}", failed.path, failed.error.kind),
    });
    (items.collect().await, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn directories_that_failed_are_listed_again_and_none_twice() {
    use Listed::{Has, Lacks};
    let io = ErrorKind::Io;
    let inner = Scripted::listing(vec![
        ("", vec![Has(""), Lacks("a", io), Has("b"), Lacks("c", io)]),
        ("a", vec![Has("a"), Has("a/1"), Has("b")]),
        ("c", vec![Lacks("c", io)]),
        ("c", vec![Lacks("c", io)]),
        ("c", vec![Lacks("c", io)]),
    ]);
    let (items, took) = listed(&inner).await;
    assert_eq!(items, ["", "b", "a", "a/1", "-c Io"]);
    assert_eq!(took.as_millis(), 100 + 2_600);
    let inner = Scripted::listing(vec![(
        "",
        vec![Has(""), Lacks("a", ErrorKind::Denied), Has("b")],
    )]);
    let (items, took) = listed(&inner).await;
    assert_eq!(items, ["", "b", "-a Denied"]);
    assert_eq!(took.as_millis(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_hangs_is_given_up_and_goes_on_where_it_was() {
    use Listed::{Hangs, Has, Lacks};
    let inner = Scripted::listing(vec![
        ("", vec![Has(""), Has("a"), Hangs]),
        ("", vec![Has(""), Has("a"), Has("b")]),
    ]);
    let (items, took) = listed(&inner).await;
    assert_eq!(items, ["", "a", "b"]);
    assert_eq!(took.as_millis(), 120_100);
    // One that is gone is not asked for each of its directories.
    let gone = |name| Lacks(name, ErrorKind::Offline);
    let mut listings = vec![("", vec![Has(""), gone("a"), gone("b"), gone("c")])];
    listings.extend([
        ("a", vec![gone("a")]),
        ("a", vec![gone("a")]),
        ("a", vec![gone("a")]),
    ]);
    listings.extend([("b", vec![gone("b")]), ("c", vec![gone("c")])]);
    let (items, _) = listed(&Scripted::listing(listings)).await;
    assert_eq!(items.len(), 4);
    assert!(items[1..].iter().all(|item| item.ends_with("Offline")));
}
