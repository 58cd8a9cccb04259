//! Kills: a child process fills a store that is too small, and is killed, again and again.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use content::{Extent, Limits, Purpose, Store};

use crate::support::{File, ROOMY, World};

/// Where the child finds the store; its presence makes the test below the child.
const STORE: &str = "MUSICFS_TEST_STORE";

const KILLS: u64 = 200;

const LIMITS: Limits = Limits {
    bytes: 12 << 20,
    ..ROOMY
};

/// Files that together are larger than the store; some have the same sound under other tags.
fn files() -> Vec<File> {
    let noise = crate::support::noise;
    let sounds: Vec<Vec<u8>> = (0..6).map(|seed| noise(seed, 1 << 20)).collect();
    let file = |number: u64| {
        let sound = sounds.iter().cycle().nth(number as usize).unwrap();
        let head = noise(100 + number, 5_000 + number as usize * 700);
        File::new(number, 1, &head, sound, &noise(200 + number, 128))
    };
    (0..24).map(file).collect()
}

fn child(store: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["killed::child_fills_a_store", "--exact", "--ignored"])
        .env(STORE, store)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "the child of the kill test"]
fn child_fills_a_store() {
    let Some(dir) = std::env::var_os(STORE) else {
        return;
    };
    let mut world = World::new();
    world.store = Store::open(Path::new(&dir), LIMITS).unwrap();
    let (files, world) = (files(), &world);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                loop {
                    let file = &files[fastrand::usize(..files.len())];
                    let purpose = [Purpose::Listening, Purpose::Scanning][fastrand::usize(..2)];
                    let reader = world.open(file, purpose);
                    let offset = fastrand::usize(..file.original.bytes.len());
                    let mut buffer = vec![0; fastrand::usize(1..600_000)];
                    let count = reader.read_at(&mut buffer, offset as u64).unwrap();
                    assert!(buffer[..count] == file.original.bytes[offset..offset + count]);
                    if fastrand::u8(..) < 40 {
                        assert!(world.play(file) == file.original.bytes);
                    }
                }
            });
        }
    });
}

#[test]
fn killed_at_any_moment_no_wrong_byte_is_served_and_sizes_are_exact() {
    let (mut world, files) = (World::new(), files());
    let dir = tempfile::tempdir().unwrap();
    let seed = std::env::var("MUSICFS_SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("MUSICFS_SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    for kill in 0..KILLS {
        let mut child = child(dir.path());
        std::thread::sleep(Duration::from_millis(dice.u64(1..250)));
        assert!(
            child.try_wait().unwrap().is_none(),
            "it read wrong bytes before kill {kill}"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        world.store = Store::open(dir.path(), LIMITS).unwrap();
        let checked = world.store.check(Extent::All, |_| true).unwrap();
        assert_eq!(checked.damaged, 0, "after kill {kill}");
        assert_eq!(checked.bytes, world.store.bytes(), "after kill {kill}");
        if kill % 10 == 0 {
            for file in &files {
                assert!(world.play(file) == file.original.bytes, "after kill {kill}");
            }
        }
        world.store = Store::disabled();
    }
}
