//! Scans of an origin that fails as it is told.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use eventlog::decide::RemovalLimit;
use eventlog::event::ScanReason;
use eventlog::{EventStore, MemoryStore, OriginId, OriginPath, Revision, TrackId};
use futures::stream::BoxStream;
use origins::{Depth, Directory, ErrorKind, LocalOrigin, Origin, OriginFile, WalkError, Watch};
use parking_lot::Mutex;
use projections::TrackRow;
use tokio::sync::Semaphore;

use super::*;

/// A folder whose files cannot be opened while `failing` says why.
struct Failing {
    folder: LocalOrigin,
    failing: Mutex<Option<ErrorKind>>,
}

#[async_trait]
impl Origin for Failing {
    fn id(&self) -> &OriginId {
        self.folder.id()
    }
    fn walk(
        &self,
        from: &OriginPath,
        depth: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>> {
        self.folder.walk(from, depth)
    }
    async fn stat(&self, path: &OriginPath) -> Result<Revision, OriginError> {
        self.folder.stat(path).await
    }
    async fn open(
        &self,
        path: &OriginPath,
        expected: &Revision,
    ) -> Result<Arc<dyn OriginFile>, OriginError> {
        if let Some(kind) = *self.failing.lock() {
            let message = format!("cannot read {path}");
            return Err(OriginError { kind, message });
        }
        self.folder.open(path, expected).await
    }
    async fn check(&self) -> Result<(), OriginError> {
        self.folder.check().await
    }
    fn watch(&self) -> Result<Option<Watch>, OriginError> {
        Ok(None)
    }
}

/// A library of that origin alone.
struct World {
    music: tempfile::TempDir,
    _state: tempfile::TempDir,
    scanner: Scanner,
    origin: Arc<Failing>,
}

impl World {
    fn new() -> Self {
        let (music, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let log: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
        let views = Views::open(state.path(), Arc::clone(&log), &Handle::current()).unwrap();
        let scanner = Scanner {
            store: content::Store::disabled(),
            views: Arc::new(views),
            writer: Arc::new(LogWriter::new(log)),
            readers: 1,
            limit: RemovalLimit::default(),
            sidecars: Sidecars::default(),
        };
        let folder = LocalOrigin::new("music".parse().unwrap(), music.path()).unwrap();
        let failing = Mutex::new(None);
        Self {
            music,
            _state: state,
            scanner,
            origin: Arc::new(Failing { folder, failing }),
        }
    }

    fn put(&self, name: &str, title: &str) {
        let path = self.music.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(path, flac(title)).unwrap();
    }

    /// Scans everything while opening files fails so.
    async fn scan(&self, failing: Option<ErrorKind>) -> ScanStatus {
        *self.origin.failing.lock() = failing;
        let progress = Progress::begin(0);
        let status = progress.watch();
        let origin: Arc<dyn Origin> = self.origin.clone();
        let request = Request::whole(ScanReason::Asked);
        let stop = CancellationToken::new();
        let turn = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let scan = self.scanner.scan(origin, request, progress, stop, turn);
        scan.await.unwrap();
        let status = status.borrow();
        status.clone()
    }

    async fn ask(&self, request: Request) -> Result<ScanSummary, ScanError> {
        let origin: Arc<dyn Origin> = self.origin.clone();
        let stop = CancellationToken::new();
        let turn = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let scan = self
            .scanner
            .scan(origin, request, Progress::begin(0), stop, turn);
        scan.await
    }

    fn track(&self, number: u64) -> TrackRow {
        let catalog = self.scanner.views.catalog();
        catalog.track(TrackId(number)).unwrap().unwrap()
    }
}

/// A short FLAC with a title.
fn flac(title: &str) -> Vec<u8> {
    let comment = format!("TITLE={title}");
    let mut comments = [&[0; 4][..], &1_u32.to_le_bytes()].concat();
    comments.extend((comment.len() as u32).to_le_bytes());
    comments.extend(comment.as_bytes());
    let mut file = b"fLaC\0\0\0\x22".to_vec();
    file.extend([0x10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x0A, 0xC4, 0x40, 0xF0]);
    file.extend([0; 20]);
    file.push(0x84);
    file.extend(&(comments.len() as u32).to_be_bytes()[1..]);
    file.extend(comments);
    file.extend([0xFF, 0xF8, 0xC9, 0x08, 0, 0, 0, 0, 0, 0, 0, 0]);
    file
}

fn directory(name: &str) -> Option<Scope> {
    let path = OriginPath::new(name.as_bytes()).unwrap();
    Some(Scope::Directories(vec![path]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_known_of_a_file_outlives_a_failure_to_read_it() {
    let world = World::new();
    world.put("a/1.flac", "First");
    world.scan(None).await;
    let before = world.track(1);
    assert_eq!(before.media.defects, []);
    world.put("a/1.flac", "Second title");
    for (failure, again) in [
        (ErrorKind::Io, directory("a")),
        (ErrorKind::Changed, directory("a")),
        // That it may be read from now on is a change that is noticed.
        (ErrorKind::Denied, None),
    ] {
        let status = world.scan(Some(failure)).await;
        assert_eq!(world.track(1), before, "{failure:?}");
        assert_eq!(status.found.errors, 1, "{failure:?}");
        assert_eq!(status.again, again, "{failure:?}");
        let told = status.trouble.is_some();
        assert_eq!(told, failure != ErrorKind::Changed, "{failure:?}");
    }
    let status = world.scan(None).await;
    assert_eq!((status.found.errors, status.again), (0, None));
    assert_ne!(world.track(1).media.tags, before.media.tags);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_file_that_cannot_be_read_is_listed_and_read_later() {
    let world = World::new();
    world.put("1.flac", "First");
    // What a server fails to tell for once is told later.
    let status = world.scan(Some(ErrorKind::Io)).await;
    assert_eq!((status.found.added, status.again), (0, directory("")));
    let status = world.scan(Some(ErrorKind::Denied)).await;
    assert_eq!(status.found.added, 1);
    let unread = world.track(1).media;
    assert_eq!(unread.defects.len(), 1);
    let status = world.scan(Some(ErrorKind::Io)).await;
    assert_eq!((status.found.errors, status.again), (1, directory("")));
    assert_eq!(world.track(1).media, unread);
    world.scan(None).await;
    assert_eq!(world.track(1).media.defects, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_is_empty_of_a_sudden_loses_nothing_where_that_is_doubted() {
    let world = World::new();
    world.put("1.flac", "First");
    world.scan(None).await;
    std::fs::remove_file(world.music.path().join("1.flac")).unwrap();
    let doubting = Request {
        doubt_empty: true,
        ..Request::whole(ScanReason::Interval)
    };
    let doubted = world.ask(doubting.clone()).await.unwrap_err();
    assert!(matches!(doubted, ScanError::Empty(1)), "{doubted}");
    assert!(world.track(1).living);
    // Anything in it is a sign of life.
    world.put("notes.txt", "");
    assert_eq!(world.ask(doubting).await.unwrap().vanished, 1);
}
