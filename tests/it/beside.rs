//! Files beside tracks (FS-11), and the covers of directories (FIND-4).

mod covers;
mod desktop;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::world::{World, flac};

const COVERS: [&str; 3] = ["cover.jpg", "cover_medium.jpg", "cover_thumb.jpg"];

fn put(world: &World, path: &str, bytes: &[u8]) {
    put_in(&world.music(), path, bytes);
}

fn put_in(music: &Path, path: &str, bytes: &[u8]) {
    let path = music.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A track of an album.
fn track(seed: u64, album: &str, title: &str) -> Vec<u8> {
    let number = seed.to_string();
    let tags = [
        ("ARTIST", "Ann"),
        ("ALBUM", album),
        ("TITLE", title),
        ("TRACKNUMBER", &number),
    ];
    flac(seed, &tags)
}

/// A picture of a colour, `size` pixels a side.
pub(crate) fn picture(world: &World, color: &str, size: u32, extension: &str) -> Vec<u8> {
    let path = world.path().join(format!("{color}-{size}.{extension}"));
    let source = format!("testsrc2=size={size}x{size},drawbox=color={color}:t=fill");
    run(
        "ffmpeg",
        &["-v", "error", "-y", "-f", "lavfi", "-i", &source],
        |command| command.args(["-frames:v", "1"]).arg(&path),
    );
    fs::read(path).unwrap()
}

fn run(program: &str, args: &[&str], more: impl FnOnce(&mut Command) -> &mut Command) -> String {
    let output = more(Command::new(program).args(args)).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The size in pixels of a picture, as ffprobe reads it.
pub(crate) fn pixels(path: &Path) -> String {
    let args = [
        "-v",
        "error",
        "-show_entries",
        "stream=codec_name,width,height",
        "-of",
        "csv=p=0",
    ];
    run("ffprobe", &args, |command| command.arg(path))
        .trim()
        .to_owned()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn until_names(world: &World, dir: &Path, expected: &[&str]) {
    let mut found = Vec::new();
    world.until(&format!("{} has {expected:?}", dir.display()), |_| {
        found = if dir.exists() { names(dir) } else { Vec::new() };
        let is_right = found == expected;
        // What is listed is there, and what is not is not.
        is_right
            && COVERS
                .iter()
                .all(|it| dir.join(it).exists() == expected.contains(it))
    });
}

#[test]
fn what_lies_beside_tracks_goes_where_they_are() {
    let mut world = World::new();
    put(&world, "one/01.flac", &track(1, "One", "First"));
    put(&world, "one/02.flac", &track(2, "One", "Second: é"));
    put(&world, "one/02.lrc", b"[00:01.00] words");
    put(&world, "one/rip.log", b"log");
    put(&world, "one/._rip.log", b"hidden");
    put(&world, "one/tool.exe", b"no");
    put(&world, "one/Scans/booklet.pdf", b"pdf");
    put(&world, "two/CD1/1.flac", &track(3, "Two", "Third"));
    put(&world, "two/CD2/1.flac", &track(4, "Two", "Fourth"));
    put(&world, "two/all.m3u", b"CD1/1.flac\n");
    put(&world, "mixed/a.flac", &track(5, "Three", "Fifth"));
    put(&world, "mixed/b.flac", &track(6, "Four", "Sixth"));
    put(&world, "mixed/a.lrc", b"of the fifth");
    put(&world, "mixed/whose.jpg", b"nobody knows");
    put(&world, "photos/1.jpg", b"not about music");
    for (seed, title) in [(21, "Seventh"), (22, "Eighth"), (23, "Ninth")] {
        let path = format!("most/{seed}.flac");
        put(&world, &path, &track(seed, "Five", title));
    }
    put(&world, "most/bonus.flac", &track(24, "Guests", "Tenth"));
    put(&world, "most/booklet.pdf", b"of the fifth");
    world.start();
    let beside = |tree: &BTreeMap<String, u64>| -> Vec<String> {
        let not_tracks = tree.keys().filter(|path| !path.ends_with(".flac"));
        not_tracks.cloned().collect()
    };
    let expected = [
        "Ann/Five [FLAC]/booklet.pdf",
        "Ann/One [FLAC]/02 - Second: é.lrc",
        "Ann/One [FLAC]/booklet.pdf",
        "Ann/One [FLAC]/rip.log",
        "Ann/Three [FLAC]/05 - Fifth.lrc",
        "Ann/Two [FLAC]/all.m3u",
    ];
    world.until("they are shown", |world| beside(&world.tree()) == expected);
    for (file, told) in [
        ("mixed/whose.jpg", "is no track, and is not shown"),
        ("one/rip.log", "is shown as Ann/One [FLAC]/rip.log"),
        ("photos/1.jpg", "by its name it is no audio file"),
    ] {
        let explained = world.run([Path::new("explain"), &world.music().join(file)]);
        let explained = String::from_utf8(explained.stderr).unwrap();
        assert!(explained.contains(told), "{explained}");
    }
    let album = world.mnt().join("Ann/One [FLAC]");
    let words = album.join("02 - Second: é.lrc");
    assert_eq!(fs::read(&words).unwrap(), b"[00:01.00] words");
    assert_eq!(fs::metadata(&words).unwrap().len(), 16);
    let attribute = run(
        "getfattr",
        &["--only-values", "-n", "user.musicfs.path"],
        |command| command.arg(&words),
    );
    assert_eq!(attribute, "one/02.lrc");
    assert!(fs::write(&words, b"other").is_err());

    // They change, go, and follow their tracks.
    put(&world, "one/02.lrc", b"[00:01.00] other words");
    world.until("the change is read", |_| {
        fs::read(&words).is_ok_and(|bytes| bytes == b"[00:01.00] other words")
    });
    put(&world, "one/02.flac", &track(2, "One", "Renamed"));
    world.until("they follow", |world| {
        let tree = world.tree();
        tree.contains_key("Ann/One [FLAC]/02 - Renamed.lrc") && !words.exists()
    });
    for number in [1, 2] {
        let title = format!("Song {number}");
        put(
            &world,
            &format!("one/0{number}.flac"),
            &track(number, "Moved", &title),
        );
    }
    let moved = world.mnt().join("Ann/Moved [FLAC]");
    let all = [
        "01 - Song 1.flac",
        "02 - Song 2.flac",
        "02 - Song 2.lrc",
        "booklet.pdf",
        "rip.log",
    ];
    until_names(&world, &moved, &all);
    world.until("a directory of nothing but sidecars is none", |_| {
        !album.exists()
    });
    fs::remove_file(world.music().join("one/rip.log")).unwrap();
    fs::remove_file(world.music().join("one/02.lrc")).unwrap();
    until_names(
        &world,
        &moved,
        &["01 - Song 1.flac", "02 - Song 2.flac", "booklet.pdf"],
    );
    let explained = world.run([Path::new("explain"), &moved.join("booklet.pdf")]);
    let explained = String::from_utf8(explained.stderr).unwrap();
    assert!(explained.contains("one/Scans/booklet.pdf"), "{explained}");

    // A restart shows the same, and asks nothing to be found anew.
    let (tree, events) = (world.tree(), world.position());
    world.stop();
    world.assert_sound();
    world.start();
    assert_eq!(world.tree(), tree);
    assert_eq!(world.position(), events);
}

#[test]
fn which_files_are_shown_can_be_chosen() {
    let mut world = World::new();
    put(&world, "one/01.flac", &track(1, "One", "First"));
    put(&world, "one/a.log", b"log");
    put(&world, "one/b.xyz", b"xyz");
    world.start();
    let album = world.mnt().join("Ann/One [FLAC]");
    until_names(&world, &album, &["01 - First.flac", "a.log"]);
    world.stop();
    world.spawn_in(&[], &[("MUSICFS_SCAN_SIDECARS", "xyz")]);
    until_names(&world, &album, &["01 - First.flac", "b.xyz"]);
    world.stop();
    world.spawn_in(&[], &[("MUSICFS_SCAN_SIDECARS", "")]);
    until_names(&world, &album, &["01 - First.flac"]);
    world.stop();
    world.assert_sound();
}
