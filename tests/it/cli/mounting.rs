//! Mounts that cannot be.

use std::os::unix::fs::PermissionsExt;

use super::tool::{Home, is_root, says, some_log};
use crate::world::World;

#[test]
fn no_mountpoint() {
    says(
        &Home::new().run("mount --origin music"),
        "[2]
        error: there is no MOUNTPOINT
        hint: give one: musicfs mount ~/Music-view --origin ~/Music; or set `mountpoint` in the configuration",
    );
}

#[test]
fn a_mountpoint_that_is_absent() {
    says(
        &Home::new().run("-q mount absent --origin music"),
        "[3]
        error: cannot mount at ~/absent: there is no such directory
        hint: make it: mkdir -p ~/absent",
    );
}

#[test]
fn a_mistake_in_the_command_line_is_json_where_that_is_asked_for() {
    says(
        &Home::new().run("--json mount --bogus"),
        r#"[2]
        {"error":{"hint":"`musicfs COMMAND --help` explains every option","kind":"usage","message":"unexpected argument '--bogus' found"}}"#,
    );
}

#[test]
fn a_mountpoint_that_is_not_empty() {
    let home = Home::new();
    home.file("full/letter", "dear");
    says(
        &home.run("-q mount full --origin music"),
        "[3]
        error: cannot mount at ~/full: it is not empty
        hint: choose an empty directory, or make a new one",
    );
}

#[test]
fn a_mountpoint_that_is_a_file() {
    let home = Home::new();
    home.file("file", "");
    says(
        &home.run("-q mount file --origin music"),
        "[3]
        error: cannot mount at ~/file: it is not a directory
        hint: choose a directory",
    );
}

#[test]
fn a_mountpoint_that_is_something_elses() {
    says(
        &Home::new().run("-q mount /proc --origin music"),
        "[5]
        error: cannot mount at /proc: proc (proc) is mounted there
        hint: unmount it with `fusermount3 -u` or `umount`, or choose another directory",
    );
}

#[test]
fn a_daemon_tells_its_troubles_to_the_terminal() {
    says(
        &Home::new().run("mount absent --origin music --daemon"),
        "[3]
        error: cannot mount at ~/absent: there is no such directory
        hint: make it: mkdir -p ~/absent",
    );
}

#[test]
fn an_origin_that_is_missing() {
    says(
        &Home::new().run("-q mount view --origin nowhere"),
        "[9]
        error: cannot read the origin ~/nowhere: no such file or directory
        hint: check the path; if it is on a disk or share, mount that first",
    );
}

#[test]
fn an_origin_that_is_a_file() {
    let home = Home::new();
    home.file("song.mp3", "");
    says(
        &home.run("-q mount view --origin song.mp3"),
        "[9]
        error: cannot read the origin ~/song.mp3: not a directory
        hint: an origin is a folder; name the one that the file is in",
    );
}

#[test]
fn an_origin_that_may_not_be_read() {
    if is_root() {
        return crate::world::not_tested("root may read everything");
    }
    let home = Home::new();
    let music = home.path("music");
    std::fs::set_permissions(&music, PermissionsExt::from_mode(0o000)).unwrap();
    says(
        &home.run("-q mount view --origin music"),
        "[9]
        error: cannot read the origin ~/music: permission denied
        hint: give your user the right to read and enter it; MusicFS never writes there",
    );
}

#[test]
fn an_origin_without_a_path() {
    says(
        &Home::new().run("mount view --origin nas="),
        "[2]
        error: --origin nas=: the path is empty
        hint: write --origin PATH or --origin ID=PATH",
    );
}

#[test]
fn an_origin_with_an_id_that_is_none() {
    let home = Home::new();
    says(
        &home.run("-q mount view --origin NAS=music"),
        "[2]
        error: --origin NAS=music: \"NAS\" is not an origin id (1 to 64 of a-z 0-9 . _ -, first a letter or digit)
        hint: write --origin PATH or --origin ID=PATH",
    );
    let mut command = home.command("origin add");
    command.arg("my nas=/mnt");
    let told = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(
        told.starts_with("error: my nas=/mnt: \"my nas\" is not an origin id"),
        "{told}"
    );
    // What is there is meant, whatever its name; so is what is no id by any reading.
    some_log(&home.dir("state"));
    home.dir("A=b");
    for path in ["A=b", "./A=b", "a=music"] {
        let said = home.run(&format!("origin add {path} --state-dir state"));
        assert!(said.starts_with("[8]\n"), "{said}");
    }
    let said = home.run("origin add ./C=d --state-dir state");
    assert!(
        said.starts_with("[9]\nerror: cannot read the origin ~/C=d: no such"),
        "{said}"
    );
}

#[test]
fn a_path_that_is_empty() {
    let home = Home::new();
    some_log(&home.dir("state"));
    home.run("replay --state-dir state");
    for (line, hint) in [
        ("origin add", "\nhint: write PATH or ID=PATH"),
        ("explain", ""),
    ] {
        let mut command = home.command(&format!("{line} --state-dir state"));
        command.arg("");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told.trim_end(), format!("error: the path is empty{hint}"));
    }
}

#[test]
fn a_mount_option_that_is_none() {
    let said = Home::new().run("mount view --origin music -o allow_othr");
    says(
        said.lines().take(2).collect::<Vec<_>>().join("\n").as_str(),
        "[2]
        error: unknown mount option \"allow_othr\"; did you mean \"allow_other\"?",
    );
}

#[test]
fn a_second_daemon() {
    let home = Home::new();
    let state = home.dir("state");
    let lock = std::fs::File::create(state.join("lock")).unwrap();
    std::fs::write(state.join("lock"), "4711\n").unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    says(
        &home.run("mount view --origin music --state-dir state"),
        "[5]
        error: the library in ~/state is in use by process 4711
        hint: see it with `musicfs status`, stop it with `musicfs shutdown`, or use another --state-dir",
    );
    says(
        &home.run("status --state-dir state"),
        "[5]
        error: process 4711 holds the library in ~/state, but does not answer
        hint: it may be starting, stopping or working offline; try again in a moment",
    );
}

#[test]
fn a_state_directory_that_is_read_only() {
    let home = Home::new();
    if is_root() {
        // Root writes wherever there is a disk; /proc is none.
        let said = home.run("mount view --origin music --state-dir /proc/state");
        assert!(
            said.starts_with("[6]\nerror: cannot create the state directory /proc/state: "),
            "{said}"
        );
        return;
    }
    let state = home.dir("state");
    std::fs::set_permissions(&state, PermissionsExt::from_mode(0o500)).unwrap();
    let said = home.run("mount view --origin music --state-dir state");
    assert!(
        said.starts_with("[6]\nerror: cannot create ~/state/log: permission denied"),
        "{said}"
    );
}

#[test]
fn what_a_killed_daemon_left_is_cleared_and_nothing_else() {
    let mut world = World::new();
    world.start();
    let clear = |world: &World| world.run(["clear-mount".as_ref(), world.mnt().as_os_str()]);
    let output = clear(&world);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(world.mnt().join(".status").exists());
    world.kill();
    assert!(rustix::fs::statfs(world.mnt()).is_err());
    let mnt = world.mnt();
    let told = world.json(["clear-mount".as_ref(), mnt.as_os_str(), "--json".as_ref()]);
    assert_eq!(told["cleared"], true);
    assert_eq!(std::fs::read_dir(&mnt).unwrap().count(), 0);
    let said = clear(&world);
    assert!(said.status.success(), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("no daemon left anything at"));
}
