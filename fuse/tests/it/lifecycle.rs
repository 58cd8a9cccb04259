//! From mount to unmount, whoever unmounts, and what a killed process leaves.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fuse::mountpoint::{self, State};
use fuse::{Ended, MountOptions, Unmounted};

use crate::harness::{Mount, World};

/// Where [`serve_until_killed`] is to serve.
const SERVE_AT: &str = "MUSICFS_TEST_SERVE_AT";
const PATIENCE: Duration = Duration::from_secs(10);

fn world() -> std::sync::Arc<World> {
    let world = World::new();
    world.add("A/f", b"abc");
    world
}

#[test]
fn a_mount_is_seen_as_ours_and_gone_after_unmount() {
    let mount = Mount::plain(&world());
    let path = mount.root().to_owned();
    let State::Mounted(found) = mountpoint::state(&path).unwrap() else {
        panic!("not mounted");
    };
    assert!(found.by_us());
    assert_eq!(
        (found.source.to_str(), found.fstype.as_str()),
        (Some("musicfs"), "fuse.musicfs")
    );
    assert!(mountpoint::clear_stale(&path).is_err());
    let filesystem = std::sync::Arc::clone(&mount.filesystem);
    drop(File::open(mount.path("A/f")).unwrap());
    assert_eq!(mount.unmount(), Unmounted::Cleanly);
    assert_eq!(filesystem.open_files(), 0);
}

#[test]
fn a_mount_in_use_is_waited_for_and_then_detached() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let options = MountOptions {
        passthrough: false,
        ..MountOptions::default()
    };
    let mounted = fuse::mount(world.filesystem(), dir.path(), &options).unwrap();
    let mut reader = File::open(dir.path().join("A/f")).unwrap();
    assert_eq!(
        mounted.unmount(Duration::from_millis(200)).unwrap(),
        Unmounted::Detached
    );
    assert_eq!(mountpoint::state(dir.path()).unwrap(), State::Empty);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "abc");
}

#[test]
fn an_unmount_from_outside_ends_the_session() {
    let mount = Mount::plain(&world());
    assert_eq!(mount.mounted().wait(Some(Duration::ZERO)), None);
    let status = Command::new("fusermount3")
        .arg("-u")
        .arg(mount.root())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(mount.mounted().wait(Some(PATIENCE)), Some(Ended::Unmounted));
    assert_eq!(mount.unmount(), Unmounted::Cleanly);
}

#[test]
fn a_mount_that_was_taken_away_while_in_use_is_not_waited_for() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let mounted = fuse::mount(world.filesystem(), dir.path(), &MountOptions::default()).unwrap();
    let reader = File::open(dir.path().join("A/f")).unwrap();
    let status = Command::new("fusermount3")
        .arg("-uz")
        .arg(dir.path())
        .status()
        .unwrap();
    assert!(status.success());
    let unmounted = mounted.unmount(Duration::from_millis(200));
    assert_eq!(unmounted.unwrap(), Unmounted::Held);
    drop(reader);
}

#[test]
fn a_filesystem_can_be_mounted_again_after_its_session() {
    let world = world();
    let filesystem = world.filesystem();
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let options = MountOptions::default();
        let mounted = fuse::mount(filesystem.clone(), dir.path(), &options).unwrap();
        assert_eq!(std::fs::read(dir.path().join("A/f")).unwrap(), b"abc");
        assert_eq!(mounted.unmount(PATIENCE).unwrap(), Unmounted::Cleanly);
    }
}

#[test]
fn dropping_takes_the_mount_away() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    drop(fuse::mount(world.filesystem(), dir.path(), &MountOptions::default()).unwrap());
    assert_eq!(mountpoint::state(dir.path()).unwrap(), State::Empty);
}

#[test]
fn a_place_that_is_not_there_is_named() {
    let world = world();
    let missing = Path::new("/nonexistent/music");
    let error = fuse::mount(world.filesystem(), missing, &MountOptions::default())
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(
        text.starts_with("cannot mount at /nonexistent/music: "),
        "{text}"
    );
    assert!(text.ends_with("; create the directory first"), "{text}");
}

#[test]
fn what_a_killed_process_leaves_is_found_and_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("a b\\c");
    std::fs::create_dir(&place).unwrap();
    for _ in 0..2 {
        let mut server = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lifecycle::serve_until_killed"])
            .args(["--nocapture", "--ignored"])
            .env(SERVE_AT, &place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        assert!(
            lines
                .map(Result::unwrap)
                .any(|line| line.contains("serving"))
        );
        assert_eq!(std::fs::read(place.join("A/f")).unwrap(), b"abc");
        server.kill().unwrap();
        server.wait().unwrap();
        let State::Stale(mount) = mountpoint::state(&place).unwrap() else {
            panic!("{:?}", mountpoint::state(&place));
        };
        assert!(mount.by_us());
        mountpoint::clear_stale(&place).unwrap();
        assert_eq!(mountpoint::state(&place).unwrap(), State::Empty);
    }
}

#[test]
#[ignore = "run by what_a_killed_process_leaves_is_found_and_cleared"]
fn serve_until_killed() {
    let place = std::env::var_os(SERVE_AT).unwrap();
    let world = world();
    let mounted = fuse::mount(
        world.filesystem(),
        Path::new(&place),
        &MountOptions::default(),
    )
    .unwrap();
    println!("serving");
    // Ends when the parent kills this process, or at the latest when it should have.
    let _ = mounted.wait(Some(Duration::from_secs(60)));
}
