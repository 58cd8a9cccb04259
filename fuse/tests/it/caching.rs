//! What the kernel keeps, and that it forgets what changed within a second (FS-9).

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use fuse::{Change, MountOptions};
use rustix::io::Errno;

use crate::harness::{Mount, World, errno, noise, not_tested, within};

const SECOND: Duration = Duration::from_secs(1);

fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.len())
}

#[test]
fn what_was_listed_is_not_asked_again() {
    let world = World::new();
    world.add("D/f", b"abc");
    let mount = Mount::plain(&world);
    assert_eq!(mount.names("D"), ["f"]);
    // Nobody tells the kernel, so that it must go on believing.
    world.remove("D/f");
    assert_eq!(mount.names("D"), ["f"]);
    assert_eq!(size(&mount.path("D/f")), Some(3));
}

#[test]
fn what_is_missing_is_asked_for_every_time() {
    let world = World::new();
    let mount = Mount::plain(&world);
    assert_eq!(size(&mount.path("D")), None);
    assert_eq!(mount.names(""), Vec::<String>::new());
    world.add("D/f", b"abc");
    assert_eq!(size(&mount.path("D/f")), Some(3));
}

#[test]
fn additions_removals_and_moves_show_within_a_second() {
    let world = World::new();
    world.add("A/one", b"1");
    world.add("A/two", b"22");
    let mount = Mount::plain(&world);
    assert_eq!(mount.names("A"), ["one", "two"]);
    mount.notify(world.add("A/three", b"333").1);
    within(SECOND, "an addition", || {
        mount.names("A") == ["one", "three", "two"]
    });
    mount.notify(world.remove("A/one"));
    within(SECOND, "a removal", || mount.names("A") == ["three", "two"]);
    within(SECOND, "a removed name", || {
        size(&mount.path("A/one")).is_none()
    });
    mount.notify(world.rename("A/two", "B/2"));
    within(SECOND, "a move", || {
        mount.names("A") == ["three"] && mount.names("B") == ["2"]
    });
    within(SECOND, "a new directory", || mount.names("") == ["A", "B"]);
    assert_eq!(size(&mount.path("B/2")), Some(2));
}

#[test]
fn a_name_that_stands_for_another_file_shows_it() {
    let world = World::new();
    world.add("A/x", b"1");
    world.add("A/y", b"22");
    let mount = Mount::plain(&world);
    assert_eq!(
        (size(&mount.path("A/x")), size(&mount.path("A/y"))),
        (Some(1), Some(2))
    );
    let mut changes = world.remove("A/x");
    changes.extend(world.rename("A/y", "A/x"));
    mount.notify(changes);
    within(SECOND, "the other file", || {
        size(&mount.path("A/x")) == Some(2)
    });
    assert_eq!(std::fs::read(mount.path("A/x")).unwrap(), b"22");
}

#[test]
fn new_bytes_show_within_a_second_although_cached() {
    let world = World::new();
    let (old, new) = (noise(200_000, 1), noise(200_000, 2));
    let (track, _) = world.add("f", &old);
    let mount = Mount::plain(&world);
    assert_eq!(std::fs::read(mount.path("f")).unwrap(), old);
    std::fs::write(world.original(track), &new).unwrap();
    mount.notify(world.rescan("f"));
    within(SECOND, "new bytes", || {
        std::fs::read(mount.path("f")).unwrap() == new
    });
}

#[test]
fn an_open_handle_never_reads_two_states() {
    let world = World::new();
    let (old, new) = (noise(8 << 20, 1), noise(8 << 20, 2));
    let (track, _) = world.add("f", &old);
    let mount = Mount::plain(&world);
    let reader = File::open(mount.path("f")).unwrap();
    let mut piece = vec![0; 4096];
    reader.read_exact_at(&mut piece, 0).unwrap();
    std::fs::write(world.original(track), &new).unwrap();
    let far = reader.read_at(&mut piece, 6 << 20);
    assert_eq!(errno(far), Some(Errno::STALE.raw_os_error()));
    assert!(world.changed.lock().unwrap().contains(&track));
    mount.notify(world.rescan("f"));
    within(SECOND, "new bytes", || {
        std::fs::read(mount.path("f")).unwrap() == new
    });
    // The new reader's pages must not reach the old one.
    let far = reader.read_at(&mut piece, 6 << 20);
    assert_eq!(errno(far), Some(Errno::STALE.raw_os_error()));
}

#[test]
fn a_file_changed_but_not_yet_rescanned_is_stale() {
    let world = World::new();
    let (track, _) = world.add("f", b"before");
    let mount = Mount::plain(&world);
    assert_eq!(std::fs::read(mount.path("f")).unwrap(), b"before");
    File::options()
        .append(true)
        .open(world.original(track))
        .unwrap()
        .write_all(b"!")
        .unwrap();
    let open = File::open(mount.path("f"));
    assert_eq!(errno(open), Some(Errno::STALE.raw_os_error()));
}

#[test]
fn everything_is_forgotten_at_once() {
    let world = World::new();
    for n in 0..50 {
        world.add(&format!("A{n}/B/f"), b"1");
    }
    let mount = Mount::plain(&world);
    for n in 0..50 {
        assert_eq!(size(&mount.path(&format!("A{n}/B/f"))), Some(1));
    }
    let inside = File::open(mount.path("A3/B")).unwrap();
    for n in 0..50 {
        world.rename(&format!("A{n}/B/f"), &format!("A{n}/C/g"));
    }
    for n in 0..25 {
        world.remove(&format!("A{n}/B"));
    }
    mount.notify(vec![Change::Everything]);
    let right = |n: u32| {
        let names = mount.names(&format!("A{n}"));
        let expected: &[&str] = if n < 25 { &["C"] } else { &["B", "C"] };
        names == expected && size(&mount.path(&format!("A{n}/B/f"))).is_none()
    };
    within(SECOND, "everything is new", || (0..50).all(right));
    assert_eq!(size(&mount.path("A3/C/g")), Some(1));
    drop(inside);
}

#[test]
fn a_replaced_file_is_busy_while_the_kernel_reads_the_old_one() {
    if !rustix::process::geteuid().is_root() {
        return not_tested("only root may use passthrough");
    }
    let world = World::new();
    let (track, _) = world.add("f", b"before");
    let mount = Mount::with(&world, &MountOptions::default());
    let mut old = File::open(mount.path("f")).unwrap();
    let path = world.original(track);
    std::fs::write(path.with_extension("new"), "after!").unwrap();
    std::fs::rename(path.with_extension("new"), &path).unwrap();
    mount.notify(world.rescan("f"));
    assert_eq!(
        errno(File::open(mount.path("f"))),
        Some(Errno::BUSY.raw_os_error())
    );
    let mut text = String::new();
    old.read_to_string(&mut text).unwrap();
    assert_eq!(text, "before");
    drop(old);
    within(SECOND, "the new file opens", || {
        std::fs::read(mount.path("f")).is_ok_and(|bytes| bytes == b"after!")
    });
}
