//! Starting, stopping, and starting again (FS-1, FS-2, ORG-6, VIEW-6).

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::world::{World, flac};

#[test]
fn a_restart_writes_no_events_and_shows_the_same_tree() {
    let mut world = World::with_library();
    world.start();
    let (tree, position) = (world.tree(), world.position());
    world.stop();
    // All is in the files themselves, which can be copied one by one.
    for folder in ["log", "views"] {
        for entry in fs::read_dir(world.state().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let is_beside = entry.file_name().to_string_lossy().ends_with("-wal");
            assert!(
                !is_beside || entry.metadata().unwrap().len() == 0,
                "{entry:?}"
            );
        }
    }
    world.start();
    assert_eq!(world.tree(), tree);
    assert_eq!(world.position(), position);
    world.stop();
    world.assert_sound();
}

#[test]
fn inodes_and_names_survive_a_restart_and_a_rebuild() {
    let mut world = World::with_library();
    let listing = |world: &World| {
        let output = Command::new("find")
            .arg(world.mnt())
            .args(["-printf", "%i %P %s %T@\n"])
            .output()
            .unwrap();
        let mut lines: Vec<_> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    world.start();
    let before = listing(&world);
    world.stop();
    fs::remove_dir_all(world.state().join("views")).unwrap();
    world.start();
    assert_eq!(listing(&world), before);
    let report = world.json(["replay", "--json"]);
    assert_eq!(report["views"].as_array().unwrap().len(), 5, "{report}");
    assert_eq!(listing(&world), before);
    world.stop();
}

#[test]
fn a_rebuild_under_open_files_and_listings_disturbs_nobody() {
    let mut world = World::with_library();
    world.start();
    let tree = world.tree();
    let path = world
        .mnt()
        .join(tree.keys().find(|path| path.ends_with(".flac")).unwrap());
    let mut open = fs::File::open(&path).unwrap();
    for _ in 0..5 {
        let report = world.json(["replay", "--check", "--json"]);
        assert!(
            report["views"]
                .as_array()
                .unwrap()
                .iter()
                .all(|view| view["equal"] == true),
            "{report}"
        );
        world.json(["replay", "--json"]);
        assert_eq!(world.tree(), tree);
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut open, &mut bytes).unwrap();
    assert_eq!(bytes, fs::read(&path).unwrap());
    world.stop();
}

#[test]
fn an_origin_that_is_gone_or_empty_removes_nothing() {
    let mut world = World::new();
    world.add_songs(1..=5);
    world.start();
    let tree = world.tree();
    assert_eq!(tree.len(), 5);
    world.stop();

    let away = world.path().join("away");
    fs::rename(world.music(), &away).unwrap();
    world.spawn(&[]);
    world.until("the tree is served", |world| world.tree() == tree);
    world.until("the origin is unhealthy", |world| {
        world.status()["origins"][0]["health"] == "unhealthy"
    });
    // A disk that is not mounted leaves an empty folder.
    fs::create_dir(world.music()).unwrap();
    let rescan = world.run(["origin", "rescan", "music"]);
    assert!(!rescan.status.success());
    assert_eq!(world.tree(), tree);
    let path = world.mnt().join(tree.keys().next().unwrap());
    assert!(fs::read(&path).is_err());

    fs::remove_dir(world.music()).unwrap();
    fs::rename(&away, world.music()).unwrap();
    world.until("the origin is back", |world| {
        fs::read(&path).is_ok() && !world.tree().is_empty()
    });
    world.stop();
    world.assert_sound();
}

#[test]
fn an_empty_origin_is_accepted_once_and_not_ever_after() {
    let mut world = World::new();
    world.add_songs(1..=5);
    world.start();
    world.stop();
    let away = world.path().join("away");
    fs::rename(world.music(), &away).unwrap();
    fs::create_dir(world.music()).unwrap();
    world.spawn(&[]);
    let unhealthy = |world: &World| world.status()["origins"][0]["health"] == "unhealthy";
    world.until("the origin is unhealthy", unhealthy);
    let output = world.run(["origin", "rescan", "music", "--accept-removals"]);
    assert!(output.status.success(), "{output:?}");
    assert!(world.tree().is_empty());
    // The user's word was about that day.
    fs::remove_dir(world.music()).unwrap();
    world.until("the root is missed", unhealthy);
    fs::rename(&away, world.music()).unwrap();
    world.until("the music is back", |world| world.tree().len() == 5);
    fs::rename(world.music(), &away).unwrap();
    world.until("the root is missed", unhealthy);
    fs::create_dir(world.music()).unwrap();
    let output = world.run(["origin", "rescan", "music"]);
    assert_eq!(output.status.code(), Some(9), "{output:?}");
    assert_eq!(world.tree().len(), 5);
    world.stop();
    world.assert_sound();
}

#[test]
fn many_removals_are_held_until_accepted() {
    let mut world = World::new();
    world.add_songs(1..=40);
    world.start();
    assert_eq!(world.tree().len(), 40);
    world.stop();
    for n in 2..=40 {
        fs::remove_file(world.music().join(format!("{n}.flac"))).unwrap();
    }
    world.start();
    world.until("the removals are held", |world| {
        world
            .events()
            .iter()
            .any(|event| event["kind"] == "scan.removals_held")
    });
    assert_eq!(world.tree().len(), 40);
    let output = world.run(["origin", "rescan", "music", "--accept-removals"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    world.until("the tree follows", |world| world.tree().len() == 1);
    world.stop();
    world.assert_sound();
}

#[test]
fn what_comes_back_is_held_no_longer() {
    let mut world = World::new();
    world.add_songs(1..=40);
    world.start();
    let away = world.path().join("away");
    fs::create_dir(&away).unwrap();
    let move_all = |from: &Path, to: &Path| {
        for n in 1..=32 {
            let name = format!("{n}.flac");
            fs::rename(from.join(&name), to.join(&name)).unwrap();
        }
    };
    let held = |world: &World| world.status()["origins"][0]["removals_held"].as_u64();
    move_all(&world.music(), &away);
    world.until("the removals are held", |world| held(world) == Some(32));
    // Something else that a scan finds does not settle it.
    fs::write(
        world.music().join("new.flac"),
        flac(99, &[("TITLE", "New")]),
    )
    .unwrap();
    world.until("the new song is there", |world| world.tree().len() == 41);
    world.until("the scan is over", |world| {
        world.status()["scans"] == serde_json::json!([])
    });
    assert_eq!(held(&world), Some(32));
    move_all(&away, &world.music());
    world.until("nothing is held", |world| {
        held(world).is_none_or(|held| held == 0)
    });
    assert!(world.run(["origin", "rescan"]).status.success());
    assert_eq!(world.tree().len(), 41);
    world.stop();
    world.assert_sound();
}

#[test]
fn a_mountpoint_within_an_origin_of_the_library_is_refused() {
    let mut world = World::new();
    world.add_songs(1..=1);
    world.start();
    world.stop();
    let inside = world.music().join("view");
    fs::create_dir(&inside).unwrap();
    let output = world.run(["mount".as_ref(), inside.as_os_str(), "--daemon".as_ref()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("lie within each other"), "{said}");
}

#[test]
fn an_unmount_from_outside_ends_the_daemon_cleanly() {
    let mut world = World::new();
    world.add_songs(1..=1);
    world.start();
    let status = Command::new("fusermount3")
        .arg("-u")
        .arg(world.mnt())
        .status()
        .unwrap();
    assert!(status.success());
    world.until("the daemon has ended", |world| {
        world.status()["state"] == "stopped"
    });
    assert!(!world.state().join("control.sock").exists());
    world.kill();
    world.start();
    assert_eq!(world.tree().len(), 1);
    world.stop();
}

#[test]
fn after_a_kill_the_stale_mount_is_cleared() {
    let mut world = World::new();
    world.add_songs(1..=3);
    world.start();
    let tree = world.tree();
    world.kill();
    let asked = fs::metadata(world.mnt().join("what was never asked for"));
    let error = asked.unwrap_err().raw_os_error();
    let dead = rustix::io::Errno::NOTCONN.raw_os_error();
    assert_eq!(error, Some(dead), "the kill leaves a stale mount");
    world.start();
    assert_eq!(world.tree(), tree);
    world.stop();
    assert_eq!(fs::read_dir(world.mnt()).unwrap().count(), 0);
}
