//! Origins that are not one sound disk: disks within them that come and go, shares that hang.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

use crate::world::{World, flac, not_tested};

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
        return not_tested("only root may mount");
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

/// A folder shown by another program through FUSE, as a share would be. Ends when dropped.
struct Share {
    program: Child,
    at: PathBuf,
}

impl Share {
    fn mount(world: &World, content: &Path) -> Self {
        let at = world.path().join("share");
        fs::create_dir(&at).unwrap();
        let device = |path: &Path| fs::metadata(path).unwrap().dev();
        let underneath = device(&at);
        let mut bindfs = Command::new("bindfs");
        // An ordinary user may not let others in.
        let options = ["-f", "-r", "--no-allow-other"];
        let program = bindfs.args(options).arg(content).arg(&at).spawn();
        let share = Self {
            program: program.expect("bindfs; dist/setup.sh tests installs it"),
            at,
        };
        world.until("the share is mounted", |_| device(&share.at) != underneath);
        share
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let program = rustix::process::Pid::from_child(&self.program);
        rustix::process::kill_process(program, signal).unwrap();
    }

    /// From now on, whoever touches it waits.
    fn hang(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    fn answer(&self) {
        self.signal(rustix::process::Signal::CONT);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.answer();
        let unmounted = Command::new("fusermount3")
            .arg("-uz")
            .arg(&self.at)
            .status();
        drop((unmounted, self.program.kill(), self.program.wait()));
    }
}

#[test]
fn a_share_that_hangs_keeps_no_library_from_being_mounted() {
    let mut world = World::new();
    let content = world.path().join("content");
    put(&world.music().join("1.flac"), 1);
    put(&content.join("2.flac"), 2);
    let share = Share::mount(&world, &content);
    let nas = format!("nas={}", share.at.display());
    share.hang();
    let began = Instant::now();
    world.spawn(&["--origin", &nas]);
    world.until("the other origin is shown", |world| world.tree().len() == 1);
    world.until("the share is an origin", |world| {
        world.status()["origins"]
            .as_array()
            .is_some_and(|origins| origins.len() == 2)
    });
    // Once before the mount, once after it; all that waits for it waits at the same time.
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
    assert!(
        world.daemon_log().contains("does not answer"),
        "{}",
        world.daemon_log()
    );
    share.answer();
    world.until("the share is shown", |world| world.tree().len() == 2);
    let told = String::from_utf8(world.run(["doctor"]).stdout).unwrap();
    assert!(
        told.contains("on fuse, and so listed at intervals"),
        "{told}"
    );

    // Nor is a command held that asks for it.
    world.stop();
    share.hang();
    let told = String::from_utf8(world.run(["doctor"]).stdout).unwrap();
    assert!(told.contains("no answer within 5 s"), "{told}");
    let config = world.path().join("config.toml");
    let text = format!("[[origins]]\ntype = \"nfs\"\npath = {:?}\n", share.at);
    fs::write(&config, text).unwrap();
    let checked = world.json([
        "config".as_ref(),
        "check".as_ref(),
        "--json".as_ref(),
        "--config".as_ref(),
        config.as_os_str(),
    ]);
    let warning = checked["warnings"][0].to_string();
    assert!(warning.contains("no answer within 5 s"), "{checked}");
}
