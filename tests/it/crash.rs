//! kill -9 at any moment loses nothing that was acknowledged (UP-3, VIEW-3).

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::world::{World, flac};

/// A small generator (xorshift64*), so that a failing run can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % limit
    }
}

/// Does something to the music: adds, retags, moves or deletes a file or a folder.
fn disturb(music: &Path, random: &mut Random) {
    let file = |n: u64| music.join(format!("{}/{n}.flac", n % 7));
    let n = random.below(60);
    let title = format!("Title {}", random.below(20));
    let tags = [
        ("ARTIST", "Ann"),
        ("ALBUM", "One"),
        ("TITLE", title.as_str()),
    ];
    match random.below(6) {
        0..=2 => {
            fs::create_dir_all(file(n).parent().unwrap()).unwrap();
            fs::write(file(n), flac(n, &tags)).unwrap();
        }
        3 => drop(fs::remove_file(file(n))),
        4 => drop(fs::rename(file(n), file(random.below(60)))),
        _ => drop(fs::rename(
            music.join(random.below(7).to_string()),
            music.join(random.below(7).to_string()),
        )),
    }
}

#[test]
fn killed_at_any_moment_it_goes_on() {
    let rounds: u64 = std::env::var("MUSICFS_KILLS").map_or(200, |text| text.parse().unwrap());
    let seed: u64 = std::env::var("MUSICFS_SEED").map_or(1, |text| text.parse().unwrap());
    let mut random = Random(seed);
    let mut world = World::new();
    let mut position = 0;
    for round in 0..rounds {
        for _ in 0..random.below(20) {
            disturb(&world.music(), &mut random);
        }
        world.spawn(&[]);
        let moment = Instant::now() + Duration::from_millis(random.below(400));
        while Instant::now() < moment {
            match random.below(8) {
                0 => drop(
                    world
                        .tool(["replay"])
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .spawn()
                        .map(|mut replay| replay.wait()),
                ),
                _ => disturb(&world.music(), &mut random),
            }
            std::thread::sleep(Duration::from_millis(random.below(30)));
        }
        world.kill();
        if world.state().join("log/events.db").exists() {
            world.assert_sound();
            let now = world.position();
            assert!(now >= position, "round {round}: {now} after {position}");
            position = now;
        }
    }
    // What is left agrees with what is there.
    world.start();
    let music = crate::world::files(&world.music()).len();
    world.until("the tree has caught up", |world| {
        world.tree().len() == music
    });
    world.stop();
    world.assert_sound();
}
