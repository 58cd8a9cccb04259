//! Damage to what is kept, found and mended (UP-6).

use std::fs;
use std::path::{Path, PathBuf};

use crate::world::{World, flac};

/// More than a start looks at.
const TRACKS: u64 = 1_200;

fn filled() -> World {
    let mut world = World::new();
    for n in 1..=TRACKS {
        let title = format!("Song number {n:05}");
        let tags = [("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", &*title)];
        fs::write(world.music().join(format!("{n}.flac")), flac(n, &tags)).unwrap();
    }
    world.start();
    world.stop();
    world
}

fn mount(world: &World, flag: &str) -> std::process::Output {
    let origin = format!("music={}", world.music().display());
    let mut command = world.tool(["mount", flag, "--origin", &origin]);
    command.arg(world.mnt()).output().unwrap()
}

/// Changes a few bytes of a file wherever they stand: pages keep rests of what was moved.
fn alter(file: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let places: Vec<usize> = (0..bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    fs::write(file, bytes).unwrap();
}

fn damaged_logs(world: &World) -> Vec<PathBuf> {
    let entries = fs::read_dir(world.state().join("log")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().contains(".damaged-"))
        .collect()
}

#[test]
fn an_old_event_that_was_altered_is_found_and_what_holds_goes_on() {
    let mut world = filled();
    let tree = {
        world.start();
        let tree = world.tree();
        world.stop();
        tree
    };
    let log = world.state().join("log/events.db");
    alter(&log, b"Song number 00100", b"Song number 99999");
    let refused = mount(&world, "--full-integrity-check");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(7), "{told}");
    assert!(told.contains("--repair"), "{told}");
    assert!(damaged_logs(&world).is_empty());

    world.start_with(&["--repair"]);
    let kept = damaged_logs(&world);
    assert_eq!(kept.len(), 1, "{}", world.daemon_log());
    // What was lost with the log's end, the listing finds again.
    world.until("all is there", |world| world.tree().len() == tree.len());
    assert_eq!(world.tree(), tree);
    world.stop();
    world.assert_sound();
    // A log that holds is left as it is.
    let before = fs::read(&log).unwrap();
    world.start_with(&["--repair"]);
    world.stop();
    assert_eq!(damaged_logs(&world), kept);
    assert!(fs::read(&log).unwrap() == before);
}

#[test]
fn a_view_that_nobody_reads_is_looked_through_and_rebuilt() {
    let mut world = filled();
    let views = fs::read_dir(world.state().join("views")).unwrap();
    let catalog = views
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("catalog.") && name.ends_with(".db")
        })
        .unwrap();
    // Not among the pages that a start looks at: the last third.
    let mut bytes = fs::read(&catalog).unwrap();
    let from = bytes.len() / 3 * 2 / 4096 * 4096;
    bytes[from..].fill(0xA5);
    fs::write(&catalog, bytes).unwrap();
    // No listing, so that nobody else meets the damage.
    world.spawn(&[]);
    world.until("the damage is found", |world| {
        world.daemon_log().contains("serving a rebuilt view")
    });
    world.until("the tree is whole", |world| {
        world.tree().len() == TRACKS as usize
    });
    world.stop();
    world.assert_sound();
}
