//! Links at the server: within the root, out of it, in circles; and what is no file.

use std::fs;

use eventlog::Revision;
use futures::StreamExt;
use origins::{Depth, ErrorKind, Origin};

use super::support::{Sshd, put};
use crate::support::path;

/// Every listed file, sorted; panics where a directory could not be listed.
async fn files(origin: &dyn Origin) -> Vec<String> {
    let directories: Vec<_> = origin.walk(&path(""), Depth::All).collect().await;
    let mut names = Vec::new();
    for directory in directories {
        let directory = directory.unwrap();
        let join = |name: &[u8]| directory.path.join(name).unwrap().to_string();
        names.extend(directory.files.iter().map(|file| join(&file.name)));
    }
    names.sort();
    names
}

#[tokio::test]
async fn links_within_the_root_are_followed() {
    let sshd = Sshd::new();
    let folder = &sshd.folder;
    sshd.put("real/1.flac", b"1");
    folder.mkdir("links/far");
    folder.link("../../real/1.flac", "links/far/file");
    folder.link("../../real", "links/far/folder");
    folder.link(folder.at("real"), "absolute");
    folder.link("links/far/folder", "twice");
    let origin = sshd.origin();
    let expected = [
        "absolute/1.flac",
        "links/far/file",
        "links/far/folder/1.flac",
        "real/1.flac",
        "twice/1.flac",
    ];
    assert_eq!(files(&*origin).await, expected);
    for name in expected {
        let revision = origin.stat(&path(name)).await.unwrap();
        let file = origin.open(&path(name), &revision).await.unwrap();
        assert_eq!(&*file.read_at(0, 9).await.unwrap(), b"1", "{name}");
    }
}

#[tokio::test]
async fn links_out_of_the_root_are_not_there() {
    let sshd = Sshd::new();
    let folder = &sshd.folder;
    put(&folder.outer().join("secret/key"), b"secret");
    fs::create_dir(folder.outer().join("music-2")).unwrap();
    folder.mkdir("a/b");
    sshd.put("a/mine", b"");
    folder.link(folder.outer().join("secret/key"), "absolute-file");
    folder.link(folder.outer().join("secret"), "absolute-folder");
    folder.link("../../../secret/key", "a/b/dots");
    folder.link("a/../../secret", "through");
    folder.link("step", "chain");
    folder.link("../secret/key", "step");
    folder.link("/proc/self/root", "magic");
    folder.link("nowhere", "broken");
    folder.link(folder.outer().join("music-2"), "prefix");
    let origin = sshd.origin();
    assert_eq!(files(&*origin).await, ["a/mine"]);
    let names = [
        "absolute-file",
        "absolute-folder/key",
        "a/b/dots",
        "through/key",
        "chain",
        "magic/etc/passwd",
        "broken",
    ];
    for name in names {
        let error = origin.stat(&path(name)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "{name}: {error}");
        let opened = origin.open(&path(name), &Revision::default()).await;
        assert_eq!(opened.err().unwrap().kind, ErrorKind::NotFound, "{name}");
        let mut walk = origin.walk(&path(name), Depth::All);
        let error = walk.next().await.unwrap().unwrap_err().error;
        assert_eq!(error.kind, ErrorKind::NotFound, "{name}: {error}");
    }
}

#[tokio::test]
async fn circles_of_links_end() {
    let sshd = Sshd::new();
    let folder = &sshd.folder;
    sshd.put("a/b/1.flac", b"");
    sshd.put("c/2.flac", b"");
    folder.link(".", "a/self");
    folder.link("..", "a/b/up");
    folder.link(folder.root(), "a/b/top");
    folder.link("../c", "a/c");
    folder.link("../a", "c/a");
    folder.link("y", "x");
    folder.link("x", "y");
    let origin = sshd.origin();
    assert_eq!(
        files(&*origin).await,
        ["a/b/1.flac", "a/c/2.flac", "c/2.flac", "c/a/b/1.flac"]
    );
    let error = origin.stat(&path("x")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

/// Opening a pipe would wait for a writer, and all that is asked of the session with it.
#[tokio::test]
async fn what_is_no_file_is_not_there() {
    let sshd = Sshd::new();
    let pipe = sshd.folder.at("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(sshd.folder.at("socket")).unwrap();
    sshd.folder.link("pipe", "to-the-pipe");
    sshd.put("1.flac", b"1");
    let origin = sshd.origin();
    assert_eq!(files(&*origin).await, ["1.flac"]);
    for name in ["pipe", "socket", "to-the-pipe"] {
        let opened = origin.open(&path(name), &Revision::default()).await;
        assert_eq!(opened.err().unwrap().kind, ErrorKind::NotFound, "{name}");
    }
}

/// A root that is a link may lead elsewhere from one day to the next.
#[tokio::test]
async fn a_root_that_is_a_link_is_followed_where_it_leads_now() {
    let sshd = Sshd::new();
    sshd.put("old/1.flac", b"1");
    sshd.put("new/1.flac", b"22");
    sshd.folder.link("old", "now");
    let mut settings = sshd.settings();
    settings.root = sshd.folder.at("now").into_os_string().into_encoded_bytes();
    let origin = super::support::origin(settings);
    assert_eq!(files(&*origin).await, ["1.flac"]);
    assert_eq!(origin.stat(&path("1.flac")).await.unwrap().size, 1);
    fs::remove_file(sshd.folder.at("now")).unwrap();
    sshd.folder.link("new", "now");
    assert_eq!(origin.stat(&path("1.flac")).await.unwrap().size, 2);
    assert_eq!(files(&*origin).await, ["1.flac"]);
}

#[tokio::test]
async fn a_root_that_is_gone_is_offline_and_removes_nothing() {
    let sshd = Sshd::new();
    sshd.put("a/1.flac", b"1");
    let origin = sshd.origin();
    let revision = origin.stat(&path("a/1.flac")).await.unwrap();
    fs::rename(sshd.folder.root(), sshd.folder.outer().join("away")).unwrap();
    let offline = ErrorKind::Offline;
    assert_eq!(origin.check().await.unwrap_err().kind, offline);
    let stat = origin.stat(&path("a/1.flac")).await.unwrap_err();
    assert_eq!(stat.kind, offline, "{stat}");
    let opened = origin.open(&path("a/1.flac"), &revision).await;
    assert_eq!(opened.err().unwrap().kind, offline);
    for from in ["", "a"] {
        let walk = origin.walk(&path(from), Depth::All);
        let items: Vec<_> = walk.collect().await;
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].as_ref().unwrap_err().error.kind, offline);
    }
}

/// As nobody, where the tests are run by root, who may read everything.
#[tokio::test]
async fn what_may_not_be_read_is_denied() {
    let sshd = Sshd::new();
    sshd.put("closed/1.flac", b"");
    sshd.put("2.flac", b"2");
    let mut settings = sshd.settings();
    if rustix::process::geteuid().is_root() {
        settings.user = "nobody".to_owned();
    }
    let closed: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs::set_permissions(sshd.folder.at("closed"), closed.clone()).unwrap();
    fs::set_permissions(sshd.folder.at("2.flac"), closed).unwrap();
    let origin = super::support::origin(settings);
    let mut walk = origin.walk(&path("closed"), Depth::One);
    let error = walk.next().await.unwrap().unwrap_err().error;
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(
        error.message.contains("let the user who logs in"),
        "{error}"
    );
    let error = origin.stat(&path("closed/1.flac")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    let revision = origin.stat(&path("2.flac")).await.unwrap();
    let opened = origin.open(&path("2.flac"), &revision).await;
    assert_eq!(opened.err().unwrap().kind, ErrorKind::Denied);
}
