//! What follows in a collection that is played.

use std::fs;
use std::process::{Command, Stdio};

use super::{PATIENT, is_here, listen, real_album};
use crate::elsewhere::Elsewhere;
use crate::pins::album;

#[test]
fn what_follows_in_a_collection_is_here_before_it_is_played() {
    let mut elsewhere = Elsewhere::new(0);
    fs::create_dir_all(&elsewhere.music).unwrap();
    real_album(&elsewhere, 6);
    elsewhere.start(&format!("{}\n[prefetch]\ntracks = 1", elsewhere.key()));
    let world = &elsewhere.world;
    let tracks = album(world, "Noise");
    let backwards = "album:noise SORT title DESC";
    world.json(["collection", "add", "Backwards", backwards, "--json"]);
    let collections = world.mnt().join(".collections");
    let mut mpv = Command::new("mpv")
        .args(["--no-config", "--ao=null", "--vo=null", "--no-video"])
        .arg(collections.join("Backwards.m3u8"))
        .env("HOME", world.path().join("home"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    world.within(PATIENT, "the one before it is here", |_| {
        is_here(&tracks[4])
    });
    world.within(PATIENT, "the one before that is, once it goes on", |_| {
        is_here(&tracks[3])
    });
    mpv.kill().unwrap();
    mpv.wait().unwrap();
    assert!(!is_here(&tracks[2]) && !is_here(&tracks[1]));
    // By a link of the directory, too.
    let links = fs::read_dir(collections.join("Backwards")).unwrap();
    let mut links: Vec<_> = links.map(|link| link.unwrap().path()).collect();
    links.sort();
    assert_eq!(links[4].canonicalize().unwrap(), tracks[1]);
    listen(world, &links[4], "what follows it is here", || {
        is_here(&tracks[0])
    });
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}
