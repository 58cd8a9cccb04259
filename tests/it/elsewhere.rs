//! Origins on other machines: a server that dies and returns, falls silent, lets nobody in, is empty;
//! and what that does to the rest.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::servers::{Line, Server, free_port};
use crate::world::{World, flac, song};

/// Three checks in 30 s each, and what a busy machine adds.
const GIVEN_UP: Duration = Duration::from_secs(150);

/// A library with a folder of an SFTP server beside its own.
pub(crate) struct Elsewhere {
    pub(crate) world: World,
    pub(crate) server: Server,
    line: Line,
    pub(crate) music: PathBuf,
}

impl Elsewhere {
    /// Songs 1 and 2 are here; as many more as wanted there.
    pub(crate) fn new(count: u64) -> Self {
        let world = World::new();
        let (dir, music) = (world.path().join("sshd"), world.path().join("nas"));
        for number in 1..=2_u64 {
            fs::write(world.music().join(format!("{number}.flac")), song(number)).unwrap();
        }
        for number in 3..3 + count {
            let path = music.join(format!("album {}/{number}.flac", number % 40));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, song(number)).unwrap();
        }
        let server = Server::start("sshd", &dir, &music, free_port(), &[]);
        let line = Line::to(server.port);
        let hosts = fs::read_to_string(dir.join("known_hosts")).unwrap();
        let hosts = hosts.replace(&server.port.to_string(), &line.port.to_string());
        fs::write(dir.join("hosts"), hosts).unwrap();
        Self {
            world,
            server,
            line,
            music,
        }
    }

    fn dir(&self) -> PathBuf {
        self.world.path().join("sshd")
    }

    /// Starts the daemon with the server's folder as origin `nas`.
    pub(crate) fn start(&mut self, more: &str) {
        self.spawn(more);
        self.world.until("the daemon is ready", |world| {
            world.status()["state"] == "ready"
        });
    }

    pub(crate) fn spawn(&mut self, more: &str) {
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        let text = format!(
            "[[origins]]\nid = 'nas'\nurl = 'sftp://{user}@127.0.0.1:{}/{}'\nknown_hosts = {:?}\n\
             interval = 2\n{more}\n",
            self.line.port,
            self.music.display(),
            self.dir().join("hosts"),
        );
        let config = self.world.path().join("config.toml");
        fs::write(&config, text).unwrap();
        let arguments = ["--config", config.to_str().unwrap()];
        let all = [("MUSICFS_LOG_LEVEL", "info,musicfs=debug,content=debug")];
        self.world.spawn_in(&arguments, &all);
    }

    /// Lets in by the key that the server knows.
    pub(crate) fn key(&self) -> String {
        format!("key_file = {:?}", self.dir().join("user"))
    }

    pub(crate) fn restart_server(&mut self) {
        let (dir, port) = (self.dir(), self.server.port);
        self.server = Server::start("sshd", &dir, &self.music, port, &[]);
    }

    fn nas(&self) -> serde_json::Value {
        nas(&self.world)
    }

    /// Reads everything that the tree shows of one origin's songs.
    fn reads(&self, path: &str) -> std::io::Result<Vec<u8>> {
        fs::read(self.world.mnt().join(path))
    }
}

fn nas(world: &World) -> serde_json::Value {
    let status = world.status();
    let origins = status["origins"].as_array().cloned().unwrap_or_default();
    let found = origins.into_iter().find(|origin| origin["id"] == "nas");
    found.unwrap_or_default()
}

/// The path in the tree of a song by its number.
fn path_of(world: &World, number: u64) -> String {
    let (tree, name) = (world.tree(), format!("Song {number}.flac"));
    let found = tree.keys().find(|path| path.ends_with(&name));
    found
        .unwrap_or_else(|| panic!("{number} in {tree:?}"))
        .clone()
}

fn copy_into(path: &Path, number: u64) {
    fs::write(path, song(number)).unwrap();
}

#[test]
fn a_server_that_dies_takes_nothing_away_and_is_caught_up_with_when_it_returns() {
    let mut elsewhere = Elsewhere::new(30);
    elsewhere.start(&elsewhere.key());
    assert_eq!(elsewhere.world.tree().len(), 32);
    assert_eq!(elsewhere.nas()["health"], "healthy");
    let (here, there) = (path_of(&elsewhere.world, 1), path_of(&elsewhere.world, 17));
    assert_eq!(elsewhere.reads(&there).unwrap(), song(17));

    elsewhere.server.stop();
    elsewhere.world.until("the server is missed", |world| {
        nas(world)["health"] == "degraded"
    });
    assert_eq!(elsewhere.world.tree().len(), 32);
    // What was read once is kept.
    assert_eq!(elsewhere.reads(&there).unwrap(), song(17));
    assert_eq!(elsewhere.reads(&here).unwrap(), song(1));
    elsewhere.world.within(GIVEN_UP, "it is given up", |world| {
        nas(world)["health"] == "unhealthy"
    });
    assert_eq!(elsewhere.world.tree().len(), 32);

    copy_into(&elsewhere.music.join("album 5/99.flac"), 99);
    fs::remove_file(elsewhere.music.join("album 17/17.flac")).unwrap();
    elsewhere.restart_server();
    let health = elsewhere.world.run(["origin", "health", "nas"]);
    drop(health);
    elsewhere.world.until("all is as it is there", |world| {
        let shown = world.tree().len() == 32;
        nas(world)["health"] == "healthy" && shown && !world.tree().contains_key(&there)
    });
    let metrics = fs::read_to_string(elsewhere.world.mnt().join(".status/metrics")).unwrap();
    let counted = "musicfs_origin_errors_total{origin=\"nas\",op=\"check\"";
    assert!(metrics.contains(counted), "{metrics}");
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn a_server_killed_in_the_middle_of_a_scan_removes_nothing_and_the_scan_ends_later() {
    let mut elsewhere = Elsewhere::new(600);
    let slow = format!("{}\nrequests_per_second = 200", elsewhere.key());
    elsewhere.spawn(&slow);
    elsewhere
        .world
        .until("some are listed", |world| world.tree().len() > 50);
    elsewhere.server.stop();
    let shown = elsewhere.world.tree().len();
    assert!(shown < 602, "too late: all is listed");
    elsewhere.world.until("the server is missed", |world| {
        nas(world)["health"] != "healthy"
    });
    assert!(elsewhere.world.tree().len() >= shown);
    elsewhere.restart_server();
    elsewhere
        .world
        .within(GIVEN_UP, "all is shown", |world| world.tree().len() == 602);
    let vanished = elsewhere.world.events();
    assert!(vanished.iter().all(|it| it["kind"] != "track.vanished"));
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn a_secret_that_was_wrong_is_fetched_anew_and_is_in_no_message() {
    let mut elsewhere = Elsewhere::new(3);
    let (key, file) = (
        elsewhere.dir().join("locked"),
        elsewhere.world.path().join("passphrase"),
    );
    fs::copy(elsewhere.dir().join("user"), &key).unwrap();
    let locked = std::process::Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "", "-N", "correct horse", "-f"])
        .arg(&key)
        .status();
    assert!(locked.unwrap().success());
    fs::write(&file, "hunter2\n").unwrap();
    elsewhere.spawn(&format!("key_file = {key:?}\npassphrase_file = {file:?}"));
    elsewhere.world.until("it lets us not in", |world| {
        nas(world)["health"] == "unhealthy" && world.tree().len() == 2
    });
    let refused = elsewhere.nas()["message"].to_string();
    fs::write(&file, "correct horse\n").unwrap();
    elsewhere.world.run(["origin", "health", "nas"]);
    elsewhere.world.until("it lets us in", |world| {
        world.tree().len() == 5 && nas(world)["health"] == "healthy"
    });
    let log = elsewhere.world.daemon_log();
    assert!(log.contains("other users can read"), "{log}");
    let events = serde_json::to_string(&elsewhere.world.events()).unwrap();
    let shown = elsewhere.world.status().to_string();
    let config = fs::read_to_string(elsewhere.world.mnt().join(".status/config.toml")).unwrap();
    for text in [&refused, &log, &events, &shown, &config] {
        assert!(
            !text.contains("hunter2") && !text.contains("correct horse"),
            "{text}"
        );
    }
    elsewhere.world.stop();
}

#[test]
fn a_server_that_swallows_everything_holds_up_nothing_else() {
    let mut elsewhere = Elsewhere::new(3);
    // Larger than what a scan reads of it, and so not all of it is kept.
    let mut long = song(4);
    long.resize(16 << 20, 0);
    fs::write(elsewhere.music.join("album 4/4.flac"), long).unwrap();
    elsewhere.start(&elsewhere.key());
    let (here, there) = (path_of(&elsewhere.world, 2), path_of(&elsewhere.world, 4));
    elsewhere.line.swallow();
    let mount = elsewhere.world.mnt();
    let reader = std::thread::spawn(move || {
        let began = Instant::now();
        (fs::read(mount.join(there)).is_err(), began.elapsed())
    });
    let began = Instant::now();
    while !reader.is_finished() {
        let asked = Instant::now();
        assert_eq!(elsewhere.world.tree().len(), 5);
        assert_eq!(elsewhere.reads(&here).unwrap(), song(2));
        assert!(
            asked.elapsed() < Duration::from_secs(5),
            "{:?}",
            asked.elapsed()
        );
        assert!(
            began.elapsed() < Duration::from_secs(90),
            "the read does not end"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let (failed, took) = reader.join().unwrap();
    assert!(failed && took < Duration::from_secs(60), "{took:?}");
    elsewhere.line.carry();
    elsewhere
        .world
        .within(GIVEN_UP, "it answers again", |world| {
            nas(world)["health"] == "healthy"
        });
    elsewhere.world.stop();
}

#[test]
fn a_folder_that_is_empty_of_a_sudden_is_taken_for_one_that_is_not_there() {
    let mut elsewhere = Elsewhere::new(3);
    elsewhere.start(&elsewhere.key());
    let away = elsewhere.world.path().join("away");
    fs::create_dir(&away).unwrap();
    for entry in fs::read_dir(&elsewhere.music).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), away.join(entry.file_name())).unwrap();
    }
    elsewhere
        .world
        .until("it is missed", |world| nas(world)["health"] == "unhealthy");
    let why = elsewhere.nas()["message"].to_string();
    assert!(
        why.contains("is empty, but 3 tracks of it are known"),
        "{why}"
    );
    assert_eq!(elsewhere.world.tree().len(), 5);
    let accepted = elsewhere
        .world
        .run(["origin", "rescan", "nas", "--accept-removals"]);
    assert!(accepted.status.success(), "{accepted:?}");
    assert_eq!(elsewhere.world.tree().len(), 2);
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn changes_within_one_second_are_seen_though_the_server_tells_whole_ones() {
    let mut elsewhere = Elsewhere::new(1);
    elsewhere.start(&elsewhere.key());
    let path = elsewhere.music.join("album 3/3.flac");
    // All of one size, and of one second.
    let titled = |title: &str| flac(3, &[("ARTIST", "Ann"), ("TITLE", title)]);
    let second = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let write = |title: &str| {
        fs::write(&path, titled(title)).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(second))
            .unwrap();
    };
    write("Second");
    let mut rescan = elsewhere
        .world
        .tool(["origin", "rescan", "nas"])
        .spawn()
        .unwrap();
    elsewhere.world.until("it is scanned", |world| {
        let scans = world.status()["scans"].as_array().map_or(0, Vec::len);
        scans > 0 || world.tree().keys().any(|path| path.contains("Second"))
    });
    write("Latest");
    assert!(rescan.wait().unwrap().success());
    elsewhere.world.until("the last of them shows", |world| {
        world.tree().keys().any(|path| path.contains("Latest"))
    });
    elsewhere.world.stop();
    elsewhere.world.assert_sound();
}

#[test]
fn what_copies_have_beside_their_sound_is_not_mixed() {
    let mut elsewhere = Elsewhere::new(0);
    let tags = [("ARTIST", "Ann"), ("TITLE", "Same")];
    // Two covers as long as each other: nothing that the library knows tells the files apart.
    let with_cover = |byte: u8| {
        let song = flac(3, &tags);
        let len: [u8; 4] = 300_000_u32.to_be_bytes();
        let (info, rest) = song.split_at(42);
        [info, &[6, len[1], len[2], len[3]], &[byte; 300_000], rest].concat()
    };
    fs::create_dir_all(&elsewhere.music).unwrap();
    let (ours, theirs) = (with_cover(1), with_cover(2));
    fs::write(elsewhere.world.music().join("here.flac"), &ours).unwrap();
    fs::write(elsewhere.music.join("there.flac"), &theirs).unwrap();
    let key = elsewhere.key();
    elsewhere.start(&format!("{key}\n[layout]\nduplicates = 'all'"));
    let world = &elsewhere.world;
    let same: Vec<_> = world
        .tree()
        .into_keys()
        .filter(|path| path.contains("Same"))
        .collect();
    let read = |path: &String| fs::read(world.mnt().join(path)).unwrap();
    let mut found: Vec<_> = same.iter().map(read).collect();
    found.sort_unstable();
    assert!(found == [ours, theirs], "{same:?}");
    elsewhere.world.stop();
}
