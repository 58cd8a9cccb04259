//! Collections: `.collections`, the command, the configuration, the RPCs (FIND-3).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::players::played;
use crate::world::{LIMIT, World, flac, song};

fn put(world: &World, seed: u64, artist: &str, title: &str, more: &[(&str, &str)]) {
    let tags = [
        [("ARTIST", artist), ("ALBUM", "Album"), ("TITLE", title)].as_slice(),
        more,
    ]
    .concat();
    let path = world.music().join(format!("{seed}.flac"));
    fs::write(path, flac(seed, &tags)).unwrap();
}

/// Five songs, of three decades.
fn library() -> World {
    let mut world = World::new();
    let jazz = |year| [("GENRE", "Hard Bop"), ("GENRE", "Jazz"), ("DATE", year)];
    put(&world, 1, "John Coltrane", "Naima", &jazz("1959"));
    put(&world, 2, "Miles Davis", "So What", &jazz("1959-08-17"));
    put(
        &world,
        3,
        "Björk",
        "Jóga",
        &[("DATE", "1997"), ("RATING", "4")],
    );
    let rock = [("GENRE", "Hard Rock"), ("DATE", "1980"), ("MOOD", "Loud")];
    put(&world, 4, "AC/DC", "Hells Bells", &rock);
    put(&world, 5, "Nobody", "Undated", &[]);
    world.start();
    world.until("all are shown", |world| world.tree().len() == 5);
    until_has(&world, "Recently Added", 5);
    world
}

fn dir(world: &World, name: &str) -> PathBuf {
    world.mnt().join(".collections").join(name)
}

/// The names in a directory, in the order of the listing.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
    entries.map(|entry| name(entry).unwrap()).collect()
}

fn until_has(world: &World, name: &str, count: usize) {
    world.until(&format!("{name} has {count}"), |world| {
        let dir = dir(world, name);
        dir.exists() && names(&dir).len() == count
    });
}

/// The titles that a collection has, as the command tells.
fn titles(world: &World, name: &str) -> Vec<String> {
    let shown = world.json(["collection", "show", name, "--json"]);
    let tracks = shown["tracks"].as_array().unwrap().iter();
    tracks
        .map(|track| track["title"].as_str().unwrap().to_owned())
        .collect()
}

fn add(world: &World, name: &str, query: &str) -> Value {
    world.json(["collection", "add", name, query, "--json"])
}

fn refused(world: &World, args: &[&str]) -> String {
    let output = world.run(args);
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Has a file open for as long as a play takes.
fn play(world: &World, title: &str) {
    let tree = world.tree();
    let path = tree.keys().find(|path| path.contains(title)).unwrap();
    let file = File::open(world.mnt().join(path)).unwrap();
    // Not to wait for anything: a play is a length of time.
    std::thread::sleep(Duration::from_millis(1_200));
    drop(file);
}

#[test]
fn some_are_always_there_and_lead_to_their_tracks() {
    let world = library();
    let listed = names(&dir(&world, ""));
    let expected = [
        "Recently Added",
        "Recently Played",
        "Most Played",
        "1950s",
        "1980s",
        "1990s",
    ];
    let both = expected
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("{name}.m3u8")]);
    assert_eq!(listed, both.collect::<Vec<_>>());
    assert!(!names(&world.mnt()).contains(&".collections".to_owned()));

    let fifties = dir(&world, "1950s");
    let links = names(&fifties);
    assert_eq!(
        links,
        [
            "001. John Coltrane - Naima.flac",
            "002. Miles Davis - So What.flac"
        ]
    );
    let target = fs::read_link(fifties.join(&links[1])).unwrap();
    assert!(target.starts_with("../../Miles Davis"), "{target:?}");
    let shown = fs::read(fifties.join(&links[1])).unwrap();
    assert_eq!(shown, fs::read(world.music().join("2.flac")).unwrap());
    assert_eq!(
        names(&dir(&world, "1980s")),
        ["001. AC_DC - Hells Bells.flac"]
    );
    assert_eq!(names(&dir(&world, "Most Played")), [""; 0]);
    for missing in [
        "1970s",
        "1950s/003. Nobody - Undated.flac",
        ".hidden",
        "1970s.m3u8",
    ] {
        assert!(!dir(&world, missing).exists(), "{missing}");
    }
    assert!(fs::write(fifties.join("new"), "x").is_err());
    let refused = refused(&world, &["collection", "remove", "1950s"]);
    assert!(refused.contains("always there"), "{refused}");
}

#[test]
fn ones_own_are_made_changed_and_removed() {
    let mut world = library();
    let made = add(
        &world,
        "Jazz",
        "genre:jazz AND year:[1950 TO 1959] SORT title DESC",
    );
    assert!(made["position"].as_u64().unwrap() > 0);
    assert_eq!(made["collection"]["source"], "defined");
    assert_eq!(
        add(
            &world,
            "Jazz",
            made["collection"]["query"].as_str().unwrap()
        )["position"],
        Value::Null
    );
    let jazz = dir(&world, "Jazz");
    assert_eq!(
        names(&jazz),
        [
            "001. Miles Davis - So What.flac",
            "002. John Coltrane - Naima.flac"
        ]
    );
    for (query, expected) in [
        ("genre=\"hard bop\" LIMIT 1", &["Naima"][..]),
        ("genre=hard", &[]),
        ("genre:hard NOT jazz", &["Hells Bells"]),
        ("rating:>=4", &["Jóga"]),
        ("tag.mood:loud OR joga", &["Hells Bells", "Jóga"]),
        ("NOT year:[* TO *]", &["Undated"]),
        ("date:1959-08", &["So What"]),
        ("artist=\"ac dc\"", &["Hells Bells"]),
        ("added:>1h", &[]),
        ("played:never SORT title LIMIT 2", &["Hells Bells", "Jóga"]),
    ] {
        add(&world, "Jazz", query);
        assert_eq!(titles(&world, "Jazz"), expected, "{query}");
    }
    for (query, told) in [
        ("genre:", "column 7: expected a word"),
        ("gnre:jazz", "expected a field such as genre"),
    ] {
        let refused = refused(&world, &["collection", "add", "Jazz", query]);
        assert!(refused.contains(told), "{refused}");
    }
    for name in ["most played", "2000s", "", "a\nb"] {
        refused(&world, &["collection", "add", name, "*"]);
    }

    // Odd names, and such as would be one.
    for (name, shown) in [
        ("AC/DC: the best", "AC_DC: the best"),
        (".hidden", "_hidden"),
        ("Jazz.m3u8", "Jazz.m3u8 (2)"),
        ("日本 ☃", "日本 ☃"),
    ] {
        let made = add(&world, name, "* LIMIT 2");
        assert_eq!(made["collection"]["directory"], shown);
        assert_eq!(names(&dir(&world, shown)).len(), 2, "{name}");
    }
    let list = world.json(["collection", "list", "--json"]);
    assert_eq!(list["collections"].as_array().unwrap().len(), 6 + 5);

    world.stop();
    // Without a daemon, too.
    assert_eq!(titles(&world, "Jazz"), ["Hells Bells", "Jóga"]);
    assert_eq!(world.json(["collection", "list", "--json"]), list);
    refused(&world, &["collection", "remove", "Jazz"]);
    world.start();
    assert_eq!(names(&dir(&world, "Jazz")).len(), 2);
    world.json(["collection", "remove", "Jazz", "--json"]);
    assert!(!dir(&world, "Jazz").exists());
    let unknown = refused(&world, &["collection", "remove", "Jazz"]);
    assert!(unknown.contains("no collection is called"), "{unknown}");
    refused(&world, &["collection", "show", "Jazz"]);
    world.assert_sound();
}

#[test]
fn the_configuration_names_some_and_wins() {
    let mut world = library();
    add(&world, "Mine", "genre:jazz");
    world.stop();
    let config = world.path().join("home/.config/musicfs/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let write = |query: &str| {
        let text = format!("[[collections]]\nname = \"Mine\"\nquery = '{query}'\n");
        fs::write(&config, text).unwrap();
    };
    write("genre:rock");
    world.start();
    assert_eq!(titles(&world, "Mine"), ["Hells Bells"]);
    let told = refused(&world, &["collection", "add", "Mine", "*"]);
    assert!(told.contains("the configuration names"), "{told}");
    let shown = String::from_utf8(world.run(["config", "show"]).stdout).unwrap();
    assert!(
        shown.contains("collections = [{ name = \"Mine\", query = \"genre:rock\" }]"),
        "{shown}"
    );
    write("artist:bjork");
    assert!(world.run(["reload"]).status.success());
    assert_eq!(names(&dir(&world, "Mine")), ["001. Björk - Jóga.flac"]);
    write("artst:bjork");
    let wrong = refused(&world, &["config", "check"]);
    assert!(
        wrong.contains("config.toml:3:1") && wrong.contains("such as artist"),
        "{wrong}"
    );
    fs::write(&config, "").unwrap();
    assert!(world.run(["reload"]).status.success());
    assert_eq!(titles(&world, "Mine"), ["Naima", "So What"]);
}

#[test]
fn players_play_the_playlist() {
    let world = library();
    add(&world, "AC/DC & Björk", "artist:bjork OR artist=\"ac dc\"");
    let list = dir(&world, "AC_DC & Björk.m3u8");
    let text = fs::read_to_string(&list).unwrap();
    assert_eq!(fs::metadata(&list).unwrap().len(), text.len() as u64);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "#EXTM3U");
    assert_eq!(lines[1], "#EXTINF:0,AC/DC - Hells Bells");
    assert!(list.parent().unwrap().join(lines[2]).is_file(), "{text}");
    assert_eq!(lines.len(), 5);

    let mut made = World::with_library();
    made.start();
    add(&made, "Some", "length:>0:00 LIMIT 3");
    made.until("it has three", |world| {
        names(&dir(world, "Some")).len() == 3
    });
    let said = played(&made, &dir(&made, "Some.m3u8"));
    assert_eq!(said.matches("Playing: ").count(), 3, "{said}");
    assert!(!said.contains("Failed"), "{said}");
    made.stop();
}

#[test]
fn a_play_moves_a_track_and_is_counted_once() {
    let mut world = library();
    add(&world, "Once", "plays:1");
    add(&world, "Twice", "plays:2");
    let events = world.follow();
    play(&world, "So What");
    let read = events.next("track.read", LIMIT);
    world.within(
        Duration::from_secs(2),
        "it is among the recent ones",
        |world| names(&dir(world, "Recently Played")) == ["001. Miles Davis - So What.flac"],
    );
    assert_eq!(titles(&world, "Most Played"), ["So What"]);
    assert_eq!(titles(&world, "Once"), ["So What"]);
    // A look into a file is none.
    fs::read(dir(&world, "1990s/001. Björk - Jóga.flac")).unwrap();
    events.next("track.read", LIMIT);
    drop(events);

    let position = read["position"].as_u64().unwrap();
    assert!(position > 0);
    for _ in 0..2 {
        world.kill();
        world.start();
        until_has(&world, "Once", 1);
        assert_eq!(titles(&world, "Most Played"), ["So What"]);
    }
    let events = world.follow();
    play(&world, "So What");
    events.next("track.read", LIMIT);
    drop(events);
    until_has(&world, "Twice", 1);
    assert_eq!(titles(&world, "Once"), [""; 0]);

    // Folded away, it was played as often, and a rebuild says so, too.
    assert!(
        world
            .run(["log", "fold", "--older-than", "0"])
            .status
            .success()
    );
    world.until("a play is known of every read", |world| {
        titles(world, "Most Played") == ["So What", "Jóga"]
    });
    assert_eq!(titles(&world, "Twice"), ["So What"]);
    world.assert_sound();
    let report = world.json(["replay", "--check", "--json"]);
    let views = report["views"].as_array().unwrap();
    for name in ["patterns", "collections"] {
        let view = views.iter().find(|view| view["name"] == name).unwrap();
        assert_eq!(view["equal"], true, "{view}");
    }
}

#[test]
fn listings_stay_what_they_were_and_removed_origins_empty_them() {
    let world = library();
    let added = dir(&world, "Recently Added");
    let (links, list) = (
        names(&added),
        fs::read_to_string(dir(&world, "Recently Added.m3u8")),
    );
    assert_eq!(links.len(), 5);
    put(&world, 6, "Later", "New", &[]);
    world.until("it is shown", |world| world.tree().len() == 6);
    // Whoever goes through the listing finds what is in it.
    for link in &links {
        assert!(added.join(link).is_file(), "{link}");
    }
    until_has(&world, "Recently Added", 6);
    // Ten minutes are one moment.
    assert!(
        names(&added)
            .iter()
            .any(|it| it.ends_with("Later - New.flac"))
    );
    assert_ne!(
        fs::read_to_string(dir(&world, "Recently Added.m3u8")).unwrap(),
        list.unwrap()
    );

    world.json(["origin", "remove", "music", "--json"]);
    until_has(&world, "Recently Added", 0);
    assert!(!dir(&world, "1950s").exists());
    let empty = fs::read_to_string(dir(&world, "Recently Added.m3u8")).unwrap();
    assert_eq!(empty, "#EXTM3U\n");
}

#[test]
fn a_copy_is_represented_by_what_is_shown() {
    let mut world = World::new();
    let copies = world.path().join("copies");
    fs::create_dir(&copies).unwrap();
    world.add_songs(1..=3);
    world.start();
    world.until("three are shown", |world| world.tree().len() == 3);
    for n in 1..=3 {
        fs::write(copies.join(format!("{n}.flac")), song(n)).unwrap();
    }
    let added = world.run(["origin", "add", copies.to_str().unwrap()]);
    assert!(added.status.success());
    world.until("copies are known", |world| {
        world.status()["origins"][0]["tracks"] == 3
    });
    add(&world, "Two", "artist:ann SORT title LIMIT 2");
    world.until("both origins are known", |world| {
        let origins = world.status()["origins"].as_array().unwrap().clone();
        origins.len() == 2 && origins.iter().all(|origin| origin["tracks"] == 3)
    });
    assert_eq!(titles(&world, "Two"), ["Song 1", "Song 2"]);
    let all = world.json(["collection", "show", "Recently Added", "--json"]);
    assert_eq!(all["total"], 3, "{all}");
}
