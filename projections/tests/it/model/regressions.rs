//! Histories that once failed, or that name a rule.

use eventlog::event::Duplicates::*;

use super::hold;
use super::ops::{LONG, LONGER, Op::*};
use crate::facts::Song;

const A: Song = Song {
    artist: "a",
    album: "a",
    title: "a",
    disc: "",
    sound: "a",
};

#[test]
fn a_returned_track_gets_its_name_back() {
    hold(
        &[
            LayoutChange {
                template: "$title",
                windows: false,
                duplicates: Content,
            },
            AddFile {
                origin: "o",
                path: "a.flac",
                song: A,
            },
            AddFile {
                origin: "o",
                path: "b.flac",
                song: A,
            },
            AddFile {
                origin: "p",
                path: "a.flac",
                song: Song {
                    title: "a (2)",
                    ..A
                },
            },
            Remove { track: 0 },
            Return {
                track: 0,
                origin: "o",
                path: "a.flac",
                song: A,
            },
        ],
        true,
    );
}

#[test]
fn a_directory_takes_a_files_name_and_gives_it_back() {
    hold(
        &[
            LayoutChange {
                template: "$artist/$title",
                windows: true,
                duplicates: Content,
            },
            AddFile {
                origin: "o",
                path: "a.flac",
                song: A,
            },
            LayoutChange {
                template: "<$disc>/$title",
                windows: true,
                duplicates: Content,
            },
            AddFile {
                origin: "o",
                path: "a.flac",
                song: Song {
                    title: "2",
                    disc: "2.flac",
                    ..A
                },
            },
            AddFile {
                origin: "o",
                path: "b.flac",
                song: Song {
                    title: "2",
                    disc: "2",
                    ..A
                },
            },
            Remove { track: 1 },
            Remove { track: 2 },
        ],
        true,
    );
}

#[test]
fn a_directory_is_spelt_by_its_lowest_track() {
    hold(
        &[
            LayoutChange {
                template: "$artist/$album/$title",
                windows: true,
                duplicates: Content,
            },
            AddFile {
                origin: "o",
                path: "a.flac",
                song: A,
            },
            AddFile {
                origin: "o",
                path: "b.flac",
                song: Song {
                    artist: "A",
                    album: "A",
                    ..A
                },
            },
            Remove { track: 0 },
            Return {
                track: 0,
                origin: "o",
                path: "a.flac",
                song: A,
            },
            Retag {
                track: 0,
                song: Song { artist: "A", ..A },
            },
            OriginRemove { origin: "o" },
        ],
        true,
    );
}

#[test]
fn a_name_that_falls_free_is_spelt_by_its_heir() {
    hold(
        &[
            LayoutChange {
                template: "$title",
                windows: true,
                duplicates: Content,
            },
            AddFile {
                origin: "o",
                path: "a.flac",
                song: A,
            },
            AddFile {
                origin: "o",
                path: "b.flac",
                song: A,
            },
            AddFile {
                origin: "o",
                path: "a/a.flac",
                song: Song { title: "A", ..A },
            },
            Remove { track: 1 },
        ],
        true,
    );
}

#[test]
fn a_track_that_comes_back_elsewhere_hides_one_copy_and_reveals_another() {
    hold(
        &[
            LayoutChange {
                template: "$title",
                windows: true,
                duplicates: Content,
            },
            AddFile {
                origin: "p",
                path: "a.flac",
                song: A,
            },
            AddFile {
                origin: "p",
                path: "b.flac",
                song: Song { title: "b", ..A },
            },
            AddFile {
                origin: "o",
                path: "b.flac",
                song: Song {
                    title: "b",
                    disc: "1",
                    ..A
                },
            },
            Return {
                track: 0,
                origin: "o",
                path: "a.flac",
                song: A,
            },
        ],
        true,
    );
}

#[test]
fn a_copy_has_no_number() {
    let copy = |origin| AddFile {
        origin,
        path: "a.flac",
        song: A,
    };
    let layout = |duplicates| LayoutChange {
        template: "$title",
        windows: false,
        duplicates,
    };
    hold(
        &[
            layout(Tags),
            copy("o"),
            copy("p"),
            AddFile {
                origin: "p",
                path: "b.flac",
                song: Song {
                    artist: "b",
                    sound: "b",
                    ..A
                },
            },
            copy("q"),
            layout(All),
            layout(Content),
            OriginRemove { origin: "o" },
        ],
        true,
    );
}

#[test]
fn of_several_that_leave_a_directory_each_gives_up_what_it_spelt() {
    let song = |artist, album, title, disc, sound| Song {
        artist,
        album,
        title,
        disc,
        sound,
    };
    let add = |origin, path, song| AddFile { origin, path, song };
    hold(
        &[
            LayoutChange {
                template: "$artist/$album/$title",
                windows: true,
                duplicates: Content,
            },
            Unread {
                track: 6,
                folded: true,
            },
            add("q", "a.flac", song(LONGER, "b", "a (2)", "1", "a")),
            Remove { track: 3 },
            add("o", "a/a (2).flac", song("A", "A", "", "2", "")),
            add("o", "b.flac", song("a", "b", "", "2", "b")),
            Read {
                track: 1,
                reader: None,
                seconds: 1,
                minute: 0,
            },
            add("o", "a.flac", song("", "A", LONG, "a.flac", "a")),
            add("q", "a/a (2).flac", song("b", "a", "A", "a.flac", "a")),
            add("q", "a/a.flac", song("a", "a", "a", "1", "a")),
            Move {
                track: 8,
                path: "a/a.flac",
                song: None,
            },
            add("o", "a.flac", song(LONG, "A", LONGER, "", "")),
            Retag {
                track: 1,
                song: song("b", "b", "b", "2", "a"),
            },
        ],
        true,
    );
}

#[test]
fn what_an_origin_leaves_behind_is_spelt_anew() {
    let song = |album, title, disc| Song {
        album,
        title,
        disc,
        ..A
    };
    hold(
        &[
            LayoutChange {
                template: "$album/<$disc>/$title",
                windows: true,
                duplicates: Content,
            },
            FindSidecar {
                sidecar: 3,
                origin: "q",
                path: "a/a (2).flac",
            },
            AddFile {
                origin: "q",
                path: "a.flac",
                song: Song {
                    sound: "b",
                    ..song("a", "a (3)", "")
                },
            },
            Retag {
                track: 0,
                song: song("a", "a.flac", "2"),
            },
            AddFile {
                origin: "o",
                path: "a/a (2).flac",
                song: song("a", "a", ""),
            },
            OriginRemove { origin: "q" },
            Return {
                track: 1,
                origin: "o",
                path: "\u{ff}.flac",
                song: song("A", "", ""),
            },
        ],
        true,
    );
}
