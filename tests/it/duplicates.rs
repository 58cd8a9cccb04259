//! A recording that several origins have is shown once (ORG-7).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::world::{World, flac};

const TITLES: [&str; 3] = ["One", "Two", "Three"];

/// Writes three songs of an album into a folder; `mood` is another tag, of no account.
fn put(folder: &Path, mood: &str) {
    fs::create_dir_all(folder).unwrap();
    for (number, title) in (1..).zip(TITLES) {
        let track = u64::to_string(&number);
        let tags = [
            ("ARTIST", "Ann"),
            ("ALBUM", "First"),
            ("TITLE", title),
            ("TRACKNUMBER", &track),
            ("MOOD", mood),
        ];
        fs::write(folder.join(format!("{number}.flac")), flac(number, &tags)).unwrap();
    }
}

/// A library, and a backup of it on a second origin.
fn backed_up() -> (World, PathBuf) {
    let mut world = World::new();
    put(&world.music().join("a"), "calm");
    world.start();
    let backup = world.path().join("backup");
    put(&backup.join("other/folder"), "wild");
    let origin = format!("backup={}", backup.display());
    world.json(["origin", "add", &origin, "--json"]);
    world.until("the backup is listed", |world| {
        tracks_of(world, "backup") == 3
    });
    (world, backup)
}

fn tracks_of(world: &World, origin: &str) -> Value {
    let status = world.status();
    let origins = status["origins"].as_array().unwrap();
    let found = origins.iter().find(|row| row["id"] == origin);
    found.map_or(Value::Null, |row| row["tracks"].clone())
}

fn names(world: &World) -> Vec<String> {
    world.tree().into_keys().collect()
}

fn paths() -> Vec<String> {
    let mut paths: Vec<_> = (1..)
        .zip(TITLES)
        .map(|(number, title)| format!("Ann/First [FLAC]/0{number} - {title}.flac"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_backup_is_shown_once_and_stays_when_the_first_goes() {
    let (mut world, backup) = backed_up();
    assert_eq!(names(&world), paths());
    assert_eq!(world.status()["tracks"], 3);
    let copy = backup.join("other/folder/2.flac");
    for asked in [
        "Ann/First [FLAC]/02 - Two.flac",
        copy.to_str().unwrap(),
        "backup:other/folder/2.flac",
    ] {
        let told = world.json(["explain", "--json", asked]);
        let copies = told["copies"].as_array().unwrap();
        let told: Vec<_> = copies
            .iter()
            .map(|copy| (&copy["origin"], &copy["origin_path"], &copy["shown"]))
            .collect();
        let expected: [(Value, Value, Value); 2] = [
            ("music".into(), "a/2.flac".into(), true.into()),
            ("backup".into(), "other/folder/2.flac".into(), false.into()),
        ];
        assert_eq!(told, expected.each_ref().map(|(a, b, c)| (a, b, c)));
    }
    let hidden = world.run(["explain", copy.to_str().unwrap()]);
    let said = String::from_utf8(hidden.stdout).unwrap();
    let line = "a copy of what is shown as Ann/First [FLAC]/02 - Two.flac";
    assert!(said.contains(line), "{said}");

    // A file that goes is replaced by its copy, and so are all of an origin.
    fs::remove_file(world.music().join("a/2.flac")).unwrap();
    world.until("it is gone", |world| tracks_of(world, "music") == 2);
    assert_eq!(names(&world), paths());
    let second = world.mnt().join("Ann/First [FLAC]/02 - Two.flac");
    world.until("the copy is read", |_| {
        fs::read(&second).is_ok_and(|bytes| bytes == fs::read(&copy).unwrap())
    });
    world.json(["origin", "remove", "music", "--json"]);
    assert_eq!(names(&world), paths());
    assert_eq!(world.status()["tracks"], 3);
    world.stop();
    world.assert_sound();
}

#[test]
fn the_rule_is_part_of_the_layout() {
    let (mut world, _) = backed_up();
    let preview = world.json(["layout", "preview", "--json", "--duplicates", "all"]);
    let figures = |preview: &Value| {
        ["moved", "hidden", "revealed"].map(|name| preview[name].as_u64().unwrap())
    };
    assert_eq!(figures(&preview), [0, 0, 3]);
    let same = world.json(["layout", "preview", "--json", "--duplicates", "tags"]);
    assert_eq!(figures(&same), [0, 0, 0]);
    assert_eq!(
        world.json(["layout", "show", "--json"])["duplicates"],
        "content"
    );

    let set = world.json(["layout", "set", "--json", "--duplicates", "all"]);
    assert_eq!(set["duplicates"], "all");
    let second = "Ann/First [FLAC]/02 - Two (2).flac".to_owned();
    world.until("all are shown", |world| names(world).contains(&second));
    assert_eq!(world.status()["tracks"], 6);
    world.stop();

    let config = world.path().join("config.toml");
    fs::write(&config, "layout.duplicates = 'tags'\n").unwrap();
    world.start_with(&["--config", config.to_str().unwrap()]);
    world.until("they are shown once again", |world| names(world) == paths());
    world.stop();
    world.assert_sound();
}
