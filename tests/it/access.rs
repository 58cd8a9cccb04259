//! What is read through the mount becomes events, and old ones can be folded (CTL-4, LOG-6).

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use eventlog::conformance::samples;
use eventlog::{Event, EventStore, NewEvent, Position, SqliteStore, Timestamp};
use serde_json::Value;

use crate::players::{Mpd, one_of_each};
use crate::world::{World, flac};

/// Music of so many tracks, each of its own sound.
fn with_tracks(count: u64) -> World {
    let world = World::new();
    for n in 0..count {
        let title = format!("Title {n}");
        let tags = [("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", &title)];
        fs::write(world.music().join(format!("{n}.flac")), flac(n, &tags)).unwrap();
    }
    world
}

/// All shown files, with their paths in the mount.
fn shown(world: &World) -> Vec<PathBuf> {
    let files = world.tree().into_keys();
    files.map(|path| world.mnt().join(path)).collect()
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "{command:?}");
}

fn cat(path: &Path) {
    run(Command::new("cat").arg(path));
}

/// What the events of a kind say.
fn of_kind(world: &World, kind: &str) -> Vec<Value> {
    let events = world.events().into_iter();
    events
        .filter(|event| event["kind"] == kind)
        .map(|event| event["data"].clone())
        .collect()
}

fn reads(world: &World) -> Vec<Value> {
    of_kind(world, "track.read")
}

fn scans(world: &World) -> Vec<Value> {
    of_kind(world, "access.scanned")
}

fn sum(events: &[Value], key: &str) -> u64 {
    events
        .iter()
        .map(|event| event[key].as_u64().unwrap())
        .sum()
}

/// Waits until nothing is open any more, as the daemon sees it: closing is told to it, not asked.
fn all_closed(world: &World) {
    world.until("nothing is open", |world| {
        world.status()["open_handles"] == 0
    });
}

/// The number of the track that a file shows.
fn track(path: &Path) -> u64 {
    let output = Command::new("getfattr")
        .args(["--only-values", "-n", "user.musicfs.track_id"])
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().parse().unwrap()
}

#[test]
fn a_file_that_was_read_is_an_event() {
    let mut world = World::with_library();
    world.start_with(&["-o", "nopassthrough"]);
    let file = shown(&world)
        .into_iter()
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    let size = fs::metadata(&file).unwrap().len();
    let follow = world.follow();
    cat(&file);
    let event = follow.next("track.read", Duration::from_secs(30));
    let data = &event["data"];
    assert_eq!(data["track"], track(&file));
    assert_eq!(
        (&data["reader"], &data["bytes"]),
        (&"cat".into(), &size.into())
    );
    assert!(data["duration_ms"].as_u64().unwrap() < 10_000, "{event}");
    // The kernel has it all now, and who reads part of it again is not seen to read.
    run(Command::new("head").args(["-c", "100"]).arg(&file));
    let event = follow.next("track.read", Duration::from_secs(30));
    assert_eq!(event["data"]["reader"], "head");
    assert_eq!(event["data"]["bytes"], Value::Null);
    world.stop();
    world.assert_sound();
    assert_eq!(reads(&world).len(), 2);
}

#[test]
fn a_player_that_seeks_and_opens_again_has_read_once() {
    let mut world = World::with_library();
    world.start();
    let files = one_of_each(&world);
    for file in files.iter().take(4) {
        let script = world.path().join("seek.lua");
        fs::write(&script, "mp.register_event('file-loaded', function() mp.commandv('seek', '50', 'absolute-percent') end)").unwrap();
        let mut mpv = Command::new("mpv");
        mpv.args(["--no-config", "--ao=null", "--vo=null", "--no-video"])
            .arg(format!("--script={}", script.display()))
            .arg(file)
            .env("HOME", world.path().join("home"));
        run(&mut mpv);
    }
    world.stop();
    let reads = reads(&world);
    assert_eq!(reads.len(), 4, "{reads:?}");
    assert!(
        reads.iter().all(|read| read["reader"] == "mpv"),
        "{reads:?}"
    );
    assert_eq!(scans(&world).len(), 0);
}

#[test]
fn looking_and_listing_are_no_reads() {
    let mut world = World::with_library();
    world.start();
    run(Command::new("ls").arg("-lR").arg(world.mnt()));
    run(Command::new("getfattr")
        .args(["-R", "-d", "-m", "-"])
        .arg(world.mnt()));
    for name in ["status.json", "version", "rescan"] {
        cat(&world.mnt().join(".status").join(name));
    }
    world.json(["origin", "rescan", "music", "--verify", "--json"]);
    world.stop();
    assert_eq!((reads(&world).len(), scans(&world).len()), (0, 0));
}

#[test]
fn who_looks_into_every_file_has_scanned() {
    let mut world = World::with_library();
    world.start();
    let files = shown(&world);
    for file in &files {
        // One process a file; what it makes of broken ones is its own affair.
        let probed = Command::new("ffprobe")
            .arg("-v")
            .arg("quiet")
            .arg(file)
            .status();
        assert!(probed.is_ok());
    }
    let copy = world.path().join("copy");
    run(Command::new("cp").arg("-r").arg(world.mnt()).arg(copy));
    let mpd = Mpd::start(&world);
    mpd.mpc(&["update", "--wait"]).unwrap();
    drop(mpd);
    all_closed(&world);
    let tracks = world.status()["tracks"].as_u64().unwrap();
    world.stop();
    assert_eq!(reads(&world), [] as [Value; 0]);
    let scans = scans(&world);
    for (reader, least) in [("ffprobe", tracks), ("cp", tracks), ("mpd", 10)] {
        let by_it: Vec<_> = scans
            .iter()
            .filter(|scan| scan["reader"] == reader)
            .cloned()
            .collect();
        // More than one where this machine takes more than a minute for it.
        assert!((1..=3).contains(&by_it.len()), "{reader}: {scans:?}");
        assert!(sum(&by_it, "tracks") >= least, "{reader}: {scans:?}");
    }
    world.assert_sound();
}

#[test]
fn thousands_of_opens_by_one_process_are_one_event() {
    let mut world = with_tracks(500);
    world.start();
    let files = shown(&world);
    assert_eq!(files.len(), 500);
    let mut head = Command::new("head");
    head.args(["-q", "-c", "10", "--"]);
    for _ in 0..4 {
        head.args(&files);
    }
    run(&mut head);
    all_closed(&world);
    let status = world.status();
    assert!(status["reads"]["waiting"].as_u64().unwrap() > 0, "{status}");
    world.stop();
    let scans = scans(&world);
    assert_eq!((scans.len(), reads(&world).len()), (1, 0), "{scans:?}");
    let [scan] = &scans[..] else { unreachable!() };
    assert_eq!(scan["reader"], "head");
    assert_eq!(
        (&scan["tracks"], &scan["opens"]),
        (&500.into(), &2_000.into())
    );
    assert!(scan["since"].as_i64() < scan["until"].as_i64(), "{scan}");
}

#[test]
fn under_load_reads_are_right_and_each_is_recorded_or_counted() {
    const THREADS: usize = 8;
    const OPENS: usize = 2_000;
    let mut world = with_tracks(50);
    world.start();
    let files = shown(&world);
    let expected: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    std::thread::scope(|threads| {
        for thread in 0..THREADS {
            let (files, expected) = (&files, &expected);
            threads.spawn(move || {
                for n in 0..OPENS {
                    let at = (n * 7 + thread * 13) % files.len();
                    let mut bytes = Vec::new();
                    File::open(&files[at])
                        .unwrap()
                        .read_to_end(&mut bytes)
                        .unwrap();
                    assert_eq!(bytes, expected[at]);
                }
            });
        }
    });
    all_closed(&world);
    let shed = world.status()["reads"]["shed"].as_u64().unwrap();
    world.stop();
    assert_eq!(reads(&world).len(), 0);
    let recorded = sum(&scans(&world), "opens");
    assert_eq!(recorded + shed, (THREADS * OPENS + files.len()) as u64);
}

#[test]
fn what_is_open_at_the_end_is_recorded_too() {
    let mut world = with_tracks(2);
    world.start();
    let files = shown(&world);
    cat(&files[0]);
    let mut held = File::open(&files[1]).unwrap();
    held.read_exact(&mut [0]).unwrap();
    world.stop();
    let mut tracks: Vec<_> = reads(&world)
        .iter()
        .map(|read| read["track"].as_u64())
        .collect();
    tracks.sort();
    assert_eq!(tracks, [Some(1), Some(2)]);
    world.assert_sound();
}

#[test]
fn killed_it_has_what_was_written() {
    let mut world = with_tracks(2);
    world.start();
    let files = shown(&world);
    cat(&files[0]);
    world.until("the read is recorded", |world| reads(world).len() == 1);
    let read = track(&files[0]);
    cat(&files[1]);
    world.kill();
    world.start();
    assert_eq!(reads(&world)[0]["track"], read);
    assert_eq!(reads(&world).len(), 1);
    world.stop();
    world.assert_sound();
}

#[test]
fn who_wants_no_names_or_no_events_gets_none() {
    for (variable, count) in [
        ("MUSICFS_ACCESS_PROCESS_NAMES", 1),
        ("MUSICFS_ACCESS_ENABLED", 0),
    ] {
        let mut world = with_tracks(1);
        world.spawn_in(&[], &[(variable, "false")]);
        world.until("the daemon is ready", |world| {
            world.status()["state"] == "ready"
        });
        assert_eq!(world.status()["reads"].is_null(), count == 0);
        cat(&shown(&world)[0]);
        all_closed(&world);
        world.stop();
        let reads = reads(&world);
        assert_eq!(reads.len(), count, "{variable}");
        assert!(
            reads.iter().all(|read| read["reader"].is_null()),
            "{reads:?}"
        );
    }
}

/// What `musicfs events --type track.read` answers once reads were folded.
fn refused(world: &World) {
    let output = world.run(["events", "--type", "track.read"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("were folded into a summary"), "{said}");
}

#[test]
fn reads_are_folded_by_the_tool_with_and_without_a_daemon() {
    let mut world = with_tracks(3);
    let read = |world: &mut World, count: usize| {
        world.start();
        shown(world).iter().take(count).for_each(|path| cat(path));
        all_closed(world);
        world.stop();
    };
    let fold = |world: &World, args: &[&str]| {
        let args = ["log", "fold", "--json"].iter().chain(args).copied();
        world.json(args)["folded"].as_u64()
    };
    read(&mut world, 3);
    assert_eq!(fold(&world, &["--older-than", "1"]), Some(0));
    assert_eq!(fold(&world, &["--older-than", "0"]), Some(3));
    refused(&world);
    world.assert_sound();

    read(&mut world, 2);
    world.start();
    assert_eq!(fold(&world, &["--older-than", "0"]), Some(2));
    assert_eq!(fold(&world, &["--older-than", "0"]), Some(0));
    refused(&world);
    let events = world.events();
    let folded = |event: &&Value| event["folded"] == true;
    assert_eq!(events.iter().filter(folded).count(), 5);
    let of_read = |event: &Value| event["kind"] == "track.read" && event["data"].is_null();
    assert!(events.iter().filter(folded).all(of_read), "{events:?}");
    let sums = of_kind(&world, "access.folded");
    let plays = |sum: &Value| sum["plays"].as_array().unwrap().len();
    assert_eq!(sums.iter().map(plays).collect::<Vec<_>>(), [3, 2]);
    world.stop();
    world.assert_sound();

    let output = world.run(["log", "fold"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[tokio::test]
async fn reads_older_than_is_wanted_are_folded_by_themselves() {
    const DAY: i64 = 24 * 60 * 60 * 1_000_000;
    let mut world = with_tracks(1);
    world.start();
    world.stop();
    let log = SqliteStore::open(world.state().join("log/events.db"))
        .await
        .unwrap();
    let now = Timestamp::now();
    let read = |days: i64| NewEvent {
        recorded_at: Timestamp(now.0 - days * DAY),
        ..NewEvent::now(samples::read(1), None)
    };
    let events: Vec<_> = [40, 31, 29, 1].into_iter().map(read).collect();
    assert!(matches!(events[0].event, Event::TrackRead { .. }));
    let head = log.append(log.head(), &events).await.unwrap();
    assert!(head > Position(4));
    log.close().await;
    drop(log);

    world.spawn_in(&[], &[("MUSICFS_ACCESS_KEEP_DAYS", "30")]);
    world.until("they are folded", |world| {
        let output = world.run(["events", "--json", "--type", "access.folded"]);
        String::from_utf8_lossy(&output.stdout).contains("\"reads\":2")
    });
    world.stop();
    let left: Vec<_> = world
        .events()
        .into_iter()
        .filter(|event| event["kind"] == "track.read" && event["folded"] != true)
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    world.assert_sound();
}
