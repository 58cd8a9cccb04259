//! Origins that are not one sound disk: disks within them that come and go.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::world::{World, flac};

/// Writes a song whose title is its number.
fn put(path: &Path, number: u64) {
    let title = format!("Song {number}");
    let tags = [("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", &title)];
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, flac(number, &tags)).unwrap();
}

/// A small disk in memory on a folder, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts a directory there, so that what is on the disk outlives it.
    fn mount(content: &Path, at: PathBuf) -> Self {
        let mount = Command::new("mount")
            .arg("--bind")
            .arg(content)
            .arg(&at)
            .status();
        assert!(mount.unwrap().success());
        Self(at)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Mounting takes root; without, there is nothing to look at.
#[test]
fn a_disk_within_an_origin_that_is_away_removes_nothing() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: only root may mount");
        return;
    }
    let mut world = World::new();
    let (content, at) = (world.path().join("content"), world.music().join("disk"));
    put(&world.music().join("a/1.flac"), 1);
    put(&world.music().join("a/2.flac"), 2);
    put(&content.join("b/3.flac"), 3);
    put(&content.join("b/4.flac"), 4);
    fs::create_dir(&at).unwrap();
    let made = fs::metadata(&at).unwrap().ctime();
    let disk = Disk::mount(&content, at.clone());
    world.within(
        crate::world::LIMIT,
        "the folder is older than the library",
        |_| {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
            now > u64::try_from(made).unwrap() + 4
        },
    );
    world.start();
    assert_eq!(world.tree().len(), 4);
    let health = |world: &World, expected: &str| world.status()["origins"][0]["health"] == expected;

    drop(disk);
    world.until("the disk is missed", |world| health(world, "degraded"));
    let why = world.status()["origins"][0]["message"].to_string();
    assert!(
        why.contains("nothing is mounted on the folder disk"),
        "{why}"
    );
    // What is removed elsewhere is gone nevertheless.
    fs::remove_file(world.music().join("a/1.flac")).unwrap();
    world.until("the removed track is gone", |world| world.tree().len() == 3);

    // A daemon that never saw the disk knows by the folder.
    world.stop();
    world.start();
    world.until("the disk is missed again", |world| {
        health(world, "degraded")
    });
    assert_eq!(world.tree().len(), 3);
    let disk = Disk::mount(&content, at.clone());
    world.until("the disk is back", |world| health(world, "healthy"));
    fs::remove_file(content.join("b/3.flac")).unwrap();
    world.until("what was removed from it is gone", |world| {
        world.tree().len() == 2
    });

    drop(disk);
    world.until("the disk is missed", |world| health(world, "degraded"));
    let accepted = world.run(["origin", "rescan", "music", "--accept-removals"]);
    assert!(accepted.status.success(), "{accepted:?}");
    assert_eq!(world.tree().len(), 1);
    world.until("all is well", |world| health(world, "healthy"));
    world.stop();
    world.assert_sound();
}
