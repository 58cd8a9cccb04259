//! Webhooks, told to real HTTP servers on loopback.

mod applying;
mod delivery;
mod docs;
mod letters;
mod places;
mod receiver;
mod secrets;
mod servers;
mod tls;

use std::time::Instant;

use serde_json::Value;

use self::receiver::{Hit, Receiver};
use crate::world::{LIMIT, World, flac};

/// A file of the configuration, named in the arguments of the daemon.
fn configure(world: &World, text: &str) -> [String; 2] {
    let path = world.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    ["--config".to_owned(), path.to_str().unwrap().to_owned()]
}

/// Starts the daemon with a configuration, and waits until the first listing is done.
fn start(world: &mut World, text: &str) {
    let [flag, path] = configure(world, text);
    world.start_with(&[&flag, &path]);
}

/// Adds a track to the music: artist, album and title of its own making.
fn add(world: &World, number: u64) {
    let title = format!("Song {number}");
    let tags = [("ARTIST", "A"), ("ALBUM", "B"), ("TITLE", title.as_str())];
    put(world, &format!("{number}.flac"), number, &tags);
}

/// Puts a file into the music, at once.
fn put(world: &World, path: &str, seed: u64, tags: &[(&str, &str)]) {
    let whole = world.music().join(path);
    std::fs::create_dir_all(whole.parent().unwrap()).unwrap();
    let part = world.path().join("part");
    std::fs::write(&part, flac(seed, tags)).unwrap();
    std::fs::rename(part, whole).unwrap();
}

/// Waits until a receiver's hits are as wanted.
#[track_caller]
fn until(world: &World, receiver: &Receiver, what: &str, wanted: impl Fn(&[Hit]) -> bool) {
    let began = Instant::now();
    loop {
        let hits = receiver.hits();
        if wanted(&hits) {
            return;
        }
        assert!(
            began.elapsed() < LIMIT,
            "waited in vain until {what}\n{hits:#?}\n{}",
            world.daemon_log()
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Waits until a webhook is done with the whole log.
#[track_caller]
fn until_done(world: &World, name: &str) {
    world.until(&format!("{name} has caught up"), |world| {
        let listed = listed(world, name);
        listed["lag"] == 0 && listed["state"] == "idle"
    });
}

/// What `webhook list` tells of a webhook; null where nothing.
fn listed(world: &World, name: &str) -> Value {
    let list = world.json(["webhook", "list", "--json"]);
    let webhooks = list["webhooks"].as_array().unwrap();
    let found = webhooks.iter().find(|webhook| webhook["name"] == name);
    found.cloned().unwrap_or_default()
}

/// The positions that were told of, each once, in the order in which each was first told.
fn told(hits: &[Hit]) -> Vec<u64> {
    let mut told = Vec::new();
    for hit in hits {
        let position = hit.json()["position"].as_u64().unwrap();
        if !told.contains(&position) {
            told.push(position);
        }
    }
    told
}
