//! Kills: a child process writes the log and keeps the index while this one kills it, again and again.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{Event, EventStore, NewEvent, SqliteStore, TrackId};
use projections::Views;
use search::Search;
use tokio::runtime::Runtime;

use crate::library::{LIMIT, Song, added, discovered};

/// Where the child finds the library; its presence makes the test below the child.
const LIBRARY: &str = "MUSICFS_TEST_LIBRARY";

/// What the child says once its index has everything, and each time that it has again.
const CAUGHT_UP: &str = "caught up";

fn open(library: &std::path::Path, runtime: &Runtime) -> (Arc<dyn EventStore>, Arc<Views>, Search) {
    let opened = runtime.block_on(SqliteStore::open(library.join("events.db")));
    let log: Arc<dyn EventStore> = Arc::new(opened.unwrap());
    let directory = library.join("views");
    let views = Arc::new(Views::open(&directory, log.clone(), runtime.handle()).unwrap());
    let handle = runtime.handle().clone();
    let search = Search::start(&directory, log.clone(), views.clone(), handle).unwrap();
    (log, views, search)
}

fn append(log: &dyn EventStore, runtime: &Runtime, events: Vec<Event>) {
    let events: Vec<NewEvent> = events
        .into_iter()
        .map(|event| NewEvent::now(event, None))
        .collect();
    runtime.block_on(log.append(log.head(), &events)).unwrap();
}

fn song(title: &'static str) -> Song {
    Song {
        artist: "Artist",
        album: "Album",
        title,
        ..Song::default()
    }
}

#[test]
#[ignore = "the child of the kill test"]
fn child_keeps_the_index() {
    let Some(library) = std::env::var_os(LIBRARY).map(std::path::PathBuf::from) else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let (log, _views, search) = open(&library, &runtime);
    if log.head().0 == 0 {
        let songs = (1..1_001).map(|n| discovered(n, &format!("a/{n}.flac"), song("Song")));
        append(
            &*log,
            &runtime,
            std::iter::once(added("music")).chain(songs).collect(),
        );
    }
    for round in log.head().0.. {
        runtime.block_on(search.searcher().reach(log.head()));
        println!("{CAUGHT_UP}");
        let events = (0..20).flat_map(|n| {
            let track = round * 20 + n;
            let gone = TrackId(1 + track % 1_000);
            [
                Event::TrackVanished { track: gone },
                discovered(10_000 + track, &format!("b/{track}.flac"), song("Later")),
            ]
        });
        append(&*log, &runtime, events.collect());
        if round % 7 == 0 {
            search.replay(true, &mut |_, _| {}).unwrap();
        }
    }
}

#[test]
fn killed_at_any_moment_the_index_goes_on_exactly() {
    let library = tempfile::tempdir().unwrap();
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "crash::child_keeps_the_index",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(LIBRARY, library.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = told.filter(|line| line.as_ref().is_ok_and(|line| line.ends_with(CAUGHT_UP)));
        // The index goes on from where the last one was killed; then comes the moment.
        assert!(told.take(2).count() == 2, "in round {round}");
        std::thread::sleep(Duration::from_millis(37 * round % 400));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let runtime = Runtime::new().unwrap();
    let (log, views, search) = open(library.path(), &runtime);
    let began = Instant::now();
    let reached = async { tokio::time::timeout(LIMIT, search.searcher().reach(log.head())).await };
    runtime.block_on(reached).unwrap();
    assert!(began.elapsed() < LIMIT);
    let report = search.replay(false, &mut |_, _| {}).unwrap();
    assert_eq!(report.equal, Some(true));
    let living = views.catalog().counts().unwrap().tracks;
    assert_eq!(search.searcher().tracks(), living);
    drop(search);
}
