//! Reading, listing and looking through a real mount.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use fuse::MountOptions;
use rustix::fs::StatVfsMountFlags;

use crate::harness::{MTIME_NS, Mount, PANIC, World, errno, noise, not_tested, within};

fn modes() -> [MountOptions; 2] {
    [true, false].map(|passthrough| MountOptions {
        passthrough,
        ..MountOptions::default()
    })
}

#[test]
fn bytes_are_those_of_the_original_on_both_paths() {
    for options in modes() {
        let world = World::new();
        let bytes = noise(3 << 20, 7);
        world.add("A/f.flac", &bytes);
        let mount = Mount::with(&world, &options);
        let path = mount.path("A/f.flac");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        let mut file = File::open(&path).unwrap();
        for (offset, len) in [
            (1, 1),
            (4095, 2),
            (1_000_003, 700_001),
            ((3 << 20) - 5, 100),
        ] {
            let mut piece = vec![0; len];
            let read = file.read_at(&mut piece, offset).unwrap();
            let start = usize::try_from(offset).unwrap();
            let end = (start + len).min(bytes.len());
            assert_eq!(piece[..read], bytes[start..start + read]);
            assert_eq!(start + read, end, "short read of {len} at {offset}");
        }
        file.seek(SeekFrom::End(-3)).unwrap();
        let mut tail = Vec::new();
        file.read_to_end(&mut tail).unwrap();
        assert_eq!(tail, bytes[bytes.len() - 3..]);
        let mapped = file.metadata().unwrap();
        assert_eq!(mapped.len(), bytes.len() as u64);
        drop(file);
        mount.unmount();
    }
}

#[test]
fn root_gets_passthrough() {
    let world = World::new();
    world.add("f", b"abc");
    let mount = Mount::with(&world, &MountOptions::default());
    assert_eq!(std::fs::read(mount.path("f")).unwrap(), b"abc");
    let root = rustix::process::geteuid().is_root();
    assert_eq!(mount.mounted().passthrough(), root);
    if root {
        // A read that came to us would panic.
        world.disk.panics.store(true, Ordering::Relaxed);
        assert_eq!(std::fs::read(mount.path("f")).unwrap(), b"abc");
    }
}

#[test]
fn stat_is_exact_before_the_first_open() {
    let world = World::new();
    world.add("A/B/f", &[1; 1234]);
    let mount = Mount::plain(&world);
    let file = std::fs::metadata(mount.path("A/B/f")).unwrap();
    let mtime = file.mtime() * 1_000_000_000 + file.mtime_nsec();
    assert_eq!(
        (file.len(), file.mode(), file.ino()),
        (1234, 0o100_444, world.ino("A/B/f").0)
    );
    assert_eq!((file.blocks(), mtime), (3, MTIME_NS));
    let directory = std::fs::metadata(mount.path("A")).unwrap();
    assert_eq!((directory.mode(), directory.nlink()), (0o040_555, 3));
    assert_eq!(directory.uid(), rustix::process::geteuid().as_raw());
}

#[test]
fn owner_and_modes_follow_the_options() {
    let world = World::new();
    world.add("D/f", b"");
    let options = fuse::options::parse("uid=12,gid=34,umask=027", &[])
        .unwrap()
        .options;
    let mount = Mount::with(&world, &options);
    let seen = |path| {
        let metadata = std::fs::metadata(mount.path(path)).unwrap();
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o777)
    };
    // Only root gets past these modes.
    if rustix::process::geteuid().is_root() {
        assert_eq!(seen("D"), (12, 34, 0o550));
        assert_eq!(seen("D/f"), (12, 34, 0o440));
    } else {
        not_tested("modes that only root gets past");
    }
}

#[test]
fn statfs_tells_the_size_of_the_library() {
    let world = World::new();
    world.add("f", &[0; 10_000]);
    let mount = Mount::plain(&world);
    let vfs = rustix::fs::statvfs(mount.root()).unwrap();
    assert_eq!(
        (vfs.f_blocks, vfs.f_frsize, vfs.f_bfree, vfs.f_files),
        (4, 4096, 0, 2)
    );
    assert_eq!(vfs.f_namemax, 255);
    assert!(
        vfs.f_flag
            .contains(StatVfsMountFlags::RDONLY | StatVfsMountFlags::NOEXEC)
    );
}

#[test]
fn extended_attributes_are_shown() {
    let world = World::new();
    world.add("f", b"");
    let mount = Mount::plain(&world);
    let path = mount.path("f");
    let mut value = [0; 64];
    let len = rustix::fs::getxattr(&path, "user.musicfs.path", &mut value[..]).unwrap();
    assert_eq!(&value[..len], b"odd \xff name");
    assert_eq!(
        rustix::fs::getxattr_query(&path, "user.musicfs.path"),
        Ok(10)
    );
    let mut small = [0; 3];
    let error = rustix::fs::getxattr(&path, "user.musicfs.path", &mut small[..]).unwrap_err();
    assert_eq!(error, rustix::io::Errno::RANGE);
    let error = rustix::fs::getxattr(&path, "user.other", &mut small[..]).unwrap_err();
    assert_eq!(error, rustix::io::Errno::NODATA);
    let len = rustix::fs::listxattr(&path, &mut value[..]).unwrap();
    assert_eq!(value[..len].split(|byte| *byte == 0).count(), 4);
}

#[test]
fn a_hundred_thousand_entries_are_listed() {
    let world = World::new();
    let (track, _) = world.add("D/first", b"x");
    let original = world.original(track);
    for n in 0..100_000 {
        world.add_original(&format!("D/{n:06}.flac"), original.clone());
    }
    let mount = Mount::plain(&world);
    assert_eq!(mount.names("D").len(), 100_001);
    assert_eq!(mount.names("D")[77_777], "077777.flac");
    assert_eq!(
        std::fs::metadata(mount.path("D/099999.flac"))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_listing_goes_on_while_the_directory_changes() {
    let world = World::new();
    for n in 0..3000 {
        world.add(&format!("D/{n}"), b"");
    }
    let mount = Mount::plain(&world);
    let mut listing = std::fs::read_dir(mount.path("D")).unwrap();
    let mut seen: Vec<_> = listing
        .by_ref()
        .take(100)
        .map(|entry| entry.unwrap().file_name())
        .collect();
    for n in 0..500 {
        mount.notify(world.remove(&format!("D/{}", n * 6)));
        mount.notify(world.add(&format!("D/new {n}"), b"").1);
    }
    seen.extend(listing.map(|entry| entry.unwrap().file_name()));
    let stayed = (0..3000).filter(|n| n % 6 != 0);
    let seen: std::collections::HashSet<_> = seen.into_iter().collect();
    for n in stayed {
        assert!(
            seen.contains(std::ffi::OsStr::new(&n.to_string())),
            "{n} was left out"
        );
    }
    within(Duration::from_secs(1), "a new listing is right", || {
        mount.names("D").len() == 3000
    });
}

#[test]
fn more_than_a_thousand_files_are_open_at_once() {
    for options in modes() {
        let world = World::new();
        for n in 0..1200 {
            world.add(&format!("D/{n}"), n.to_string().as_bytes());
        }
        let mount = Mount::with(&world, &options);
        rustix::process::setrlimit(
            rustix::process::Resource::Nofile,
            rustix::process::Rlimit {
                current: Some(8192),
                maximum: Some(8192),
            },
        )
        .unwrap();
        let files: Vec<_> = (0..1200)
            .map(|n| File::open(mount.path(&format!("D/{n}"))).unwrap())
            .collect();
        assert_eq!(mount.filesystem.open_files(), 1200);
        for (n, mut file) in files.iter().enumerate().rev() {
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, n.to_string());
        }
        drop(files);
        let limit = Duration::from_secs(5);
        within(limit, "all are closed", || {
            mount.filesystem.open_files() == 0
        });
        mount.unmount();
    }
}

#[test]
fn one_file_has_many_readers() {
    for options in modes() {
        let world = World::new();
        let bytes = noise(2 << 20, 3);
        world.add("f", &bytes);
        let mount = Mount::with(&world, &options);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| assert_eq!(std::fs::read(mount.path("f")).unwrap(), bytes));
            }
        });
    }
}

#[test]
fn a_panic_is_an_error_and_the_mount_lives_on() {
    let world = World::new();
    world.add("f", b"abc");
    let mount = Mount::plain(&world);
    let eio = Some(rustix::io::Errno::IO.raw_os_error());
    for _ in 0..5 {
        assert_eq!(errno(std::fs::metadata(mount.path(PANIC))), eio);
    }
    let mut file = File::open(mount.path("f")).unwrap();
    world.disk.panics.store(true, Ordering::Relaxed);
    assert_eq!(errno(file.read(&mut [0; 3])), eio);
    world.disk.panics.store(false, Ordering::Relaxed);
    assert_eq!(std::fs::read(mount.path("f")).unwrap(), b"abc");
}

#[test]
fn stalled_reads_hold_up_nothing_else() {
    let world = World::new();
    world.add("D/slow", b"abc");
    world.add("E/f", b"");
    let mount = Mount::plain(&world);
    let stall = world.stall();
    let (done, finished) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            let (path, done) = (mount.path("D/slow"), done.clone());
            scope.spawn(move || done.send(std::fs::read(path).unwrap()).unwrap());
        }
        assert_eq!(mount.names("E"), ["f"]);
        assert_eq!(mount.names("D"), ["slow"]);
        assert_eq!(std::fs::metadata(mount.path("D/slow")).unwrap().len(), 3);
        assert_eq!(
            std::fs::read(mount.path(".status/version")).unwrap(),
            b"1.2.3\n"
        );
        assert!(finished.try_recv().is_err());
        drop(stall);
        for _ in 0..20 {
            assert_eq!(
                finished.recv_timeout(Duration::from_secs(10)).unwrap(),
                b"abc"
            );
        }
    });
}

#[test]
fn a_disk_that_does_not_answer_ends_in_eio_and_is_read_again_once_it_does() {
    let world = World::new();
    world.add("f", b"abc");
    world.disk.limit_ms.store(500, Ordering::Relaxed);
    let mount = Mount::plain(&world);
    let mut open = File::open(mount.path("f")).unwrap();
    let eio = Some(rustix::io::Errno::IO.raw_os_error());
    let stall = world.stall();
    assert_eq!(errno(File::open(mount.path("f"))), eio);
    assert_eq!(errno(open.read(&mut [0; 3])), eio);
    drop(stall);
    let again = || std::fs::read(mount.path("f"));
    within(Duration::from_secs(10), "read again", || {
        again().is_ok_and(|bytes| bytes == b"abc")
    });
    drop(open);
    // The open that was answered without waiting for it is not left behind.
    within(Duration::from_secs(10), "all closed", || {
        mount.filesystem.open_files() == 0
    });
}

#[test]
fn status_is_fresh_at_every_look() {
    let world = World::new();
    let mount = Mount::plain(&world);
    assert_eq!(mount.names(""), Vec::<String>::new());
    for n in 0..3 {
        let path = mount.path(".status/count");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), n);
        assert_eq!(std::fs::read(&path).unwrap().len() as u64, n);
        world.add(&format!("f{n}"), b"");
    }
    assert_eq!(mount.names(".status"), ["count", "rescan", "version"]);
    std::fs::read(mount.path(".status/rescan")).unwrap();
    assert_eq!(world.rescans.load(Ordering::Relaxed), 1);
}
