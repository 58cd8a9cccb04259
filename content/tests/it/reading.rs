//! Reading through the store: the right bytes, and few requests.

use std::sync::Arc;
use std::time::Duration;

use content::{DeltaVerify, Limits, Purpose, Store};

use crate::support::{File, Original, ROOMY, World, all, noise, until};

const MIB: usize = 1 << 20;

#[test]
fn any_range_is_exact_whatever_is_kept_of_it() {
    let world = World::new();
    let file = File::noise(1, 5 * MIB + 12_345);
    let bytes = &file.original.bytes;
    let mut rng = fastrand::Rng::with_seed(7);
    for turn in 0..400 {
        let purpose = [Purpose::Listening, Purpose::Scanning][turn % 2];
        let reader = world.open(&file, purpose);
        let offset = rng.usize(0..bytes.len() + 1_000);
        let mut buffer = vec![0; rng.usize(0..300_000)];
        let count = reader.read_at(&mut buffer, offset as u64).unwrap();
        let expected = bytes.get(offset..).unwrap_or_default();
        let expected = &expected[..buffer.len().min(expected.len())];
        assert!(
            buffer[..count] == *expected,
            "{} from {offset}",
            buffer.len()
        );
    }
    let figures = world.store.figures();
    assert!(figures.hits > 100 && figures.misses > 20, "{figures:?}");
    assert_eq!(figures.damaged, 0);
    // Nothing came twice.
    assert_eq!(file.original.fetched(), bytes.len() as u64);
}

#[test]
fn what_was_read_is_kept_over_a_restart_and_needs_no_origin() {
    let world = World::new();
    let file = File::noise(1, 3 * MIB);
    assert!(world.play(&file) == file.original.bytes);
    let part = File::noise(2, 4 * MIB);
    world.reader(&part).read_at(&mut vec![0; MIB], 0).unwrap();
    world.chunked(&file);
    let kept = world.store.bytes();
    *file.original.offline.lock() = true;
    *part.original.offline.lock() = true;

    let world = world.again(ROOMY);
    assert_eq!(world.store.bytes(), kept);
    assert!(world.play(&file) == file.original.bytes);
    let mut buffer = vec![0; MIB];
    assert_eq!(world.reader(&part).read_at(&mut buffer, 0).unwrap(), MIB);
    assert!(buffer == part.original.bytes[..MIB]);
    let end = world.reader(&part).read_at(&mut buffer, 3 * MIB as u64 + 5);
    assert_eq!(end.unwrap_err().message, "nobody answers");
    assert!((world.store.share(&file.key) - 1.0).abs() < f64::EPSILON);
    let share = world.store.share(&part.key);
    assert!((0.25..1.0).contains(&share), "{share}");
}

#[test]
fn a_seek_fetches_what_is_needed_and_reading_on_fetches_ahead() {
    let world = World::new();
    let file = File::noise(1, 64 * MIB);
    let reader = world.reader(&file);
    let mut buffer = vec![0; 4096];
    reader.read_at(&mut buffer, 40 * MIB as u64 + 77).unwrap();
    let fetched = file.original.fetched();
    assert!(fetched <= 128 << 10, "{fetched}");

    let mut buffer = vec![0; 128 << 10];
    for read in 0..40 {
        reader.read_at(&mut buffer, read * (128 << 10)).unwrap();
    }
    until("the window is on its way", || {
        world.store.bytes() > 6 * MIB as u64
    });
    let requests = file.original.requests();
    // 5 MiB were read; what is ahead grew to a few MiB, in requests that grew, too.
    let fetched: u64 = requests.iter().map(|it| it.end - it.start).sum();
    assert!(fetched < 12 * MIB as u64, "{fetched}");
    assert!(requests.len() < 45, "{requests:?}");
}

#[test]
fn readers_of_one_range_cause_one_request() {
    let world = World::new();
    let file = File {
        original: Arc::new(Original {
            bytes: noise(1, 2 * MIB),
            slow: Some(Duration::from_millis(200)),
            ..Original::default()
        }),
        ..File::noise(1, 2 * MIB)
    };
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                let mut buffer = vec![0; 64 << 10];
                world
                    .reader(&file)
                    .read_at(&mut buffer, MIB as u64)
                    .unwrap();
                assert!(buffer == file.original.bytes[MIB..MIB + (64 << 10)]);
            });
        }
    });
    assert_eq!(file.original.fetched(), 64 << 10);
}

#[test]
fn many_readers_of_many_files_get_their_bytes() {
    let world = World::new();
    let files: Vec<File> = (0..8).map(|track| File::noise(track, 2 * MIB)).collect();
    std::thread::scope(|threads| {
        for number in 0..32 {
            let (world, file) = (&world, &files[number % files.len()]);
            threads.spawn(move || assert!(world.play(file) == file.original.bytes));
        }
    });
    for file in &files {
        assert_eq!(file.original.fetched(), file.original.bytes.len() as u64);
    }
}

#[test]
fn equal_sound_is_kept_once() {
    let world = World::with(Limits {
        delta: DeltaVerify::Full,
        ..ROOMY
    });
    let sound = noise(1, 4 * MIB);
    let first = File::new(1, 1, &noise(2, 9_000), &sound, b"");
    let second = File::new(2, 1, &noise(3, 31_000), &sound, &noise(4, 128));
    world.store(&first);
    let before = world.store.bytes();
    world.store(&second);
    let added = world.store.bytes() - before;
    assert_eq!(added, 31_000 + 128);
    assert_eq!(world.store.figures().shared_bytes, sound.len() as u64);
    let contents = world.store.contents().unwrap();
    let both = first.original.bytes.len() + second.original.bytes.len();
    assert_eq!((contents.referenced, contents.files), (both as u64, 2));
    // The disk has as much as it says, and a little for what is cut off.
    let blocks: u64 = world.blobs().iter().map(|blob| on_disk(blob)).sum();
    assert!(blocks < world.store.bytes() + (64 << 10), "{blocks}");
    *first.original.offline.lock() = true;
    *second.original.offline.lock() = true;
    assert!(world.play(&first) == first.original.bytes);
    assert!(world.play(&second) == second.original.bytes);
}

fn on_disk(path: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).unwrap().blocks() * 512
}

#[test]
fn an_edit_adds_little_to_the_store() {
    let world = World::new();
    let head = noise(1, 8_192);
    let mut sound = noise(2, 10 * MIB);
    world.store(&File::new(1, 1, &head, &sound, b""));
    let before = world.store.bytes();
    sound[5_000_000..5_000_100].fill(1);
    // Tags are as they were: nothing proves anything, and all is read.
    let edited = File::new(1, 2, &head, &sound, b"");
    world.store(&edited);
    assert_eq!(
        edited.original.fetched(),
        edited.original.bytes.len() as u64
    );
    let added = world.store.bytes() - before;
    assert!(added < edited.original.bytes.len() as u64 / 10, "{added}");
}

#[test]
fn without_a_store_everything_is_passed_through() {
    let mut world = World::new();
    world.store = Store::disabled();
    let file = File::noise(1, 20 * MIB);
    assert!(world.play(&file) == file.original.bytes);
    // What is ahead waits in memory, and is fetched once.
    let fetched = file.original.fetched();
    assert!(
        fetched < file.original.bytes.len() as u64 * 11 / 10,
        "{fetched}"
    );
    let reader = world.reader(&file);
    assert!(all(&reader) == file.original.bytes);
    assert_eq!(world.store.bytes(), 0);
    assert_eq!(
        world.store.figures().hits + world.store.figures().misses,
        320
    );
}
