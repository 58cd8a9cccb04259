//! Every call that would write is refused with EROFS (FS-8).

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timestamps, XattrFlags};
use rustix::io::Errno;

use crate::harness::{Mount, World, not_tested};

type Call = (&'static str, fn(&Path) -> io::Result<()>);

/// What programs do to a directory that holds `f`, `d` and `d/g`.
const CALLS: &[Call] = &[
    ("create", |root| {
        File::create_new(root.join("new")).map(drop)
    }),
    ("mkdir", |root| std::fs::create_dir(root.join("new"))),
    ("mknod", |root| {
        let mode = Mode::from_raw_mode(0o600);
        Ok(rustix::fs::mknodat(
            CWD,
            root.join("new"),
            FileType::Fifo,
            mode,
            0,
        )?)
    }),
    ("symlink", |root| symlink("f", root.join("new"))),
    ("link", |root| {
        std::fs::hard_link(root.join("f"), root.join("new"))
    }),
    ("unlink", |root| std::fs::remove_file(root.join("f"))),
    ("rmdir", |root| std::fs::remove_dir(root.join("d"))),
    ("rename", |root| {
        std::fs::rename(root.join("f"), root.join("new"))
    }),
    ("rename over", |root| {
        std::fs::rename(root.join("f"), root.join("d/g"))
    }),
    ("chmod", |root| {
        std::fs::set_permissions(root.join("f"), Permissions::from_mode(0o600))
    }),
    ("chown", |root| {
        std::os::unix::fs::chown(root.join("f"), Some(1), Some(1))
    }),
    ("utimens", |root| {
        let time = rustix::fs::Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        Ok(rustix::fs::utimensat(
            CWD,
            root.join("f"),
            &times,
            AtFlags::empty(),
        )?)
    }),
    ("open for writing", |root| {
        OpenOptions::new()
            .write(true)
            .open(root.join("f"))
            .map(drop)
    }),
    ("open for both", |root| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(root.join("f"))
            .map(drop)
    }),
    ("open to append", |root| {
        OpenOptions::new()
            .append(true)
            .open(root.join("f"))
            .map(drop)
    }),
    ("open to truncate", |root| {
        File::create(root.join("f")).map(drop)
    }),
    ("setxattr", |root| {
        let name = "user.musicfs.track_id";
        Ok(rustix::fs::setxattr(
            root.join("f"),
            name,
            b"9",
            XattrFlags::empty(),
        )?)
    }),
    ("removexattr", |root| {
        Ok(rustix::fs::removexattr(
            root.join("f"),
            "user.musicfs.track_id",
        )?)
    }),
    ("access for writing", |root| {
        Ok(rustix::fs::access(
            root.join("f"),
            rustix::fs::Access::WRITE_OK,
        )?)
    }),
];

fn world() -> std::sync::Arc<World> {
    let world = World::new();
    world.add("f", b"abc");
    world.add("d/g", b"def");
    world
}

fn check(mount: &Mount, skip: &[&str]) {
    for (name, call) in CALLS.iter().filter(|(name, _)| !skip.contains(name)) {
        let error = call(mount.root()).expect_err(name);
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        assert_eq!(errno, Some(Errno::ROFS), "{name}: {error}");
    }
    assert_eq!(mount.names(""), ["d", "f"]);
    assert_eq!(std::fs::read(mount.path("f")).unwrap(), b"abc");
}

#[test]
fn every_writing_call_is_refused() {
    check(&Mount::plain(&world()), &[]);
}

#[test]
fn so_it_is_when_somebody_remounts_for_writing() {
    if !rustix::process::geteuid().is_root() {
        return not_tested("only root may remount");
    }
    let mount = Mount::plain(&world());
    let flags = rustix::mount::MountFlags::NODEV | rustix::mount::MountFlags::NOSUID;
    rustix::mount::mount_remount(mount.root(), flags, c"").unwrap();
    let now = rustix::fs::statvfs(mount.root()).unwrap().f_flag;
    assert!(!now.contains(rustix::fs::StatVfsMountFlags::RDONLY));
    // The kernel judges this one by mode and owner, which let root pass.
    check(&mount, &["access for writing"]);
}

#[test]
fn existing_and_missing_names_give_what_a_disk_gives() {
    let mount = Mount::plain(&world());
    for (what, result, expected) in [
        (
            "mkdir over",
            std::fs::create_dir(mount.path("d")),
            Errno::EXIST,
        ),
        (
            "link over",
            std::fs::hard_link(mount.path("f"), mount.path("d")),
            Errno::EXIST,
        ),
        (
            "chmod nothing",
            std::fs::set_permissions(mount.path("x"), Permissions::from_mode(0o0)),
            Errno::NOENT,
        ),
        (
            "open below a file",
            File::open(mount.path("f/x")).map(drop),
            Errno::NOTDIR,
        ),
        (
            "long name",
            File::open(mount.path(&"x".repeat(256))).map(drop),
            Errno::NAMETOOLONG,
        ),
    ] {
        let errno = result
            .unwrap_err()
            .raw_os_error()
            .map(Errno::from_raw_os_error);
        assert_eq!(errno, Some(expected), "{what}");
    }
}
