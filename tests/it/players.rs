//! Real programs read the library through the mount, and nothing can write to it (FS-6, FS-8).

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::world::{World, fingerprint};

/// Sound files of the mount that players are expected to play: `(path, extension)`.
fn playable(world: &World) -> Vec<(PathBuf, String)> {
    let broken = |path: &str| path.contains("Broken") || path.contains("Unknown");
    let beside = ["jpg", "lrc", "cue", "m3u", "txt"];
    world
        .tree()
        .into_keys()
        .filter(|path| !broken(path))
        .filter_map(|path| {
            let extension = path.rsplit('.').next()?.to_owned();
            let is_sound = !beside.contains(&extension.as_str());
            is_sound.then(|| (world.mnt().join(&path), extension))
        })
        .collect()
}

pub(crate) fn one_of_each(world: &World) -> Vec<PathBuf> {
    let mut seen = std::collections::BTreeSet::new();
    let all = playable(world).into_iter();
    all.filter(|(_, extension)| seen.insert(extension.clone()))
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn the_library_is_copied_byte_for_byte_and_never_written() {
    let mut world = World::with_library();
    let before = fingerprint(&world.music());
    world.start();
    let shown = world.tree();
    let copy = world.path().join("copy");
    let output = Command::new("cp")
        .arg("-r")
        .arg(world.mnt())
        .arg(&copy)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(crate::world::files(&copy), shown);
    let of_originals = shown.keys().filter(|path| !is_made(path));
    for path in of_originals {
        let original = origin_path(&world, &world.mnt().join(path));
        assert_eq!(
            fs::read(copy.join(path)).unwrap(),
            fs::read(world.music().join(original)).unwrap(),
            "{path}"
        );
    }
    world.stop();
    assert_eq!(fingerprint(&world.music()), before);
    world.assert_sound();
}

/// True for a cover that no origin has as a file of that name.
fn is_made(path: &str) -> bool {
    ["/cover.jpg", "/cover_medium.jpg", "/cover_thumb.jpg"]
        .iter()
        .any(|name| path.ends_with(name))
}

/// Where the original of a shown file is, as its extended attribute tells (FS-10).
fn origin_path(world: &World, shown: &Path) -> PathBuf {
    let output = Command::new("getfattr")
        .args(["--only-values", "-n", "user.musicfs.path"])
        .arg(shown)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    use std::os::unix::ffi::OsStringExt;
    world
        .music()
        .join(std::ffi::OsString::from_vec(output.stdout))
}

#[test]
fn ffprobe_and_mpv_play_every_format() {
    let mut world = World::with_library();
    world.start();
    let files = one_of_each(&world);
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        let output = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-show_entries",
                "format=duration",
                "-of",
                "csv=p=0",
            ])
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{file:?}: {output:?}"
        );
        played(&world, &file);
    }
    world.stop();
}

/// Has mpv play a file, a directory or a playlist to its end. Returns what it said.
pub(crate) fn played(world: &World, what: &Path) -> String {
    let output = Command::new("mpv")
        .args([
            "--no-config",
            "--ao=null",
            "--vo=null",
            "--no-video",
            "--untimed",
        ])
        .arg(what)
        .env("HOME", world.path().join("home"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("Exiting... (End of file)"),
        "{}: {said}",
        what.display()
    );
    said
}

/// An MPD of its own over the mount.
pub(crate) struct Mpd {
    child: Child,
    port: u16,
}

impl Mpd {
    pub(crate) fn start(world: &World) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let dir = world.path().join("mpd");
        fs::create_dir(&dir).unwrap();
        let config = dir.join("mpd.conf");
        let mut file = fs::File::create(&config).unwrap();
        write!(
            file,
            "music_directory \"{}\"\ndb_file \"{dir}/db\"\nlog_file \"{dir}/log\"\n\
             follow_inside_symlinks \"no\"\nbind_to_address \"127.0.0.1\"\nport \"{port}\"\n\
             audio_output {{\n  type \"null\"\n  name \"null\"\n}}\n",
            world.mnt().display(),
            dir = dir.display()
        )
        .unwrap();
        let child = Command::new("mpd")
            .arg("--no-daemon")
            .arg(&config)
            .env("HOME", &dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mpd = Self { child, port };
        world.until("MPD answers", |_| mpd.mpc(&["version"]).is_some());
        mpd
    }

    pub(crate) fn mpc(&self, args: &[&str]) -> Option<String> {
        let port = self.port.to_string();
        let output = Command::new("mpc")
            .args(["-h", "127.0.0.1", "-p", &port])
            .args(args)
            .output();
        let output = output.unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap())
    }
}

impl Drop for Mpd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn mpd_lists_and_plays_the_library() {
    let mut world = World::with_library();
    world.start();
    let mpd = Mpd::start(&world);
    mpd.mpc(&["update", "--wait"]).unwrap();
    let listed = mpd.mpc(&["listall"]).unwrap();
    let missing: Vec<_> = playable(&world)
        .into_iter()
        .filter(|(_, extension)| matches!(extension.as_str(), "flac" | "mp3" | "opus" | "ogg"))
        .map(|(path, _)| {
            path.strip_prefix(world.mnt())
                .unwrap()
                .display()
                .to_string()
        })
        .filter(|path| !listed.lines().any(|line| line == path))
        // What has a cue sheet beside it is listed by that, track by track.
        .filter(|path| {
            let sheet = Path::new(path).with_extension("cue");
            let of_sheet = |line: &str| Path::new(line).parent() == Some(&sheet);
            !listed.lines().any(of_sheet)
        })
        .collect();
    assert!(missing.is_empty(), "MPD does not have {missing:?}");
    let song = listed.lines().find(|line| line.ends_with(".flac")).unwrap();
    mpd.mpc(&["add", song]).unwrap();
    mpd.mpc(&["play"]).unwrap();
    world.until("MPD plays", |_| {
        mpd.mpc(&["status"])
            .is_some_and(|status| status.contains("[playing]"))
    });
    drop(mpd);
    world.stop();
}

#[test]
fn mpv_plays_what_a_search_finds() {
    let mut world = World::with_library();
    world.start();
    let dir = world.mnt().join(".search/\"the wall\" year:1979");
    world.until("it is found", |_| {
        fs::read_dir(&dir).is_ok_and(|links| links.count() == 4)
    });
    let mut links: Vec<PathBuf> = fs::read_dir(&dir)
        .unwrap()
        .map(|link| link.unwrap().path())
        .collect();
    links.sort();
    let name = links[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("001. Pink Floyd - Part "), "{name}");
    // One of them, and all.
    for (what, count) in [(&links[0], 1), (&dir, 4)] {
        let said = played(&world, what);
        assert_eq!(said.matches("(+) Audio").count(), count, "{said}");
        assert!(!said.contains("Failed"), "{said}");
    }
    world.stop();
}

#[test]
fn mpd_lists_and_loads_collections() {
    let mut world = World::with_library();
    world.start();
    let query = "artist=\"pink floyd\" SORT title";
    world.json(["collection", "add", "The Wall", query, "--json"]);
    let list = world.mnt().join(".collections/The Wall.m3u8");
    world.until("it has four tracks", |_| {
        fs::read_to_string(&list).is_ok_and(|list| list.lines().count() == 1 + 2 * 4)
    });
    let mpd = Mpd::start(&world);
    mpd.mpc(&["update", "--wait"]).unwrap();
    assert!(!mpd.mpc(&["listall"]).unwrap().contains(".collections"));
    mpd.mpc(&["update", "--wait", ".collections"]).unwrap();
    let listed = mpd.mpc(&["ls", ".collections"]).unwrap();
    for name in ["The Wall.m3u8", "Recently Added.m3u8", "1990s.m3u8"] {
        let path = format!(".collections/{name}");
        assert!(listed.lines().any(|line| line == path), "{listed}");
    }
    mpd.mpc(&["load", ".collections/The Wall.m3u8"]).unwrap();
    let queued = mpd.mpc(&["-f", "%artist% - %title%", "playlist"]).unwrap();
    let expected = ["1.1", "1.2", "2.1", "2.2"].map(|part| format!("Pink Floyd - Part {part}"));
    assert_eq!(queued.lines().collect::<Vec<_>>(), expected);
    mpd.mpc(&["play"]).unwrap();
    world.until("MPD plays", |_| {
        mpd.mpc(&["status"])
            .is_some_and(|status| status.contains("[playing]"))
    });
    drop(mpd);
    world.stop();
}

#[test]
fn every_write_is_refused() {
    let mut world = World::with_library();
    world.start();
    let file = world.mnt().join(world.tree().into_keys().next().unwrap());
    let dir = file.parent().unwrap().to_owned();
    let new = dir.join("new");
    let outside = world.path().join("outside");
    fs::write(&outside, b"x").unwrap();
    let mode = |mode| fs::Permissions::from_mode(mode);
    let attempts: Vec<(&str, std::io::Result<()>)> = vec![
        ("create", fs::write(&new, b"x")),
        (
            "open for writing",
            fs::File::options().write(true).open(&file).map(drop),
        ),
        (
            "open for appending",
            fs::File::options().append(true).open(&file).map(drop),
        ),
        (
            "truncate",
            fs::File::options()
                .write(true)
                .truncate(true)
                .open(&file)
                .map(drop),
        ),
        (
            "truncate by reading",
            fs::File::options()
                .read(true)
                .custom_flags(0o1000)
                .open(&file)
                .map(drop),
        ),
        ("mkdir", fs::create_dir(&new)),
        ("unlink", fs::remove_file(&file)),
        ("rmdir", fs::remove_dir(&dir)),
        ("rename", fs::rename(&file, &new)),
        ("symlink", symlink("target", &new)),
        ("link", fs::hard_link(&file, &new)),
        ("chmod", fs::set_permissions(&file, mode(0o777))),
        ("chmod a directory", fs::set_permissions(&dir, mode(0o777))),
        ("chown", std::os::unix::fs::chown(&file, Some(1), Some(1))),
        (
            "utimens",
            fs::File::open(&file)
                .unwrap()
                .set_modified(std::time::SystemTime::now()),
        ),
    ];
    for (what, result) in attempts {
        let error = result.expect_err(what);
        assert_eq!(
            error.kind(),
            std::io::ErrorKind::ReadOnlyFilesystem,
            "{what}: {error}"
        );
    }
    for args in [
        ["-n", "user.x", "-v", "y"],
        ["-x", "user.musicfs.track_id", "-h", "-h"],
    ] {
        let output = Command::new("setfattr")
            .args(args)
            .arg(&file)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Read-only file system"), "{said}");
    }
    world.stop();
}
