//! Large, deep and changing trees.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use origins::{Depth, ErrorKind, LocalOrigin, Origin};
use rustix::fs::{Mode, OFlags, mkdirat, open, openat};

use crate::support::{Folder, as_ordinary_user, files, path, walk};

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// Makes `levels` directories, one in another, each with a name of `width` bytes; the innermost.
pub(crate) fn dig(folder: &Folder, levels: usize, width: usize) -> OwnedFd {
    let mut at = open(folder.root(), DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..levels {
        let name = "d".repeat(width);
        mkdirat(&at, &name, Mode::RWXU).unwrap();
        at = openat(&at, &name, DIRECTORY, Mode::empty()).unwrap();
    }
    at
}

#[test]
fn paths_longer_than_the_kernel_takes_are_listed_and_read() {
    let folder = Folder::new();
    let innermost = dig(&folder, 500, 40);
    let flags = OFlags::WRONLY | OFlags::CREATE;
    let file = openat(&innermost, "deep.flac", flags, Mode::RUSR).unwrap();
    rustix::io::write(&file, b"sound").unwrap();
    let origin = folder.origin();
    let listed = walk(&origin, "");
    assert_eq!(listed.len(), 501);
    let last = listed
        .into_iter()
        .map(Result::unwrap)
        .find(|found| !found.files.is_empty());
    let last = last.unwrap();
    assert_eq!(last.path.as_bytes().len(), 500 * 41 - 1);
    let found = last.path.join(b"deep.flac").unwrap();
    let read = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let revision = origin.stat(&found).await.unwrap();
        assert_eq!(revision, last.files[0].revision);
        origin
            .open(&found, &revision)
            .await
            .unwrap()
            .read_at(0, 9)
            .await
            .unwrap()
    });
    assert_eq!(&*read, b"sound");
}

#[test]
fn a_bottomless_tree_ends() {
    let folder = Folder::new();
    dig(&folder, 300, 255);
    assert_eq!(walk(&folder.origin(), "").len(), 64 * 1024 / 256 + 1);
}

#[test]
fn a_directory_of_100_000_files_is_one_item() {
    let folder = Folder::new();
    let root = open(folder.root(), DIRECTORY, Mode::empty()).unwrap();
    for number in 0..100_000 {
        let flags = OFlags::WRONLY | OFlags::CREATE;
        openat(&root, format!("{number:05}.flac"), flags, Mode::RUSR).unwrap();
    }
    let listed = walk(&folder.origin(), "");
    assert_eq!(listed.len(), 1);
    let files = &listed[0].as_ref().unwrap().files;
    assert_eq!(files.len(), 100_000);
    assert!(files.is_sorted_by(|a, b| a.name < b.name));
}

#[test]
fn a_dropped_stream_ends_its_threads() {
    let folder = Folder::new();
    for number in 0..2_000 {
        folder.mkdir(&format!("{number}"));
    }
    let origin = folder.origin();
    let mut stream = origin.walk(&path(""), Depth::All);
    block_on(stream.next()).unwrap().unwrap();
    let ours = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        let links = fs::read_dir("/proc/self/fd").unwrap();
        let targets = links.filter_map(|link| fs::read_link(link.unwrap().path()).ok());
        (
            tasks.count(),
            targets
                .filter(|target| target.starts_with(folder.root()))
                .count(),
        )
    };
    assert!(ours().1 > 0, "the walk holds the root while it runs");
    drop(stream);
    let start = std::time::Instant::now();
    while ours().1 > 0 {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "the walk goes on unread"
        );
        std::thread::yield_now();
    }
}

#[test]
fn what_may_not_be_read_is_an_error_of_that_directory_alone() {
    let folder = Folder::new();
    folder.put("open/1.flac", b"1");
    folder.put("closed/2.flac", b"2");
    let set = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(folder.at("closed"), mode).unwrap();
    };
    set(0o000);
    let listed = as_ordinary_user(|| walk(&folder.origin(), ""));
    let (whole, broken): (Vec<_>, Vec<_>) = listed.into_iter().partition(Result::is_ok);
    assert_eq!(whole.len(), 2);
    let error = broken.into_iter().next().unwrap().unwrap_err();
    assert_eq!(error.path, path("closed"));
    assert_eq!(error.error.kind, ErrorKind::Denied);
    assert!(
        error
            .to_string()
            .contains("let the user who runs MusicFS read it"),
        "{error}"
    );

    // Names without states are no listing.
    set(0o444);
    let listed = as_ordinary_user(|| walk(&folder.origin(), "closed"));
    assert_eq!(
        listed[0].as_ref().unwrap_err().error.kind,
        ErrorKind::Denied
    );

    set(0o755);
    assert_eq!(files(&folder.origin()), ["closed/2.flac", "open/1.flac"]);
}

#[test]
fn a_root_that_cannot_be_is_refused_with_a_reason() {
    let folder = Folder::new();
    folder.put("file", b"");
    let refused = |name: &str| {
        let error = LocalOrigin::new("x".parse().unwrap(), folder.at(name)).unwrap_err();
        assert!(
            error.message.contains(folder.at(name).to_str().unwrap()),
            "{error}"
        );
        (error.kind, error.message)
    };
    let (kind, message) = refused("nowhere");
    assert_eq!(kind, ErrorKind::Offline);
    assert!(message.contains("check its name"), "{message}");
    let (kind, message) = refused("file");
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(message.contains("is not a folder"), "{message}");
    folder.mkdir("closed");
    let none = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs::set_permissions(folder.at("closed"), none).unwrap();
    assert_eq!(as_ordinary_user(|| refused("closed")).0, ErrorKind::Denied);
}
