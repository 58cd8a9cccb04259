//! A file manager.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use md5::{Digest, Md5};

use super::{COVERS, picture, pixels, put, track, until_names};
use crate::world::World;

#[test]
fn a_file_manager_shows_covers() {
    let mut world = World::new();
    put(&world, "one/01.flac", &track(1, "One", "First"));
    let picture = picture(&world, "red", 640, "jpg");
    put(&world, "one/folder.jpg", &picture);
    world.start();
    let one = world.mnt().join("Ann/One [FLAC]");
    until_names(
        &world,
        &one,
        &[
            "01 - First.flac",
            COVERS[0],
            COVERS[1],
            COVERS[2],
            "folder.jpg",
        ],
    );
    let home = world.path().join("home");
    // Its thumbnailer looks into tracks, too, by plugins that may not be there.
    let config = home.join(".config/tumbler");
    fs::create_dir_all(&config).unwrap();
    let without = "[GstThumbnailer]\nDisabled=true\n";
    fs::write(config.join("tumbler.rc"), without).unwrap();
    let screen = Screen::start();
    let thunar = Command::new("dbus-run-session")
        .args(["--", "thunar"])
        .arg(&one)
        .env("DISPLAY", &screen.display)
        .env("HOME", &home)
        .env("XDG_RUNTIME_DIR", &home)
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let _thunar = Group(thunar);
    for name in COVERS {
        let thumbnail = thumbnail(&home, &one.join(name));
        world.until(&format!("thunar shows {name}"), |_| {
            // With its last chunk, it has been written to the end.
            fs::read(&thumbnail).is_ok_and(|bytes| bytes.ends_with(b"IEND\xaeB\x60\x82"))
        });
        assert_eq!(pixels(&thumbnail), "png,128,128");
    }
}

/// Where desktops keep the thumbnail of a file (freedesktop.org's Thumbnail Managing Standard).
fn thumbnail(home: &Path, file: &Path) -> PathBuf {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~()!*'".contains(byte);
    let escaped = |byte: u8| match Some(byte).filter(is_plain) {
        Some(byte) => char::from(byte).to_string(),
        None => format!("%{byte:02X}"),
    };
    let path: String = file
        .as_os_str()
        .as_bytes()
        .iter()
        .copied()
        .map(escaped)
        .collect();
    let name = hex::encode(Md5::digest(format!("file://{path}")));
    home.join(format!(".cache/thumbnails/normal/{name}.png"))
}

/// A screen that nobody sees.
struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "800x600x24",
                "-nolisten",
                "tcp",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        let stdout = server.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut number).unwrap();
        let display = format!(":{}", number.trim());
        Self { server, display }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// A program and all that it started.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        drop(self.0.wait());
    }
}
