//! What is fetched before it is asked for: by real players, programs that look at everything, and people
//! (CAS-9).

mod lists;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eventlog::Timestamp;
use serde_json::Value;

use crate::disk::Disk;
use crate::elsewhere::Elsewhere;
use crate::pins::{LONG, album, directory, library, long};
use crate::played::played;
use crate::players::Mpd;
use crate::world::{World, not_tested};

/// Longer than it takes to play a track and a half.
const PATIENT: Duration = Duration::from_secs(90);

/// How many of a file's bytes are here: `0` to `1`.
fn cached(path: &Path) -> String {
    let output = Command::new("getfattr")
        .args(["--only-values", "-n", "user.musicfs.cached"])
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn is_here(path: &Path) -> bool {
    cached(path) == "1"
}

/// What was fetched ahead so far.
fn ahead(world: &World) -> Value {
    world.json(["cache", "stats", "--json"])["prefetch"].clone()
}

fn run(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // Made-up sound is no sound to some: they have looked.
    command.stderr(Stdio::null()).status().unwrap();
}

/// `musicfs cache prefetch --json` of one path, and its exit code.
fn prefetch(world: &World, path: &str, more: &[&str]) -> (Value, Option<i32>) {
    let output = world.run(["cache", "prefetch", "--json", path].iter().chain(more));
    let told = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (told, output.status.code())
}

fn states(told: &Value) -> Vec<String> {
    let tracks = told["files"].as_array().unwrap().iter();
    let states = tracks.map(|track| track["state"].as_str().unwrap().to_owned());
    states.collect()
}

fn path_of(world: &World, path: &Path) -> String {
    let path = path.strip_prefix(world.mnt()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Reads a bit of a file twice a second, as who plays it does, until a condition holds.
fn listen(world: &World, path: &Path, what: &str, mut until: impl FnMut() -> bool) {
    let mut file = File::open(path).unwrap();
    let (mut some, mut last) = ([0; 32 << 10], Instant::now());
    world.within(PATIENT, what, |_| {
        if last.elapsed() > Duration::from_millis(500) {
            assert!(file.read(&mut some).is_ok());
            last = Instant::now();
        }
        until()
    });
}

/// An album of real sound that plays for some seconds each, three tracks a disc.
fn real_album(elsewhere: &Elsewhere, tracks: u32) {
    for track in 1..=tracks {
        let tags = [
            "artist=Ann".to_owned(),
            "album=Noise".to_owned(),
            format!("title=Noise {track}"),
            format!("track={}", (track - 1) % 3 + 1),
            format!("disc={}", (track - 1) / 3 + 1),
        ];
        let mut ffmpeg = Command::new("ffmpeg");
        let noise = format!("anoisesrc=duration=14:seed={track}:amplitude=0.1");
        ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", &noise]);
        for tag in &tags {
            ffmpeg.args(["-metadata", tag]);
        }
        let path = elsewhere.music.join(format!("noise {track}.flac"));
        assert!(ffmpeg.arg(path).status().unwrap().success());
    }
}

#[test]
fn what_follows_on_an_album_is_here_before_it_is_played() {
    let mut elsewhere = Elsewhere::new(0);
    fs::create_dir_all(&elsewhere.music).unwrap();
    real_album(&elsewhere, 6);
    let key = elsewhere.key();
    // It follows its configuration while it runs.
    let discs = "[layout]\ntemplate = '$albumartist/$album/Disc $disc/$track - $title.$format'";
    let off = "[prefetch]\nenabled = false\ntracks = 9";
    elsewhere.start(&format!("{key}\n{discs}\n{off}"));
    let config = elsewhere.world.path().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("enabled = false\ntracks = 9", "enabled = true\ntracks = 3");
    fs::write(&config, text).unwrap();
    let reloaded = elsewhere.world.json(["reload", "--json"]);
    let live = serde_json::json!(["prefetch.enabled", "prefetch.tracks"]);
    assert_eq!(reloaded["applied"], live, "{reloaded}");

    let world = &elsewhere.world;
    let tracks = album(world, "Noise");
    assert_eq!(tracks.len(), 6);
    assert!(
        tracks[2].parent().unwrap().ends_with("Disc 1")
            && tracks[3].parent().unwrap().ends_with("Disc 2")
    );
    assert!(tracks.iter().all(|track| !is_here(track)));
    let mut mpv = Command::new("mpv")
        .args(["--no-config", "--ao=null", "--vo=null", "--no-video"])
        .args(&tracks)
        .env("HOME", world.path().join("home"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    world.within(PATIENT, "the next three are here", |_| {
        tracks[1..4].iter().all(|track| is_here(track))
    });
    assert!(!is_here(&tracks[4]) && !is_here(&tracks[5]));
    world.within(PATIENT, "the one after them is, once it goes on", |_| {
        is_here(&tracks[4])
    });
    assert!(!is_here(&tracks[5]));
    mpv.kill().unwrap();
    mpv.wait().unwrap();
    let fetched = ahead(world);
    assert_eq!(
        (&fetched["tracks"], &fetched["hits"]),
        (&4.into(), &1.into())
    );
    assert_eq!(fetched["wasted"], 0, "{fetched}");
    elsewhere.server.stop();
    for track in &tracks[1..5] {
        fs::read(track).unwrap();
    }
    // A file's close is told, and not waited for.
    world.until("all four were read", |world| ahead(world)["hits"] == 4);
    let metrics = fs::read_to_string(world.mnt().join(".status/metrics")).unwrap();
    for line in [
        "musicfs_cache_prefetched_total 4",
        "musicfs_cache_prefetched_hits_total 4",
        "musicfs_cache_prefetch_waiting 0.0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn what_is_usual_at_this_hour_is_here_where_nobody_knows_what_follows() {
    const HOUR: i64 = 3_600_000_000;
    let mut elsewhere = library();
    elsewhere.start(&elsewhere.key());
    elsewhere.world.stop();
    let track = |path: &Path| {
        let told = elsewhere
            .world
            .json(["explain", "--json", &path_of(&elsewhere.world, path)]);
        told["track"].as_u64().unwrap()
    };
    let root = elsewhere.world.mnt();
    let at = |name: &str| root.join("Ann").join(name);
    let shown =
        |number: u32, name: &str| at(&format!("{name} [FLAC]/{number:02} - Song {number}.flac"));
    let (last, usual, seldom) = (shown(4, "Pinned"), shown(6, "Other"), shown(5, "Other"));
    let now = Timestamp::now();
    let mut plays = Vec::new();
    for days in (1..=3).rev() {
        // The hour may be over before all is said.
        for hours in 0..2 {
            let began = Timestamp(now.0 - (24 * days - hours) * HOUR);
            plays.push((track(&usual), began));
            if days < 3 {
                plays.push((track(&seldom), Timestamp(began.0 + HOUR / 2)));
            }
        }
    }
    played(&elsewhere.world, &plays);

    elsewhere.start(&elsewhere.key());
    let world = &elsewhere.world;
    listen(world, &last, "what is usual is here", || is_here(&usual));
    assert!(!is_here(&seldom));
    assert_eq!(ahead(world)["tracks"], 1);
    elsewhere.world.stop();
}

#[test]
fn programs_that_look_at_everything_have_nothing_fetched_ahead() {
    let mut elsewhere = library();
    elsewhere.start(&elsewhere.key());
    let world = &elsewhere.world;
    for path in album(world, "Pinned") {
        run(Command::new("ffprobe").arg(path));
    }
    run(Command::new("find")
        .arg(world.mnt())
        .args(["-type", "f", "-exec", "head", "-c", "1", "{}", ";"]));
    Mpd::start(world).mpc(&["update", "--wait"]).unwrap();
    let heard = &album(world, "Other")[0];
    let next = album(world, "Other")[1].clone();
    assert!(!is_here(&next));
    // By the time that who listens is known, so would they be.
    listen(world, heard, "the next one is here", || is_here(&next));
    let fetched = ahead(world);
    assert_eq!(
        (&fetched["tracks"], &fetched["waiting"]),
        (&1.into(), &0.into())
    );
    elsewhere.world.stop();
}

#[test]
fn tracks_are_fetched_that_somebody_names() {
    let mut elsewhere = library();
    elsewhere.start(&elsewhere.key());
    let world = &elsewhere.world;
    let (pinned, other) = (album(world, "Pinned"), album(world, "Other"));
    let hidden = world.mnt().join(".prefetch");
    let listed = Command::new("ls").arg(world.mnt()).output().unwrap();
    assert!(!String::from_utf8_lossy(&listed.stdout).contains("prefetch"));

    // By a file: that one.
    let file = hidden.join(path_of(world, &pinned[2]));
    let told = fs::read_to_string(&file).unwrap();
    assert!(
        told.starts_with("asked for: ") && told.contains("1.05 MB"),
        "{told}"
    );
    world.until("it is here", |_| is_here(&pinned[2]));
    world.until("that is told", |_| {
        fs::read_to_string(&file).unwrap() == "here: 1.05 MB\n"
    });
    // By a directory: those in it. Directories above ask for nothing.
    let above = hidden.join(path_of(
        world,
        pinned[0].parent().unwrap().parent().unwrap(),
    ));
    let listed = Command::new("ls").arg("-l").arg(above).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("Pinned"));
    let dir = hidden.join(path_of(world, pinned[0].parent().unwrap()));
    let listed = Command::new("ls").arg(dir).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 4);
    world.until("they are here", |_| {
        pinned.iter().all(|track| is_here(track))
    });
    assert!(!is_here(&other[0]));
    assert!(fs::metadata(hidden.join("Nobody")).is_err());

    // By a command: whatever is below.
    let path = path_of(world, other[0].parent().unwrap());
    let (told, code) = prefetch(world, &path, &["--wait"]);
    assert_eq!((states(&told), code), (vec!["here".to_owned(); 2], Some(0)));
    assert_eq!(told["path"], format!("/{path}"));
    assert!(
        told["files"][0]["done_bytes"].as_u64() > Some(LONG as u64),
        "{told}"
    );
    assert!(is_here(&other[0]) && is_here(&other[1]));
    let output = world.run(["cache", "prefetch", world.mnt().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.starts_with("/: 8 files") && said.contains("all of it is here"),
        "{said}"
    );
    let (_, code) = prefetch(world, "Nobody", &[]);
    assert_eq!(code, Some(3));

    let fetched = ahead(world);
    assert_eq!(
        (&fetched["tracks"], &fetched["hits"]),
        (&6.into(), &0.into())
    );
    elsewhere.server.stop();
    for (number, path) in (1..).zip(pinned.iter().chain(&other)) {
        let name = if number < 5 { "Pinned" } else { "Other" };
        assert_eq!(fs::read(path).unwrap(), long(number, name));
    }
    world.until("reads are known", |world| ahead(world)["hits"] == 6);
    elsewhere.world.stop();
}

#[test]
fn so_many_wait_and_what_leaves_unread_was_in_vain() {
    let mut elsewhere = library();
    let key = elsewhere.key();
    let slow = "bytes_per_second = 1000000\n[prefetch]\nqueue = 2\nconcurrency = 1";
    elsewhere.start(&format!("{key}\n{slow}"));
    let world = &elsewhere.world;
    let dir = path_of(world, &directory(world, "Pinned"));
    let (told, code) = prefetch(world, &dir, &[]);
    let states = states(&told);
    // The first may have begun.
    assert!(states[..2].iter().all(|state| state != "left"), "{told}");
    assert_eq!(states[2..], ["left", "left"], "{told}");
    assert!(
        told["files"][3]["problem"]
            .as_str()
            .unwrap()
            .contains("prefetch.queue")
    );
    assert_eq!(code, Some(1));
    world.until("two are here", |world| ahead(world)["tracks"] == 2);
    let rest = &album(world, "Pinned")[3];
    let hint = world.mnt().join(".prefetch").join(path_of(world, rest));
    let told = fs::read_to_string(hint).unwrap();
    assert!(told.contains("asked for: "), "{told}");
    world.until("a third is here", |world| ahead(world)["tracks"] == 3);
    let cleared = world.json(["cache", "clear", "--json"]);
    assert!(cleared["freed_bytes"].as_u64() > Some(3 * LONG as u64));
    world.until("they are missed", |world| ahead(world)["wasted"] == 3);
    elsewhere.world.stop();
}

#[test]
fn a_daemon_that_is_told_to_stop_fetches_no_further() {
    let mut elsewhere = library();
    let slow = format!("{}\nbytes_per_second = 200000", elsewhere.key());
    elsewhere.start(&slow);
    let world = &elsewhere.world;
    let dir = path_of(world, &directory(world, "Pinned"));
    let mut waits = world.tool(["cache", "prefetch", "--wait", &dir]);
    let waits = waits.stderr(Stdio::piped()).spawn().unwrap();
    let first = album(world, "Pinned")[0].clone();
    let before = cached(&first);
    world.until("it has begun", |_| cached(&first) != before);
    let began = Instant::now();
    elsewhere.world.stop();
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    let ended = waits.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(8), "{said}");
    elsewhere.world.assert_sound();
}

#[test]
fn nothing_is_fetched_ahead_where_it_could_not_be_kept_or_nobody_answers() {
    let mut elsewhere = library();
    let key = elsewhere.key();
    elsewhere.start(&format!("{key}\n[cache]\nenabled = false"));
    let refused = |world: &World, why: &str| {
        let dir = path_of(world, &directory(world, "Pinned"));
        let output = world.run(["cache", "prefetch", "--wait", &dir]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(why), "{said}");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(ahead(world)["tracks"], 0);
    };
    refused(&elsewhere.world, "switched off");
    elsewhere.world.stop();

    elsewhere.start(&format!("{key}\n[cache]\nsize = \"1 MB\""));
    refused(&elsewhere.world, "cache.size");
    elsewhere.server.stop();
    elsewhere.world.stop();

    elsewhere.spawn(&key);
    elsewhere
        .world
        .until("the tree is there", |world| world.tree().len() == 8);
    elsewhere.world.run(["origin", "health", "nas"]);
    let dir = path_of(&elsewhere.world, &directory(&elsewhere.world, "Pinned"));
    let (told, code) = prefetch(&elsewhere.world, &dir, &["--wait"]);
    assert_eq!((states(&told), code), (vec!["left".to_owned(); 4], Some(1)));
    elsewhere.world.stop();
}

/// Only root may mount a small disk; what is done about one that is full does not depend on the user.
#[test]
fn nothing_is_fetched_ahead_onto_a_disk_that_is_nearly_full() {
    if !rustix::process::geteuid().is_root() {
        return not_tested("only root may mount a small disk");
    }
    let mut elsewhere = library();
    let disk = Disk::new(elsewhere.world.path().join("disk"), "64M");
    let dir: PathBuf = elsewhere.world.path().join("disk/cache");
    elsewhere.start(&format!("{}\n[cache]\ndir = {dir:?}", elsewhere.key()));
    let world = &elsewhere.world;
    let ballast = disk.fill(2 << 20);
    world.until("it is known to be full", |world| {
        world.json(["cache", "stats", "--json"])["pressed"] == true
    });
    let other = album(world, "Other");
    let (told, code) = prefetch(world, &path_of(world, &other[0]), &["--wait"]);
    assert_eq!((states(&told), code), (vec!["left".to_owned()], Some(1)));
    let problem = told["files"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("nearly full"), "{told}");
    fs::remove_file(ballast).unwrap();
    world.until("there is room again", |world| {
        let (told, _) = prefetch(world, &path_of(world, &other[0]), &["--wait"]);
        states(&told) == ["here"]
    });
    elsewhere.world.stop();
}
