//! The index follows the log, over restarts, damage and rebuilds.

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use eventlog::{Event, TrackId};
use proptest::prelude::*;
use search::SearchError;

use crate::library::{Library, Song, added, discovered, media, origin, path, revision};

fn song(title: &'static str) -> Song {
    Song {
        artist: "Artist",
        album: "Album",
        title,
        ..Song::default()
    }
}

#[test]
fn what_happens_to_a_track_is_found() {
    let library = Library::new();
    library.append([added("music"), discovered(1, "a/one.flac", song("First"))]);
    library.wait();
    assert_eq!(library.found("first"), ["First"]);
    let track = TrackId(1);
    library.append([Event::TrackTagsRead {
        track,
        revision: revision(2),
        media: media(song("Second")),
    }]);
    library.wait();
    assert_eq!(library.found("first"), [""; 0]);
    assert_eq!(library.found("second"), ["Second"]);
    library.append([Event::TrackMoved {
        track,
        from: path("a/one.flac"),
        to: path("elsewhere/one.flac"),
        revision: revision(2),
        media: None,
    }]);
    library.wait();
    assert_eq!(library.found("path:elsewhere second"), ["Second"]);
    assert_eq!(library.search().searcher().tracks(), 1);
    library.append([Event::TrackVanished { track }]);
    library.wait();
    assert_eq!(library.found("artist"), [""; 0]);
    library.append([discovered(2, "a/two.flac", song("Other"))]);
    library.wait();
    library.append([Event::OriginRemoved {
        origin: origin("music"),
    }]);
    library.wait();
    assert_eq!(library.found("artist"), [""; 0]);
    library.assert_equal();
}

#[test]
fn a_restart_goes_on_and_what_is_lost_is_built_anew() {
    let mut library = Library::new();
    let songs = (1..200).map(|track| discovered(track, &format!("a/{track}.flac"), song("Song")));
    library.append(std::iter::once(added("music")).chain(songs));
    library.wait();
    library.close();
    library.append([discovered(500, "a/500.flac", song("While away"))]);
    library.open();
    library.wait();
    assert_eq!(library.found("away"), ["While away"]);
    assert_eq!(library.found("song").len(), 199);
    library.assert_equal();
    // Lost as a whole, and in part.
    for keep in [false, true] {
        library.close();
        for entry in std::fs::read_dir(library.directory.path()).unwrap() {
            let entry = entry.unwrap().path();
            let is_index = entry
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("search.");
            match (is_index, keep) {
                (false, _) => {}
                (true, false) => std::fs::remove_dir_all(entry).unwrap(),
                (true, true) => {
                    for file in std::fs::read_dir(entry).unwrap() {
                        let file = file.unwrap().path();
                        if file
                            .extension()
                            .is_some_and(|kind| kind == "term" || kind == "idx")
                        {
                            std::fs::write(file, b"").unwrap();
                        }
                    }
                }
            }
        }
        library.open();
        library.append([discovered(600 + u64::from(keep), "b/x.flac", song("After"))]);
        library.wait();
        assert_eq!(library.found("song").len(), 199);
        library.assert_equal();
    }
}

#[test]
fn a_rebuild_is_served_and_tells_that_nothing_differed() {
    let library = Library::new();
    let songs = (1..1_500).map(|track| discovered(track, &format!("a/{track}.flac"), song("Song")));
    library.append(std::iter::once(added("music")).chain(songs));
    library.wait();
    let mut told = 0;
    let report = library.search().replay(true, &mut |_, _| told += 1);
    let report = report.unwrap();
    assert_eq!((report.name, report.equal), ("search", Some(true)));
    assert!(told > 1);
    let again = library.search().replay(false, &mut |_, _| {}).unwrap();
    assert_eq!(again.digest, report.digest);
    library.append([discovered(9_000, "b/x.flac", song("After"))]);
    library.wait();
    assert_eq!(library.found("after"), ["After"]);
    let indices = std::fs::read_dir(library.directory.path()).unwrap();
    let indices = indices.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().starts_with("search.")
    });
    assert_eq!(indices.count(), 1);
}

#[test]
fn one_that_is_closed_says_so() {
    let library = Library::new();
    library.search().close();
    let replayed = library.search().replay(false, &mut |_, _| {});
    assert!(matches!(replayed, Err(SearchError::Closed)));
}

/// The indices that are there.
fn indices(library: &Library) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(library.directory.path()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_index = |path: &PathBuf| path.file_stem().is_some_and(|name| name == "search");
    paths.filter(is_index).collect()
}

/// Spoils what is stored of documents, from a share of the file on, without another file in its place.
fn spoil(index: &Path, from: f64) {
    for file in std::fs::read_dir(index).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|kind| kind == "store") {
            let file = std::fs::File::options().write(true).open(file).unwrap();
            let at = file.metadata().unwrap().len() as f64 * from;
            file.write_all_at(&[0xa5; 40], at as u64).unwrap();
        }
    }
}

fn songs(count: u64) -> Library {
    let library = Library::new();
    let songs = (1..=count).map(|n| discovered(n, &format!("a/{n}.flac"), song("Song")));
    library.append(std::iter::once(added("music")).chain(songs));
    library.wait();
    library
}

#[test]
fn an_index_that_is_damaged_is_noticed_at_the_start_and_built_anew() {
    let mut library = songs(49);
    library.close();
    let index = indices(&library).remove(0);
    spoil(&index, 0.0);
    // Others by their names, as every index has.
    let files = || -> BTreeSet<_> {
        let entries = std::fs::read_dir(&index).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.as_encoded_bytes().ends_with(b".store"))
            .collect()
    };
    let damaged = files();
    library.open();
    library.wait();
    // Nobody has asked yet.
    assert!(indices(&library) == [index.clone()] && files().is_disjoint(&damaged));
    assert_eq!(library.found("song").len(), 49);
    library.assert_equal();
}

#[test]
fn an_index_that_is_damaged_is_noticed_by_who_asks_and_built_anew() {
    let mut library = songs(1_500);
    library.close();
    // Somewhere in the middle: a look at one document does not tell.
    spoil(&indices(&library)[0], 0.4);
    library.open();
    library.wait();
    let query = search::Query::parse("song").unwrap();
    let find = || library.search().searcher().now()?.find(&query, 0, 1_500);
    assert!(find().is_err());
    let began = std::time::Instant::now();
    while find().map_or(0, |page| page.hits.len()) != 1_500 {
        assert!(began.elapsed() < crate::library::LIMIT);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    library.assert_equal();
}

#[test]
fn an_index_that_is_kept_for_a_while_can_be_asked_on() {
    let library = songs(1);
    let views = library.views.clone().unwrap();
    let (log, handle) = (library.log.clone(), library.runtime.handle().clone());
    let directory = tempfile::tempdir().unwrap();
    let search = search::Search::new(directory.path(), log.clone(), views, handle);
    let searcher = search.searcher();
    assert!(matches!(searcher.now(), Err(SearchError::NotReady)));
    library.runtime.block_on(async {
        search.keep(searcher.reach(log.head())).await.unwrap();
        // It is over, however often it is tried.
        assert_eq!(searcher.tracks(), 1);
        let replayed = search.keep(std::future::pending()).await;
        assert!(replayed.is_ok());
    });
    let replayed = search.replay(false, &mut |_, _| {});
    assert!(matches!(replayed, Err(SearchError::Closed)));
}

#[test]
fn what_is_made_of_a_row_changes_with_the_revision_only() {
    let library = Library::new();
    let everything = Song {
        artist: "Björk",
        album: "Homogenic",
        title: "Jóga",
        year: "1997-09-22",
        more: &[
            ("genre", "Electronic"),
            ("mood", "open"),
            ("artist", "Other"),
        ],
    };
    library.append([added("music"), discovered(1, "a/x.flac", everything)]);
    library.wait();
    let report = library.search().replay(false, &mut |_, _| {}).unwrap();
    // Another digest takes another `REVISION` in src/schema.rs: indices made before are built anew.
    assert_eq!(
        report.digest.to_string(),
        "a18071d8ffeee61a3d75e2e227989d9584dea878b3a37b9ae54c5d5bc57bbc57"
    );
}

/// What may happen to one of a few tracks.
#[derive(Debug, Clone)]
enum Step {
    Discover(u64, usize),
    Retag(u64, usize),
    Move(u64, usize),
    Vanish(u64),
    Return(u64, usize),
    RemoveOrigin,
    AddOrigin,
    Restart,
    Rebuild,
    Wait,
}

const TITLES: [&str; 3] = ["One", "Two", "Três"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let track = 1..6_u64;
    let title = 0..TITLES.len();
    let step = prop_oneof![
        6 => (track.clone(), title.clone()).prop_map(|(track, title)| Step::Discover(track, title)),
        3 => (track.clone(), title.clone()).prop_map(|(track, title)| Step::Retag(track, title)),
        2 => (track.clone(), title.clone()).prop_map(|(track, title)| Step::Move(track, title)),
        3 => track.clone().prop_map(Step::Vanish),
        3 => (track, title).prop_map(|(track, title)| Step::Return(track, title)),
        1 => Just(Step::RemoveOrigin),
        1 => Just(Step::AddOrigin),
        1 => Just(Step::Restart),
        1 => Just(Step::Rebuild),
        3 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 1..25)
}

fn event(step: &Step) -> Option<Event> {
    let at = |title: usize| format!("a/{}.flac", TITLES[title]);
    Some(match *step {
        Step::Discover(track, title) => discovered(track, &at(title), song(TITLES[title])),
        Step::Return(track, title) => {
            let Event::TrackDiscovered {
                track,
                locator,
                media,
            } = discovered(track, &at(title), song(TITLES[title]))
            else {
                return None;
            };
            Event::TrackReturned {
                track,
                locator,
                media,
            }
        }
        Step::Retag(track, title) => Event::TrackTagsRead {
            track: TrackId(track),
            revision: revision(2),
            media: media(song(TITLES[title])),
        },
        Step::Move(track, title) => Event::TrackMoved {
            track: TrackId(track),
            from: path("a/x.flac"),
            to: path(&at(title)),
            revision: revision(3),
            media: None,
        },
        Step::Vanish(track) => Event::TrackVanished {
            track: TrackId(track),
        },
        Step::RemoveOrigin => Event::OriginRemoved {
            origin: origin("music"),
        },
        Step::AddOrigin => added("music"),
        Step::Restart | Step::Rebuild | Step::Wait => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn incremental_is_what_the_catalog_says_after_anything(steps in steps()) {
        let mut library = Library::new();
        library.append([added("music")]);
        for step in &steps {
            match step {
                Step::Restart => {
                    library.close();
                    library.open();
                }
                Step::Rebuild => {
                    let report = library.search().replay(true, &mut |_, _| {}).unwrap();
                    prop_assert_eq!(report.equal, Some(true));
                }
                Step::Wait => library.wait(),
                other => library.append(event(other)),
            }
        }
        library.wait();
        library.assert_equal();
        let living = library.views.as_ref().unwrap().catalog().counts().unwrap().tracks;
        prop_assert_eq!(library.search().searcher().tracks(), living);
    }
}
