//! Who may see a share, and what is in it.

use std::sync::Arc;

use eventlog::{OriginPath, Revision};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use origins::{Depth, ErrorKind, Origin};

use super::support::{Samba, login, origin};
use crate::support::{path, put};

async fn files(origin: &dyn Origin) -> Vec<String> {
    let walk = origin.walk(&path(""), Depth::All);
    let directories: Vec<_> = walk.try_collect().await.unwrap();
    let mut names = Vec::new();
    for directory in directories {
        let join = |name: &[u8]| directory.path.join(name).unwrap().to_string();
        names.extend(directory.files.iter().map(|file| join(&file.name)));
    }
    names.sort();
    names
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_not_shown() {
    let samba = Samba::new();
    let mut settings = samba.settings();
    settings.share = "private".to_owned();
    settings.login = login("open barley");
    let error = origin(settings.clone()).check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(!error.message.contains("barley"), "{error}");
    settings.login = None;
    let error = origin(settings.clone()).check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "a guest: {error}");
    settings.login = login("open sesame");
    origin(settings).check().await.unwrap();
}

#[tokio::test]
async fn a_share_that_is_not_there_removes_nothing() {
    let samba = Samba::new();
    let mut settings = samba.settings();
    settings.share = "musik".to_owned();
    let origin = origin(settings);
    let error = origin.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
    let error = origin.stat(&path("1")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
}

#[tokio::test]
async fn a_root_within_the_share_is_the_root() {
    let samba = Samba::new();
    samba.put("library/flac/1.flac", b"1");
    samba.put("other/2.flac", b"2");
    let mut settings = samba.settings();
    settings.root = path("library/flac");
    let origin = origin(settings);
    assert_eq!(files(&*origin).await, ["1.flac"]);
    let revision = origin.stat(&path("1.flac")).await.unwrap();
    let file = origin.open(&path("1.flac"), &revision).await.unwrap();
    assert_eq!(&*file.read_at(0, 9).await.unwrap(), b"1");

    let away = samba.folder.at("library/elsewhere");
    std::fs::rename(samba.folder.at("library/flac"), away).unwrap();
    for result in [
        origin.check().await,
        origin.stat(&path("1.flac")).await.map(drop),
        file.read_at(0, 9).await.map(drop),
        origin.open(&path("1.flac"), &revision).await.map(drop),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Offline, "{error}");
    }
    let mut walk = origin.walk(&path(""), Depth::All);
    let error = walk.next().await.unwrap().unwrap_err().error;
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
}

/// Samba follows links that stay within the share, and shows what they lead to.
#[tokio::test]
async fn circles_of_links_end_and_none_leads_out() {
    let samba = Samba::new();
    let folder = &samba.folder;
    samba.put("a/b/1.flac", b"");
    put(&folder.outer().join("secret/key"), b"secret");
    folder.link(".", "a/self");
    folder.link("..", "a/b/up");
    folder.link(folder.outer().join("secret"), "a/out");
    folder.link(folder.outer().join("secret/key"), "a/key");
    folder.link("a/b/1.flac", "linked.flac");
    let origin = samba.origin();
    assert_eq!(files(&*origin).await, ["a/b/1.flac", "linked.flac"]);
    for name in ["a/out/key", "a/key"] {
        let error = origin.stat(&path(name)).await.unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::NotFound | ErrorKind::Denied),
            "{error}"
        );
    }
}

/// Names that Windows cannot have are shown by others, and what is shown can be read.
#[tokio::test]
async fn what_is_listed_can_be_read() {
    // Its module for names that SMB forbids ends a listing at the first that is no text.
    let samba = Samba::with(&["vfs objects", ""]);
    let names: [&[u8]; 5] = [b"dots...", b"space ", b"AUX", b"\xff latin", b"ok.flac"];
    for name in names {
        let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(name);
        samba.put(name, b"abc");
    }
    let pipe = std::process::Command::new("mkfifo")
        .arg(samba.folder.at("pipe"))
        .status();
    assert!(pipe.unwrap().success());
    let origin = samba.origin();
    let found = files(&*origin).await;
    assert!(found.contains(&"ok.flac".to_owned()), "{found:?}");
    for name in found.iter().filter(|name| *name != "pipe") {
        let revision = origin.stat(&path(name)).await.unwrap();
        let file = origin.open(&path(name), &revision).await.unwrap();
        assert_eq!(&*file.read_at(0, 9).await.unwrap(), b"abc", "{name}");
    }
    // Samba shows it as an empty file; nobody waits for whoever writes to it.
    let revision = origin.stat(&path("pipe")).await.unwrap();
    let limit = std::time::Duration::from_secs(20);
    let opened = tokio::time::timeout(limit, origin.open(&path("pipe"), &revision)).await;
    if let Ok(file) = opened.unwrap() {
        assert!(file.read_at(0, 9).await.unwrap().is_empty());
    }
    let not_text = OriginPath::new(&b"\xff latin"[..]).unwrap();
    let error = origin.stat(&not_text).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let opened = origin.open(&not_text, &Revision::default()).await;
    assert_eq!(opened.err().unwrap().kind, ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_readers_and_a_thousand_files() {
    let samba = Samba::new();
    let content: Vec<u8> = (0..1_500_000_u32).map(|at| (at % 251) as u8).collect();
    for number in 0..64 {
        samba.put(format!("{number}"), &content[number..]);
    }
    for number in 0..1000 {
        samba.put(format!("many/{number}"), number.to_string().as_bytes());
    }
    let origin = samba.origin();
    let mut open = Vec::new();
    for number in 0..1000 {
        let name = path(&format!("many/{number}"));
        let revision = origin.stat(&name).await.unwrap();
        open.push(origin.open(&name, &revision).await.unwrap());
    }
    for (number, file) in open.iter().enumerate() {
        let read = file.read_at(0, 100).await.unwrap();
        assert_eq!(&*read, number.to_string().as_bytes());
    }
    let content = Arc::new(content);
    let readers = (0..64_usize).map(|number| {
        let (origin, content) = (Arc::clone(&origin), Arc::clone(&content));
        tokio::spawn(async move {
            let name = path(&number.to_string());
            let revision = origin.stat(&name).await.unwrap();
            let file = origin.open(&name, &revision).await.unwrap();
            let read = file.read_at(0, usize::MAX).await.unwrap();
            assert!(*read == content[number..]);
        })
    });
    for reader in join_all(readers).await {
        reader.unwrap();
    }
}
