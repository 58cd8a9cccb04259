//! What is kept when there is not room for everything.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use content::{Extent, Limits, Purpose, Store};

use crate::support::{File, ROOMY, World, until};

const MIB: usize = 1 << 20;

const SMALL: Limits = Limits {
    bytes: 10 << 20,
    ..ROOMY
};

fn kept(world: &World, files: &[File]) -> Vec<u64> {
    let is_kept = |file: &&File| world.store.share(&file.key) > 0.99;
    let kept = files.iter().filter(is_kept);
    kept.map(|file| file.number).collect()
}

fn made_room(world: &World) {
    until("room is made", || world.store.bytes() <= SMALL.bytes);
    world.store.flush();
}

#[test]
fn what_was_used_least_recently_leaves_first_over_restarts_too() {
    let world = World::with(SMALL);
    let files: Vec<File> = (1..=11).map(|number| File::noise(number, MIB)).collect();
    for file in &files[..9] {
        world.store(file);
    }
    // Used again, and so later than the others.
    world.play(&files[0]);
    let world = world.again(SMALL);
    for file in &files[9..] {
        world.store(file);
        made_room(&world);
    }
    let left = kept(&world, &files);
    assert!(
        left.contains(&1) && left.contains(&10) && left.contains(&11),
        "{left:?}"
    );
    assert!(!left.contains(&2), "{left:?}");
    assert_eq!(world.store.figures().evicted, 11 - left.len() as u64);
    // The disk has it back.
    until("blobs are deleted", || world.blobs().len() == left.len());
}

#[test]
fn what_was_only_looked_into_leaves_before_what_was_listened_to() {
    let world = World::with(SMALL);
    let old = File::noise(1, 2 * MIB);
    world.store(&old);
    for track in 2..40 {
        let file = File::noise(track, 4 * MIB);
        let mut buffer = vec![0; 300_000];
        world
            .open(&file, Purpose::Scanning)
            .read_at(&mut buffer, 0)
            .unwrap();
        world.store.flush();
    }
    made_room(&world);
    assert!(world.store.figures().evicted > 0);
    assert_eq!(kept(&world, &[old]), [1]);
}

#[test]
fn what_is_pinned_or_open_stays() {
    let world = World::with(SMALL);
    let files: Vec<File> = (1..=20).map(|track| File::noise(track, MIB)).collect();
    world.store.pin(HashSet::from([files[0].key.clone()]));
    world.store(&files[0]);
    world.store(&files[1]);
    let open = world.reader(&files[1]);
    for file in &files[2..] {
        world.store(file);
        made_room(&world);
    }
    let left = kept(&world, &files);
    assert!(
        left.starts_with(&[1, 2]) && left.ends_with(&[20]),
        "{left:?}"
    );
    drop(open);
}

#[test]
fn a_file_larger_than_the_store_is_passed_through() {
    let world = World::with(SMALL);
    let file = File::noise(1, 40 * MIB);
    assert!(world.play(&file) == file.original.bytes);
    assert!(world.store.bytes() < 13 << 20);
    assert!(world.store.figures().passed_bytes > 20 << 20);
    let next = File::noise(2, 2 * MIB);
    assert!(world.play(&next) == next.original.bytes);
    made_room(&world);
    assert!(world.play(&next) == next.original.bytes);
    until("there is room again", || {
        world.play(&next);
        kept(&world, std::slice::from_ref(&next)) == [2]
    });
}

#[test]
fn clearing_leaves_only_what_is_open() {
    let world = World::new();
    let files: Vec<File> = (1..=3).map(|track| File::noise(track, MIB)).collect();
    files.iter().for_each(|file| world.store(file));
    let open = world.reader(&files[2]);
    assert_eq!(world.store.clear(true).unwrap(), 2 * MIB as u64);
    assert_eq!(world.store.bytes(), MIB as u64);
    assert_eq!(world.blobs().len(), 1);
    drop(open);
    assert_eq!(world.store.clear(true).unwrap(), MIB as u64);
    assert_eq!((world.store.bytes(), world.blobs().len()), (0, 0));
    assert!(world.play(&files[0]) == files[0].original.bytes);
}

#[test]
fn what_is_pinned_is_cleared_only_where_that_is_asked_for() {
    let world = World::new();
    let files: Vec<File> = (1..=3).map(|track| File::noise(track, MIB)).collect();
    files.iter().for_each(|file| world.store(file));
    world.store.pin(HashSet::from([files[1].key.clone()]));
    assert_eq!(world.store.clear(false).unwrap(), 2 * MIB as u64);
    assert_eq!(kept(&world, &files), [2]);
    assert_eq!(world.store.kept(&files[1].key), MIB as u64);
    assert_eq!(world.store.clear(true).unwrap(), MIB as u64);
}

#[test]
fn nothing_leaves_before_it_is_known_what_is_pinned() {
    let world = World::with(SMALL);
    let files: Vec<File> = (1..=10).map(|track| File::noise(track, MIB)).collect();
    files.iter().for_each(|file| world.store(file));
    let tight = Limits {
        bytes: 5 << 20,
        ..ROOMY
    };
    let (pinned, World { dir, store, .. }) = (files[0].key.clone(), world);
    drop(store);
    let store = Store::open(dir.path(), tight).unwrap();
    store.await_pins();
    assert_eq!(store.clear(false).unwrap(), 0);
    // Longer than it takes until room is made.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(store.bytes(), 10 * MIB as u64);
    store.pin(HashSet::from([pinned.clone()]));
    until("room is made", || store.bytes() <= tight.bytes);
    assert_eq!(store.kept(&pinned), MIB as u64);
}

#[test]
fn what_is_open_leaves_once_it_is_closed() {
    let world = World::with(SMALL);
    let files: Vec<File> = (1..=12).map(|track| File::noise(track, MIB)).collect();
    let open: Vec<_> = files.iter().map(|file| world.reader(file)).collect();
    for (reader, file) in open.iter().zip(&files) {
        assert!(crate::support::all(reader) == file.original.bytes);
    }
    // There is room beyond the limit for what is open, but not for all of it.
    let most = SMALL.bytes + SMALL.bytes / 8;
    assert!((SMALL.bytes + 1..=most).contains(&world.store.bytes()));
    drop(open);
    made_room(&world);
}

#[test]
fn a_store_is_open_once() {
    let world = World::new();
    let second = Store::open(world.dir.path(), ROOMY);
    let error = second.err().unwrap().to_string();
    assert!(error.contains("in use by another process"), "{error}");
    let dir = world.dir;
    drop(world.store);
    Store::open(dir.path(), ROOMY).unwrap();
}

/// A filesystem of its own, gone with it.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn tmpfs(options: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        run("mount", &["-t", "tmpfs", "-o", options, "none"], dir.path());
        Self(dir)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run("umount", &["-l"], self.0.path());
    }
}

fn run(program: &str, args: &[&str], last: &Path) {
    let status = Command::new(program).args(args).arg(last).status();
    assert!(
        status.unwrap().success(),
        "{program}: these tests are run as root"
    );
}

#[test]
fn a_full_disk_never_breaks_a_read_and_is_used_again_when_it_has_room() {
    let disk = Mounted::tmpfs("size=64m");
    let mut world = World::new();
    world.store = Store::open(disk.0.path(), ROOMY).unwrap();
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![1; 30 * MIB]).unwrap();
    for track in 1..20 {
        let file = File::noise(track, 8 * MIB);
        assert!(world.play(&file) == file.original.bytes, "{track}");
    }
    // Filled to the brim by somebody else.
    let _ = std::fs::write(disk.0.path().join("more"), vec![1; 64 * MIB]);
    for track in 20..24 {
        let file = File::noise(track, 8 * MIB);
        assert!(world.play(&file) == file.original.bytes, "{track}");
    }
    assert!(world.store.figures().passed_bytes > 0);
    std::fs::remove_file(disk.0.path().join("more")).unwrap();
    std::fs::remove_file(&ballast).unwrap();
    let file = File::noise(30, 2 * MIB);
    until("it is kept again", || {
        assert!(world.play(&file) == file.original.bytes);
        kept(&world, std::slice::from_ref(&file)) == [30]
    });
}

#[test]
fn a_disk_that_fails_is_passed_by() {
    let world = World::new();
    let (kept, new) = (File::noise(1, 2 * MIB), File::noise(2, 2 * MIB));
    world.store(&kept);
    let (data, away) = (world.dir.path().join("data"), world.dir.path().join("away"));
    std::fs::rename(&data, &away).unwrap();
    std::fs::write(&data, b"").unwrap();
    assert!(world.play(&kept) == kept.original.bytes);
    assert!(world.play(&new) == new.original.bytes);
    // Nor does a check take what it cannot read for damaged.
    world.store.check(Extent::All, |_| true).unwrap();
    assert_eq!(world.store.figures().damaged, 0);
    std::fs::remove_file(&data).unwrap();
    std::fs::rename(&away, &data).unwrap();
    until("it is kept again", || {
        assert!(world.play(&new) == new.original.bytes);
        world.store.share(&new.key) > 0.99
    });
    *kept.original.offline.lock() = true;
    assert!(world.play(&kept) == kept.original.bytes);
}
