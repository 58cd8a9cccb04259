//! Origins that do not answer: a share whose server hangs (UP-5, ORG-8). The share is a mount of
//! bindfs, whose process is stopped.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::world::{World, song};

/// The limit of a local read (ORG-9), and what a busy machine adds.
const ANSWER: Duration = Duration::from_secs(20);
/// The limit of shutting down (CTL-7), and what a busy machine adds.
const END: Duration = Duration::from_secs(25);

/// A library whose origin is a share. Dropped before that one goes on.
struct Share {
    client: World,
    server: Server,
}

/// What serves the share.
struct Server {
    process: Child,
    /// The files, and where they are shared.
    _dir: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It unmounts first.
        kill(&self.process, "-TERM");
        self.process.wait().unwrap();
    }
}

fn kill(process: &Child, signal: &str) {
    let pid = process.id().to_string();
    let status = Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(status.success());
}

impl Share {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [files, mnt] = ["files", "mnt"].map(|name| dir.path().join(name));
        fs::create_dir(&files).unwrap();
        fs::create_dir(&mnt).unwrap();
        for n in 1..=3_u64 {
            let mut bytes = song(n);
            // More than one page, so that a second read has to ask for more.
            bytes.resize(4 << 20, n as u8);
            fs::write(files.join(format!("{n}.flac")), bytes).unwrap();
        }
        let process = Command::new("bindfs")
            .args(["-f", "--no-allow-other"])
            .args([&files, &mnt])
            .spawn()
            .unwrap();
        let mut client = World::new();
        client.until("the share is there", |_| {
            fs::read_dir(&mnt).is_ok_and(|mut entries| entries.next().is_some())
        });
        fs::remove_dir(client.music()).unwrap();
        std::os::unix::fs::symlink(&mnt, client.music()).unwrap();
        client.start();
        let server = Server { process, _dir: dir };
        Self { client, server }
    }

    fn signal(&self, signal: &str) {
        kill(&self.server.process, signal);
        if signal == "-STOP" {
            let pid = self.server.process.id();
            // A thread that runs may answer once more.
            self.client.until("all its threads are stopped", |_| {
                let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
                threads.map_while(Result::ok).all(|thread| {
                    let stat = fs::read_to_string(thread.path().join("stat"));
                    stat.is_ok_and(|stat| stat.rsplit(')').next().unwrap().starts_with(" T"))
                })
            });
        }
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        let tree = self.client.tree();
        tree.keys()
            .map(|path| self.client.mnt().join(path))
            .collect()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

fn eio<T: std::fmt::Debug>(what: &str, result: std::io::Result<T>) {
    let expected = Some(rustix::io::Errno::IO.raw_os_error());
    match result {
        Err(error) => assert_eq!(error.raw_os_error(), expected, "{what}: {error}"),
        Ok(found) => panic!("{what}: {found:?}"),
    }
}

#[test]
fn reads_of_a_share_that_hangs_end_and_all_else_goes_on() {
    let share = Share::new();
    let files = share.files();
    let mut open = File::open(&files[0]).unwrap();
    open.read_exact(&mut [0; 4096]).unwrap();
    share.signal("-STOP");
    let began = Instant::now();
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| File::open(&files[1]));
        let read = scope.spawn(|| open.read_exact_at(&mut [0; 4096], 3 << 20));
        // Meanwhile the tree answers, and the control socket.
        assert_eq!(share.client.tree().len(), 3);
        assert_eq!(share.client.status()["tracks"], 3);
        eio("opened", opened.join().unwrap());
        eio("read", read.join().unwrap());
    });
    assert!(began.elapsed() < ANSWER, "{:?}", began.elapsed());
    share.client.until("the origin is unhealthy", |world| {
        world.status()["origins"][0]["health"] == "unhealthy"
    });
    assert_eq!(share.client.tree().len(), 3);
    let began = Instant::now();
    // What a scan read of it is kept, and could be read.
    let late = File::open(&files[2]).and_then(|file| file.read_exact_at(&mut [0; 4096], 2 << 20));
    eio("opened late", late);
    assert!(began.elapsed() < ANSWER);
    // A rescan that somebody waits for ends, too.
    let rescan = share.client.run(["origin", "rescan", "music"]);
    assert_eq!(rescan.status.code(), Some(9), "{rescan:?}");
    share.signal("-CONT");
    share.client.until("it is read again", |_| {
        fs::read(&files[2]).is_ok_and(|bytes| bytes.len() == 4 << 20)
    });
    share.client.until("it is healthy again", |world| {
        world.status()["origins"][0]["health"] == "healthy"
    });
}

#[test]
fn the_health_of_a_share_that_hangs_is_told_in_time() {
    let share = Share::new();
    share.signal("-STOP");
    let began = Instant::now();
    // Once while it is thought to be there, once while it is tried again.
    for _ in 0..2 {
        let health = share.client.run(["origin", "health", "music"]);
        assert_eq!(health.status.code(), Some(9), "{health:?}");
    }
    assert!(began.elapsed() < ANSWER, "{:?}", began.elapsed());
    share.signal("-CONT");
    share.client.until("it is healthy again", |world| {
        world.run(["origin", "health"]).status.success()
    });
}

#[test]
fn a_share_that_hangs_while_it_is_listed_can_be_removed() {
    let share = Share::new();
    share.signal("-STOP");
    let mut rescan = share
        .client
        .tool(["origin", "rescan", "music"])
        .spawn()
        .unwrap();
    share.client.until("the listing runs", |world| {
        world.status()["scans"] != serde_json::json!([])
    });
    let began = Instant::now();
    let removed = share.client.run(["origin", "remove", "music"]);
    assert!(removed.status.success(), "{removed:?}");
    assert!(began.elapsed() < ANSWER, "{:?}", began.elapsed());
    assert!(!rescan.wait().unwrap().success());
    share
        .client
        .until("the tree is empty", |world| world.tree().is_empty());
    share.signal("-CONT");
    let mut share = share;
    share.client.stop();
    share.client.assert_sound();
}

#[test]
fn a_daemon_whose_share_hangs_stops_in_time() {
    let mut share = Share::new();
    let files = share.files();
    share.signal("-STOP");
    let mut rescan = share
        .client
        .tool(["origin", "rescan", "music"])
        .spawn()
        .unwrap();
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| File::open(&files[1]));
        share.client.until("the listing runs", |world| {
            world.status()["scans"] != serde_json::json!([])
        });
        let began = Instant::now();
        share.client.stop();
        assert!(began.elapsed() < END, "{:?}", began.elapsed());
        assert!(opened.join().unwrap().is_err());
    });
    assert!(!rescan.wait().unwrap().success());
    assert!(share.client.tree().is_empty(), "it is unmounted");
    // It starts as fast as ever, and shows what it knows.
    let music = share.client.music();
    fs::remove_file(&music).unwrap();
    fs::create_dir(&music).unwrap();
    share.client.spawn(&[]);
    share
        .client
        .until("it serves", |world| world.tree().len() == 3);
}
