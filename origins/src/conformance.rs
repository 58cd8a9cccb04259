//! What every origin must do, whatever is behind it: run against each implementation.
//!
//! Each check gets a fresh, empty origin from a factory, puts files there by other means than the
//! origin (it cannot write), and panics where the contract of [`crate::Origin`] is broken.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eventlog::{OriginPath, Revision};
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt};

use crate::origin::{Depth, ErrorKind, Origin, OriginError};

/// An origin, and the means to change what is in it behind its back.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The origin under test.
    fn origin(&self) -> Arc<dyn Origin>;

    /// True where a file can have this name, whatever its bytes are on other systems; most can have
    /// any that a file of this machine can have.
    fn can_have(&self, _name: &[u8]) -> bool {
        true
    }

    /// Puts a file with its parents there, or another in its place with a later revision.
    async fn put(&self, path: &OriginPath, bytes: &[u8]);

    /// Removes a file.
    async fn remove(&self, path: &OriginPath);

    /// Makes the origin unreachable.
    async fn disconnect(&self);

    /// All that a write could change: names, bytes, sizes, every time but that of access.
    async fn fingerprint(&self) -> Vec<u8>;
}

/// Makes a fresh, empty origin.
pub type Factory<'a> = &'a (dyn Fn() -> BoxFuture<'static, Box<dyn Fixture>> + Sync);

/// Runs every check, each on an origin of its own.
///
/// # Panics
/// Where the contract is broken.
pub async fn check_all(make: Factory<'_>) {
    listing_is_complete(&*make().await).await;
    names_come_back_as_they_are(&*make().await).await;
    stat_tells_gone_from_unreachable(&*make().await).await;
    open_is_at_one_revision(&*make().await).await;
    ranges_are_exact(&*make().await).await;
    readers_do_not_disturb_each_other(&*make().await).await;
    a_change_is_never_mixed(&*make().await).await;
    nothing_is_written(&*make().await).await;
}

async fn listing_is_complete(fixture: &dyn Fixture) {
    let nothing = tree(fixture, "", Depth::All).await;
    assert_eq!(nothing.len(), 1, "an empty origin is one directory");
    assert!(files(&nothing).is_empty());
    for (name, size) in [
        ("a/1", 1),
        ("a/b/2", 2),
        ("a/b/3", 0),
        ("c/4", 70_000),
        ("5", 5),
    ] {
        fixture.put(&path(name), &bytes(size)).await;
    }
    let all = tree(fixture, "", Depth::All).await;
    assert_eq!(
        files(&all),
        ["5 5", "a/1 1", "a/b/2 2", "a/b/3 0", "c/4 70000"]
    );
    assert_eq!(
        all.keys().map(ToString::to_string).collect::<Vec<_>>(),
        ["", "a", "a/b", "c"]
    );

    let below = tree(fixture, "a", Depth::All).await;
    assert_eq!(files(&below), ["a/1 1", "a/b/2 2", "a/b/3 0"]);
    let one = tree(fixture, "a", Depth::One).await;
    assert_eq!(files(&one), ["a/1 1"]);
    assert_eq!(
        one.keys().map(ToString::to_string).collect::<Vec<_>>(),
        ["a"]
    );
    assert_eq!(
        one.values()
            .map(|found| found.1.clone())
            .collect::<Vec<_>>(),
        [["b"]]
    );

    let origin = fixture.origin();
    let mut gone = origin.walk(&path("nowhere"), Depth::All);
    match gone.next().await {
        Some(Err(error)) => {
            assert_eq!(error.path, path("nowhere"));
            assert_eq!(error.error.kind, ErrorKind::NotFound, "{error}");
        }
        other => panic!("a directory that is not there was listed: {other:?}"),
    }
    assert!(
        gone.next().await.is_none(),
        "the stream ends after the error"
    );
}

async fn names_come_back_as_they_are(fixture: &dyn Fixture) {
    let names: [&[u8]; 10] = [
        "é".as_bytes(),
        "e\u{301}".as_bytes(),
        "日本語 🎵".as_bytes(),
        b" leading and trailing ",
        b"new\nline",
        b"100% #1 ?a=b&c+d [x] 'q' \"r\" \\s",
        b"...",
        b"~tilde;semi:colon,comma|bar<less>*",
        b"%41%2F%00",
        b"\xff\xfe latin \xe9",
    ];
    let names = names.into_iter().filter(|name| fixture.can_have(name));
    let names: Vec<&[u8]> = names.collect();
    assert!(names.len() > 6, "most names are common");
    let place = |name: &[u8]| success(path("d").join(name), "a name");
    for (number, name) in names.iter().enumerate() {
        fixture.put(&place(name), &bytes(number)).await;
    }
    let origin = fixture.origin();
    let listed = tree(fixture, "d", Depth::One).await;
    let found = success(listed.get(&path("d")).ok_or("not listed"), "the directory")
        .0
        .clone();
    assert_eq!(found.len(), names.len());
    for (number, name) in names.iter().enumerate() {
        let listed = success(found.get(*name).ok_or("not listed"), "a name");
        assert_eq!(
            listed.size,
            number as u64,
            "{:?}",
            String::from_utf8_lossy(name)
        );
        let file = success(origin.open(&place(name), listed).await, "open");
        assert_eq!(success(file.read_at(0, 100).await, "read"), bytes(number));
    }
}

async fn stat_tells_gone_from_unreachable(fixture: &dyn Fixture) {
    fixture.put(&path("a/1"), b"abc").await;
    let origin = fixture.origin();
    success(origin.check().await, "check");
    let revision = success(origin.stat(&path("a/1")).await, "stat");
    let listed = tree(fixture, "a", Depth::One).await;
    assert_eq!(files(&listed), ["a/1 3"]);
    assert_eq!(
        revision_of(&listed, "a", "1"),
        revision,
        "listing and stat agree"
    );
    for nothing in ["a/2", "b/1", "a/1/x", "a", ""] {
        assert_kind(
            origin.stat(&path(nothing)).await,
            ErrorKind::NotFound,
            nothing,
        );
    }
    assert_kind(
        read(&*origin, "a/2", &revision).await,
        ErrorKind::NotFound,
        "open",
    );

    fixture.disconnect().await;
    assert_kind(origin.check().await, ErrorKind::Offline, "check");
    assert_kind(origin.stat(&path("a/1")).await, ErrorKind::Offline, "stat");
    assert_kind(
        read(&*origin, "a/1", &revision).await,
        ErrorKind::Offline,
        "open",
    );
    let mut walk = origin.walk(&OriginPath::root(), Depth::All);
    match walk.next().await {
        Some(Err(error)) => assert_eq!(error.error.kind, ErrorKind::Offline, "{error}"),
        other => panic!("an unreachable origin was listed: {other:?}"),
    }
    assert!(walk.next().await.is_none());
}

async fn open_is_at_one_revision(fixture: &dyn Fixture) {
    let origin = fixture.origin();
    fixture.put(&path("1"), b"old").await;
    let old = success(origin.stat(&path("1")).await, "stat");
    let file = success(origin.open(&path("1"), &old).await, "open");
    assert_eq!(file.revision(), &old);
    fixture.put(&path("1"), b"new").await;
    let new = success(origin.stat(&path("1")).await, "stat");
    assert_ne!(
        new, old,
        "another content of the same size is another revision"
    );
    assert_kind(
        read(&*origin, "1", &old).await,
        ErrorKind::Changed,
        "open the old one",
    );
    let file = success(origin.open(&path("1"), &new).await, "open the new one");
    assert_eq!(&*success(file.read_at(0, 10).await, "read"), b"new");
    fixture.remove(&path("1")).await;
    assert_kind(
        read(&*origin, "1", &new).await,
        ErrorKind::NotFound,
        "open a removed one",
    );
}

async fn ranges_are_exact(fixture: &dyn Fixture) {
    let content = bytes(300_001);
    fixture.put(&path("f"), &content).await;
    fixture.put(&path("empty"), b"").await;
    let file = opened(fixture, "f").await;
    let size = content.len();
    for offset in [
        0,
        1,
        4095,
        4096,
        65_536,
        299_999,
        size - 1,
        size,
        size + 1,
        1 << 40,
    ] {
        for len in [0, 1, 2, 4096, 65_537, size, size * 2] {
            let expected = content.get(offset..).unwrap_or_default();
            let expected = expected.get(..len).unwrap_or(expected);
            let read = success(file.read_at(offset as u64, len).await, "read");
            assert!(
                read == expected,
                "{len} bytes from {offset}: got {}",
                read.len()
            );
        }
    }
    let all = success(
        file.read_at(0, usize::MAX).await,
        "read as much as there is",
    );
    assert_eq!(all.len(), size);
    assert!(
        success(
            file.read_at(u64::MAX, 1).await,
            "read at the end of numbers"
        )
        .is_empty()
    );
    let empty = opened(fixture, "empty").await;
    assert!(success(empty.read_at(0, 10).await, "read nothing").is_empty());
}

async fn readers_do_not_disturb_each_other(fixture: &dyn Fixture) {
    let content = Arc::new(bytes(1_000_000));
    fixture.put(&path("f"), &content).await;
    let file = opened(fixture, "f").await;
    let readers = (0..64_usize).map(|reader| {
        let (file, content) = (Arc::clone(&file), Arc::clone(&content));
        async move {
            for turn in 0..20_usize {
                let offset = (reader * 15_013 + turn * 48_611) % 990_000;
                let read = success(file.read_at(offset as u64, 9_001).await, "read");
                assert!(
                    Some(&*read) == content.get(offset..offset + 9_001),
                    "at {offset}"
                );
            }
        }
    });
    join_all(readers).await;
}

async fn a_change_is_never_mixed(fixture: &dyn Fixture) {
    fixture.put(&path("f"), &vec![b'a'; 100_000]).await;
    let file = opened(fixture, "f").await;
    assert_eq!(&*success(file.read_at(0, 3).await, "read"), b"aaa");
    fixture.put(&path("f"), &vec![b'b'; 100_000]).await;
    // Where the origin keeps the old file for who has it open, its bytes are as good.
    match file.read_at(50_000, 3).await {
        Ok(read) => assert_eq!(&*read, b"aaa"),
        Err(error) => assert_eq!(error.kind, ErrorKind::Changed, "{error}"),
    }
}

async fn nothing_is_written(fixture: &dyn Fixture) {
    for name in ["a/1", "a/b/2", "3"] {
        fixture.put(&path(name), &bytes(10_000)).await;
    }
    let before = fixture.fingerprint().await;
    let origin = fixture.origin();
    success(origin.check().await, "check");
    let watch = success(origin.watch(), "watch");
    tree(fixture, "", Depth::All).await;
    for name in ["a/1", "a/b/2", "3"] {
        let file = opened(fixture, name).await;
        success(file.read_at(0, 20_000).await, "read");
    }
    assert_kind(
        origin.stat(&path("a/new")).await,
        ErrorKind::NotFound,
        "stat",
    );
    assert_kind(
        origin.open(&path("a/new"), &Revision::default()).await,
        ErrorKind::NotFound,
        "open",
    );
    drop(watch);
    assert!(
        fixture.fingerprint().await == before,
        "the origin was changed (ORG-2)"
    );
}

type Tree = BTreeMap<OriginPath, (BTreeMap<Box<[u8]>, Revision>, Vec<String>)>;

/// What a walk lists; fails where a directory cannot be listed or comes twice.
async fn tree(fixture: &dyn Fixture, from: &str, depth: Depth) -> Tree {
    let mut walk = fixture.origin().walk(&path(from), depth);
    let mut tree = Tree::new();
    while let Some(item) = walk.next().await {
        let directory = success(item, "a directory");
        assert!(
            directory.files.is_sorted_by(|a, b| a.name < b.name),
            "files by name, each once"
        );
        assert!(
            directory.directories.is_sorted_by(|a, b| a < b),
            "directories by name"
        );
        let files = directory
            .files
            .into_iter()
            .map(|file| (file.name, file.revision))
            .collect();
        let names = directory.directories.iter();
        let names = names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        let twice = tree.insert(directory.path, (files, names));
        assert!(twice.is_none(), "a directory is listed once");
    }
    tree
}

/// Every file as "path size".
fn files(tree: &Tree) -> Vec<String> {
    let mut files: Vec<_> = tree
        .iter()
        .flat_map(|(directory, (files, _))| {
            files.iter().map(|(name, revision)| {
                format!(
                    "{} {}",
                    success(directory.join(name), "a name"),
                    revision.size
                )
            })
        })
        .collect();
    files.sort();
    files
}

fn revision_of(tree: &Tree, directory: &str, name: &str) -> Revision {
    let found = tree
        .get(&path(directory))
        .and_then(|(files, _)| files.get(name.as_bytes()));
    success(found.ok_or("not listed"), name).clone()
}

/// The first byte of a file: whether it can be opened may show in the first read only.
async fn read(origin: &dyn Origin, name: &str, revision: &Revision) -> Result<Bytes, OriginError> {
    let file = origin.open(&path(name), revision).await?;
    file.read_at(0, 1).await
}

async fn opened(fixture: &dyn Fixture, name: &str) -> Arc<dyn crate::OriginFile> {
    let origin = fixture.origin();
    let revision = success(origin.stat(&path(name)).await, "stat");
    success(origin.open(&path(name), &revision).await, "open")
}

fn path(text: &str) -> OriginPath {
    success(OriginPath::new(text.as_bytes()), "a path")
}

/// Bytes that tell their place.
fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|place| (place.wrapping_mul(2_654_435_761) >> 7).to_le_bytes()[0])
        .collect()
}

fn success<T, E: Debug>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error:?}"))
}

fn assert_kind<T>(result: Result<T, OriginError>, kind: ErrorKind, what: &str) {
    match result {
        Ok(_) => panic!("{what}: succeeded, and should have failed with {kind:?}"),
        Err(error) => assert_eq!(error.kind, kind, "{what}: {error}"),
    }
}

/// A factory's future out of a value that is ready.
#[must_use]
pub fn ready(fixture: impl Fixture + 'static) -> BoxFuture<'static, Box<dyn Fixture>> {
    async move { Box::new(fixture) as Box<dyn Fixture> }.boxed()
}
