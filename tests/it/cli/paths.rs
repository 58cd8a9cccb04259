//! `explain` and `history`, and what is shown of other people's names.

use std::fs;

use crate::world::{World, flac};

/// A running library with a song of that file name and title.
fn with_song(name: &str, title: &str) -> World {
    let mut world = World::new();
    let tags = [("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", title)];
    fs::write(world.music().join(name), flac(1, &tags)).unwrap();
    world.start();
    world
}

/// Exit code, standard output, standard error.
fn told(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let output = world.run(arguments);
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code().unwrap(), out, err)
}

#[test]
fn names_and_tags_steer_no_terminal() {
    let world = with_song("a\x1b[31m\nforged\u{202e}.flac", "T\x1b]0;owned\x07\u{9b}");
    let commands: [&[&str]; 6] = [
        &["explain", "track:1"],
        &["history", "track:1"],
        &["events"],
        &["status"],
        &["layout", "preview", "$origin/$title"],
        &["explain", "no\x1b[31m\u{202e}"],
    ];
    for command in commands {
        let (_, out, err) = told(&world, command);
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!out.contains(steers) && !err.contains(steers), "{out}{err}");
        assert!(!out.contains("\nforged"), "{out}");
    }
    let (_, out, _) = told(&world, &["explain", "track:1"]);
    assert!(
        out.contains(r"music: a\u{1b}[31m\nforged\u{202e}.flac"),
        "{out}"
    );
    assert!(out.contains(r"T\u{1b}]0;owned\u{7}"), "{out}");
}
