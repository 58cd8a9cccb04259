//! Trees made to lead out of the origin, round in circles, or into a wait.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eventlog::{OriginPath, Revision};
use origins::{ErrorKind, Origin};
use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};

use crate::support::{Folder, files, path, put, walk};

fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

#[test]
fn links_within_the_root_are_followed() {
    let folder = Folder::new();
    folder.put("real/1.flac", b"1");
    folder.mkdir("links/far");
    folder.link("../../real/1.flac", "links/far/file");
    folder.link("../../real", "links/far/folder");
    folder.link(folder.at("real"), "absolute");
    folder.link("links/far/folder", "twice");
    let origin = folder.origin();
    let expected = [
        "absolute/1.flac",
        "links/far/file",
        "links/far/folder/1.flac",
        "real/1.flac",
        "twice/1.flac",
    ];
    assert_eq!(files(&origin), expected);
    for name in expected {
        let read = now(async {
            let revision = origin.stat(&path(name)).await.unwrap();
            origin
                .open(&path(name), &revision)
                .await
                .unwrap()
                .read_at(0, 9)
                .await
                .unwrap()
        });
        assert_eq!(&*read, b"1", "{name}");
    }
}

#[test]
fn links_out_of_the_root_are_not_there() {
    let folder = Folder::new();
    put(&folder.outer().join("secret/key"), b"secret");
    folder.mkdir("a/b");
    folder.put("a/mine", b"");
    folder.link(folder.outer().join("secret/key"), "absolute-file");
    folder.link(folder.outer().join("secret"), "absolute-folder");
    folder.link("../../../secret/key", "a/b/dots");
    folder.link("a/../../secret", "through");
    folder.link("step", "chain");
    folder.link("../secret/key", "step");
    folder.link("/proc/self/root", "magic");
    folder.link("nowhere", "broken");
    folder.link(folder.outer().join("music-2"), "prefix");
    fs::create_dir(folder.outer().join("music-2")).unwrap();
    let origin = folder.origin();
    assert_eq!(files(&origin), ["a/mine"]);
    let names = [
        "absolute-file",
        "absolute-folder/key",
        "a/b/dots",
        "through/key",
        "chain",
        "magic/etc",
        "broken",
    ];
    for name in names {
        let error = now(origin.stat(&path(name))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "{name}: {error}");
        let error = now(origin.open(&path(name), &Revision::default()))
            .err()
            .unwrap();
        assert_eq!(error.kind, ErrorKind::NotFound, "{name}: {error}");
    }
}

#[test]
fn circles_of_links_end() {
    let folder = Folder::new();
    folder.put("a/b/1.flac", b"");
    folder.put("c/2.flac", b"");
    folder.link(".", "a/self");
    folder.link("..", "a/b/up");
    folder.link(folder.root(), "a/b/top");
    folder.link("../c", "a/c");
    folder.link("../a", "c/a");
    folder.link("y", "x");
    folder.link("x", "y");
    let origin = folder.origin();
    assert_eq!(
        files(&origin),
        ["a/b/1.flac", "a/c/2.flac", "c/2.flac", "c/a/b/1.flac"]
    );
    assert_eq!(
        now(origin.stat(&path("x"))).unwrap_err().kind,
        ErrorKind::NotFound
    );
}

/// Each level has two links to the next: 2³⁰ ways, if all were followed.
#[test]
fn a_web_of_links_is_not_walked_along_every_thread() {
    let folder = Folder::new();
    for level in 0..30 {
        folder.mkdir(&format!("{level}"));
        folder.link(format!("../{}", level + 1), &format!("{level}/left"));
        folder.link(format!("../{}", level + 1), &format!("{level}/right"));
    }
    folder.put("30/end.flac", b"");
    let listed = walk(&folder.origin(), "");
    assert_eq!(listed.len(), 1 + 31 + 60);
    // A part of the tree is listed as it is in the whole.
    let part = walk(&folder.origin(), "3/left");
    assert!(part[0].as_ref().unwrap().directories.is_empty());
}

#[test]
fn what_is_no_file_is_neither_listed_nor_opened() {
    let folder = Folder::new();
    folder.put("1.flac", b"");
    mknodat(CWD, folder.at("fifo.flac"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = UnixListener::bind(folder.at("socket.flac")).unwrap();
    folder.link("fifo.flac", "link.flac");
    folder.link("/dev/zero", "zero.flac");
    let origin = folder.origin();
    assert_eq!(files(&origin), ["1.flac"]);
    let start = Instant::now();
    for name in ["fifo.flac", "socket.flac", "link.flac", "zero.flac"] {
        assert_eq!(
            now(origin.stat(&path(name))).unwrap_err().kind,
            ErrorKind::NotFound
        );
        let opened = now(origin.open(&path(name), &Revision::default()));
        assert_eq!(opened.err().unwrap().kind, ErrorKind::NotFound, "{name}");
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "opening a FIFO waits for a writer"
    );
}

/// A folder and a link to the outside change places as fast as they can; no listing and no read
/// may ever see what is outside.
#[test]
fn a_folder_swapped_for_a_link_lets_nobody_out() {
    let folder = Folder::new();
    put(&folder.outer().join("secret/1.flac"), b"secret");
    folder.put("album/1.flac", b"public");
    put(&folder.outer().join("secret/key"), b"");
    folder.link("../secret", "swap");
    let origin = folder.origin();
    let swaps = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (album, swap) = (folder.at("album"), folder.at("swap"));
            while swaps.load(Ordering::Relaxed) {
                renameat_with(CWD, &album, CWD, &swap, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let revision = Revision {
            size: 6,
            ..Revision::default()
        };
        let secret = fs::metadata(folder.outer().join("secret/1.flac")).unwrap();
        let end = Instant::now() + Duration::from_millis(300);
        let mut reads = 0;
        while Instant::now() < end {
            for listed in walk(&origin, "").into_iter().flatten() {
                assert!(
                    listed.files.iter().all(|file| &*file.name != b"key"),
                    "{listed:?}"
                );
            }
            runtime.block_on(async {
                let Ok(found) = origin.stat(&path("album/1.flac")).await else {
                    return;
                };
                let of_secret = std::os::unix::fs::MetadataExt::mtime_nsec(&secret);
                assert_ne!(
                    found.mtime_ns % 1_000_000_000,
                    of_secret,
                    "stat went outside"
                );
                assert_eq!(found.size, revision.size);
                let Ok(file) = origin.open(&path("album/1.flac"), &found).await else {
                    return;
                };
                assert_eq!(&*file.read_at(0, 9).await.unwrap(), b"public");
                reads += 1;
            });
        }
        swaps.store(false, Ordering::Relaxed);
        assert!(reads > 0, "no read fell between two swaps");
    });
}

#[test]
fn names_that_are_not_text_are_kept_byte_by_byte() {
    let folder = Folder::new();
    let name = b"caf\xe9 \xff.flac";
    folder.put(Path::new(std::ffi::OsStr::from_bytes(name)), b"sound");
    let origin = folder.origin();
    let listed = walk(&origin, "").remove(0).unwrap();
    assert_eq!(&*listed.files[0].name, name);
    let found = OriginPath::new(&name[..]).unwrap();
    assert_eq!(now(origin.stat(&found)).unwrap().size, 5);
}
