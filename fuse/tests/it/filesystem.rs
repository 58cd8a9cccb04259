//! Operations, without a kernel.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fuse::{Caching, ErrorKind, FileKind, Filesystem, FsError, Ino, Opened};

use crate::harness::{World, noise};

fn lookup(fs: &Filesystem, parent: Ino, name: &str) -> Result<Ino, ErrorKind> {
    fs.lookup(parent, OsStr::new(name))
        .map(|entry| entry.attr.ino)
        .map_err(|error| error.kind)
}

fn open(fs: &Filesystem, ino: Ino) -> Result<Opened, FsError> {
    fs.open(fs.find(ino)?, 0, &|_| None)
}

fn read_all(fs: &Filesystem, ino: Ino) -> Vec<u8> {
    let opened = open(fs, ino).unwrap();
    let mut bytes = vec![0; 1 << 16];
    let len = fs.read(opened.handle, 0, &mut bytes).unwrap();
    fs.release(opened.handle);
    bytes.truncate(len);
    bytes
}

/// Lists `count` entries a call, as a kernel with small pages does.
fn list(fs: &Filesystem, ino: Ino, count: usize) -> Vec<String> {
    let (mut names, mut offset) = (Vec::new(), 0);
    loop {
        let mut left = count;
        fs.readdir(ino, offset, true, &mut |entry| {
            if left == 0 {
                return false;
            }
            left -= 1;
            offset = entry.next;
            names.push(entry.name.to_owned());
            true
        })
        .unwrap();
        if left > 0 {
            return names;
        }
    }
}

#[test]
fn names_lead_to_nodes() {
    let world = World::new();
    world.add("A/B/1.flac", b"one");
    let fs = world.filesystem();
    let a = lookup(&fs, Ino::ROOT, "A").unwrap();
    let b = lookup(&fs, a, "B").unwrap();
    let file = fs.lookup(b, OsStr::new("1.flac")).unwrap();
    assert_eq!(
        (file.attr.kind, file.attr.size, file.attr.links),
        (FileKind::File, 3, 1)
    );
    assert_eq!(fs.getattr(a).unwrap().attr.links, 3);
    assert_eq!(lookup(&fs, b, "."), Ok(b));
    assert_eq!(lookup(&fs, b, ".."), Ok(a));
    assert_eq!(lookup(&fs, Ino::ROOT, ".."), Ok(Ino::ROOT));
}

#[test]
fn names_that_cannot_be_are_refused() {
    let world = World::new();
    world.add("A/1", b"");
    let fs = world.filesystem();
    assert_eq!(lookup(&fs, Ino::ROOT, "B"), Err(ErrorKind::NotFound));
    assert_eq!(
        lookup(&fs, Ino::ROOT, &"x".repeat(255)),
        Err(ErrorKind::NotFound)
    );
    assert_eq!(
        lookup(&fs, Ino::ROOT, &"x".repeat(256)),
        Err(ErrorKind::NameTooLong)
    );
    let invalid = fs
        .lookup(Ino::ROOT, OsStr::from_bytes(b"\xff"))
        .unwrap_err();
    assert_eq!(invalid.kind, ErrorKind::NotFound);
    assert_eq!(fs.getattr(Ino(999)).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(
        fs.readdir(world.ino("A/1"), 0, false, &mut |_| true)
            .unwrap_err()
            .kind,
        ErrorKind::NotADirectory
    );
    assert_eq!(
        open(&fs, world.ino("A")).unwrap_err().kind,
        ErrorKind::IsADirectory
    );
    assert_eq!(
        fs.read(77, 0, &mut []).unwrap_err().kind,
        ErrorKind::BadHandle
    );
}

#[test]
fn listings_of_any_piece_size_are_complete() {
    let world = World::new();
    for n in 0..1500 {
        world.add(&format!("D/{n}"), b"");
    }
    let fs = world.filesystem();
    let d = world.ino("D");
    let mut expected: Vec<_> = (0..1500)
        .map(|n| n.to_string())
        .chain([".".into(), "..".into()])
        .collect();
    expected.sort();
    for count in [1, 7, 512, 5000] {
        let mut names = list(&fs, d, count);
        names.sort();
        assert_eq!(names, expected, "{count} at once");
    }
}

#[test]
fn a_listing_can_start_anywhere() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.add(name, b"");
    }
    let fs = world.filesystem();
    let from = |offset: u64| {
        let mut entries = Vec::new();
        let mut take = |entry: fuse::DirEntry<'_>| {
            entries.push((entry.name.to_owned(), entry.next));
            true
        };
        fs.readdir(Ino::ROOT, offset, true, &mut take).unwrap();
        entries
    };
    let all = from(0);
    assert_eq!(all.len(), 5);
    for (index, (_, next)) in all.iter().enumerate() {
        assert_eq!(from(*next), all[index + 1..], "from {next}");
    }
}

#[test]
fn reads_give_the_bytes_at_any_offset() {
    let world = World::new();
    let bytes = noise(100_000, 1);
    world.add("f", &bytes);
    let fs = world.filesystem();
    let opened = open(&fs, world.ino("f")).unwrap();
    for (offset, len) in [
        (0, 10),
        (99_990, 10),
        (99_990, 100),
        (100_000, 10),
        (200_000, 10),
        (5, 70_000),
    ] {
        let mut buffer = vec![0; len];
        let read = fs.read(opened.handle, offset, &mut buffer).unwrap();
        let start = usize::try_from(offset).unwrap().min(bytes.len());
        let end = (start + len).min(bytes.len());
        assert_eq!(&buffer[..read], &bytes[start..end], "{len} at {offset}");
    }
    assert_eq!(fs.open_files(), 1);
    fs.release(opened.handle);
    assert_eq!(fs.open_files(), 0);
}

#[test]
fn a_file_that_changed_before_open_is_stale_and_reported() {
    let world = World::new();
    let (track, _) = world.add("f", b"before");
    let fs = world.filesystem();
    std::fs::write(world.original(track), "after, and longer").unwrap();
    assert_eq!(
        open(&fs, world.ino("f")).unwrap_err().kind,
        ErrorKind::Stale
    );
    assert_eq!(*world.changed.lock().unwrap(), [track]);
    world.rescan("f");
    assert_eq!(read_all(&fs, world.ino("f")), b"after, and longer");
}

#[test]
fn a_file_that_changes_under_its_reader_is_stale() {
    let world = World::new();
    let (track, _) = world.add("f", b"before");
    let fs = world.filesystem();
    let opened = open(&fs, world.ino("f")).unwrap();
    File::options()
        .append(true)
        .open(world.original(track))
        .unwrap()
        .write_all(b"!")
        .unwrap();
    let error = fs.read(opened.handle, 0, &mut [0; 10]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Stale);
    assert_eq!(*world.changed.lock().unwrap(), [track]);
}

#[test]
fn a_replaced_file_leaves_its_reader_the_old_bytes() {
    let world = World::new();
    let (track, _) = world.add("f", b"before");
    let fs = world.filesystem();
    let old = open(&fs, world.ino("f")).unwrap();
    let path = world.original(track);
    std::fs::write(path.with_extension("new"), "after").unwrap();
    std::fs::rename(path.with_extension("new"), &path).unwrap();
    world.rescan("f");
    let new = open(&fs, world.ino("f")).unwrap();
    assert!(matches!(new.caching, Caching::Direct), "{:?}", new.caching);
    let mut buffer = [0; 6];
    assert_eq!(fs.read(old.handle, 0, &mut buffer), Ok(6));
    assert_eq!(&buffer, b"before");
    assert_eq!(fs.read(new.handle, 0, &mut buffer), Ok(5));
    assert_eq!(&buffer[..5], b"after");
}

#[test]
fn what_the_daemon_may_not_read_is_denied() {
    let world = World::new();
    let (track, _) = world.add("f", b"secret");
    let fs = world.filesystem();
    std::fs::set_permissions(world.original(track), Permissions::from_mode(0o0)).unwrap();
    let as_root = rustix::process::geteuid().is_root();
    match open(&fs, world.ino("f")) {
        Ok(_) => assert!(as_root),
        Err(error) => assert_eq!(error.kind, ErrorKind::Denied),
    }
}

#[test]
fn tracks_have_extended_attributes_and_directories_none() {
    let world = World::new();
    world.add("A/f", b"");
    let fs = world.filesystem();
    let (a, f) = (world.ino("A"), world.ino("A/f"));
    let names = b"user.musicfs.track_id\0user.musicfs.origin\0user.musicfs.path\0";
    assert_eq!(fs.listxattr(f).unwrap(), names);
    assert_eq!(fs.listxattr(a).unwrap(), b"");
    let get = |ino, name: &str| {
        fs.getxattr(ino, OsStr::new(name))
            .map_err(|error| error.kind)
    };
    assert_eq!(get(f, "user.musicfs.track_id"), Ok(b"1".to_vec()));
    assert_eq!(get(f, "user.musicfs.path"), Ok(b"odd \xff name".to_vec()));
    assert_eq!(get(f, "user.musicfs.overlay"), Err(ErrorKind::NoAttribute));
    assert_eq!(get(f, "security.capability"), Err(ErrorKind::NoAttribute));
    assert_eq!(get(a, "user.musicfs.track_id"), Err(ErrorKind::NoAttribute));
}

#[test]
fn statfs_is_never_zero() {
    let world = World::new();
    let fs = world.filesystem();
    let empty = fs.statfs().unwrap();
    assert_eq!((empty.blocks, empty.files, empty.name_max), (1, 1, 255));
    world.add("A/f", &[0; 5000]);
    let filled = fs.statfs().unwrap();
    assert_eq!(
        (filled.blocks, filled.files, filled.block_size),
        (3, 3, 4096)
    );
}

#[test]
fn status_is_reached_by_name_and_not_listed() {
    let world = World::new();
    world.add("f", b"");
    let fs = world.filesystem();
    assert_eq!(list(&fs, Ino::ROOT, 100), [".", "..", "f"]);
    let status = fs.lookup(Ino::ROOT, OsStr::new(".status")).unwrap();
    assert_eq!(
        (status.attr.kind, status.lifetime),
        (FileKind::Directory, Duration::ZERO)
    );
    assert_eq!(
        list(&fs, status.attr.ino, 2),
        [".", "..", "version", "count", "rescan"]
    );
    assert_eq!(lookup(&fs, status.attr.ino, ".."), Ok(Ino::ROOT));
    assert_eq!(
        lookup(&fs, status.attr.ino, "none"),
        Err(ErrorKind::NotFound)
    );
    let version = fs.lookup(status.attr.ino, OsStr::new("version")).unwrap();
    assert_eq!((version.attr.size, version.lifetime), (6, Duration::ZERO));
    assert_eq!(read_all(&fs, version.attr.ino), b"1.2.3\n");
}

#[test]
fn a_generated_file_is_one_snapshot_an_open() {
    let world = World::new();
    let fs = world.filesystem();
    let status = lookup(&fs, Ino::ROOT, ".status").unwrap();
    let count = lookup(&fs, status, "count").unwrap();
    world.add("a", b"");
    let opened = open(&fs, count).unwrap();
    world.add("b", b"");
    let mut buffer = [0; 9];
    assert_eq!(fs.read(opened.handle, 0, &mut buffer), Ok(1));
    assert_eq!(fs.getattr(count).unwrap().attr.size, 2);
}

#[test]
fn opening_rescan_asks_for_one_and_stat_does_not() {
    let world = World::new();
    let fs = world.filesystem();
    let status = lookup(&fs, Ino::ROOT, ".status").unwrap();
    let rescan = fs.lookup(status, OsStr::new("rescan")).unwrap().attr;
    assert_eq!(world.rescans.load(Ordering::Relaxed), 0);
    assert_eq!(read_all(&fs, rescan.ino).len() as u64, rescan.size);
    assert_eq!(world.rescans.load(Ordering::Relaxed), 1);
}
