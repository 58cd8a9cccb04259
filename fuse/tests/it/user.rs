//! The same as an ordinary user, through `fusermount3`.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use fuse::{MountOptions, Unmounted, mountpoint};

use crate::harness::{Mount, World, noise, not_tested};

/// Present in the process that has become an ordinary user.
const AS_USER: &str = "MUSICFS_TEST_AS_USER";
/// Anybody but root.
const USER: &str = "--reuid=65534";
const GROUP: &str = "--regid=65534";

/// Runs a test of this module once more as an ordinary user, where this is root.
fn again_as_user(test: &str) -> bool {
    if !rustix::process::geteuid().is_root() {
        return false;
    }
    // Where everybody may read and run it.
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let status = Command::new("setpriv")
        .args([USER, GROUP, "--clear-groups", "--"])
        .arg(&program)
        .args(["--exact", &format!("user::{test}")])
        .current_dir("/")
        .env(AS_USER, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed as an ordinary user");
    true
}

#[test]
fn an_ordinary_user_mounts_reads_and_unmounts() {
    if again_as_user("an_ordinary_user_mounts_reads_and_unmounts") {
        return;
    }
    let world = World::new();
    let bytes = noise(1 << 20, 5);
    world.add("A/f", &bytes);
    let mount = Mount::with(&world, &MountOptions::default());
    assert_eq!(std::fs::read(mount.path("A/f")).unwrap(), bytes);
    assert!(!mount.mounted().passthrough());
    assert_eq!(
        std::fs::metadata(mount.path("A")).unwrap().uid(),
        rustix::process::geteuid().as_raw()
    );
    let mountpoint::State::Mounted(found) = mountpoint::state(mount.root()).unwrap() else {
        panic!("not mounted");
    };
    assert!(found.by_us());
    assert_eq!(mount.unmount(), Unmounted::Cleanly);
}

#[test]
fn what_the_user_may_not_read_is_denied() {
    if again_as_user("what_the_user_may_not_read_is_denied") {
        return;
    }
    let world = World::new();
    let (track, _) = world.add("f", b"secret");
    let closed = std::fs::Permissions::from_mode(0o0);
    std::fs::set_permissions(world.original(track), closed).unwrap();
    let mount = Mount::with(&world, &MountOptions::default());
    let error = std::fs::read(mount.path("f")).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
}

#[test]
fn allow_other_says_what_it_needs() {
    if again_as_user("allow_other_says_what_it_needs") {
        return;
    }
    let allowed = std::fs::read_to_string("/etc/fuse.conf").unwrap_or_default();
    if allowed
        .lines()
        .any(|line| line.trim() == "user_allow_other")
    {
        return not_tested("/etc/fuse.conf allows it");
    }
    let dir = tempfile::tempdir().unwrap();
    let options = MountOptions {
        allow_other: true,
        ..MountOptions::default()
    };
    let error = fuse::mount(World::new().filesystem(), dir.path(), &options)
        .err()
        .unwrap();
    assert!(error.to_string().contains("/etc/fuse.conf"), "{error}");
}
