//! What the machine does to a daemon: no threads, the mounts of others, a lost connection (UP-1, UP-3,
//! UP-8).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, geteuid, prlimit};

use crate::world::{World, not_tested};

fn with_songs(count: u64) -> World {
    let mut world = World::new();
    world.add_songs(1..=count);
    world.start();
    world
}

fn run(command: &[&str]) {
    let (program, arguments) = command.split_first().unwrap();
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// Changes how many processes and threads its user may have (RLIMIT_NPROC) when the daemon wants
/// another. Root may have as many as it likes.
fn allow_threads(world: &World, limit: u64) {
    let pid = Pid::from_raw(world.pid().cast_signed()).unwrap();
    let current = Some(limit);
    let maximum = rustix::process::getrlimit(Resource::Nproc).maximum;
    prlimit(Some(pid), Resource::Nproc, Rlimit { current, maximum }).unwrap();
}

/// How many threads of the runtime the daemon has.
fn threads(world: &World) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", world.pid())).unwrap();
    let names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")));
    names
        .filter(|name| name.as_ref().is_ok_and(|name| name.starts_with("tokio-rt")))
        .count()
}

/// Without threads, Tokio panics where it is to run something on one: a real panic in a real task.
#[test]
fn a_task_that_panics_is_told_with_its_trace_and_begun_again() {
    if geteuid().is_root() {
        return not_tested("root may have as many threads as it likes");
    }
    let mut world = with_songs(1);
    let workers = std::thread::available_parallelism().unwrap().get();
    // Those for other work end when there was none for a while.
    world.until("only workers are left", |world| threads(world) == workers);
    allow_threads(&world, 1);
    world.add_songs([2]);
    let task = |world: &World| {
        let tasks = world.status()["tasks"].as_array().unwrap().clone();
        tasks
            .into_iter()
            .find(|task| task["name"] == "origin music")
    };
    world.until("its task was begun again", |world| {
        task(world).is_some_and(|task| task["restarts"].as_u64() > Some(0))
    });
    let log = world.daemon_log();
    assert!(log.contains("panic: OS can't spawn worker thread"), "{log}");
    assert!(
        log.contains("origin music failed; starting it again"),
        "{log}"
    );
    assert!(
        log.contains("backtrace=") && log.contains("musicfs::"),
        "{log}"
    );
    // What needs none goes on meanwhile, and a signal is not the end of its handler.
    assert_eq!(world.tree().len(), 1);
    for signal in [Signal::HUP, Signal::USR1] {
        world.signal(signal);
    }
    world.until("the configuration was to be read", |world| {
        world.daemon_log().contains("src/reload")
    });
    allow_threads(&world, 10_000);
    world.until("the second song is there", |world| world.tree().len() == 2);
    assert_eq!(world.status()["scans"], serde_json::json!([]));
    world.signal(Signal::HUP);
    world.until("the configuration is read", |world| {
        world
            .daemon_log()
            .contains("the configuration is as it was")
    });
    world.stop();
    world.assert_sound();
}

#[test]
fn what_another_program_left_at_the_mountpoint_stays_its_own() {
    let mut world = World::new();
    world.add_songs([1]);
    let device = fs::metadata(world.mnt()).unwrap().dev();
    let mut program = Command::new("bindfs")
        .args(["-f", "-r", "--no-allow-other"])
        .args([world.music(), world.mnt()])
        .spawn()
        .expect("bindfs; dist/setup.sh tests installs it");
    world.until("it is mounted", |world| {
        fs::metadata(world.mnt()).unwrap().dev() != device
    });
    program.kill().unwrap();
    program.wait().unwrap();
    world.spawn(&[]);
    let status = world.ended(Duration::from_secs(30));
    let log = world.daemon_log();
    assert_eq!(status.code(), Some(5), "{log}");
    assert!(
        log.contains("whose process is gone is mounted there"),
        "{log}"
    );
    fs::read_dir(world.mnt()).unwrap_err();
    run(&["fusermount3", "-u", world.mnt().to_str().unwrap()]);
    world.start();
    assert_eq!(world.tree().len(), 1);
    world.stop();
}

/// Has the kernel end the connection of a mount as it does after a deadlock (fuse control
/// filesystem). Anonymous devices have major number 0.
fn abort(world: &World) {
    let control = world.path().join("fusectl");
    let at = control.to_str().unwrap();
    fs::create_dir_all(&control).unwrap();
    run(&["mount", "-t", "fusectl", "fusectl", at]);
    let device = fs::metadata(world.mnt()).unwrap().dev();
    let aborted = fs::write(control.join(device.to_string()).join("abort"), "1");
    run(&["umount", at]);
    aborted.unwrap();
}

/// Only root may mount the control filesystem; what the daemon does depends on no user.
#[test]
fn a_connection_that_the_kernel_aborts_is_made_anew() {
    if !geteuid().is_root() {
        return not_tested("only root may mount the control filesystem");
    }
    let mut world = with_songs(3);
    let before = world.tree();
    let inode = |world: &World| fs::metadata(world.mnt().join("Ann")).map(|meta| meta.ino());
    let known = inode(&world).unwrap();
    abort(&world);
    world.until("the mount is back", |world| world.tree() == before);
    assert_eq!(inode(&world).unwrap(), known);
    // The new mount is told of changes, too.
    world.add_songs([4]);
    world.until("the fourth song is there", |world| world.tree().len() == 4);
    world.stop();
    world.assert_sound();
}

/// Puts a file into the directory that is under the mount: nothing can be mounted there any more.
fn obstruct(world: &World) -> PathBuf {
    let below = world.path().join("below");
    fs::create_dir_all(&below).unwrap();
    let (world_at, at) = (world.path().to_str().unwrap(), below.to_str().unwrap());
    // Without what is mounted within.
    run(&["mount", "--bind", world_at, at]);
    let written = fs::write(below.join("mnt/file"), "");
    run(&["umount", at]);
    written.unwrap();
    world.mnt().join("file")
}

/// Only root may mount the control filesystem.
#[test]
fn a_connection_that_cannot_be_made_anew_ends_the_daemon_in_order() {
    if !geteuid().is_root() {
        return not_tested("only root may mount the control filesystem");
    }
    let mut world = with_songs(3);
    let before = world.tree();
    let obstacle = obstruct(&world);
    abort(&world);
    // After 1, 5 and 15 s.
    let status = world.ended(Duration::from_secs(60));
    let log = world.daemon_log();
    assert_eq!(status.code(), Some(10), "{log}");
    assert_eq!(log.matches("cannot mount again").count(), 3, "{log}");
    assert!(log.contains("stopped within"), "{log}");
    world.assert_sound();
    fs::remove_file(obstacle).unwrap();
    world.start();
    assert_eq!(world.tree(), before);
    world.stop();
}
