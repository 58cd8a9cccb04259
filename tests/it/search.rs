//! Finding tracks: `.search`, the command, the RPCs (FIND-1, FIND-2).

mod order;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use musicfs::control::Client;
use musicfs::state::StateDir;
use proto::v1;
use serde_json::Value;

use crate::world::{World, flac};

fn put(world: &World, seed: u64, artist: &str, album: &str, title: &str, more: &[(&str, &str)]) {
    let tags = [
        [("ARTIST", artist), ("ALBUM", album), ("TITLE", title)].as_slice(),
        more,
    ]
    .concat();
    let path = world.music().join(format!("{seed}.flac"));
    fs::write(path, flac(seed, &tags)).unwrap();
}

fn library() -> World {
    let mut world = World::new();
    put(&world, 1, "Björk", "Homogenic", "Jóga", &[("DATE", "1997")]);
    put(
        &world,
        2,
        "Björk",
        "Homogenic",
        "Hunter",
        &[("DATE", "1997")],
    );
    put(
        &world,
        3,
        "AC/DC",
        "Back in Black",
        "Hells Bells",
        &[("GENRE", "Hard Rock")],
    );
    put(&world, 4, "坂本龍一", "千のナイフ", "Thousand Knives", &[]);
    put(&world, 5, "אריק איינשטיין", "אני ואתה", "Ani", &[]);
    put(&world, 6, "!!!", "Louden \"Up\" Now", "What?/Why…", &[]);
    world.start();
    until_found(&world, "hunter", 1);
    world
}

fn found(world: &World, query: &str) -> Value {
    world.json(["search", query, "--json"])
}

fn until_found(world: &World, query: &str, count: usize) {
    world.until(&format!("{query} finds {count}"), |world| {
        let output = world.run(["search", query, "--json"]);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        found["results"].as_array().map(Vec::len) == Some(count)
    });
}

/// The links in a directory, and where each leads.
fn links(dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(dir).unwrap();
    let link = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        assert!(entry.file_type().unwrap().is_symlink());
        let name = entry.file_name().into_string().unwrap();
        (name, fs::canonicalize(entry.path()).unwrap())
    };
    let mut links: Vec<_> = entries.map(link).collect();
    links.sort();
    links
}

#[test]
fn a_directory_shows_what_its_name_finds() {
    let world = library();
    let search = world.mnt().join(".search");
    assert_eq!(fs::read_dir(&search).unwrap().count(), 0);
    let shown = links(&search.join("bjork"));
    let names: Vec<&str> = shown.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["001. Björk - Hunter.flac", "002. Björk - Jóga.flac"]
    );
    for (_, target) in &shown {
        assert!(target.starts_with(world.mnt().join("Björk")), "{target:?}");
    }
    let link = search.join("bjork").join(names[0]);
    let target = fs::read_link(&link).unwrap();
    assert!(target.starts_with("../../Björk"), "{target:?}");
    assert_eq!(
        fs::read(&link).unwrap(),
        fs::read(world.music().join("2.flac")).unwrap()
    );
    assert_eq!(
        fs::symlink_metadata(&link).unwrap().len(),
        target.as_os_str().len() as u64
    );
    let played = Command::new("ffprobe")
        .arg("-loglevel")
        .arg("error")
        .arg(&link)
        .status();
    assert!(played.unwrap().success());
    // The library itself shows nothing of it.
    assert!(!world.tree().keys().any(|path| path.contains(".search")));
}

#[test]
fn odd_queries_have_a_right_answer_or_a_right_error() {
    let world = library();
    let search = world.mnt().join(".search");
    let count = |query: &str| fs::read_dir(search.join(query)).map(Iterator::count);
    for (query, expected) in [
        ("AC DC", 1),
        ("\"back in black\"", 1),
        ("artist:bjork NOT hunter", 1),
        ("year:[1990 TO 1999]", 2),
        ("坂本", 1),
        ("איינשטיין", 1),
        ("\u{202e}איינשטיין", 1),
        ("!!!", 1),
        ("bjrok", 2),
        ("nothing like it", 0),
        ("*", 0),
        ("👩‍🎤", 0),
        (" ", 0),
    ] {
        assert_eq!(count(query).unwrap(), expected, "{query}");
    }
    // What file managers look for everywhere.
    for hidden in ["...", ".Trash-1000", ".directory"] {
        let error = count(hidden).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{hidden}");
    }
    for wrong in [
        "AND",
        "(bjork",
        "a OR",
        "\"open",
        "year:[1999 TO 1990]",
        "NOT",
        "artist:",
    ] {
        assert_eq!(
            count(wrong).unwrap_err().kind(),
            ErrorKind::InvalidInput,
            "{wrong}"
        );
        let output = world.run(["search", wrong, "--json"]);
        assert_eq!(output.status.code(), Some(3), "{wrong}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("at character"), "{told}");
    }
    let longest = "x".repeat(256);
    assert_eq!(count(&longest).unwrap(), 0);
    assert_eq!(count(&"é".repeat(256)).unwrap(), 0);
    let too_long = count(&"x".repeat(257)).unwrap_err();
    assert_eq!(too_long.kind(), ErrorKind::InvalidInput);
    assert!(count(&"x".repeat(2_000)).is_err());
    assert!(
        search
            .join("bjork/no such link")
            .symlink_metadata()
            .is_err()
    );
    assert!(fs::write(search.join("bjork/new"), "x").is_err());
    // Nothing of this left anything stuck.
    assert_eq!(count("bjork").unwrap(), 2);
}

/// Queries that nobody means, and such as only look like it.
const ODD: [&str; 66] = [
    "\"",
    "\"\"",
    "\"back in black\"",
    "“back in black”",
    "'",
    "`",
    "\\",
    "back\\in",
    "R.E.M.",
    "a..b",
    "*",
    "?",
    "[",
    "]",
    "[1 TO 2]",
    "{}",
    "<a>",
    "|",
    "&",
    "AND",
    "OR",
    "NOT",
    "AND OR NOT",
    "&&",
    "||",
    "NOT NOT",
    "()",
    "( )",
    "((",
    "())(",
    "-",
    "--",
    "- -",
    "-\"",
    "~",
    "~1",
    "a~",
    "a~3",
    ":",
    "::",
    ":a",
    "a:",
    "artist:",
    "artist:()",
    "artist:\"\"",
    "year:",
    "year:x",
    "year:[]",
    "year:[* TO *]",
    "year:[1990 TO]",
    "year:99999",
    "איינשטיין",
    "\u{202e}bjork",
    "\u{200f}",
    "坂本龍一",
    "千の",
    "ナイフ",
    "👩‍🎤",
    "\u{301}",
    "\n",
    "back\tblack",
    "bjork\u{feff}",
    "\u{1}",
    "!!!",
    "louden \"Up\" now",
    "what?",
];

#[tokio::test]
async fn the_directory_and_the_rpc_agree_on_odd_queries() {
    let world = tokio::task::spawn_blocking(library).await.unwrap();
    let state = StateDir::existing(&world.state()).unwrap();
    let client = Client::connect(&state).await.unwrap();
    let ask = |query: &str| {
        let request = v1::SearchRequest {
            query: query.to_owned(),
            offset: 0,
            limit: 1_000,
        };
        let mut client = client.search();
        async move { client.search(request).await }
    };
    let long = [
        "x".repeat(256),
        "x".repeat(257),
        "坂".repeat(256),
        "a ".repeat(33),
    ];
    for query in ODD.iter().copied().chain(long.iter().map(String::as_str)) {
        let dir = world.mnt().join(".search").join(query);
        let listed = tokio::task::spawn_blocking(|| fs::read_dir(dir).map(Iterator::count));
        match (listed.await.unwrap(), ask(query).await) {
            (Ok(links), Ok(found)) => {
                assert_eq!(links, found.into_inner().results.len(), "{query}");
            }
            (Err(error), Err(refused)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{query}");
                assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{query}");
                assert!(refused.message().contains("at character"), "{refused}");
            }
            (listed, found) => panic!("{query}: {listed:?}, but {found:?}"),
        }
    }
    // What no name in a directory can be, or none that is looked for.
    for (query, expected) in [
        ("AC/DC", 1),
        ("/", 0),
        ("a/b", 0),
        (".", 0),
        ("..", 0),
        ("\0", 0),
    ] {
        let found = ask(query).await.unwrap().into_inner();
        assert_eq!(found.results.len(), expected, "{query}");
    }
    drop(tokio::task::spawn_blocking(move || drop(world)).await);
}

#[test]
fn an_index_that_is_damaged_is_built_anew_at_the_start() {
    let mut world = library();
    world.stop();
    let stored: Vec<PathBuf> = {
        let views = fs::read_dir(world.state().join("views")).unwrap();
        let mut views = views.map(|entry| entry.unwrap().path());
        let is_index = |path: &PathBuf| path.file_stem().is_some_and(|name| name == "search");
        let files = fs::read_dir(views.find(is_index).unwrap()).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|kind| kind == "store"))
            .collect()
    };
    for file in &stored {
        let mut bytes = fs::read(file).unwrap();
        bytes.iter_mut().take(40).for_each(|byte| *byte ^= 0xff);
        fs::write(file, bytes).unwrap();
    }
    world.start();
    until_found(&world, "bjork", 2);
    assert!(!stored.iter().any(|file| file.exists()));
    let tasks = world.status()["tasks"].clone();
    let is_search = |task: &&Value| task["name"] == "search";
    let task = tasks.as_array().unwrap().iter().find(is_search);
    assert_eq!(task.unwrap()["state"], "running", "{tasks}");
    world.stop();
    assert!(!world.daemon_log().contains("not waited for"));
}

#[test]
fn names_that_no_file_can_have_are_made_safe() {
    let world = library();
    let shown = links(&world.mnt().join(".search/louden"));
    assert_eq!(shown.len(), 1);
    let name = &shown[0].0;
    assert!(
        name.starts_with("001. !!! - What?") && name.ends_with(".flac"),
        "{name}"
    );
}

#[test]
fn what_changes_is_found_over_restarts_and_rebuilds() {
    let mut world = library();
    put(&world, 7, "Nina Simone", "Pastel Blues", "Sinnerman", &[]);
    until_found(&world, "sinnerman", 1);
    put(
        &world,
        7,
        "Nina Simone",
        "Pastel Blues",
        "Strange Fruit",
        &[],
    );
    until_found(&world, "sinnerman", 0);
    until_found(&world, "strange fruit", 1);
    let dir = world.mnt().join(".search/nina");
    assert_eq!(links(&dir).len(), 1);
    fs::remove_file(world.music().join("7.flac")).unwrap();
    until_found(&world, "nina", 0);
    world.until("the directory is empty", |_| links(&dir).is_empty());
    world.kill();
    put(
        &world,
        8,
        "Nina Simone",
        "Pastel Blues",
        "Be My Husband",
        &[],
    );
    world.start();
    until_found(&world, "nina", 1);
    let report = world.json(["replay", "search", "--check", "--json"]);
    assert_eq!(report["views"][0]["equal"], true, "{report}");
    let report = world.json(["replay", "search", "--json"]);
    assert_eq!(report["views"][0]["equal"], true, "{report}");
    assert_eq!(links(&world.mnt().join(".search/nina")).len(), 1);
    world.stop();
    // Without a daemon, and after the index was lost.
    let report = world.json(["replay", "--check", "--json"]);
    let views = report["views"].as_array().unwrap();
    assert!(views.iter().any(|view| view["name"] == "search"));
    assert!(views.iter().all(|view| view["equal"] == true), "{report}");
    for entry in fs::read_dir(world.state().join("views")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_str().unwrap().starts_with("search.") {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    world.start();
    until_found(&world, "nina", 1);
}

#[test]
fn copies_that_are_shown_once_are_found_once() {
    let world = library();
    let backup = world.path().join("backup");
    fs::create_dir(&backup).unwrap();
    fs::copy(world.music().join("3.flac"), backup.join("bells.flac")).unwrap();
    let origin = format!("backup={}", backup.display());
    world.json(["origin", "add", &origin, "--json"]);
    world.until("both copies are in the index", |world| {
        found(world, "hells bells")["total"] == 2
    });
    let found = found(&world, "hells bells");
    assert_eq!(found["results"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(links(&world.mnt().join(".search/hells bells")).len(), 1);
}

#[test]
fn the_command_prints_paths_and_pages() {
    let world = library();
    let output = world.run(["search", "björk", "hunter"]);
    let path = String::from_utf8(output.stdout).unwrap();
    assert!(world.mnt().join(path.trim_end()).is_file(), "{path}");
    let page = world.json(["search", "bjork", "--limit", "1", "--json"]);
    assert_eq!(
        (&page["total"], &page["next_offset"]),
        (&2.into(), &1.into())
    );
    let result = &page["results"][0];
    assert_eq!(result["artist"], "Björk");
    assert_eq!(result["year"], 1997);
    let marked = &result["highlights"][0];
    assert_eq!(marked["field"], "artist");
    assert_eq!((&marked["start"], &marked["end"]), (&0.into(), &6.into()));
    let rest = world.json(["search", "bjork", "--offset", "1", "--json"]);
    assert_eq!(rest["results"].as_array().unwrap().len(), 1);
    assert_ne!(rest["results"][0]["track"], result["track"]);
    let last = world.json(["search", "bjork", "--offset", "10000", "--json"]);
    assert_eq!(last["results"], Value::Array(vec![]));
    let output = world.run(["search", "bjork", "--offset", "10001"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(found(&world, "")["results"], Value::Array(vec![]));
    let nothing = world.run(["search", "hunter", "zzz"]);
    assert!(nothing.status.success() && nothing.stdout.is_empty());
    let told = String::from_utf8(nothing.stderr).unwrap();
    assert!(told.contains("nothing matches"), "{told}");
}

#[tokio::test]
async fn results_can_be_streamed() {
    let world = tokio::task::spawn_blocking(library).await.unwrap();
    let state = StateDir::existing(&world.state()).unwrap();
    let client = Client::connect(&state).await.unwrap();
    let request = v1::SearchStreamRequest {
        query: "bjork OR bells".to_owned(),
        limit: 0,
    };
    let mut stream = client
        .search()
        .search_stream(request)
        .await
        .unwrap()
        .into_inner();
    let mut tracks = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        tracks.push(message.result.unwrap().title);
    }
    tracks.sort();
    assert_eq!(tracks, ["Hells Bells", "Hunter", "Jóga"]);
    let request = v1::SearchStreamRequest {
        query: "(".to_owned(),
        limit: 0,
    };
    let refused = client.search().search_stream(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(refused.message().contains("character"), "{refused}");
    drop(tokio::task::spawn_blocking(move || drop(world)).await);
}
