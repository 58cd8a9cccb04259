//! Media servers, each by a stand-in that sees the very request.

use std::sync::atomic::{AtomicBool, Ordering};

use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::receiver::{Hit, Receiver, Reply};
use super::{listed, put, start, until, until_done};
use crate::world::{World, flac};

const OLD: &str = "Björk & Co/Old [FLAC]";
const NEW: &str = "Björk & Co/New (1) [FLAC]";

/// Three tracks of one album.
fn album(world: &World) {
    (1..=3).for_each(|number| track(world, number, "Old"));
}

fn track(world: &World, number: u64, album: &str) {
    let title = format!("Song {number}");
    let tags = [
        ("ARTIST", "Björk & Co"),
        ("ALBUM", album),
        ("TITLE", &title),
    ];
    put(world, &format!("{number}.flac"), number, &tags);
}

/// What Jellyfin was told, call by call.
fn updates(hits: &[Hit]) -> Vec<Value> {
    hits.iter()
        .map(|hit| hit.json()["Updates"].clone())
        .collect()
}

#[test]
fn jellyfin_is_told_which_folders_changed() {
    let receiver = Receiver::new();
    let mut world = World::new();
    album(&world);
    let text = format!(
        "[[webhooks]]\nname = 'jellyfin'\nformat = 'jellyfin'\nurl = '{}'\ntoken = 'k3y'\n\
         library_path = '/media/music/'\n",
        receiver.url("/base/")
    );
    start(&mut world, &text);
    until(&world, &receiver, "it is told of the album", |hits| {
        !hits.is_empty()
    });
    let told = |path: &str, change: &str| json!({ "Path": format!("/media/music/{path}"), "UpdateType": change });
    let hit = receiver.hits().remove(0);
    assert_eq!(
        (hit.method.as_str(), hit.target.as_str()),
        ("POST", "/base/Library/Media/Updated")
    );
    assert_eq!(hit.header("authorization"), "MediaBrowser Token=\"k3y\"");
    assert_eq!(hit.header("content-type"), "application/json");
    assert_eq!(hit.json(), json!({ "Updates": [told(OLD, "Created")] }));

    // A track of it gets another album: one call about both.
    track(&world, 1, "New (1)");
    until(&world, &receiver, "it is told of the move", |hits| {
        hits.len() > 1
    });
    let both = json!([told(NEW, "Created"), told(OLD, "Modified")]);
    assert_eq!(updates(&receiver.hits())[1], both);

    // The folder goes with its track, while the daemon is away.
    until_done(&world, "jellyfin");
    world.kill();
    std::fs::remove_file(world.music().join("1.flac")).unwrap();
    start(&mut world, &text);
    until(&world, &receiver, "it is told of the end", |hits| {
        hits.len() > 2
    });
    assert_eq!(updates(&receiver.hits())[2], json!([told(NEW, "Deleted")]));

    // Every name may be another.
    let set = world.run(["layout", "set", "$artist/$title.$format"]);
    assert!(set.status.success(), "{set:?}");
    until(&world, &receiver, "it is told of everything", |hits| {
        hits.len() > 3
    });
    let root = json!([{ "Path": "/media/music", "UpdateType": "Modified" }]);
    assert_eq!(updates(&receiver.hits())[3], root);

    let tested = world.json(["webhook", "test", "jellyfin", "--json"]);
    assert_eq!(tested["ok"], true);
    let test = receiver.hits().pop().unwrap();
    assert_eq!(
        (test.method.as_str(), test.target.as_str()),
        ("GET", "/base/System/Info")
    );
    assert_eq!(test.header("authorization"), "MediaBrowser Token=\"k3y\"");
}

#[test]
fn the_folder_of_a_copy_that_takes_the_place_is_told_of() {
    let receiver = Receiver::new();
    let mut world = World::new();
    album(&world);
    let text = format!(
        "[[webhooks]]\nname = 'jellyfin'\nformat = 'jellyfin'\nurl = '{}'\ntoken = 'k3y'\n",
        receiver.url("/")
    );
    start(&mut world, &text);
    until(&world, &receiver, "it is told of the album", |hits| {
        !hits.is_empty()
    });
    let backup = world.path().join("backup");
    std::fs::create_dir(&backup).unwrap();
    let tags = [
        ("ARTIST", "Björk & Co"),
        ("ALBUM", "New (1)"),
        ("TITLE", "Song"),
    ];
    std::fs::write(backup.join("1.flac"), flac(1, &tags)).unwrap();
    world.json(["origin", "add", backup.to_str().unwrap(), "--json"]);
    world.until("the copy is in the library", |world| {
        world.status()["origins"][0]["tracks"] == 1
    });
    assert!(!world.mnt().join(NEW).exists(), "it is not shown");
    std::fs::remove_file(world.music().join("1.flac")).unwrap();
    let is_told = |hits: &[Hit]| {
        let told = updates(hits)
            .into_iter()
            .flat_map(|it| it.as_array().cloned());
        let paths: Vec<_> = told.flatten().map(|it| it["Path"].clone()).collect();
        paths
            .iter()
            .any(|path| path.as_str().unwrap().ends_with(NEW))
    };
    until(&world, &receiver, "it is told of the copy's album", is_told);
    assert!(world.mnt().join(NEW).exists());
}

#[test]
fn plex_scans_the_folders_that_changed() {
    let receiver = Receiver::new();
    let mut world = World::new();
    album(&world);
    let text = format!(
        "[[webhooks]]\nname = 'plex'\nformat = 'plex'\nurl = '{}'\ntoken = 't0ken'\nlibrary = 3\n",
        receiver.url("")
    );
    start(&mut world, &text);
    let mount = world.mnt().display().to_string();
    let target = |path: &str| format!("/library/sections/3/refresh?path={mount}/{path}");
    let targets = || -> Vec<String> {
        let hits = receiver.hits().into_iter();
        hits.map(|hit| hit.target).collect()
    };
    until(&world, &receiver, "it is told of the album", |hits| {
        !hits.is_empty()
    });
    let hit = receiver.hits().remove(0);
    assert_eq!(hit.method, "GET");
    assert_eq!(hit.header("x-plex-token"), "t0ken");
    assert!(hit.body.is_empty());
    let old = target("Bj%C3%B6rk%20%26%20Co/Old%20%5BFLAC%5D");
    assert_eq!(targets(), [old.as_str()]);

    track(&world, 1, "New (1)");
    until(&world, &receiver, "it is told of the move", |hits| {
        hits.len() > 2
    });
    let new = target("Bj%C3%B6rk%20%26%20Co/New%20%281%29%20%5BFLAC%5D");
    assert_eq!(targets()[1..], [new, old]);

    // A folder that is gone is scanned from the one above it.
    std::fs::remove_file(world.music().join("1.flac")).unwrap();
    until(&world, &receiver, "it is told of the end", |hits| {
        hits.len() > 3
    });
    assert_eq!(targets()[3], target("Bj%C3%B6rk%20%26%20Co"));

    assert_eq!(
        world.json(["webhook", "test", "plex", "--json"])["ok"],
        true
    );
    let test = receiver.hits().pop().unwrap();
    assert_eq!(test.target, "/library/sections/3");
    assert_eq!(test.header("x-plex-token"), "t0ken");
}

/// The query's pairs, once the salted password was checked and taken out.
fn let_in(hit: &Hit) -> Vec<String> {
    let (_, query) = hit.target.split_once('?').unwrap();
    let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
    let value = |name: &str| {
        let pair = pairs.iter().find_map(|pair| pair.strip_prefix(name));
        pair.unwrap_or_else(|| panic!("no {name} in {query}"))
            .to_owned()
    };
    let (token, salt) = (value("t="), value("s="));
    assert!(salt.len() >= 6, "{salt}");
    let expected = hex::encode(Md5::digest(format!("sesame{salt}")));
    assert_eq!(token, expected);
    pairs.retain(|pair| !pair.starts_with("t=") && !pair.starts_with("s="));
    pairs
}

#[test]
fn navidrome_scans_the_folders_that_changed_once_it_is_free() {
    let busy = AtomicBool::new(true);
    let receiver = Receiver::answering(move |hit| {
        let is_question = hit.target.contains("getScanStatus");
        let scanning = is_question && busy.swap(false, Ordering::SeqCst);
        let answer = json!({ "subsonic-response": {
            "status": "ok", "version": "1.16.1", "type": "navidrome",
            "scanStatus": { "scanning": scanning, "count": 3, "folderCount": 1 },
        }});
        Reply::Body(answer.to_string())
    });
    let mut world = World::new();
    album(&world);
    let text = format!(
        "[[webhooks]]\nname = 'navidrome'\nformat = 'navidrome'\nurl = '{}'\nuser = 'me & you'\n\
         token_env = 'PASSWORD'\nlibrary = 2\nlibrary_path = 'view'\n",
        receiver.url("/music")
    );
    let [flag, path] = super::configure(&world, &text);
    world.spawn_in(&[&flag, &path], &[("PASSWORD", "sesame")]);
    let pages = |hits: &[Hit]| -> Vec<String> {
        let page = |hit: &Hit| hit.target.split('?').next().unwrap().to_owned();
        hits.iter().map(page).collect()
    };
    until(&world, &receiver, "it is told of the album", |hits| {
        hits.len() > 2
    });
    let hits = receiver.hits();
    assert_eq!(
        pages(&hits),
        [
            "/music/rest/getScanStatus",
            "/music/rest/getScanStatus",
            "/music/rest/startScan"
        ]
    );
    let asked = ["u=me%20%26%20you", "v=1.16.1", "c=musicfs", "f=json"];
    assert_eq!(let_in(&hits[0]), asked);
    let scan = &hits[2];
    assert_eq!(scan.method, "GET");
    let mut expected: Vec<String> = asked.iter().map(|&pair| pair.to_owned()).collect();
    expected.push("target=2:view/Bj%C3%B6rk%20%26%20Co/Old%20%5BFLAC%5D".to_owned());
    assert_eq!(let_in(scan), expected);

    // Both folders of a move in one call: a second one would find it scanning.
    track(&world, 1, "New (1)");
    until(&world, &receiver, "it is told of the move", |hits| {
        hits.len() > 4
    });
    let hits = receiver.hits();
    let targets: Vec<String> = let_in(&hits[4]).split_off(4);
    assert_eq!(
        targets,
        [
            "target=2:view/Bj%C3%B6rk%20%26%20Co/New%20%281%29%20%5BFLAC%5D",
            "target=2:view/Bj%C3%B6rk%20%26%20Co/Old%20%5BFLAC%5D",
        ]
    );
    assert_eq!(
        world.json(["webhook", "test", "navidrome", "--json"])["ok"],
        true
    );
    let test = receiver.hits().pop().unwrap();
    assert_eq!(pages(std::slice::from_ref(&test)), ["/music/rest/ping"]);
    assert_eq!(let_in(&test), asked);
}

#[test]
fn navidrome_tells_of_a_wrong_password_with_status_200() {
    let receiver = Receiver::answering(|_| {
        let error = json!({ "code": 40, "message": "Wrong username or password" });
        let answer = json!({ "subsonic-response": { "status": "failed", "error": error }});
        Reply::Body(answer.to_string())
    });
    let mut world = World::new();
    album(&world);
    let text = format!(
        "[[webhooks]]\nname = 'nd'\nformat = 'navidrome'\nurl = '{}'\nuser = 'me'\ntoken = 'x'\n",
        receiver.url("")
    );
    start(&mut world, &text);
    world.until("it is put aside", |world| {
        listed(world, "nd")["dead_letters"] == 1
    });
    let list = world.json(["webhook", "list", "--json"]);
    let letter = &list["dead_letters"][0];
    assert_eq!(letter["folders"], json!([OLD]));
    assert_eq!(letter["attempts"], 1);
    let problem = "it answered error 40: Wrong username or password";
    assert_eq!(letter["problem"], problem);
    let tested = world.run(["webhook", "test", "nd"]);
    assert_eq!(tested.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&tested.stderr).contains(problem));
}

#[test]
fn very_many_folders_are_one_call() {
    let receiver = Receiver::new();
    let mut world = World::new();
    for number in 0..150 {
        let album = format!("Album {number}");
        track(&world, number, &album);
    }
    let text = format!(
        "[[webhooks]]\nname = 'plex'\nformat = 'plex'\nurl = '{}'\ntoken = 't'\nlibrary = 1\n\
         library_path = '/data/music'\n",
        receiver.url("")
    );
    start(&mut world, &text);
    until_done(&world, "plex");
    let targets: Vec<String> = receiver.hits().into_iter().map(|hit| hit.target).collect();
    assert_eq!(targets, ["/library/sections/1/refresh?path=/data/music"]);
}
