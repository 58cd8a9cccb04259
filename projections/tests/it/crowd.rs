//! Thousands of tracks that want one name, as rips without tags do.

use std::time::{Duration, Instant};

use eventlog::{Event, TrackId};
use projections::Views;

use crate::facts::{self, Song, discovered, origin};
use crate::live::{Library, SONG};

const CROWD: u64 = 3_000;

/// Who has the names that the crowd wants, in the order of their numbers.
fn seated(views: &Views, directory: &str, title: &str) -> Vec<u64> {
    let named = |number: u64| {
        let name = match number {
            1 => format!("{directory}/{title}.flac"),
            n => format!("{directory}/{title} ({n}).flac"),
        };
        views.tree().resolve(&name).unwrap()
    };
    (1..).map_while(named).map(|node| node.ino.0 / 2).collect()
}

/// Appends events, and waits for the views; in a time that renaming all for each does not meet.
fn fold(library: &Library, views: &Views, events: impl IntoIterator<Item = Event>) {
    library.append(events);
    let began = Instant::now();
    library.wait(views);
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_crowd_moves_at_the_pace_of_its_size() {
    let (library, directory) = (Library::new(), "Artist/Album [FLAC]");
    let views = library.views();
    let all: Vec<u64> = (1..=CROWD).collect();
    let odd: Vec<u64> = all.iter().copied().filter(|track| track % 2 == 1).collect();
    let found = |track: &u64| discovered(*track, &format!("{track}.flac"), SONG);
    fold(&library, &views, all.iter().map(found));
    assert_eq!(seated(&views, directory, "Title"), all);

    let even = all.iter().filter(|track| *track % 2 == 0);
    let vanish = |track: &u64| Event::TrackVanished {
        track: TrackId(*track),
    };
    fold(&library, &views, even.clone().map(vanish));
    assert_eq!(seated(&views, directory, "Title"), odd);

    // The last first, so that each displaces all that came before it.
    let back = |track: &u64| match found(track) {
        Event::TrackDiscovered {
            track,
            locator,
            media,
        } => Event::TrackReturned {
            track,
            locator,
            media,
        },
        other => other,
    };
    fold(&library, &views, even.clone().rev().map(back));
    assert_eq!(seated(&views, directory, "Title"), all);

    let retag = |track: &u64| Event::TrackTagsRead {
        track: TrackId(*track),
        revision: facts::revision(*track),
        media: Song {
            title: "Other",
            ..SONG
        }
        .media(),
    };
    fold(&library, &views, odd.iter().map(retag));
    assert_eq!(seated(&views, directory, "Other"), odd);
    assert_eq!(seated(&views, directory, "Title").len(), odd.len());

    let layout = facts::layout("$artist/same", false);
    fold(&library, &views, [Event::LayoutChanged { layout }]);
    assert_eq!(seated(&views, "Artist", "same"), all);

    fold(&library, &views, all.iter().take(all.len() - 1).map(vanish));
    assert_eq!(seated(&views, "Artist", "same"), [CROWD]);
    fold(&library, &views, even.map(back));
    fold(
        &library,
        &views,
        [Event::OriginRemoved {
            origin: origin("o"),
        }],
    );
    assert_eq!(views.tree().stats().unwrap().files, 0);
}
