//! Other tags for music that is far away and kept here: what that costs, by the log of the server that
//! sends it (CAS-3).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use formats::ReadAt;

use crate::servers::{Server, free_port, upload};
use crate::world::World;

/// What it may cost beyond all that is not sound, in bytes.
const BEYOND: u64 = 10 << 10;

/// What is presumed is not compared meanwhile, which would fetch all of it.
const UNCOMPARED: &str = "[cache]\nverify_budget = 0";

const RETAG: &str = "
import sys, mutagen
file = mutagen.File(sys.argv[1], easy=True)
file['title'] = sys.argv[2]
file.save()
";

/// One song of each kind, with so many seconds of noise.
fn make_music(dir: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(dir).unwrap();
    let songs = [
        ("song.flac", "220", "-c:a flac"),
        ("song.mp3", "120", "-c:a libmp3lame -b:a 320k"),
        ("front.m4a", "60", "-c:a aac -b:a 256k -movflags faststart"),
        ("rear.m4a", "60", "-c:a aac -b:a 256k"),
        ("song.opus", "120", "-c:a libopus -b:a 160k"),
        ("song.ogg", "60", "-c:a libvorbis -q:a 8"),
    ];
    let made = songs.map(|(name, seconds, encoder)| {
        let path = dir.join(name);
        let noise = format!("anoisesrc=duration={seconds}:color=white:seed=3");
        let made = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &noise])
            .args(["-ac", "2", "-metadata"])
            .arg(format!("title=First {}", name.replace('.', " ")))
            .args(encoder.split(' '))
            .arg(&path)
            .status();
        assert!(made.unwrap().success());
        path
    });
    made.into()
}

/// Gives a song another title of so many bytes.
fn retag(path: &Path, len: usize) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let title = format!("Second {} {}", name.replace('.', " "), "x".repeat(len));
    let tagged = Command::new("python3")
        .args(["-c", RETAG, path.to_str().unwrap(), &title])
        .status();
    assert!(tagged.unwrap().success());
}

/// How much of a song is not sound.
fn tags(path: &Path) -> u64 {
    struct Read(Vec<u8>);
    impl ReadAt for Read {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }
        fn read_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<usize> {
            let rest = &self.0[usize::try_from(offset).unwrap()..];
            let len = rest.len().min(buf.len());
            buf[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        }
    }
    let file = Read(fs::read(path).unwrap());
    let media = formats::read(&file, path.to_str().unwrap().as_bytes()).unwrap();
    file.len() - media.audio_range.len
}

/// Reads all of them by what the tree shows, and holds them against the originals.
fn listen(world: &World, songs: &[PathBuf], titled: &str) {
    world.until("the titles are there", |world| {
        let tree = world.tree();
        let shown = tree.keys().filter(|path| path.contains(titled));
        shown.count() == songs.len()
    });
    for path in songs {
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = name.replace('.', " ");
        let tree = world.tree();
        let is_it = |shown: &&String| shown.contains(&name) && shown.contains(titled);
        let shown = tree.keys().find(is_it).unwrap();
        let (read, original) = (
            fs::read(world.mnt().join(shown)).unwrap(),
            fs::read(path).unwrap(),
        );
        let first = read
            .iter()
            .zip(&original)
            .position(|(one, other)| one != other);
        assert!(
            read == original,
            "{shown} differs: {} bytes of {}, from {first:?} on",
            read.len(),
            original.len()
        );
    }
}

/// Gives all songs other titles, twice, and holds what was sent of each against what is new of it.
/// `publish` brings what changed to the server; `sent` tells from lines of its log how many bytes of
/// a song went out.
fn assert_cheap(
    world: &mut World,
    songs: &[PathBuf],
    publish: impl Fn(),
    log: &Path,
    sent: impl Fn(&str, &str) -> u64,
) {
    let config = world.path().join("config.toml");
    let arguments = ["--config", config.to_str().unwrap()];
    world.start_with(&arguments);
    listen(world, songs, "First");
    for (len, titled) in [(10, "Second"), (3_000, "xxxxxxxxxxx")] {
        // A server may tell how much it has sent when the session ends.
        world.stop();
        let before = fs::read_to_string(log).unwrap();
        world.start_with(&arguments);
        songs.iter().for_each(|path| retag(path, len));
        publish();
        listen(world, songs, titled);
        world.stop();
        let after = fs::read_to_string(log).unwrap();
        for path in songs {
            let name = path.file_name().unwrap().to_str().unwrap();
            let (cost, tags) = (sent(&after[before.len()..], name), tags(path));
            assert!(
                (1..=tags + BEYOND).contains(&cost),
                "{name}: {cost} bytes sent, {tags} are not sound"
            );
        }
        world.start_with(&arguments);
    }
    world.stop();
    world.assert_sound();
}

#[test]
fn over_sftp_other_tags_cost_little_more_than_their_bytes() {
    let mut world = World::new();
    let (music, dir) = (world.path().join("there"), world.path().join("sshd"));
    let songs = make_music(&music);
    assert!(fs::metadata(&songs[0]).unwrap().len() > 30 << 20);
    let log = world.path().join("sftp.log");
    fs::write(&log, "").unwrap();
    let told = ["LogReads", log.to_str().unwrap()];
    let server = Server::start("sshd", &dir, &music, free_port(), &told);
    let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
    let origin = format!(
        "[[origins]]\nid = 'nas'\nurl = 'sftp://{user}@127.0.0.1:{}{}'\nknown_hosts = {:?}\n\
         key_file = {:?}\ninterval = 2\n{UNCOMPARED}\n",
        server.port,
        music.display(),
        dir.join("known_hosts"),
        dir.join("user"),
    );
    fs::write(world.path().join("config.toml"), origin).unwrap();
    // close "/music/song.flac" bytes read 8192 written 0
    let sent = |log: &str, name: &str| {
        let closed = log
            .lines()
            .filter(|line| line.contains(&format!("/{name}\"")));
        let read = closed.filter_map(|line| line.split_once("bytes read ")?.1.split(' ').next());
        read.map(|bytes| bytes.parse::<u64>().unwrap()).sum()
    };
    assert_cheap(&mut world, &songs, || {}, &log, sent);
}

#[test]
fn over_s3_other_tags_cost_little_more_than_their_bytes() {
    let mut world = World::new();
    let (music, dir) = (world.path().join("there"), world.path().join("s3"));
    let songs = make_music(&music);
    let server = Server::start("s3", &dir, &music, free_port(), &[]);
    let port = server.port;
    upload(&music, port);
    let secret = world.path().join("secret");
    fs::write(&secret, "SKSKSKSK").unwrap();
    let origin = format!(
        "[[origins]]\nid = 'bucket'\nurl = 's3://music'\nendpoint = 'http://127.0.0.1:{port}'\n\
         access_key_id = 'AKAKAKAK'\nsecret_access_key_file = {secret:?}\ninterval = 2\n{UNCOMPARED}\n",
    );
    fs::write(world.path().join("config.toml"), origin).unwrap();
    // "GET /music/song.flac HTTP/1.1" 206 8192 -
    let sent = |log: &str, name: &str| {
        let request = format!("\"GET /music/{name} HTTP/1.1\" ");
        let answers = log
            .lines()
            .filter_map(|line| Some(line.split_once(&request)?.1));
        let bytes = answers.filter_map(|answer| answer.split(' ').nth(1));
        bytes.map(|bytes| bytes.parse::<u64>().unwrap()).sum()
    };
    let log = dir.join("log/client.rgw");
    assert_cheap(&mut world, &songs, || upload(&music, port), &log, sent);
}
