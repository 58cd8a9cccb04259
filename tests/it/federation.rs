//! One tree over servers of four kinds: whoever of them dies, the music plays on (ORG-7, CAS-1).

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::servers::{Server, free_port, upload};
use crate::world::{World, not_tested};

/// Until an origin is given up: three checks in 30 s each, and what a busy machine adds.
const GIVEN_UP: Duration = Duration::from_secs(200);

const SIZE: usize = 8 << 20;

/// The same music behind servers of four kinds.
struct Federation {
    world: World,
    music: PathBuf,
    servers: Vec<(&'static str, u16, Option<Server>)>,
}

/// Makes a song of some length.
fn make_song(path: &Path, number: u64) {
    let mut noise = fastrand::Rng::with_seed(number);
    let mut sound = vec![0; SIZE];
    noise.fill(&mut sound);
    let mut flac = Command::new("flac")
        .args("--totally-silent --force-raw-format --endian=little --sign=signed".split(' '))
        .args("--channels=2 --bps=16 --sample-rate=44100 -T ARTIST=Ann -T ALBUM=Long".split(' '))
        .args(["-T", &format!("TITLE=Song {number}"), "-T"])
        .args([&format!("TRACKNUMBER={number}"), "-", "-o"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    flac.stdin.take().unwrap().write_all(&sound).unwrap();
    assert!(flac.wait().unwrap().success());
}

impl Federation {
    fn new(songs: u64) -> Self {
        let world = World::new();
        let music = world.path().join("there");
        fs::create_dir(&music).unwrap();
        for number in 1..=songs {
            make_song(&music.join(format!("{number}.flac")), number);
        }
        let servers = ["sshd", "samba", "apache", "s3"].map(|name| (name, free_port(), None));
        let mut federation = Self {
            world,
            music,
            servers: servers.into(),
        };
        for at in 0..federation.servers.len() {
            federation.start(at);
        }
        federation
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.world.path().join(name)
    }

    fn start(&mut self, at: usize) {
        let (name, port, _) = self.servers[at];
        // A bucket is in its server's memory: each time there is a new one.
        let dir = match name {
            "s3" => tempfile::tempdir_in(self.world.path()).unwrap().keep(),
            name => self.dir(name),
        };
        let server = Server::start(name, &dir, &self.music, port, &[]);
        self.servers[at].2 = Some(server);
        if name == "s3" {
            upload(&self.music, port);
        }
    }

    fn stop(&mut self, at: usize) {
        drop(self.servers[at].2.take());
    }

    fn port(&self, name: &str) -> u16 {
        let found = self.servers.iter().find(|server| server.0 == name);
        found.unwrap().1
    }

    fn config(&self) -> PathBuf {
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap();
        let (user, sshd) = (user.trim(), self.dir("sshd"));
        let secrets = [
            ("smb", "open sesame"),
            ("dav", "secret"),
            ("s3", "SKSKSKSK"),
        ];
        for (name, secret) in secrets {
            fs::write(self.world.path().join(format!("{name}.secret")), secret).unwrap();
        }
        let secret = |name: &str| self.world.path().join(format!("{name}.secret"));
        let text = format!(
            "[[origins]]\nid = 'sftp'\nurl = 'sftp://{user}@127.0.0.1:{}{}'\nkey_file = {:?}\n\
             known_hosts = {:?}\ninterval = 3\n\
             [[origins]]\nid = 'smb'\nurl = 'smb://{user}@127.0.0.1:{}/private'\n\
             password_file = {:?}\ninterval = 3\n\
             [[origins]]\nid = 'dav'\ntype = 'webdav'\nurl = 'http://127.0.0.1:{}/'\nuser = 'user'\n\
             password_file = {:?}\ninterval = 3\n\
             [[origins]]\nid = 's3'\nurl = 's3://music'\nendpoint = 'http://127.0.0.1:{}'\n\
             access_key_id = 'AKAKAKAK'\nsecret_access_key_file = {:?}\ninterval = 3\n",
            self.port("sshd"),
            self.music.display(),
            sshd.join("user"),
            sshd.join("known_hosts"),
            self.port("samba"),
            secret("smb"),
            self.port("apache"),
            secret("dav"),
            self.port("s3"),
            secret("s3"),
        );
        let config = self.world.path().join("config.toml");
        fs::write(&config, text).unwrap();
        config
    }

    fn mount(&mut self, songs: u64) {
        let config = self.config();
        self.world.spawn(&["--config", config.to_str().unwrap()]);
        self.world.within(GIVEN_UP, "all is known", |world| {
            let status = world.status();
            let origins = status["origins"].as_array().cloned().unwrap_or_default();
            let whole = origins.iter().filter(|origin| origin["tracks"] == songs);
            status["state"] == "ready" && whole.count() == 4
        });
    }

    fn path(&self, number: u64) -> PathBuf {
        let name = format!("Ann/Long [FLAC]/{number:02} - Song {number}.flac");
        self.world.mnt().join(name)
    }

    /// Reads a song bit by bit, and does something in the middle.
    fn read(&mut self, number: u64, middle: impl FnOnce(&mut Self)) {
        let file = File::open(self.path(number)).unwrap();
        let expected = fs::read(self.music.join(format!("{number}.flac"))).unwrap();
        let mut buffer = vec![0; 128 << 10];
        let mut middle = Some(middle);
        // From the end: nothing of it is fetched ahead.
        for at in (0..expected.len()).step_by(buffer.len()).rev() {
            if at < expected.len() / 2
                && let Some(middle) = middle.take()
            {
                middle(self);
            }
            let count = buffer.len().min(expected.len() - at);
            file.read_exact_at(&mut buffer[..count], at as u64).unwrap();
            assert!(
                buffer[..count] == expected[at..at + count],
                "{number} at {at}"
            );
        }
    }

    fn is_played(&self, number: u64) {
        let mpv = Command::new("mpv")
            .args([
                "--no-config",
                "--ao=null",
                "--vo=null",
                "--no-video",
                "--speed=50",
                "--really-quiet",
            ])
            .arg(self.path(number))
            .stdout(Stdio::null())
            .status();
        assert!(mpv.unwrap().success());
    }
}

#[test]
fn whoever_dies_the_music_plays_on() {
    if !rustix::process::geteuid().is_root() {
        // Servers of four kinds are tested as root once; what reads is the same.
        return not_tested("servers of four kinds");
    }
    let mut all = Federation::new(6);
    all.mount(6);
    let tree = all.world.tree();
    assert_eq!(tree.len(), 6, "each is shown once: {tree:?}");
    // Each dies while it may be the one that is read.
    for at in 0..4_usize {
        let number = at as u64 + 1;
        all.read(number, |all| all.stop(at));
        all.is_played(number);
        if at < 3 {
            all.start(at);
        }
    }
    // All are dead: what was heard plays, nothing vanishes, and what nobody has is an error in time.
    for at in 0..3 {
        all.stop(at);
    }
    for number in 1..=4 {
        all.read(number, |_| ());
        all.is_played(number);
    }
    let lost = File::open(all.path(6)).and_then(|file| {
        let mut buffer = [0; 4096];
        file.read_exact_at(&mut buffer, SIZE as u64 / 2)
    });
    assert_eq!(lost.unwrap_err().raw_os_error(), Some(5), "EIO");
    assert_eq!(all.world.tree(), tree);
    // They return, and so does what is new.
    make_song(&all.music.join("7.flac"), 7);
    for at in 0..4 {
        all.start(at);
    }
    all.world.within(GIVEN_UP, "the tree catches up", |world| {
        world.tree().len() == 7
    });
    all.read(6, |_| ());
    all.read(7, |_| ());
    all.world.stop();
    all.world.assert_sound();
}
