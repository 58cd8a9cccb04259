//! Covers of directories (FIND-4).

use std::fs;
use std::path::{Path, PathBuf};

use super::{COVERS, picture, pixels, put, put_in, run, track, until_names};
use crate::elsewhere::Elsewhere;
use crate::world::{World, files, fingerprint};

/// Bytes that a smaller cover has, whatever it shows.
const MEDIUM: u64 = 64 << 10;
const THUMB: u64 = 16 << 10;

#[test]
fn an_album_has_the_cover_that_lies_beside_it() {
    let mut world = World::new();
    put(&world, "one/01.flac", &track(1, "One", "First"));
    put(&world, "two/02.flac", &track(2, "Two", "Second"));
    let (large, small) = (
        picture(&world, "red", 640, "jpg"),
        picture(&world, "blue", 100, "png"),
    );
    put(&world, "one/Folder.jpg", b"");
    put(&world, "two/cover.png", &small);
    world.start();
    let one = world.mnt().join("Ann/One [FLAC]");
    until_names(&world, &one, &["01 - First.flac", "Folder.jpg"]);
    put(&world, "one/Folder.jpg", &large);
    let before = fingerprint(&world.music());
    let all = [
        "01 - First.flac",
        "Folder.jpg",
        COVERS[0],
        COVERS[1],
        COVERS[2],
    ];
    until_names(&world, &one, &all);
    // Exact before they are made, and after.
    for _ in 0..2 {
        let sizes = COVERS.map(|name| fs::metadata(one.join(name)).unwrap().len());
        assert_eq!(sizes, [large.len() as u64, MEDIUM, THUMB]);
        for (name, size) in COVERS.iter().zip(sizes) {
            assert_eq!(fs::read(one.join(name)).unwrap().len() as u64, size);
        }
    }
    assert_eq!(fs::read(one.join("cover.jpg")).unwrap(), large);
    assert_eq!(pixels(&one.join("cover_medium.jpg")), "mjpeg,300,300");
    assert_eq!(pixels(&one.join("cover_thumb.jpg")), "mjpeg,150,150");
    let two = world.mnt().join("Ann/Two [FLAC]");
    assert_eq!(fs::read(two.join("cover.jpg")).unwrap(), small);
    assert_eq!(pixels(&two.join("cover_medium.jpg")), "mjpeg,100,100");
    assert_eq!(fingerprint(&world.music()), before);

    // Another one is shown at once, and none where it is gone.
    let other = picture(&world, "green", 1500, "jpg");
    let thumb = fs::read(one.join("cover_thumb.jpg")).unwrap();
    put(&world, "one/Folder.jpg", &other);
    world.until("the other is shown", |_| {
        let read = |name: &str| fs::read(one.join(name)).unwrap_or_default();
        read("cover.jpg") == other && read("cover_thumb.jpg") != thumb
    });
    let [cover, file] = ["cover_thumb.jpg", "Folder.jpg"].map(|name| {
        let metadata = fs::metadata(one.join(name)).unwrap();
        metadata.modified().unwrap()
    });
    assert_eq!(cover, file);
    put(&world, "one/cover.jpg", &large);
    world.until("a better name counts", |_| {
        fs::read(one.join("cover.jpg")).is_ok_and(|bytes| bytes == large)
    });
    until_names(&world, &one, &all);
    fs::remove_file(world.music().join("one/Folder.jpg")).unwrap();
    fs::remove_file(world.music().join("one/cover.jpg")).unwrap();
    until_names(&world, &one, &["01 - First.flac"]);
    let inodes = |path: &Path| {
        use std::os::unix::fs::MetadataExt;
        COVERS.map(|name| fs::metadata(path.join(name)).unwrap().ino())
    };
    let numbered = inodes(&two);
    world.stop();
    world.assert_sound();
    world.start();
    assert_eq!(inodes(&two), numbered);
}

#[test]
fn an_album_has_the_cover_that_its_tracks_carry() {
    let mut world = World::new();
    let (red, blue) = (
        picture(&world, "red", 640, "jpg"),
        picture(&world, "blue", 200, "png"),
    );
    fs::write(world.path().join("red.jpg"), &red).unwrap();
    fs::write(world.path().join("blue.png"), &blue).unwrap();
    put(&world, "one/01.flac", &track(1, "One", "First"));
    put(&world, "one/02.flac", &track(2, "One", "Second"));
    embed(
        &world.music().join("one/02.flac"),
        &world.path().join("red.jpg"),
    );
    put(&world, "two/03.flac", &track(3, "Two", "Third"));
    world.start();
    let one = world.mnt().join("Ann/One [FLAC]");
    let tracks = ["01 - First.flac", "02 - Second.flac"];
    let all = [tracks.as_slice(), &COVERS].concat();
    until_names(&world, &one, &all);
    assert_eq!(
        fs::metadata(one.join("cover.jpg")).unwrap().len(),
        red.len() as u64
    );
    assert_eq!(fs::read(one.join("cover.jpg")).unwrap(), red);
    assert_eq!(pixels(&one.join("cover_thumb.jpg")), "mjpeg,150,150");
    let two = world.mnt().join("Ann/Two [FLAC]");
    until_names(&world, &two, &["03 - Third.flac"]);

    // A picture that a track is given later is shown, and one that is taken away is not.
    embed(
        &world.music().join("two/03.flac"),
        &world.path().join("blue.png"),
    );
    until_names(
        &world,
        &two,
        &[&["03 - Third.flac"], COVERS.as_slice()].concat(),
    );
    // Written in steps, it may be another by the time it is read.
    world.until("its picture is shown", |_| {
        fs::read(two.join("cover.jpg")).is_ok_and(|bytes| bytes == blue)
    });
    run(
        "metaflac",
        &["--remove", "--block-type=PICTURE"],
        |command| command.arg(world.music().join("one/02.flac")),
    );
    until_names(&world, &one, &tracks);
    world.stop();
    world.assert_sound();
}

#[test]
fn what_is_no_picture_hurts_nobody() {
    let mut world = World::new();
    put(&world, "one/01.flac", &track(1, "One", "First"));
    put(&world, "one/cover.jpg", b"<html>not found</html>");
    put(&world, "two/02.flac", &track(2, "Two", "Second"));
    let huge = fs::File::create(world.music().join("two/cover.jpg")).unwrap();
    huge.set_len((10 << 20) + 1).unwrap();
    world.start();
    let one = world.mnt().join("Ann/One [FLAC]");
    until_names(
        &world,
        &one,
        &[&["01 - First.flac"], COVERS.as_slice()].concat(),
    );
    assert_eq!(
        fs::read(one.join("cover.jpg")).unwrap(),
        b"<html>not found</html>"
    );
    let error = fs::read(one.join("cover_thumb.jpg")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(5), "{error}");
    assert!(fs::read(one.join("01 - First.flac")).is_ok());
    // Too large to stand for its album; as a file it is what it is.
    let two = world.mnt().join("Ann/Two [FLAC]");
    until_names(&world, &two, &["02 - Second.flac", "cover.jpg"]);
}

#[test]
fn covers_of_another_machine_are_fetched_once() {
    let mut elsewhere = Elsewhere::new(0);
    let picture = picture(&elsewhere.world, "red", 900, "jpg");
    let path = elsewhere.world.path().join("red.jpg");
    fs::write(&path, &picture).unwrap();
    put_in(
        &elsewhere.music,
        "three/03.flac",
        &track(3, "Three", "Third"),
    );
    embed(&elsewhere.music.join("three/03.flac"), &path);
    put_in(
        &elsewhere.music,
        "four/04.flac",
        &track(4, "Four", "Fourth"),
    );
    put_in(&elsewhere.music, "four/folder.jpg", &picture);
    put_in(&elsewhere.music, "four/04.lrc", b"words");
    let key = elsewhere.key();
    elsewhere.start(&key);
    let world = &elsewhere.world;
    let (three, four) = (
        world.mnt().join("Ann/Three [FLAC]"),
        world.mnt().join("Ann/Four [FLAC]"),
    );
    until_names(
        world,
        &three,
        &[&["03 - Third.flac"], COVERS.as_slice()].concat(),
    );
    let all = |dir: &Path| -> Vec<Vec<u8>> {
        let names: Vec<PathBuf> = files(dir).into_keys().map(|name| dir.join(name)).collect();
        let not_tracks = names
            .iter()
            .filter(|path| path.extension().unwrap() != "flac");
        not_tracks.map(|path| fs::read(path).unwrap()).collect()
    };
    let (in_three, in_four) = (all(&three), all(&four));
    assert_eq!(in_three[0], picture);
    assert_eq!((in_three.len(), in_four.len()), (3, 5));
    assert!(in_four.contains(&b"words".to_vec()));
    // What was read stays, whatever becomes of its server; nothing else is needed for it.
    elsewhere.server.stop();
    drop_caches();
    assert_eq!(all(&three), in_three);
    assert_eq!(all(&four), in_four);
}

/// Has the kernel forget what it read, where it lets us.
fn drop_caches() {
    let _ = fs::write("/proc/sys/vm/drop_caches", "1");
}

/// Has a file carry a picture.
fn embed(file: &Path, picture: &Path) {
    run("metaflac", &[], |command| {
        let option = format!("--import-picture-from={}", picture.display());
        command.arg(option).arg(file)
    });
}
