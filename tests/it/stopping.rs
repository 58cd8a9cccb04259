//! Ending while much is under way (UP-2, CTL-7): in order, in time, with exit code 0.

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::world::{World, flac};

/// The limit of shutting down (CTL-7), and what a busy machine adds.
const END: Duration = Duration::from_secs(25);

/// More than a page, so that a second read has to ask for more.
const BYTES: usize = 4 << 20;

fn songs(world: &World, count: u64, bytes: usize) {
    for n in 0..count {
        let title = format!("Song {n}");
        let mut song = flac(n, &[("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", &title)]);
        song.resize(song.len().max(bytes), n as u8);
        fs::write(world.music().join(format!("{n}.flac")), song).unwrap();
    }
}

/// It told how long it took, and left nothing behind but what is kept, whole in its files.
fn assert_ended_in_order(world: &World) {
    let log = world.daemon_log();
    assert!(log.contains("stopped within"), "{log}");
    assert_eq!(fs::read_dir(world.mnt()).unwrap().count(), 0);
    assert!(!world.state().join("control.sock").exists());
    for name in ["log", "views"] {
        for entry in fs::read_dir(world.state().join(name)).unwrap() {
            let entry = entry.unwrap();
            let is_wal = entry.file_name().to_string_lossy().ends_with("-wal");
            assert!(!is_wal || entry.metadata().unwrap().len() == 0, "{entry:?}");
        }
    }
    world.assert_sound();
}

#[test]
fn scans_readers_callers_and_webhooks_delay_no_end() {
    const SONGS: u64 = 4_000;
    let mut world = World::new();
    songs(&world, SONGS, 0);
    // Takes what is sent, and never answers.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = world.path().join("config.toml");
    let url = deaf.local_addr().unwrap();
    let webhook = format!("[[webhooks]]\nname = 'deaf'\nurl = 'http://{url}/'\nfrom = 'start'\n");
    fs::write(&config, webhook).unwrap();
    world.spawn(&["--config", config.to_str().unwrap()]);
    let _connection = deaf.accept().unwrap();
    let mut reader = world
        .tool(["events", "--follow"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let found = world.follow_from(1);
    found.next("track.discovered", END);
    let mut caller = world
        .tool(["origin", "rescan"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();

    let began = Instant::now();
    world.signal(Signal::TERM);
    let status = world.ended(END);
    assert!(status.success(), "{status}\n{}", world.daemon_log());
    assert!(began.elapsed() < END, "{:?}", began.elapsed());
    let log = world.daemon_log();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    assert!(reader.wait().unwrap().success());
    assert!(!caller.wait().unwrap().success());
    assert_ended_in_order(&world);
    let kinds = world
        .events()
        .into_iter()
        .map(|event| event["kind"].clone());
    assert!(!kinds.into_iter().any(|kind| kind == "scan.finished"));
    // The next start finds the rest.
    world.start();
    assert_eq!(world.tree().len(), SONGS as usize);
    world.stop();
}

fn open_one(world: &mut World) -> File {
    songs(world, 3, BYTES);
    // With passthrough, what is open would be read without the daemon.
    world.start_with(&["-o", "nopassthrough"]);
    let tree = world.tree();
    let mut open = File::open(world.mnt().join(tree.keys().next().unwrap())).unwrap();
    open.read_exact(&mut [0; 4096]).unwrap();
    open
}

fn is_stopping(world: &World) -> bool {
    world.status()["state"] == "stopping"
}

#[test]
fn a_file_that_is_open_is_waited_for_and_nothing_new_is_begun() {
    let mut world = World::new();
    let mut open = open_one(&mut world);
    world.signal(Signal::TERM);
    world.until("it stops", is_stopping);
    // Refused, not left waiting.
    let more = world.path().join("more");
    fs::create_dir(&more).unwrap();
    for refused in [
        &["origin", "rescan"][..],
        &["origin", "add", more.to_str().unwrap()],
        &["layout", "set", "$title"],
        &["reload"],
    ] {
        let output = world.run(refused);
        assert!(!output.status.success(), "{refused:?}: {output:?}");
    }
    let mut rest = Vec::new();
    open.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len() + 4096, BYTES);
    drop(open);
    let status = world.ended(END);
    assert!(status.success(), "{status}\n{}", world.daemon_log());
    assert!(!world.daemon_log().contains("while in use"));
    assert_ended_in_order(&world);
}

#[test]
fn a_file_that_stays_open_is_lost_to_its_reader() {
    let mut world = World::new();
    let mut open = open_one(&mut world);
    world.signal(Signal::TERM);
    let status = world.ended(END);
    assert!(status.success(), "{status}\n{}", world.daemon_log());
    assert!(world.daemon_log().contains("unmounted while in use"));
    open.read_to_end(&mut Vec::new()).unwrap_err();
    assert_ended_in_order(&world);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut world = World::new();
    let open = open_one(&mut world);
    let tree = world.tree();
    world.signal(Signal::INT);
    world.until("it stops", is_stopping);
    world.signal(Signal::INT);
    let status = world.ended(END);
    assert_eq!(status.code(), Some(130), "{}", world.daemon_log());
    drop(open);
    world.assert_sound();
    world.start();
    assert_eq!(world.tree(), tree);
    world.stop();
}
