//! What changes on an origin shows in the events and in the mount within a second (FS-9, ORG-3).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::world::{World, flac, not_tested};

/// FS-9, and ORG-3's debounce.
const SOON: Duration = Duration::from_secs(1);

const TAGS: &[(&str, &str)] = &[
    ("ARTIST", "Ann"),
    ("ALBUM", "One"),
    ("TITLE", "Song"),
    ("TRACKNUMBER", "1"),
];

/// Writes as careful programs do: whole, under another name, then renamed.
fn put(path: &Path, bytes: &[u8]) {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, bytes).unwrap();
    fs::rename(temporary, path).unwrap();
}

#[test]
fn added_retagged_moved_and_deleted_files_show_within_a_second() {
    let mut world = World::new();
    fs::write(world.music().join("first.flac"), flac(1, TAGS)).unwrap();
    world.start();
    let shown = |name: &str| world.mnt().join("Ann/One [FLAC]").join(name);
    let names = || {
        let mut names: Vec<_> = fs::read_dir(world.mnt().join("Ann/One [FLAC]"))
            .map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect())
            .unwrap_or_default();
        names.sort();
        names
    };
    // The kernel has the directory, its entries and a name that is not there.
    assert_eq!(names(), ["01 - Song.flac"]);
    assert!(shown("01 - Song.flac").exists() && !shown("02 - Added.flac").exists());
    let events = world.follow();

    let mut tags = TAGS.to_vec();
    tags[2].1 = "Added";
    tags[3].1 = "2";
    let began = Instant::now();
    put(&world.music().join("second.flac"), &flac(2, &tags));
    let added = events.next("track.discovered", SOON);
    let left = || SOON.saturating_sub(began.elapsed());
    world.within(left(), "the added file is listed", |_| names().len() == 2);
    assert!(shown("02 - Added.flac").exists());

    tags[2].1 = "Retagged";
    let began = Instant::now();
    put(&world.music().join("second.flac"), &flac(2, &tags));
    let retagged = events.next("track.tags_read", SOON);
    let left = || SOON.saturating_sub(began.elapsed());
    world.within(left(), "the new name is listed", |_| {
        names().contains(&"02 - Retagged.flac".into())
    });
    assert!(!shown("02 - Added.flac").exists());
    assert_eq!(
        fs::read(shown("02 - Retagged.flac")).unwrap(),
        flac(2, &tags)
    );

    fs::create_dir(world.music().join("folder")).unwrap();
    fs::rename(
        world.music().join("second.flac"),
        world.music().join("folder/moved.flac"),
    )
    .unwrap();
    let moved = events.next("track.moved", SOON);
    assert_eq!(moved["data"]["to"], "folder/moved.flac");
    // The log has it a moment before the views.
    world.within(SOON, "the moved file is read", |_| {
        fs::read(shown("02 - Retagged.flac")).is_ok_and(|bytes| bytes == flac(2, &tags))
    });

    let began = Instant::now();
    fs::remove_file(world.music().join("folder/moved.flac")).unwrap();
    let vanished = events.next("track.vanished", SOON);
    let left = || SOON.saturating_sub(began.elapsed());
    world.within(left(), "the deleted file is gone", |_| {
        names() == ["01 - Song.flac"]
    });
    assert!(!shown("02 - Retagged.flac").exists());

    for event in [&retagged, &moved, &vanished] {
        assert_eq!(event["subject"], added["subject"], "the track keeps its id");
    }
    world.stop();
    world.assert_sound();
}

#[test]
fn an_album_folder_moved_as_a_whole_keeps_its_tracks() {
    let mut world = World::new();
    let album = world.music().join("a/album");
    fs::create_dir_all(&album).unwrap();
    for n in 0..30 {
        let title = format!("Song {n}");
        fs::write(
            album.join(format!("{n}.flac")),
            flac(n, &[("TITLE", &title)]),
        )
        .unwrap();
    }
    world.start();
    let before = world.tree();
    assert_eq!(before.len(), 30);
    fs::create_dir(world.music().join("b")).unwrap();
    fs::rename(&album, world.music().join("b/renamed")).unwrap();
    world.until("all have moved", |world| {
        world
            .events()
            .iter()
            .filter(|event| event["kind"] == "track.moved")
            .count()
            == 30
    });
    assert_eq!(world.tree(), before);
    let kinds = |kind| {
        world
            .events()
            .iter()
            .filter(|event| event["kind"] == kind)
            .count()
    };
    assert_eq!(
        (kinds("track.discovered"), kinds("track.vanished")),
        (30, 0)
    );
    world.stop();
    world.assert_sound();
}

#[test]
fn nested_folders_that_are_removed_vanish_once() {
    let mut world = World::new();
    let deep = world.music().join("q/r/s");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("a.flac"), flac(1, TAGS)).unwrap();
    fs::write(world.music().join("b.flac"), flac(2, &[("TITLE", "B")])).unwrap();
    world.start();
    assert_eq!(world.tree().len(), 2);
    fs::remove_dir_all(world.music().join("q")).unwrap();
    world.until("it has gone", |world| world.tree().len() == 1);
    world.stop();
    let events = world.events();
    let vanished = events
        .iter()
        .filter(|event| event["kind"] == "track.vanished");
    assert_eq!(vanished.count(), 1);
}

#[test]
fn hidden_files_and_waste_baskets_are_left_out() {
    let mut world = World::new();
    for (n, name) in [
        "...And Justice for All/a.flac",
        "._a.flac",
        ".hidden/b.flac",
        ".Trash-1000/files/c.flac",
        "@eaDir/d.flac",
    ]
    .into_iter()
    .enumerate()
    {
        let path = world.music().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, flac(n as u64, &[("TITLE", name)])).unwrap();
    }
    world.start();
    assert_eq!(world.tree().len(), 1);
    // What is thrown away while it is watched is gone, and does not live on in the basket.
    let basket = world.music().join(".Trash-1001/files");
    fs::create_dir_all(&basket).unwrap();
    let album = world.music().join("...And Justice for All");
    fs::rename(album, basket.join("album")).unwrap();
    world.until("it is gone", |world| world.tree().is_empty());
    let events = world.events();
    assert!(!events.iter().any(|event| event["kind"] == "track.moved"));
}

#[test]
fn a_signal_asks_for_a_listing() {
    let mut world = World::new();
    world.start();
    let quiet = world.path().join("quiet");
    fs::create_dir(&quiet).unwrap();
    let add = format!("quiet={}", quiet.display());
    world.json(["origin", "add", "--refresh", "never", "--json", &add]);
    world.until("it was listed once", |world| {
        world.status()["state"] == "ready"
    });
    fs::write(quiet.join("a.flac"), flac(1, TAGS)).unwrap();
    fs::write(world.music().join("b.flac"), flac(2, &[("TITLE", "B")])).unwrap();
    world.until("the watched one is there", |world| !world.tree().is_empty());
    assert_eq!(world.tree().len(), 1);
    world.signal(rustix::process::Signal::USR1);
    world.until("the other was listed", |world| world.tree().len() == 2);
}

#[test]
fn a_signal_that_comes_too_early_ends_nothing() {
    use rustix::process::Signal;

    let mut world = World::new();
    fs::write(world.music().join("a.flac"), flac(1, TAGS)).unwrap();
    world.spawn(&[]);
    world.until("the lock is taken", |world| {
        fs::read_to_string(world.state().join("lock")).is_ok_and(|pid| !pid.is_empty())
    });
    world.signal(Signal::USR1);
    world.signal(Signal::HUP);
    world.until("it is ready", |world| world.status()["state"] == "ready");
    world.stop();
}

/// As root, every folder can be read.
#[test]
fn a_folder_that_cannot_be_read_is_told_of() {
    if rustix::process::geteuid().is_root() {
        return not_tested("root may read everything");
    }
    let mut world = World::new();
    let locked = world.music().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::write(world.music().join("a.flac"), flac(1, TAGS)).unwrap();
    let mode = |bits| fs::set_permissions(&locked, fs::Permissions::from_mode(bits)).unwrap();
    mode(0o000);
    world.start();
    let origin = world.status()["origins"][0].clone();
    mode(0o755);
    assert_eq!(origin["health"], "degraded");
    let message = origin["message"].as_str().unwrap();
    assert!(message.contains("locked"), "{message}");
    let limit = std::time::Duration::from_secs(120);
    world.within(limit, "it is looked at again by itself", |world| {
        world.status()["origins"][0]["health"] == "healthy"
    });
}

#[test]
fn a_track_that_returns_is_the_same_track() {
    let mut world = World::new();
    let (inside, outside) = (world.music().join("a.flac"), world.path().join("a.flac"));
    fs::write(
        world.music().join("other.flac"),
        flac(9, &[("TITLE", "Other")]),
    )
    .unwrap();
    fs::write(&inside, flac(1, TAGS)).unwrap();
    world.start();
    let before = world.tree();
    fs::rename(&inside, &outside).unwrap();
    world.until("it has gone", |world| world.tree().len() == 1);
    fs::rename(&outside, world.music().join("elsewhere.flac")).unwrap();
    world.until("it is back", |world| world.tree() == before);
    let events = world.events();
    let of =
        |kind: &str| events.iter().find(|event| event["kind"] == kind).unwrap()["subject"].clone();
    assert_eq!(of("track.vanished"), of("track.returned"));
    world.stop();
    world.assert_sound();
}
