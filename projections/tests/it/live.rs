//! Views that follow a log.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use eventlog::{Event, EventStore, MemoryStore, Position, TrackId};
use projections::{Change, Ino, ViewError, ViewName, Views};
use tokio::runtime::Runtime;

use crate::bent::Bent;
use crate::facts::{self, Song, discovered, origin, path};

pub(crate) const SONG: Song = Song {
    artist: "Artist",
    album: "Album",
    title: "Title",
    disc: "",
    sound: "Title",
};

/// A log, and the views of it.
pub(crate) struct Library {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) log: Arc<MemoryStore>,
    pub(crate) runtime: Runtime,
}

impl Library {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            log: Arc::new(MemoryStore::new()),
            runtime: Runtime::new().unwrap(),
        }
    }

    pub(crate) fn views(&self) -> Views {
        Views::open(self.path(), self.log.clone(), self.runtime.handle()).unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn append(&self, events: impl IntoIterator<Item = Event>) -> Position {
        let events = facts::new(events);
        self.runtime
            .block_on(self.log.append(self.log.head(), &events))
            .unwrap()
    }

    /// Appends so many tracks, ten to an album.
    pub(crate) fn add(&self, tracks: std::ops::Range<u64>) -> Position {
        let events = tracks.map(|track| {
            let mut event = discovered(track, &format!("{}/{track}.flac", track / 10), SONG);
            if let Event::TrackDiscovered { media, .. } = &mut event {
                let album = format!("Album {}", track / 10);
                media.tags.set(&eventlog::Field::Album, [album]);
                media
                    .tags
                    .set(&eventlog::Field::Title, [format!("Title {track}")]);
            }
            event
        });
        self.append(events)
    }

    pub(crate) fn wait(&self, views: &Views) {
        let limit = Duration::from_secs(60);
        for view in ViewName::ALL {
            let reached = views.wait_for_view(*view, self.log.head());
            let waited = async { tokio::time::timeout(limit, reached).await };
            self.runtime.block_on(waited).unwrap().unwrap();
        }
    }
}

#[test]
fn what_is_appended_is_shown() {
    let library = Library::new();
    let views = library.views();
    assert_eq!(views.tree().stats().unwrap().files, 0);
    library.append([discovered(1, "a/x.flac", SONG)]);
    library.wait(&views);
    let shown = "Artist/Album [FLAC]/Title.flac";
    let node = views.tree().resolve(shown).unwrap().unwrap();
    assert_eq!(node.ino, Ino::of_track(TrackId(1)));
    assert_eq!(
        views.tree().path_of(node.ino).unwrap().as_deref(),
        Some(shown)
    );
    let row = views.catalog().track(TrackId(1)).unwrap().unwrap();
    assert_eq!(row.locator.path, path("a/x.flac"));
    assert_eq!(
        views
            .catalog()
            .files_in(&origin("o"), &path("a"))
            .unwrap()
            .len(),
        1
    );
    assert!(
        views.tree().lookup(Ino::ROOT, "artist").unwrap().is_none(),
        "names are exact"
    );
}

#[test]
fn the_catalog_knows_what_the_tree_shows() {
    let library = Library::new();
    let views = library.views();
    let appended = std::thread::scope(|scope| {
        let appended = scope.spawn(|| (1..5_000).map(|it| library.add(it..it + 1)).last());
        let mut shown = 0;
        while !appended.is_finished() {
            let now = views.tree().position().unwrap();
            let known = views.catalog().position().unwrap();
            assert!(now <= known, "{now} is shown, {known} is known");
            shown += 1;
        }
        (appended.join().unwrap(), shown)
    });
    assert!(appended > (Some(Position(4_999)), 100));
}

#[test]
fn who_is_waited_for_goes_on_while_events_pour_in() {
    let library = Library::new();
    let views = library.views();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for thousand in (0..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                library.add(thousand * 1_000 + 1..thousand * 1_000 + 1_001);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        while library.log.head() < Position(5_000) {
            std::thread::yield_now();
        }
        // Nobody waiting, these would let the events pass for ten seconds.
        let reached = views.wait_for_view(ViewName::Collections, Position(5_000));
        let waited = async { tokio::time::timeout(Duration::from_secs(7), reached).await };
        let waited = library.runtime.block_on(waited);
        is_over.store(true, Ordering::Relaxed);
        waited.unwrap().unwrap();
    });
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let library = Library::new();
    let views = library.views();
    library.add(1..501);
    library.wait(&views);
    views.close();
    library.add(501..1001);
    let views = library.views();
    assert!(
        views.tree().stats().unwrap().files >= 500,
        "the last known tree is served at once"
    );
    library.wait(&views);
    assert_eq!(views.tree().stats().unwrap().files, 1000);
    assert_eq!(views.catalog().counts().unwrap().tracks, 1000);
    for view in ViewName::ALL {
        assert!(
            views.check(*view, &mut |_, _| {}).unwrap().equal == Some(true),
            "{view:?}"
        );
    }
}

#[test]
fn changes_come_after_their_commit() {
    let library = Library::new();
    let views = library.views();
    let mut changes = views.changes();
    let position = library.append([discovered(1, "x.flac", SONG)]);
    let published = changes.blocking_recv().unwrap();
    assert!(published.position <= position);
    assert!(views.tree().position().unwrap() >= published.position);
    let added = Change::EntryAdded {
        parent: Ino::ROOT,
        name: "Artist".into(),
    };
    assert!(published.changes.contains(&added), "{published:?}");
    let distinct: std::collections::HashSet<_> = published.changes.iter().collect();
    assert_eq!(distinct.len(), published.changes.len());
}

#[test]
fn a_rebuild_swaps_under_readers_and_changes_nothing() {
    let library = Library::new();
    let views = library.views();
    library.add(1..3001);
    library.wait(&views);
    let (tree, catalog) = (views.tree(), views.catalog());
    let before = tree.resolve("Artist/Album 7 [FLAC]").unwrap();
    assert!(before.is_some());
    let mut changes = views.changes();
    let done = std::sync::atomic::AtomicBool::new(false);
    let rebuilt = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0_u64;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(tree.resolve("Artist/Album 7 [FLAC]").unwrap(), before);
                assert!(catalog.track(TrackId(70)).unwrap().is_some());
                reads += 1;
            }
            reads
        });
        let mut told = Vec::new();
        let reports: Vec<_> = ViewName::ALL
            .iter()
            .map(|view| {
                views
                    .rebuild(*view, &mut |at, of| told.push((at, of)))
                    .unwrap()
            })
            .collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
        assert!(!told.is_empty());
        reports
    });
    for report in &rebuilt {
        assert_eq!(report.equal, Some(true), "{report:?}");
        assert_eq!((report.position, report.events), (Position(3000), 3000));
    }
    assert!(
        changes.try_recv().is_err(),
        "an equal rebuild publishes nothing"
    );
    library.add(3001..3002);
    library.wait(&views);
    assert_eq!(
        tree.stats().unwrap().files,
        3001,
        "old readers follow the swap"
    );
    let files = std::fs::read_dir(library.path()).unwrap();
    let databases = files.filter(|file| {
        file.as_ref()
            .unwrap()
            .file_name()
            .to_str()
            .is_some_and(|name| name.ends_with(".db"))
    });
    let served = ViewName::ALL.len();
    assert_eq!(databases.count(), served, "old generations are deleted");
}

#[test]
fn one_rebuild_at_a_time() {
    let library = Library::new();
    let views = library.views();
    library.add(1..2001);
    library.wait(&views);
    let mut refused = false;
    views
        .rebuild(ViewName::Tree, &mut |_, _| {
            let second = views.check(ViewName::Tree, &mut |_, _| {});
            refused |= matches!(second, Err(ViewError::Busy("tree")));
        })
        .unwrap();
    assert!(refused);
    assert!(views.check(ViewName::Tree, &mut |_, _| {}).unwrap().equal == Some(true));
}

#[test]
fn views_as_they_were() {
    let library = Library::new();
    library.add(1..11);
    let then = library.append([Event::TrackVanished { track: TrackId(1) }]);
    library.append([Event::TrackVanished { track: TrackId(2) }]);
    let at = tempfile::tempdir().unwrap();
    let runtime = library.runtime.handle();
    Views::replay_to(
        ViewName::ALL,
        at.path(),
        &*library.log,
        runtime,
        then,
        &mut |_, _| {},
    )
    .unwrap();
    let (catalog, tree) = Views::open_read_only(at.path()).unwrap();
    assert_eq!(
        (tree.position().unwrap(), tree.stats().unwrap().files),
        (then, 9)
    );
    assert!(catalog.track(TrackId(2)).unwrap().unwrap().living);
    let beyond = library.log.head().next();
    let error = Views::replay_to(
        ViewName::ALL,
        at.path(),
        &*library.log,
        runtime,
        beyond,
        &mut |_, _| {},
    );
    assert!(matches!(error, Err(ViewError::BeyondHead { .. })));
}

#[test]
fn a_rebuild_reads_while_it_folds() {
    let library = Library::new();
    library.add(1..30_001);
    let read = Arc::new(AtomicU64::new(0));
    let log = Bent::new(library.log.clone(), {
        let read = read.clone();
        move |event| {
            read.store(event.position.0, Ordering::Release);
            Ok(event)
        }
    });
    let views = Views::open(library.path(), Arc::new(log), library.runtime.handle()).unwrap();
    library.wait(&views);
    let mut told = Vec::new();
    let report = views.rebuild(ViewName::Catalog, &mut |done, _| {
        let began = std::time::Instant::now();
        while told.is_empty() && read.load(Ordering::Acquire) < done.0 + 5_000 {
            assert!(began.elapsed().as_secs() < 60, "nothing is read ahead");
            std::thread::yield_now();
        }
        told.push(done.0);
    });
    assert!(report.unwrap().equal == Some(true));
    assert_eq!(told, [5_000, 10_000, 15_000, 20_000, 25_000, 30_000]);
}
