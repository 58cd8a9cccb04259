//! `explain` and `history`, and what is shown of other people's names.

use std::fs;

use eventlog::Timestamp;
use serde_json::Value;

use crate::played::played;
use crate::world::{World, flac, lines};

/// A running library with a song of that file name and title.
fn with_song(name: &str, title: &str) -> World {
    let mut world = World::new();
    let tags = [("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", title)];
    fs::write(world.music().join(name), flac(1, &tags)).unwrap();
    world.start();
    world
}

/// Exit code, standard output, standard error.
fn told_of(world: &World, arguments: &[&str]) -> (i32, String, String) {
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
        &["explain", "no\x1b[31m\nforged\u{202e}"],
    ];
    for command in commands {
        let (_, out, err) = told_of(&world, command);
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!out.contains(steers) && !err.contains(steers), "{out}{err}");
        assert!(!(out + &err).contains("\nforged"));
    }
    let (_, out, _) = told_of(&world, &["explain", "track:1"]);
    assert!(
        out.contains(r"music: a\u{1b}[31m\nforged\u{202e}.flac"),
        "{out}"
    );
    assert!(out.contains(r"T\u{1b}]0;owned\u{7}"), "{out}");
}

#[test]
fn what_was_played_is_told_and_what_followed_it() {
    const MINUTE: i64 = 60_000_000;
    let mut world = with_song("1.flac", "First");
    let tags = [("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", "Second")];
    fs::write(world.music().join("2.flac"), flac(2, &tags)).unwrap();
    world.until("both are there", |world| world.tree().len() == 2);
    let never = world.json(["explain", "--json", "track:1"])["plays"].clone();
    assert_eq!((&never["count"], &never["last"]), (&0.into(), &Value::Null));
    let (_, out, _) = told_of(&world, &["explain", "track:1"]);
    assert!(!out.contains("played"), "{out}");
    world.stop();
    // On 2001-09-09, from 01:46:40 on.
    let at = |minutes: i64| Timestamp(1_000_000_000_000_000 + minutes * MINUTE);
    played(
        &world,
        &[
            (1, at(0)),
            (2, at(5)),
            (1, at(60)),
            (2, at(65)),
            (1, at(180)),
        ],
    );
    world.start();
    world.until("they are known", |world| {
        world.json(["explain", "--json", "track:1"])["plays"]["count"] == 3
    });
    let plays = world.json(["explain", "--json", "track:1"])["plays"].clone();
    assert_eq!(plays["first"], "2001-09-09T01:50:40.000000Z");
    assert_eq!(plays["last"], "2001-09-09T04:50:40.000000Z");
    let hours = plays["hours"].as_array().unwrap();
    assert_eq!(
        (&hours[1], &hours[2], &hours[4], hours.len()),
        (&1.into(), &1.into(), &1.into(), 24)
    );
    let path = world.json(["explain", "--json", "track:2"])["path"].clone();
    let follower = serde_json::json!({ "track": 2, "path": path, "times": 2 });
    assert_eq!(plays["followed_by"], serde_json::json!([follower]));
    let (_, out, _) = told_of(&world, &["explain", "track:1"]);
    assert!(out.contains("3 times, last 2001-09-09T04:50:40"), "{out}");
    assert!(out.contains("Second.flac (2 times)"), "{out}");
    world.stop();
    // It takes no daemon.
    assert_eq!(world.json(["explain", "--json", "track:1"])["plays"], plays);
}

#[test]
fn several_paths_are_told_of_one_after_the_other() {
    let mut world = World::new();
    for (number, title) in [(1, "First"), (2, "Second")] {
        let tags = [("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", title)];
        let path = world.music().join(format!("{number}.flac"));
        fs::write(path, flac(number, &tags)).unwrap();
    }
    fs::write(world.music().join("letter.doc"), "").unwrap();
    world.start();
    let music = world.music();
    let [first, cover, second] =
        ["1.flac", "cover.jpg", "2.flac"].map(|name| music.join(name).display().to_string());
    let arguments = ["explain", "--json", &first, &cover, &second, "track:77"];
    let output = world.run(arguments);
    assert_eq!(output.status.code(), Some(3));
    let told = lines(&output.stdout);
    let paths: Vec<&str> = told.iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        ["Ann/One [FLAC]/First.flac", "Ann/One [FLAC]/Second.flac"]
    );
    let refused = lines(&output.stderr);
    assert_eq!(refused.len(), 2);
    assert_eq!(
        refused[1]["error"]["message"],
        "the library never had track:77"
    );
    let (code, out, _) = told_of(&world, &["history", &first, &second]);
    assert_eq!((code, out.matches("track.discovered").count()), (0, 2));
    assert!(out.contains("\n\n"), "{out}");
}

#[test]
fn what_is_no_track_is_told_for_what_it_is() {
    let world = with_song("a.flac", "Song");
    fs::create_dir(world.music().join("folder")).unwrap();
    fs::write(world.music().join("letter.doc"), "").unwrap();
    let (music, mnt) = (world.music(), world.mnt());
    let directory = "is a directory\nhint: name a track in it";
    let no_audio = "is no track: by its name it is no audio file\nhint: docs/SEMANTICS.md";
    let generated = "is generated by MusicFS, and is no track\nhint: docs/CLI.md";
    let cases = [
        (mnt.clone(), directory),
        (mnt.join("Ann"), directory),
        ("/".into(), directory),
        (music.join("folder"), directory),
        (music.join("letter.doc"), no_audio),
        (mnt.join(".status/version"), generated),
        (mnt.join("Nobody"), "the library never had anything at "),
    ];
    for (path, said) in cases {
        let (code, _, err) = told_of(&world, &["explain", path.to_str().unwrap()]);
        assert_eq!(code, 3);
        assert!(err.contains(said), "{}: {err}", path.display());
    }
}

#[test]
fn a_format_that_only_the_name_tells() {
    let mut world = World::new();
    fs::write(
        world.music().join("text.mp3"),
        "Dear diary, no sound today.\n",
    )
    .unwrap();
    world.start();
    let (_, out, _) = told_of(&world, &["explain", "track:1"]);
    assert!(out.contains("mp3, by the file's name only"), "{out}");
    assert!(out.contains("defect: not_audio"), "{out}");
    assert!(!out.contains("sound "), "{out}");
    let told = world.json(["explain", "--json", "track:1"]);
    let variables = told["naming"]["variables"].as_array().unwrap();
    let format = variables.iter().find(|it| it["name"] == "format").unwrap();
    assert_eq!(format["from"], "the file's name");
}
