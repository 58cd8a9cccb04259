//! Kills: a child process keeps the index while this one kills it, again and again.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{EventStore, NewEvent, SqliteStore, TrackId};
use projections::Views;
use search::Search;
use tokio::runtime::Runtime;

use crate::library::{LIMIT, Song, added, discovered};

/// Where the child finds the library; its presence makes the test below the child.
const LIBRARY: &str = "MUSICFS_TEST_LIBRARY";

#[test]
#[ignore = "the child of the kill test"]
fn child_keeps_the_index() {
    let Some(library) = std::env::var_os(LIBRARY).map(std::path::PathBuf::from) else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let log = runtime.block_on(SqliteStore::open_read_only(library.join("events.db")));
    let (log, views): (Arc<dyn EventStore>, _) = (Arc::new(log.unwrap()), library.join("views"));
    let kept = Arc::new(Views::open(&views, log.clone(), runtime.handle()).unwrap());
    let search = Search::start(&views, log, kept, runtime.handle().clone()).unwrap();
    loop {
        search.replay(true, &mut |_, _| {}).unwrap();
    }
}

#[test]
fn killed_at_any_moment_the_index_goes_on_exactly() {
    let library = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let opened = runtime.block_on(SqliteStore::open(library.path().join("events.db")));
    let log = Arc::new(opened.unwrap());
    let append = |events: Vec<eventlog::Event>| {
        let events: Vec<NewEvent> = events
            .into_iter()
            .map(|event| NewEvent::now(event, None))
            .collect();
        runtime.block_on(log.append(log.head(), &events)).unwrap();
    };
    let song = |title| Song {
        artist: "Artist",
        album: "Album",
        title,
        ..Song::default()
    };
    append(vec![added("music")]);
    append(
        (1..2_001)
            .map(|n| discovered(n, &format!("a/{n}.flac"), song("Song")))
            .collect(),
    );
    for round in 0..15_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::child_keeps_the_index", "--exact", "--ignored"])
            .env(LIBRARY, library.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let mut track = round * 100;
        while began.elapsed() < Duration::from_millis(30 * round) {
            track += 1;
            append(vec![
                eventlog::Event::TrackVanished {
                    track: TrackId(1 + track % 2_000),
                },
                discovered(10_000 + track, &format!("b/{track}.flac"), song("Later")),
            ]);
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let views = library.path().join("views");
    let store: Arc<dyn EventStore> = log.clone();
    let kept = Arc::new(Views::open(&views, store.clone(), runtime.handle()).unwrap());
    let search = Search::start(&views, store, kept.clone(), runtime.handle().clone()).unwrap();
    let began = Instant::now();
    while search.searcher().position() < Some(log.head()) {
        assert!(began.elapsed() < LIMIT);
        std::thread::sleep(Duration::from_millis(5));
    }
    let report = search.replay(false, &mut |_, _| {}).unwrap();
    assert_eq!(report.equal, Some(true));
    let living = kept.catalog().counts().unwrap().tracks;
    assert_eq!(search.searcher().tracks(), living);
    drop(search);
}
