//! The same recording on several origins is shown once (ORG-7).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use eventlog::event::Duplicates;
use eventlog::{Event, Locator, TrackId};
use projections::tree::alike;
use projections::{Ino, NodeKind, TreeReader, Views};

use crate::facts::{self, Song, origin, path};
use crate::live::{Library, SONG};

/// A file found on an origin.
fn found(track: u64, on: &str, at: &str, song: Song) -> Event {
    Event::TrackDiscovered {
        track: TrackId(track),
        locator: Locator {
            origin: origin(on),
            path: path(at),
            revision: facts::revision(track),
        },
        media: song.media(),
    }
}

fn vanished(track: u64) -> Event {
    let track = TrackId(track);
    Event::TrackVanished { track }
}

fn shown_as(duplicates: Duplicates) -> Event {
    let mut layout = facts::layout("$artist/$title", false);
    layout.duplicates = duplicates;
    Event::LayoutChanged { layout }
}

fn follow(library: &Library, views: &Views, events: impl IntoIterator<Item = Event>) {
    library.append(events);
    library.wait(views);
}

/// The tree's paths, and the inode of each.
fn paths(tree: &TreeReader) -> BTreeMap<String, Ino> {
    let mut paths = BTreeMap::new();
    let mut open = vec![Ino::ROOT];
    while let Some(directory) = open.pop() {
        for node in tree.list(directory, Ino(0), 1000).unwrap() {
            if matches!(node.kind, NodeKind::Directory { .. }) {
                open.push(node.ino);
            }
            paths.insert(tree.path_of(node.ino).unwrap().unwrap(), node.ino);
        }
    }
    paths
}

fn names(tree: &TreeReader) -> Vec<String> {
    paths(tree).into_keys().collect()
}

fn song(title: &'static str) -> Song {
    let sound = title;
    Song {
        title,
        sound,
        ..SONG
    }
}

#[test]
fn a_backup_stands_in_for_what_goes() {
    let library = Library::new();
    let views = library.views();
    let titles = ["One", "Two", "Three"];
    let on = |first: u64, origin: &'static str| {
        (first..)
            .zip(titles)
            .map(move |(track, title)| found(track, origin, title, song(title)))
    };
    follow(&library, &views, on(1, "o"));
    let tree = views.tree();
    let before = paths(&tree);
    let stats = tree.stats().unwrap();
    follow(&library, &views, on(11, "p"));
    assert_eq!(paths(&tree), before, "the copies are not shown");
    assert_eq!(tree.stats().unwrap(), stats, "nor counted");
    assert_eq!(tree.copies(TrackId(12)).unwrap(), [TrackId(2), TrackId(12)]);

    follow(&library, &views, [vanished(2)]);
    let now = paths(&tree);
    assert!(now.keys().eq(before.keys()), "{now:?}");
    let two = now["Artist/Album [FLAC]/Two.flac"];
    assert_eq!(two, Ino::of_track(TrackId(12)));

    let removed = origin("o");
    follow(&library, &views, [Event::OriginRemoved { origin: removed }]);
    let now = paths(&tree);
    assert!(now.keys().eq(before.keys()), "{now:?}");
    for directory in ["Artist", "Artist/Album [FLAC]"] {
        assert_eq!(now[directory], before[directory], "it was never empty");
    }
    assert_eq!(tree.copies(TrackId(2)).unwrap(), []);
}

#[test]
fn the_rule_can_be_another() {
    let library = Library::new();
    let views = library.views();
    let other = |title, sound| Song {
        title,
        sound,
        ..SONG
    };
    let events = [
        found(1, "o", "a", other("A", "1")),
        found(2, "p", "a", other("Á", "1")),
        found(3, "q", "a", other("a", "2")),
    ];
    follow(&library, &views, [shown_as(Duplicates::Content)]);
    follow(&library, &views, events);
    let tree = views.tree();
    assert_eq!(names(&tree), ["Artist", "Artist/A.flac", "Artist/a.flac"]);
    follow(&library, &views, [shown_as(Duplicates::Tags)]);
    assert_eq!(names(&tree), ["Artist", "Artist/A.flac"]);
    follow(&library, &views, [shown_as(Duplicates::All)]);
    let all = ["Artist", "Artist/A.flac", "Artist/a.flac", "Artist/Á.flac"];
    assert_eq!(names(&tree), all);
    follow(&library, &views, [shown_as(Duplicates::Content)]);
    assert_eq!(names(&tree), ["Artist", "Artist/A.flac", "Artist/a.flac"]);
}

#[test]
fn silence_is_no_recording() {
    let library = Library::new();
    let views = library.views();
    let silence = |track: u64| {
        let on = if track.is_multiple_of(2) { "o" } else { "p" };
        found(track, on, &format!("{track}.flac"), SONG)
    };
    let files = || views.tree().stats().unwrap().files;
    let most = alike::MOST as u64;
    follow(&library, &views, (1..=most).map(silence));
    assert_eq!(files(), most / 2);
    follow(&library, &views, [silence(most + 1)]);
    assert_eq!(files(), most + 1, "they are too many to be copies");
    let began = Instant::now();
    follow(&library, &views, (most + 2..4_000).map(silence));
    assert_eq!(files(), 3_999);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    follow(&library, &views, (most + 1..4_000).map(vanished));
    assert_eq!(files(), most / 2);
}
