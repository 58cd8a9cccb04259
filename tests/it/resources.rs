//! A daemon that runs short of what the machine gives it (UP-7).

use std::fs::{self, File};
use std::process::Command;

use crate::world::{World, flac};

/// Descriptors that the daemon may have open.
const LIMIT: usize = 400;

#[test]
fn a_daemon_short_of_descriptors_warns_and_then_keeps_the_rest_for_players() {
    let mut world = World::new();
    let music = world.music().join("a.flac");
    fs::write(&music, flac(1, &[("TITLE", "Song")])).unwrap();
    // Each open file takes one, where the kernel does not read it by itself.
    world.start_with(&["-o", "nopassthrough"]);
    let song = world.mnt().join(world.tree().keys().next().unwrap());
    let limited = Command::new("prlimit")
        .args(["--pid", &world.pid().to_string()])
        .arg(format!("--nofile={LIMIT}:{LIMIT}"))
        .status();
    assert!(limited.unwrap().success());
    let used = format!("/proc/{}/fd", world.pid());
    let mut open: Vec<File> = Vec::new();
    let mut fill = |percent: usize| {
        open.truncate(1);
        while fs::read_dir(&used).unwrap().count() < LIMIT * percent / 100 {
            open.push(File::open(&song).unwrap());
        }
    };
    let warning = |world: &World| world.status()["warnings"][0]["message"].to_string();
    let listed = |world: &World| world.run(["origin", "list"]);
    assert_eq!(world.status()["warnings"], serde_json::json!([]));

    fill(85);
    world.until("people are warned", |world| {
        warning(world).contains("of 400 file descriptors")
    });
    assert!(listed(&world).status.success());
    let said = world.run(["status"]).stdout;
    assert!(String::from_utf8_lossy(&said).contains("warning: "));

    fill(97);
    world.until("new calls are refused", |world| {
        !listed(world).status.success()
    });
    let refused = listed(&world);
    assert_eq!(refused.status.code(), Some(10));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("keeps the rest for players"), "{said}");
    assert!(warning(&world).contains("new calls are refused"));
    assert!(fs::read(&song).is_ok(), "players go on");

    fill(50);
    world.until("calls are taken again", |world| {
        listed(world).status.success()
    });
    assert_eq!(world.status()["warnings"], serde_json::json!([]));
    let log = world.daemon_log();
    assert!(log.contains("file descriptors are in use"), "{log}");
    world.stop();
}
