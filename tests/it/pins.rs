//! What is pinned: fetched from a real server, there without it, and followed as it changes (CAS-5);
//! and the commands for what is kept (CAS-6).

mod beside;
mod queries;

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::elsewhere::Elsewhere;
use crate::world::{World, flac};

/// Bytes of a song's sound.
pub(crate) const LONG: usize = 1 << 20;

/// A song with so much sound that a scan does not read all of it.
pub(crate) fn long(number: u64, album: &str) -> Vec<u8> {
    let (title, track) = (format!("Song {number}"), number.to_string());
    let tags = [
        ("ARTIST", "Ann"),
        ("ALBUM", album),
        ("TITLE", &*title),
        ("TRACKNUMBER", &*track),
    ];
    let mut file = flac(number, &tags);
    let mut state = number;
    // As different from the others as sound is (SplitMix64).
    file.extend(
        std::iter::repeat_with(|| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed ^ (mixed >> 27)).to_le_bytes()
        })
        .take(LONG / 8)
        .flatten(),
    );
    file
}

/// Songs 1 to 4 of the album *Pinned*, and 5 and 6 of *Other*, on an SFTP server.
pub(crate) fn library() -> Elsewhere {
    let elsewhere = Elsewhere::new(0);
    fs::create_dir_all(&elsewhere.music).unwrap();
    for number in 1..=6 {
        let album = if number < 5 { "Pinned" } else { "Other" };
        put(&elsewhere, number, album);
    }
    elsewhere
}

pub(crate) fn put(elsewhere: &Elsewhere, number: u64, album: &str) {
    let path = elsewhere.music.join(format!("{number}.flac"));
    fs::write(path, long(number, album)).unwrap();
}

/// The tracks of an album in the tree.
pub(crate) fn album(world: &World, name: &str) -> Vec<PathBuf> {
    let tree = world.tree();
    let within = tree.keys().filter(|path| path.contains(name));
    within.map(|path| world.mnt().join(path)).collect()
}

pub(crate) fn directory(world: &World, name: &str) -> PathBuf {
    album(world, name)[0].parent().unwrap().to_owned()
}

fn pins(world: &World) -> Value {
    world.json(["cache", "list", "--json"])["pins"].clone()
}

fn is_here(world: &World) -> bool {
    let pins = pins(world);
    pins[0]["tracks"].as_u64() > Some(0) && pins[0]["missing_bytes"] == 0
}

fn pin(world: &World, path: &Path) -> Value {
    world.json(["cache", "pin", "--json", path.to_str().unwrap()])
}

/// Reads all of an album's files, and holds them against the originals.
fn plays(world: &World, name: &str, count: usize) {
    let paths = album(world, name);
    assert_eq!(paths.len(), count);
    for path in paths {
        let read = fs::read(&path).unwrap();
        let is_it = |number: &u64| long(*number, name) == read;
        assert!((1..=10).any(|number| is_it(&number)), "{}", path.display());
    }
}

fn until_listed(world: &World, count: usize) {
    world.until("the tree is there", |world| world.tree().len() == count);
}

#[test]
fn pinned_music_plays_without_its_server_and_after_a_restart() {
    let mut elsewhere = library();
    let key = elsewhere.key();
    elsewhere.start(&key);
    let dir = directory(&elsewhere.world, "Pinned");
    let pinned = pin(&elsewhere.world, &dir);
    assert_eq!(pinned["pin"]["tracks"], 4, "{pinned}");
    let missing = pinned["pin"]["missing_bytes"].as_u64().unwrap();
    assert!(missing > 3 * LONG as u64, "{pinned}");
    // What is pinned already is no event.
    let again = pin(&elsewhere.world, &dir);
    assert_eq!(again["position"], Value::Null);
    elsewhere.world.until("all of it is here", is_here);

    elsewhere.server.stop();
    elsewhere.world.stop();
    // Nor does it hang on the views that tell of it.
    fs::remove_dir_all(elsewhere.world.state().join("views")).unwrap();
    elsewhere.spawn(&key);
    elsewhere
        .world
        .until("it runs", |world| world.run(["status"]).status.success());
    // It stays when the rest is cleared, at once or once it is known what is pinned.
    let clear = ["cache", "clear", "--json"];
    elsewhere.world.until("the rest is cleared", |world| {
        let cleared = world.run(clear);
        assert!(
            [Some(0), Some(5), Some(8)].contains(&cleared.status.code()),
            "{cleared:?}"
        );
        cleared.status.success()
    });
    until_listed(&elsewhere.world, 8);
    plays(&elsewhere.world, "Pinned", 4);
    let other = &album(&elsewhere.world, "Other")[0];
    assert!(fs::read(other).is_err());
    let cleared = elsewhere.world.json(clear);
    assert!(
        cleared["bytes"].as_u64() >= Some(4 * LONG as u64),
        "{cleared}"
    );
    plays(&elsewhere.world, "Pinned", 4);
    let status = elsewhere.world.status();
    assert_eq!(status["cache"]["pins"]["missing_bytes"], 0, "{status}");

    let relative = dir.strip_prefix(elsewhere.world.mnt()).unwrap();
    let relative = relative.to_str().unwrap();
    let unpinned = elsewhere.world.run(["cache", "unpin", relative]);
    assert!(unpinned.status.success(), "{unpinned:?}");
    elsewhere.world.until("it may be cleared", |world| {
        world.json(["cache", "clear", "--json"])["bytes"] == 0
    });
    assert!(fs::read(&album(&elsewhere.world, "Pinned")[0]).is_err());
    let kinds = elsewhere.world.events();
    let pins = kinds.iter().filter(|event| {
        let kind = event["kind"].as_str().unwrap();
        kind.starts_with("pin.") && event["data"]["value"] == relative
    });
    assert_eq!(pins.count(), 2);
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn what_comes_into_a_pinned_directory_is_fetched_and_what_changes_is_fetched_again() {
    let mut elsewhere = library();
    elsewhere.start(&elsewhere.key());
    let dir = directory(&elsewhere.world, "Pinned");
    pin(&elsewhere.world, &dir);
    put(&elsewhere, 7, "Pinned");
    // Of another size: the server tells times in seconds.
    fs::write(elsewhere.music.join("1.flac"), long(10, "Pinned")).unwrap();
    elsewhere.world.until("the new one is here", |world| {
        let titles = album(world, "Pinned");
        let is_there = |title: &str| titles.iter().any(|it| it.ends_with(title));
        let pins = pins(world);
        is_there("07 - Song 7.flac")
            && is_there("10 - Song 10.flac")
            && pins[0]["tracks"] == 5
            && pins[0]["missing_bytes"] == 0
    });
    elsewhere.server.stop();
    plays(&elsewhere.world, "Pinned", 5);
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn a_daemon_killed_while_it_fetches_goes_on_at_the_next_start() {
    let mut elsewhere = library();
    let slow = format!("{}\nbytes_per_second = 500000", elsewhere.key());
    elsewhere.start(&slow);
    let pinned = pin(&elsewhere.world, &directory(&elsewhere.world, "Pinned"));
    let all = pinned["pin"]["missing_bytes"].as_u64().unwrap();
    for part in [8, 4] {
        elsewhere.world.until("some of it is here", |world| {
            let missing = pins(world)[0]["missing_bytes"].as_u64().unwrap();
            assert!(missing > 0, "too late: all of it is here");
            missing < all - all / part
        });
        elsewhere.world.kill();
        elsewhere.spawn(&slow);
        // What was listed before is listed still: that is no sign of life.
        elsewhere
            .world
            .until("it answers", |world| world.status()["pid"] == world.pid());
        until_listed(&elsewhere.world, 8);
    }
    elsewhere.world.stop();
    elsewhere.start(&elsewhere.key());
    elsewhere.world.until("all of it is here", is_here);
    elsewhere.server.stop();
    plays(&elsewhere.world, "Pinned", 4);
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn a_server_that_is_away_is_told_of_and_fetched_from_once_it_is_back() {
    let mut elsewhere = library();
    elsewhere.start(&elsewhere.key());
    elsewhere.server.stop();
    let dir = directory(&elsewhere.world, "Pinned");
    pin(&elsewhere.world, &dir);
    elsewhere.world.until("it is told why", |world| {
        let pins = pins(world);
        let missing = pins[0]["missing"].as_array().unwrap();
        missing.len() == 4 && missing.iter().any(|track| track["problem"].is_string())
    });
    elsewhere.restart_server();
    elsewhere.world.run(["origin", "health", "nas"]);
    let patient = std::time::Duration::from_secs(120);
    elsewhere
        .world
        .within(patient, "all of it is here", is_here);
    elsewhere.server.stop();
    plays(&elsewhere.world, "Pinned", 4);
    elsewhere.world.stop();
}

#[test]
fn what_is_pinned_displaces_the_rest_and_what_does_not_fit_is_told_of() {
    let mut elsewhere = library();
    let key = elsewhere.key();
    elsewhere.start(&format!("{key}\n[cache]\nsize = \"5 MB\""));
    let world = &elsewhere.world;
    for path in album(world, "Other") {
        fs::read(path).unwrap();
    }
    let counts = || world.json(["cache", "stats", "--json"])["since_start"].clone();
    let (hits, misses) = (counts()["hits"].clone(), counts()["misses"].clone());
    pin(world, &directory(world, "Pinned"));
    world.until("all of it is here", is_here);
    // Nobody waited for that.
    assert_eq!((&counts()["hits"], &counts()["misses"]), (&hits, &misses));
    assert!(counts()["evicted"].as_u64() > Some(0));
    plays(world, "Other", 2);
    assert!(is_here(world));
    elsewhere.world.stop();

    elsewhere.start(&format!("{key}\n[cache]\nsize = \"3 MB\""));
    put(&elsewhere, 7, "Pinned");
    elsewhere.world.until("there is no room", |world| {
        let pin = &pins(world)[0];
        let missing = pin["missing"].as_array().unwrap();
        let is_told = |track: &Value| {
            let problem = track["problem"].as_str().unwrap_or_default();
            problem.contains("cache.size")
        };
        pin["tracks"] == 5 && missing.iter().all(is_told) && !missing.is_empty()
    });
    plays(&elsewhere.world, "Pinned", 5);
    elsewhere.world.stop();
}

#[test]
fn what_is_on_a_disk_of_this_machine_needs_no_copy() {
    let mut world = World::new();
    world.add_songs(1..=3);
    world.start();
    let pinned = pin(&world, &world.mnt());
    assert_eq!(pinned["pin"]["path"], "/");
    assert_eq!(pinned["pin"]["tracks"], 3);
    assert_eq!(pinned["pin"]["missing_files"], 0);
    assert_eq!(world.json(["cache", "stats", "--json"])["bytes"], 0);
    for (arguments, said) in [
        (["cache", "pin", "Nobody"], "there is nothing at /Nobody"),
        (
            ["cache", "unpin", "Ann"],
            "/Ann is not pinned by itself, but within /",
        ),
        (["cache", "pin", "/etc"], "there is nothing at /etc"),
    ] {
        let output = world.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains(said) && told.contains("hint: "), "{told}");
    }
    world.stop();
    world.assert_sound();
}

/// The store's files with bytes.
pub(crate) fn blobs(world: &World) -> Vec<PathBuf> {
    let data = world.state().join("store/data");
    let files = crate::world::files(&data).into_iter();
    files.map(|(name, _)| data.join(name)).collect()
}

fn damage(world: &World) {
    let blob = blobs(world).into_iter().next().unwrap();
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(blob)
        .unwrap();
    let at = file.metadata().unwrap().len() / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[test]
fn what_is_kept_is_told_of_verified_repaired_and_cleared_with_and_without_a_daemon() {
    let mut elsewhere = library();
    elsewhere.start(&elsewhere.key());
    pin(&elsewhere.world, &directory(&elsewhere.world, "Pinned"));
    elsewhere.world.until("all of it is here", is_here);
    fs::read(&album(&elsewhere.world, "Other")[0]).unwrap();
    let stats = elsewhere.world.json(["cache", "stats", "--json"]);
    assert!(stats["since_start"]["fetched_bytes"].as_u64() > Some(4 * LONG as u64));
    assert_eq!(stats["pins"]["tracks"], 4);

    damage(&elsewhere.world);
    let repaired = elsewhere.world.json(["cache", "repair", "--json"]);
    assert_eq!(repaired["damaged"], 1, "{repaired}");
    assert_eq!(repaired["repaired_bytes"], repaired["lost_bytes"]);
    let sound = elsewhere.world.run(["cache", "verify"]);
    assert!(sound.status.success(), "{sound:?}");
    assert!(String::from_utf8_lossy(&sound.stdout).contains("all sound"));
    let metrics = fs::read_to_string(elsewhere.world.mnt().join(".status/metrics")).unwrap();
    for line in [
        "musicfs_cache_damaged_total 1",
        "musicfs_cache_pins 1.0",
        "musicfs_cache_pinned_missing_bytes 0.0",
        "musicfs_cache_limit_bytes 10000000000.0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    elsewhere.world.stop();

    let world = &elsewhere.world;
    let rest = world.json(["cache", "stats", "--json"]);
    assert_eq!(rest["since_start"], Value::Null);
    assert!(rest["bytes"].as_u64() > Some(4 * LONG as u64), "{rest}");
    assert_eq!(pins(world)[0]["missing_bytes"], 0);
    damage(world);
    let verified = world.run(["cache", "verify", "--json"]);
    assert_eq!(verified.status.code(), Some(1), "{verified:?}");
    let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verified["damaged"], 1);
    assert_eq!(world.run(["cache", "repair"]).status.code(), Some(8));
    assert_eq!(world.run(["cache", "pin", "Ann"]).status.code(), Some(8));
    let cleared = world.json(["cache", "clear", "--json"]);
    assert!(
        cleared["freed_bytes"].as_u64() >= Some(LONG as u64),
        "{cleared}"
    );
    assert!(
        cleared["bytes"].as_u64() > Some(3 * LONG as u64),
        "{cleared}"
    );
    let cleared = world.json(["cache", "clear", "--pinned", "--json"]);
    assert_eq!(cleared["bytes"], 0);
    world.assert_sound();
}

#[test]
fn a_folder_of_others_is_no_place_for_the_cache() {
    let mut elsewhere = library();
    let key = elsewhere.key();
    let theirs = elsewhere.world.path().join("theirs");
    fs::create_dir_all(theirs.join("data/01")).unwrap();
    let files = [theirs.join("data/01/1"), theirs.join("index.db")];
    files
        .iter()
        .for_each(|path| fs::write(path, "theirs").unwrap());
    for dir in [theirs.clone(), elsewhere.world.music().join("cache")] {
        elsewhere.start(&format!("{key}\n[cache]\ndir = {dir:?}"));
        let world = &elsewhere.world;
        let warnings = world.status()["warnings"].clone();
        assert!(
            warnings
                .as_array()
                .unwrap()
                .iter()
                .any(|it| it["kind"] == "cache"),
            "{warnings}"
        );
        let problem = world.json(["cache", "stats", "--json"])["problem"].clone();
        assert!(problem.as_str().unwrap().contains("cache.dir"), "{problem}");
        plays(world, "Other", 2);
        elsewhere.world.stop();
    }
    assert!(
        files
            .iter()
            .all(|path| fs::read(path).unwrap() == b"theirs")
    );
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 2);
    assert!(!elsewhere.world.music().join("cache").exists());
}
