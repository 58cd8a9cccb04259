//! Whatever happens to what is kept: no wrong byte is served.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use content::{DeltaVerify, Extent, Limits, Purpose};

use crate::support::{File, ROOMY, World, noise, until};

const MIB: usize = 1 << 20;

fn flip(path: &std::path::Path, offset: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

#[test]
fn a_flipped_bit_is_noticed_and_healed() {
    let world = World::new();
    let file = File::noise(1, MIB);
    world.store(&file);
    file.original.requests();
    let blob = &world.blobs()[0];
    for (turn, offset) in (0..MIB as u64).step_by(30_011).enumerate() {
        flip(blob, offset);
        assert!(world.play(&file) == file.original.bytes);
        let damaged = world.store.figures().damaged;
        assert_eq!(damaged, turn as u64 + 1, "at {offset}");
        world.chunked(&file);
    }
    // Only what was damaged came again, as far as requests have whole multiples.
    assert!(file.original.fetched() < 20 * MIB as u64);
}

#[test]
fn a_flipped_bit_in_a_file_that_is_not_whole_is_noticed_too() {
    let world = World::new();
    let file = File::noise(1, 4 * MIB);
    let mut buffer = vec![0; 100_000];
    let scan = || world.open(&file, Purpose::Scanning);
    scan().read_at(&mut buffer, 0).unwrap();
    world.store.flush();
    flip(&world.blobs()[0], 5_000);
    assert_eq!(scan().read_at(&mut buffer, 0).unwrap(), 100_000);
    assert!(buffer == file.original.bytes[..100_000]);
    assert_eq!(world.store.figures().damaged, 1);
}

#[test]
fn without_the_origin_damage_is_an_error_and_never_a_wrong_byte() {
    let world = World::new();
    let file = File::noise(1, MIB);
    world.store(&file);
    *file.original.offline.lock() = true;
    flip(&world.blobs()[0], 500_000);
    let reader = world.reader(&file);
    let mut buffer = vec![0; MIB];
    assert!(reader.read_at(&mut buffer, 0).is_err());
    assert_eq!(reader.read_at(&mut buffer[..1000], 0).unwrap(), 1000);
    *file.original.offline.lock() = false;
    assert!(world.play(&file) == file.original.bytes);
}

#[test]
fn lost_blobs_and_lost_indexes_cost_a_fetch() {
    let world = World::new();
    let file = File::noise(1, 2 * MIB);
    world.store(&file);
    std::fs::remove_file(&world.blobs()[0]).unwrap();
    let world = world.again(ROOMY);
    assert!(world.play(&file) == file.original.bytes);
    world.chunked(&file);
    assert_eq!(world.store.bytes(), 2 * MIB as u64);

    let index = world.dir.path().join("index.db");
    let world = {
        drop(world.store);
        std::fs::write(&index, noise(1, 100_000)).unwrap();
        let store = content::Store::open(world.dir.path(), ROOMY).unwrap();
        World { store, ..world }
    };
    assert_eq!((world.store.bytes(), world.blobs().len()), (0, 0));
    assert!(world.play(&file) == file.original.bytes);
}

#[test]
fn what_nobody_knows_of_is_deleted_at_the_start() {
    let world = World::new();
    let file = File::noise(1, MIB);
    world.store(&file);
    let left = world.blobs()[0].with_file_name("257");
    std::fs::write(&left, b"written when the power went").unwrap();
    let foreign = left.with_file_name("notes.txt");
    std::fs::write(&foreign, b"not ours").unwrap();
    let world = world.again(ROOMY);
    until("it is deleted", || !left.exists());
    assert!(foreign.exists());
    *file.original.offline.lock() = true;
    assert!(world.play(&file) == file.original.bytes);
}

#[test]
fn a_check_finds_what_a_read_would() {
    let world = World::new();
    let (first, second) = (File::noise(1, 3 * MIB), File::noise(2, 3 * MIB));
    world.store(&first);
    world.store(&second);
    let mut buffer = vec![0; 50_000];
    let part = File::noise(3, 4 * MIB);
    world
        .open(&part, Purpose::Scanning)
        .read_at(&mut buffer, 0)
        .unwrap();
    let sound = world.store.check(Extent::All, |_| true).unwrap();
    assert_eq!((sound.damaged, sound.bytes), (0, world.store.bytes()));
    let blobs = world.blobs();
    flip(&blobs[0], 1_000_000);
    flip(&blobs[1], 2_000_000);
    flip(&blobs[2], 40_000);
    let checked = world.store.check(Extent::All, |_| true).unwrap();
    assert_eq!((checked.damaged, checked.pieces), (3, sound.pieces));
    assert_eq!(world.store.figures().damaged, 3);
    for file in [&first, &second] {
        assert!(world.play(file) == file.original.bytes);
    }
    world.chunked(&first);
    world.chunked(&second);
    let again = world.store.check(Extent::All, |_| true).unwrap();
    assert_eq!(again.damaged, 0);
}

#[test]
fn verifying_names_the_stretches_that_are_to_be_fetched_again() {
    let world = World::new();
    let (whole, twin) = (File::noise(1, 3 * MIB), File::noise(2, 3 * MIB));
    world.store(&whole);
    world.store(&twin);
    let blobs = world.blobs();
    flip(&blobs[0], 1_000_000);
    let mut seen = Vec::new();
    let (checked, lost) = world
        .store
        .verify(|so_far| {
            seen.push(so_far.bytes);
            true
        })
        .unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&checked.bytes));
    assert_eq!((checked.damaged, lost.len()), (1, 1));
    assert_eq!(lost[0].key, whole.key);
    assert!(lost[0].range.contains(&1_000_000));
    let missing = lost[0].range.end - lost[0].range.start;
    assert_eq!(world.store.kept(&whole.key), 3 * MIB as u64 - missing);
    let reader = world.open(&whole, Purpose::Scanning);
    let mut buffer = vec![0; usize::try_from(missing).unwrap()];
    whole.original.requests();
    reader.read_at(&mut buffer, lost[0].range.start).unwrap();
    assert_eq!(whole.original.fetched(), missing);
    assert_eq!(world.store.kept(&whole.key), 3 * MIB as u64);
}

#[test]
fn a_scrub_looks_at_all_where_more_than_a_hundredth_is_bad() {
    let world = World::new();
    let file = File::noise(1, 20 * MIB);
    world.store(&file);
    let chunks = world.store.contents().unwrap().chunks;
    let sound = world.store.scrub(50, || true).unwrap();
    assert_eq!((sound.pieces, sound.damaged), (50, 0));
    for offset in (0..20 * MIB as u64).step_by(256 << 10) {
        flip(&world.blobs()[0], offset);
    }
    let scrubbed = world.store.scrub(50, || true).unwrap();
    assert!(
        scrubbed.pieces > 50 && scrubbed.pieces < chunks,
        "{scrubbed:?}"
    );
    assert_eq!(world.store.check(Extent::All, |_| true).unwrap().damaged, 0);
    assert!(world.play(&file) == file.original.bytes);
}

#[test]
fn a_bad_place_of_a_disk_is_read_around_and_healed() {
    let world = World::new();
    let sound = noise(1, 2 << 20);
    let (one, two) = (
        File::new(1, 1, b"one", &sound, b""),
        File::new(2, 1, b"two two", &sound, b""),
    );
    world.store(&one);
    world.store(&two);
    let blobs = world.blobs();
    let largest = blobs.iter().max_by_key(|blob| blocks(blob)).unwrap();
    let world = world.again(ROOMY);
    // No process has memory at its lowest addresses: to read there is an error of input and output.
    std::fs::remove_file(largest).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem", largest).unwrap();
    assert!(world.play(&two) == two.original.bytes);
    assert!(world.store.figures().damaged > 0);
    world.chunked(&two);
    *two.original.offline.lock() = true;
    assert!(
        world.play(&two) == two.original.bytes,
        "it is kept elsewhere"
    );
}

/// What a file takes of the disk.
fn blocks(path: &std::path::Path) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&path.metadata().unwrap())
}

/// Where a table or an index of the store's index begins in its file.
fn root_of(world: &World, name: &str) -> u64 {
    let index = rusqlite::Connection::open(world.dir.path().join("index.db")).unwrap();
    let select = "SELECT (rootpage - 1) * (SELECT page_size FROM pragma_page_size) \
                  FROM sqlite_schema WHERE name = ?";
    let offset: i64 = index.query_row(select, [name], |row| row.get(0)).unwrap();
    offset.cast_unsigned()
}

/// A world whose store was closed, damaged where that of the index is, and opened again.
fn damaged_at(world: World, name: &str) -> World {
    let root = root_of(&world, name);
    let World {
        dir,
        store,
        runtime,
    } = world;
    drop(store);
    let index = OpenOptions::new()
        .write(true)
        .open(dir.path().join("index.db"));
    index.unwrap().write_all_at(&[0xff; 512], root).unwrap();
    let store = content::Store::open(dir.path(), ROOMY).unwrap();
    World {
        runtime,
        dir,
        store,
    }
}

#[test]
fn a_damaged_page_of_the_index_costs_a_fetch() {
    let world = World::new();
    let file = File::noise(1, 2 * MIB);
    world.store(&file);
    let world = damaged_at(world, "chunks");
    assert_eq!((world.store.bytes(), world.blobs().len()), (0, 0));
    world.store(&file);
    assert_eq!(world.store.bytes(), 2 * MIB as u64);
}

#[test]
fn an_index_that_is_found_damaged_while_it_is_used_begins_anew_at_the_next_start() {
    let world = World::new();
    let file = File::noise(1, 2 * MIB);
    world.store(&file);
    let world = damaged_at(world, "sqlite_autoindex_files_1");
    assert_eq!(world.store.bytes(), 2 * MIB as u64);
    // It is passed through.
    assert!(world.play(&file) == file.original.bytes);
    let world = world.again(ROOMY);
    assert_eq!((world.store.bytes(), world.blobs().len()), (0, 0));
    world.store(&file);
    let world = world.again(ROOMY);
    assert_eq!(world.store.bytes(), 2 * MIB as u64);
}

#[test]
fn good_bytes_are_not_dropped_for_those_that_were_kept_before_and_are_damaged() {
    let alone = Limits {
        delta: DeltaVerify::Full,
        ..ROOMY
    };
    let world = World::with(alone);
    let sound = noise(1, 2 * MIB);
    let (one, two) = (
        File::new(1, 1, b"one", &sound, b""),
        File::new(2, 1, b"two two", &sound, b""),
    );
    world.store(&one);
    for offset in (0..2 * MIB as u64).step_by(256 << 10) {
        flip(&world.blobs()[0], offset + 1_000);
    }
    world.store(&two);
    assert!(world.store.figures().damaged > 4);
    let world = world.again(alone);
    for file in [&one, &two] {
        *file.original.offline.lock() = true;
    }
    assert!(world.play(&two) == two.original.bytes);
    let mut sound_of_one = vec![0; MIB];
    let reader = world.reader(&one);
    assert_eq!(reader.read_at(&mut sound_of_one, MIB as u64).unwrap(), MIB);
    assert!(sound_of_one == one.original.bytes[MIB..2 * MIB]);
    assert_eq!(world.store.check(Extent::All, |_| true).unwrap().damaged, 0);
}
