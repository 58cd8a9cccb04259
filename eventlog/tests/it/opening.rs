//! Opening, closing, and what stands in the way (LOG-5, LOG-7).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use eventlog::conformance::samples;
use eventlog::{Event, EventStore as _, Field, Position, SqliteStore, StoreError};

use crate::{Place, all, filled};

#[tokio::test]
async fn large_events_are_read_a_few_at_a_time() {
    let place = Place::new();
    let store = place.open().await;
    let events: Vec<_> = (0..60)
        .map(|n| {
            let mut media = samples::media(n);
            media.tags.push(Field::Lyrics, &"la ".repeat(100_000));
            let mut event = samples::discovery(n + 1);
            if let Event::TrackDiscovered { media: said, .. } = &mut event {
                *said = media;
            }
            samples::new_event(n, event)
        })
        .collect();
    store.append(Position::START, &events).await.unwrap();
    let read = all(&store).await.unwrap();
    assert_eq!(read.len(), 60);
    assert!(
        read.iter()
            .zip(&events)
            .all(|(read, written)| read.event() == Some(&written.event))
    );
}

#[tokio::test]
async fn a_log_outlives_its_store() {
    let place = Place::new();
    let store = place.open().await;
    store
        .append(Position::START, &samples::discoveries(0..1500))
        .await
        .unwrap();
    let before = all(&store).await.unwrap();
    // Not closed: as if the process had ended.
    drop(store);
    let store = place.open().await;
    assert_eq!(all(&store).await.unwrap(), before);
    store.close().await;
    assert!(!place.path("events.db-wal").exists());
    assert!(all(&store).await.is_err(), "a closed log seems empty");
    assert!(
        store
            .append(Position(1500), &samples::discoveries(1500..1501))
            .await
            .is_err()
    );
    drop(store);
    let store = place.open().await;
    assert_eq!(all(&store).await.unwrap(), before);
}

#[tokio::test]
async fn what_a_kill_left_of_the_making_of_a_log_is_in_nobodys_way() {
    let place = Place::new();
    fs::write(place.path("events.db.new"), b"half of a log").unwrap();
    fs::write(place.path("events.db.new-journal"), b"and of its journal").unwrap();
    // As an import leaves it.
    fs::write(place.path("events.db"), b"").unwrap();
    let store = place.open().await;
    let events = samples::discoveries(0..3);
    store.append(Position::START, &events).await.unwrap();
    assert_eq!(all(&store).await.unwrap().len(), 3);
    assert!(!place.path("events.db.new").exists());
    assert!(!place.path("events.db.new-journal").exists());
}

#[tokio::test]
async fn only_its_owner_may_read_it() {
    let place = Place::new();
    let store = place.open().await;
    store
        .append(Position::START, &samples::discoveries(0..1))
        .await
        .unwrap();
    for entry in fs::read_dir(place.directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn a_second_writer_is_kept_out() {
    let place = Place::new();
    let store = place.open().await;
    let second = SqliteStore::open(place.log()).await;
    assert!(
        matches!(second, Err(StoreError::InUse { .. })),
        "{second:?}"
    );

    // Readers are welcome, and see the log as it was when they came.
    store
        .append(Position::START, &samples::discoveries(0..10))
        .await
        .unwrap();
    let reader = SqliteStore::open_read_only(place.log()).await.unwrap();
    store
        .append(Position(10), &samples::discoveries(10..20))
        .await
        .unwrap();
    assert_eq!(all(&reader).await.unwrap().len(), 10);
    let refused = reader
        .append(Position(10), &samples::discoveries(20..21))
        .await;
    assert!(
        matches!(refused, Err(StoreError::ReadOnly { .. })),
        "{refused:?}"
    );

    store.close().await;
    drop(store);
    place.open().await;
}

#[tokio::test]
async fn what_is_no_log_is_left_alone() {
    let place = Place::new();
    let other = place.path("other.db");
    let made = Command::new("sqlite3")
        .arg(&other)
        .arg("CREATE TABLE t (x)")
        .status();
    if made.is_ok_and(|status| status.success()) {
        let before = fs::read(&other).unwrap();
        assert!(SqliteStore::open(&other).await.is_err());
        assert!(fs::read(&other).unwrap() == before, "it was written to");
    }
    let text = place.path("text.db");
    fs::write(&text, "not a database at all ".repeat(100)).unwrap();
    assert!(SqliteStore::open(&text).await.is_err());
    assert!(SqliteStore::open_read_only(&text).await.is_err());
    let missing = SqliteStore::open_read_only(place.path("missing.db")).await;
    assert!(
        matches!(missing, Err(StoreError::Backend { .. })),
        "{missing:?}"
    );
    assert!(!place.path("missing.db").exists());
    assert!(
        SqliteStore::open(place.path("no/such/events.db"))
            .await
            .is_err()
    );
}

/// A small file system of its own; absent where this user may not mount.
struct Mount {
    place: Place,
}

impl Mount {
    fn tmpfs(options: &str) -> Option<Self> {
        let place = Place::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(place.directory.path())
            .output()
            .is_ok_and(|done| done.status.success());
        mounted.then_some(Self { place })
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.place.directory.path())
            .status()
            .unwrap();
        assert!(done.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.place.directory.path())
            .status();
    }
}

#[tokio::test]
async fn a_read_only_directory_says_so() {
    let Some(mount) = Mount::tmpfs("size=16m") else {
        return;
    };
    filled(&mount.place.log(), 100).await;
    mount.remount("ro");
    let refused = SqliteStore::open(mount.place.log()).await;
    let Err(StoreError::Backend { action, path, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(!action.is_empty() && Path::new(&path) == mount.place.log());
    mount.remount("rw");
    assert!(!all(&mount.place.open().await).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_recovers() {
    let Some(mount) = Mount::tmpfs("size=4m") else {
        return;
    };
    let store = mount.place.open().await;
    let mut head = Position::START;
    let refused = loop {
        let batch = samples::discoveries(head.0..head.0 + 100);
        match store.append(head, &batch).await {
            Ok(next) => head = next,
            Err(error) => break error,
        }
        assert!(head.0 < 100_000);
    };
    assert!(
        matches!(refused, StoreError::DiskFull { .. }),
        "{refused:?}"
    );
    // Nothing of the refused batch, everything of the others, and reading goes on.
    assert_eq!(store.head(), head);
    assert_eq!(all(&store).await.unwrap().len() as u64, head.0);
    let again = store
        .append(head, &samples::discoveries(head.0..head.0 + 1000))
        .await;
    assert!(
        matches!(again, Err(StoreError::DiskFull { .. })),
        "{again:?}"
    );

    mount.remount("size=64m");
    let batch = samples::discoveries(head.0..head.0 + 1000);
    let grown = store.append(head, &batch).await.unwrap();
    assert_eq!(grown, head.plus(1000));
    store.verify(|_, _| {}).await.unwrap();
    store.close().await;
    drop(store);
    assert_eq!(mount.place.open().await.head(), grown);
}
