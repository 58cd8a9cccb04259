//! Lyrics, covers and booklets of what is pinned, and of what somebody asks for ahead.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::{directory, is_here, library, pin, pins};
use crate::beside::{picture, pixels};
use crate::elsewhere::Elsewhere;

const LYRICS: &[u8] = b"[00:01.00] words";

/// Songs in a folder of their own with lyrics, a booklet, and a cover, on an SFTP server.
fn an_album() -> (Elsewhere, Vec<u8>) {
    let elsewhere = library();
    let cover = picture(&elsewhere.world, "red", 1_200, "jpg");
    let folder = elsewhere.music.join("Whole");
    fs::create_dir_all(folder.join("Scans")).unwrap();
    for number in 11..=12 {
        let song = super::long(number, "Whole");
        fs::write(folder.join(format!("{number}.flac")), song).unwrap();
    }
    fs::write(folder.join("11.lrc"), LYRICS).unwrap();
    fs::write(folder.join("cover.jpg"), &cover).unwrap();
    fs::write(folder.join("Scans/booklet.pdf"), b"a booklet").unwrap();
    (elsewhere, cover)
}

fn states(told: &Value) -> Vec<(&str, &str)> {
    let files = told["files"].as_array().unwrap().iter();
    files
        .map(|file| {
            let path = file["path"].as_str().unwrap();
            let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
            (name, file["state"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn a_pinned_album_is_whole_without_its_server() {
    let (mut elsewhere, cover) = an_album();
    let key = elsewhere.key();
    elsewhere.start(&key);
    let dir = directory(&elsewhere.world, "Whole");
    elsewhere
        .world
        .until("all of it is shown", |_| dir.join("booklet.pdf").exists());
    let pinned = pin(&elsewhere.world, &dir);
    let counts = (&pinned["pin"]["tracks"], &pinned["pin"]["sidecars"]);
    assert_eq!(counts, (&Value::from(2), &Value::from(3)), "{pinned}");
    elsewhere.world.until("all of it is here", is_here);
    // What comes beside it is fetched, too.
    let more = elsewhere.music.join("Whole/12.lrc");
    fs::write(more, LYRICS).unwrap();
    elsewhere.world.until("there is more", |world| {
        pins(world)[0]["sidecars"] == 4 && is_here(world)
    });

    elsewhere.server.stop();
    elsewhere.world.stop();
    elsewhere.spawn(&key);
    elsewhere
        .world
        .until("the tree is there", |_| dir.join("cover.jpg").exists());
    assert_eq!(fs::read(dir.join("cover.jpg")).unwrap(), cover);
    assert_eq!(fs::read(dir.join("booklet.pdf")).unwrap(), b"a booklet");
    for lyrics in ["11 - Song 11.lrc", "12 - Song 12.lrc"] {
        assert_eq!(fs::read(dir.join(lyrics)).unwrap(), LYRICS);
    }
    // Made of what is here.
    assert_eq!(pixels(&dir.join("cover_thumb.jpg")), "mjpeg,150,150");
    assert_eq!(pixels(&dir.join("cover_medium.jpg")), "mjpeg,300,300");
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn what_lies_beside_tracks_can_be_asked_for_and_so_can_collections_and_queries() {
    let (mut elsewhere, _) = an_album();
    let key = elsewhere.key();
    elsewhere.start(&key);
    let world = &elsewhere.world;
    let dir = directory(world, "Whole");
    world.until("all of it is shown", |_| dir.join("booklet.pdf").exists());
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let here = |at: &str| world.json(["cache", "prefetch", "--wait", "--json", at]);
    assert_eq!(
        states(&here(&path("booklet.pdf"))),
        [("booklet.pdf", "here")]
    );
    // A cover is where its picture is.
    assert_eq!(
        states(&here(&path("cover_thumb.jpg"))),
        [("cover.jpg", "here")]
    );
    world.until("the index knows the songs", |world| {
        let found = world.run(["search", "album:Whole"]);
        found.stdout.iter().filter(|byte| **byte == b'\n').count() == 2
    });
    let songs = ["11 - Song 11.flac", "12 - Song 12.flac"];
    let found = here(".search/album:Whole");
    assert_eq!(states(&found), songs.map(|name| (name, "here")));
    let recent = here(".collections/Recently Added");
    assert_eq!(states(&recent).len(), 10);
    let whole = here(dir.to_str().unwrap());
    assert_eq!(states(&whole).len(), 5);
    for (wrong, told) in [
        (".collections/Nobody", "there is nothing at"),
        (".search/artist:(", "is not understood"),
    ] {
        let refused = world.run(["cache", "prefetch", wrong]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(told), "{said}");
    }
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn what_lies_beside_tracks_is_repaired_too() {
    let (mut elsewhere, _) = an_album();
    elsewhere.start(&elsewhere.key());
    let world = &elsewhere.world;
    let lyrics = directory(world, "Whole").join("11 - Song 11.lrc");
    assert_eq!(fs::read(&lyrics).unwrap(), LYRICS);
    let is_it = |blob: &PathBuf| fs::read(blob).is_ok_and(|bytes| bytes == LYRICS);
    let kept = || super::blobs(world).into_iter().find(is_it);
    world.until("they are kept", |world| {
        let stats = world.json(["cache", "stats", "--json"]);
        kept().is_some() && stats["chunks"].as_u64() > Some(0)
    });
    fs::write(kept().unwrap(), vec![b'x'; LYRICS.len()]).unwrap();
    // What was read is looked at once it is written down, within a second.
    let length = Value::from(LYRICS.len());
    world.until("they are repaired", |world| {
        let repaired = world.json(["cache", "repair", "--json"]);
        assert_eq!(repaired["lost_bytes"], repaired["repaired_bytes"]);
        repaired["repaired_bytes"] == length
    });
    elsewhere.server.stop();
    assert_eq!(fs::read(&lyrics).unwrap(), LYRICS);
}
