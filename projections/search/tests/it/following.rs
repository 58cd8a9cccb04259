//! The index follows the log, over restarts, damage and rebuilds.

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
    let songs = (1..3_000).map(|track| discovered(track, &format!("a/{track}.flac"), song("Song")));
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

#[test]
fn an_index_that_is_damaged_is_noticed_by_who_asks_and_built_anew() {
    let mut library = Library::new();
    let songs = (1..50).map(|track| discovered(track, &format!("a/{track}.flac"), song("Song")));
    library.append(std::iter::once(added("music")).chain(songs));
    library.wait();
    library.close();
    for entry in std::fs::read_dir(library.directory.path()).unwrap() {
        let entry = entry.unwrap().path();
        let name = entry.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("search.") {
            continue;
        }
        for file in std::fs::read_dir(entry).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|kind| kind == "store") {
                let mut bytes = std::fs::read(&file).unwrap();
                bytes.iter_mut().take(40).for_each(|byte| *byte ^= 0xff);
                std::fs::write(file, bytes).unwrap();
            }
        }
    }
    library.open();
    library.wait();
    let query = search::Query::parse("song").unwrap();
    let find = || library.search().searcher().now()?.find(&query, 0, 100);
    let began = std::time::Instant::now();
    while find().map_or(0, |page| page.hits.len()) != 49 {
        assert!(began.elapsed() < crate::library::LIMIT);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    library.assert_equal();
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
        "2476d9c32570161e95eeecf45c4c39bc24b5ef651f24c6b785b266d006ef4808"
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
