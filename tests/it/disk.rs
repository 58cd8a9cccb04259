//! A state directory whose disk is full: what is known is served, nothing is lost, and it goes on
//! by itself once there is space.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::world::{World, flac, not_tested};

/// A small filesystem in memory, unmounted when dropped.
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(crate) fn new(path: PathBuf, size: &str) -> Self {
        fs::create_dir(&path).unwrap();
        let mount = ["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(&path).status();
        assert!(mounted.unwrap().success());
        Self(path)
    }

    /// Leaves so many bytes free.
    pub(crate) fn fill(&self, left: usize) -> PathBuf {
        let path = self.0.join("ballast");
        let mut ballast = fs::File::create(&path).unwrap();
        let mut written = 0;
        while ballast.write_all(&[0x55; 4096]).is_ok() {
            written += 4096;
        }
        ballast.set_len((written - left) as u64).unwrap();
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn songs(world: &World, range: std::ops::Range<u64>) {
    for n in range {
        let title = format!("Song {n:04}");
        let lyrics = format!("{n} la ").repeat(500);
        let tags = [
            ("ARTIST", "Ann"),
            ("ALBUM", "One"),
            ("TITLE", &title),
            ("LYRICS", &lyrics),
        ];
        fs::write(world.music().join(format!("{n}.flac")), flac(n, &tags)).unwrap();
    }
}

/// Only root may mount a small disk; the state directory's behaviour does not depend on the user.
#[test]
fn a_full_disk_loses_nothing_and_is_recovered_from() {
    if !rustix::process::geteuid().is_root() {
        return not_tested("only root may mount a small disk");
    }
    let mut world = World::new();
    let disk = Disk::new(world.state(), "24M");
    songs(&world, 0..10);
    world.start();
    let before = world.tree();
    assert_eq!(before.len(), 10);
    let ballast = disk.fill(200 << 10);
    songs(&world, 10..800);
    world.until("the log says that the disk is full", |world| {
        world.daemon_log().contains("no space left")
    });
    // What is known is served, and control answers.
    let now = world.tree();
    assert!(
        before
            .iter()
            .all(|(path, size)| now.get(path) == Some(size))
    );
    let first = world.mnt().join(before.keys().next().unwrap());
    assert!(!fs::read(first).unwrap().is_empty());
    assert!(world.status()["position"].as_u64().unwrap() > 0);
    fs::remove_file(ballast).unwrap();
    world.until("everything is there", |world| world.tree().len() == 800);
    world.stop();
    // What was read while the log could take nothing, too.
    let events = world.events();
    assert!(events.iter().any(|event| event["kind"] == "track.read"));
    world.assert_sound();
}

/// A start on a full disk is refused with a reason, and leaves what is there alone.
#[test]
fn a_start_on_a_full_disk_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return not_tested("only root may mount a small disk");
    }
    let mut world = World::new();
    let disk = Disk::new(world.state(), "4M");
    let ballast = disk.fill(0);
    let output = world.run(["mount".as_ref(), world.mnt().as_os_str()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains(world.state().to_str().unwrap()), "{said}");
    fs::remove_file(ballast).unwrap();
    songs(&world, 0..1);
    world.start();
    assert_eq!(world.tree().len(), 1);
    world.stop();
    drop(disk);
}
