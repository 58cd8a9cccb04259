//! Files beside tracks, in folders of every size.

use eventlog::{Event, Locator, SidecarId};
use projections::{Ino, ViewName};

use crate::facts::{Song, discovered, origin, path, revision};
use crate::live::Library;

fn found(sidecar: u64, at: &str) -> Event {
    Event::SidecarFound {
        sidecar: SidecarId(sidecar),
        locator: Locator {
            origin: origin("o"),
            path: path(at),
            revision: revision(10),
        },
    }
}

/// A track of an album of several discs.
fn of_box(number: u64, folder: &str, album: &'static str) -> Event {
    let (disc, title) = (number.to_string(), format!("Title {number}"));
    let (disc, title): (&str, &str) = (disc.leak(), title.leak());
    let song = Song {
        artist: "Artist",
        album,
        title,
        disc,
        sound: title,
    };
    discovered(number, &format!("{folder}/{number}.flac"), song)
}

#[test]
fn what_lies_above_very_many_discs_is_shown_where_they_are() {
    let library = Library::new();
    let views = library.views();
    library.append([found(1, "box/cover.jpg")]);
    let seen = || {
        library.wait(&views);
        views.tree().path_of(Ino::of_sidecar(SidecarId(1))).unwrap()
    };
    for number in 1..=100 {
        library.append([of_box(number, &format!("box/CD{number}"), "Box")]);
    }
    let shown = Some("Artist/Box [FLAC]/cover.jpg".to_owned());
    assert_eq!(seen(), shown);
    // Beyond so many, nobody looks where most are.
    library.append([of_box(101, "box/CD101", "Other")]);
    assert_eq!(seen(), None);
    library.append([Event::TrackVanished {
        track: eventlog::TrackId(101),
    }]);
    assert_eq!(seen(), shown);
    let report = views.check(ViewName::Tree, &mut |_, _| {}).unwrap();
    assert_eq!(report.equal, Some(true));
}

#[test]
fn it_goes_where_most_are_by_the_end_of_a_batch() {
    let library = Library::new();
    let views = library.views();
    library.append([
        found(1, "box/cover.jpg"),
        of_box(1, "box/CD1", "Box"),
        of_box(2, "box/CD2", "Other"),
        of_box(3, "box/CD3", "Box"),
    ]);
    library.wait(&views);
    let shown = views.tree().path_of(Ino::of_sidecar(SidecarId(1))).unwrap();
    assert_eq!(shown.as_deref(), Some("Artist/Box [FLAC]/cover.jpg"));
}
