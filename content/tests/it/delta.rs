//! Files whose tags changed: their sound is not fetched again, and never taken for what it is not.

use content::{DeltaVerify, Limits, Purpose};

use crate::support::{File, ROOMY, World, noise};

const MIB: usize = 1 << 20;

/// A file as it was, and as it is with other tags.
fn retagged(before: usize, after: usize) -> (File, File) {
    let sound = noise(1, 5 * MIB);
    let old = File::new(1, 1, &noise(2, before), &sound, b"");
    (
        old,
        File::new(1, 2, &noise(3, after), &sound, &noise(4, 128)),
    )
}

/// Reads a file's tags, as a scan does before anybody knows of the new revision.
fn scan(world: &World, file: &File) {
    let reader = world.open(file, Purpose::Scanning);
    let mut head = vec![0; usize::try_from(file.shape.audio.offset).unwrap()];
    reader.read_at(&mut head, 0).unwrap();
    let mut tail = [0; 128];
    reader
        .read_at(&mut tail, file.key.revision.size - 128)
        .unwrap();
}

#[test]
fn other_tags_cost_their_bytes_and_a_few_samples() {
    for (before, after) in [(8_000, 8_000), (8_000, 70_000), (70_000, 8_000)] {
        let world = World::new();
        let (old, new) = retagged(before, after);
        world.store(&old);
        scan(&world, &new);
        assert!(world.play(&new) == new.original.bytes);
        let fetched = new.original.fetched();
        assert!(fetched <= (after + 128 + 4_000) as u64, "{fetched}");
        world.chunked(&new);
        let figures = world.store.figures();
        assert_eq!((figures.adopted, figures.refuted), (1, 0));
        // The old revision can go, and takes only its tags with it.
        drop(old);
        assert!(world.play(&new) == new.original.bytes);
    }
}

#[test]
fn tags_that_are_as_they_were_prove_nothing() {
    let world = World::new();
    let (head, mut sound) = (noise(1, 8_192), noise(2, 10 * MIB));
    world.store(&File::new(1, 1, &head, &sound, b""));
    sound[6_000_000..6_000_100].fill(9);
    let edited = File::new(1, 2, &head, &sound, b"");
    assert!(world.play(&edited) == edited.original.bytes);
    assert_eq!(world.store.figures().adopted, 0);
    assert_eq!(
        edited.original.fetched(),
        edited.original.bytes.len() as u64
    );
}

#[test]
fn sound_that_differs_much_is_found_by_its_samples() {
    let world = World::new();
    let (old, _) = retagged(8_000, 9_000);
    world.store(&old);
    let mut sound = noise(5, 5 * MIB);
    sound[..8].copy_from_slice(&old.original.bytes[8_000..8_008]);
    let other = File::new(1, 2, &noise(3, 9_000), &sound, b"");
    assert_eq!(other.shape.content, old.shape.content);
    assert!(world.play(&other) == other.original.bytes);
    assert_eq!(world.store.figures().adopted, 0);
}

/// Other tags, and a small edit of the sound that samples may miss.
fn deceiving(world: &World) -> File {
    for attempt in 0_u8.. {
        let (track, mut sound) = (u64::from(attempt) + 1, noise(1, 10 * MIB));
        world.store(&File::new(track, 1, &noise(2, 8_000), &sound, b""));
        sound[6_000_000..6_000_100].fill(attempt);
        let edited = File::new(track, 2, &noise(3, 9_000), &sound, b"");
        let reader = world.reader(&edited);
        reader.read_at(&mut [0; 1000], 100_000).unwrap();
        if world.store.figures().adopted > 0 {
            return edited;
        }
    }
    unreachable!()
}

#[test]
fn what_was_presumed_is_compared_later_and_dropped_where_it_was_wrong() {
    let world = World::new();
    let edited = deceiving(&world);
    let open = world.reader(&edited);
    open.read_at(&mut [0; 1000], 200_000).unwrap();
    let presumed = world.store.presumed(None);
    assert_eq!(presumed.len(), 1);
    let (file, key, shape) = presumed[0].clone();
    assert!(world.store.presumed(Some(file)).is_empty());
    let confirmed = world.runtime.block_on(world.store.confirm(
        key,
        shape,
        &*edited.original,
        |_| std::future::ready(true),
    ));
    assert_eq!(confirmed.unwrap(), Some(false));
    assert_eq!(world.store.figures().refuted, 1);
    assert_eq!(open.refutations(), 1);
    // Whoever had it open is told; who opens it gets the right bytes.
    let error = open.read_at(&mut [0; 1000], 300_000).unwrap_err();
    assert_eq!(error.kind, origins::ErrorKind::Changed);
    assert!(world.presumed_nothing() && world.play(&edited) == edited.original.bytes);
}

#[test]
fn what_was_presumed_rightly_is_confirmed_once_over_restarts() {
    let world = World::new();
    let (old, new) = retagged(8_000, 9_000);
    world.store(&old);
    assert!(world.play(&new) == new.original.bytes);
    world.chunked(&new);
    let world = world.again(ROOMY);
    let (_, key, shape) = world.store.presumed(None).pop().unwrap();
    assert_eq!(key, new.key);
    let confirm = world
        .store
        .confirm(key, shape, &*new.original, |_| std::future::ready(true));
    assert_eq!(world.runtime.block_on(confirm).unwrap(), Some(true));
    assert!(world.presumed_nothing());
    let world = world.again(ROOMY);
    assert!(world.presumed_nothing() && world.store.figures().refuted == 0);
}

#[test]
fn only_what_is_believed_is_taken_over() {
    for (delta, checksummed, adopted) in [
        (DeltaVerify::Full, true, 0),
        (DeltaVerify::Proof, false, 0),
        (DeltaVerify::Proof, true, 1),
        (DeltaVerify::Sampled, true, 1),
    ] {
        let world = World::with(Limits { delta, ..ROOMY });
        let (mut old, mut new) = retagged(8_000, 9_000);
        old.shape.checksummed = checksummed;
        new.shape.checksummed = checksummed;
        world.store(&old);
        assert!(world.play(&new) == new.original.bytes);
        assert_eq!(
            world.store.figures().adopted,
            adopted,
            "{delta:?} {checksummed}"
        );
        assert!(!checksummed || world.presumed_nothing());
    }
}

#[test]
fn what_only_moved_is_not_fetched_again() {
    let world = World::new();
    let (old, _) = retagged(8_000, 9_000);
    world.store(&old);
    let mut moved = File {
        original: crate::support::Original::new(old.original.bytes.clone()),
        ..old
    };
    moved.key.path = eventlog::OriginPath::new(&b"elsewhere/1.flac"[..]).unwrap();
    assert!(world.play(&moved) == moved.original.bytes);
    let fetched = moved.original.fetched();
    assert!(fetched < 80_000, "{fetched}");
}

#[test]
fn what_a_scan_read_is_kept() {
    let world = World::new();
    let (file, _) = retagged(8_000, 9_000);
    let bytes = bytes::Bytes::from(file.original.bytes.clone());
    let parts = [
        (0, bytes.slice(..65_536)),
        (60_000, bytes.slice(60_000..70_000)),
    ];
    world.store.offer(file.key.clone(), file.shape, &parts);
    *file.original.offline.lock() = true;
    let mut read = vec![0; 70_000];
    assert_eq!(world.reader(&file).read_at(&mut read, 0).unwrap(), 70_000);
    assert!(read == bytes[..70_000]);
}

#[test]
fn tags_may_change_again_and_again() {
    let world = World::new();
    let sound = noise(1, 5 * MIB);
    world.store(&File::new(1, 1, &noise(2, 100), &sound, b""));
    for revision in 2..6 {
        let head = noise(revision, 6_000);
        let now = File::new(1, revision as i64, &head, &sound, b"");
        // As a scan does, which reads a little of the sound, too.
        let bytes = bytes::Bytes::from(now.original.bytes.clone());
        let parts = [
            (0, bytes.slice(..6_000)),
            (6_000, bytes.slice(6_000..40_000)),
        ];
        world.store.offer(now.key.clone(), now.shape, &parts);
        // As the kernel does, which begins with less than was kept.
        world.reader(&now).read_at(&mut [0; 16_384], 0).unwrap();
        assert!(world.play(&now) == now.original.bytes);
        let fetched = now.original.fetched();
        assert!(fetched < 4_000, "{fetched} in revision {revision}");
        world.chunked(&now);
    }
    assert_eq!(world.store.figures().adopted, 4);
}

#[test]
fn a_checksum_of_the_origin_proves_all_of_it() {
    for delta in [DeltaVerify::Proof, DeltaVerify::Sampled] {
        let world = World::with(Limits { delta, ..ROOMY });
        let (old, new) = retagged(8_000, 9_000);
        world.store(&old);
        let new = new.summed();
        assert!(world.play(&new) == new.original.bytes);
        assert_eq!(world.store.figures().adopted, 1, "{delta:?}");
        assert!(world.presumed_nothing(), "nothing is left to compare");
        let fetched = new.original.fetched();
        assert!(fetched <= 9_000 + 128, "{fetched}: no sample is needed");
    }
}

#[test]
fn a_checksum_tells_what_was_only_uploaded_again() {
    let world = World::new();
    let (head, sound) = (noise(1, 8_192), noise(2, 5 * MIB));
    world.store(&File::new(1, 1, &head, &sound, b""));
    let again = File::new(1, 2, &head, &sound, b"").summed();
    assert!(world.play(&again) == again.original.bytes);
    assert!(again.original.fetched() <= 8_192 && world.presumed_nothing());
}

#[test]
fn a_checksum_finds_what_samples_miss() {
    let world = World::new();
    let mut sound = noise(1, 10 * MIB);
    world.store(&File::new(1, 1, &noise(2, 8_000), &sound, b""));
    sound[6_000_000] ^= 1;
    let edited = File::new(1, 2, &noise(3, 9_000), &sound, b"").summed();
    assert!(world.play(&edited) == edited.original.bytes);
    assert_eq!(world.store.figures().adopted, 0);
    // What is as it was is stored once all the same.
    world.chunked(&edited);
    assert!(world.store.bytes() < 11 * MIB as u64);
}
