//! Kills: a child process keeps views while this one kills it, again and again.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{EventStore, Position, SqliteStore};
use projections::{ViewName, Views};
use tokio::runtime::Runtime;

use crate::facts;

/// Where the child finds the library; its presence makes the test below the child.
const LIBRARY: &str = "MUSICFS_TEST_LIBRARY";

/// What the child says after each rebuild.
const REBUILT: &str = "rebuilt";

fn child(library: &std::path::Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "crash::child_keeps_views",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(LIBRARY, library)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn is_rebuilt(line: &std::io::Result<String>) -> bool {
    line.as_ref().is_ok_and(|line| line.ends_with(REBUILT))
}

#[test]
#[ignore = "the child of the kill test"]
fn child_keeps_views() {
    let Some(library) = std::env::var_os(LIBRARY).map(std::path::PathBuf::from) else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let log = runtime
        .block_on(SqliteStore::open_read_only(library.join("events.db")))
        .unwrap();
    let views = Views::open(&library.join("views"), Arc::new(log), runtime.handle()).unwrap();
    loop {
        for view in ViewName::ALL {
            views.rebuild(*view, &mut |_, _| {}).unwrap();
            println!("{REBUILT}");
        }
    }
}

#[test]
fn killed_at_any_moment_the_views_go_on_exactly() {
    let library = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let store = runtime
        .block_on(SqliteStore::open(library.path().join("events.db")))
        .unwrap();
    let songs = (1..3_001).map(|track| {
        let title = ["a", "b", "a (2)", "A"][usize::try_from(track % 4).unwrap()];
        let artist = ["x", "y", "z"][usize::try_from(track / 4 % 3).unwrap()];
        let album = ["1", "2"][usize::try_from(track / 50 % 2).unwrap()];
        let song = facts::Song {
            artist,
            album,
            title,
            disc: "",
            sound: title,
        };
        facts::discovered(track, &format!("{}/{track}.flac", track / 10), song)
    });
    let vanish = (1..200).map(|n| eventlog::Event::TrackVanished {
        track: eventlog::TrackId(n * 7),
    });
    let events = facts::new(songs.chain(vanish));
    runtime
        .block_on(store.append(Position::START, &events))
        .unwrap();
    let (mut pause, mut rebuilds) = (Duration::from_millis(5), 0);
    for round in 0..12 {
        let mut child = child(library.path());
        let began = Instant::now();
        // The log grows meanwhile; the last child goes on until it has built both views.
        while began.elapsed() < pause {
            let vanish = eventlog::Event::TrackVanished {
                track: eventlog::TrackId(1 + store.head().0 % 3_000),
            };
            runtime
                .block_on(store.append(store.head(), &facts::new([vanish])))
                .unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        if round == 11 {
            let built = told.by_ref().filter(is_rebuilt).take(2);
            rebuilds += built.count();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        rebuilds += told.filter(is_rebuilt).count();
        pause = pause.mul_f64(1.6);
    }
    assert!(rebuilds >= 2, "the children did nothing");
    let head = store.head();
    runtime.block_on(store.close());
    drop(store);

    let log = runtime
        .block_on(SqliteStore::open(library.path().join("events.db")))
        .unwrap();
    let views = Views::open(
        &library.path().join("views"),
        Arc::new(log),
        runtime.handle(),
    )
    .unwrap();
    runtime.block_on(views.wait_for(head)).unwrap();
    for view in ViewName::ALL {
        let report = views.check(*view, &mut |_, _| {}).unwrap();
        assert_eq!(report.equal, Some(true), "{report:?}");
    }
    views.close();
}
