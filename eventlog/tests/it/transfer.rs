//! Backup, export, import (LOG-6).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use eventlog::conformance::samples;
use eventlog::sqlite::import;
use eventlog::{EventStore as _, Position, SqliteStore, StoreError};

use crate::{Place, all, filled};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_a_log_of_its_own() {
    let place = Place::new();
    filled(&place.log(), 3000).await;
    let store = Arc::new(place.open().await);
    let before = all(&*store).await.unwrap();

    // While it is being written to.
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for n in 10_000..10_100 {
                store
                    .append(store.head(), &samples::discoveries(n..n + 1))
                    .await
                    .unwrap();
            }
        }
    });
    let to = place.path("backup.db");
    store.backup(&to).await.unwrap();
    assert_eq!(files(&place, "backup"), ["backup.db"]);
    writer.await.unwrap();

    let backup = SqliteStore::open_read_only(&to).await.unwrap();
    backup.verify(|_, _| {}).await.unwrap();
    let kept = all(&backup).await.unwrap();
    assert_eq!(kept[..before.len()], before);
    assert_eq!(kept[..], all(&*store).await.unwrap()[..kept.len()]);
    assert_eq!(
        fs::metadata(&to).unwrap().permissions().mode() & 0o777,
        0o600
    );
    backup.close().await;

    // And it can take the log's place.
    let restored = SqliteStore::open(&to).await.unwrap();
    let head = restored.head();
    restored
        .append(head, &samples::discoveries(50_000..50_001))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_backup_overwrites_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let to = place.path("precious");
    fs::write(&to, "something else").unwrap();
    let refused = store.backup(&to).await;
    assert!(
        matches!(refused, Err(StoreError::Exists { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(&to).unwrap(), "something else");
    let nowhere = place.path("no/such/directory");
    assert!(matches!(
        store.backup(&nowhere).await,
        Err(StoreError::Unwritable { .. })
    ));
}

/// Names in the place that begin so.
fn files(place: &Place, prefix: &str) -> Vec<String> {
    let names = fs::read_dir(place.directory.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(prefix)).collect()
}

async fn exported(store: &SqliteStore) -> Vec<u8> {
    let mut lines = Vec::new();
    store.export(None, &mut lines, |_, _| {}).await.unwrap();
    lines
}

#[tokio::test]
async fn an_export_makes_the_same_log_again() {
    let place = Place::new();
    let store = place.open().await;
    let events: Vec<_> = (0..)
        .zip(samples::every_kind())
        .map(|(n, event)| samples::new_event(n, event))
        .collect();
    store.append(Position::START, &events).await.unwrap();
    store
        .append(store.head(), &samples::discoveries(100..1100))
        .await
        .unwrap();
    let later = samples::new_event(5000, samples::read(1)).recorded_at;
    store.fold_access(later, later, None).await.unwrap();
    let lines = exported(&store).await;

    let to = place.path("imported.db");
    let head = import(&lines[..], &to, |_| {}).await.unwrap();
    assert_eq!(head, store.head());
    assert_eq!(files(&place, "imported"), ["imported.db"]);
    let imported = SqliteStore::open(&to).await.unwrap();
    imported.verify(|_, _| {}).await.unwrap();
    assert_eq!(all(&imported).await.unwrap(), all(&store).await.unwrap());
    assert_eq!(exported(&imported).await, lines);
    assert_eq!(
        fs::metadata(&to).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let head = imported
        .append(head, &samples::discoveries(2000..2001))
        .await
        .unwrap();
    assert_eq!(head, imported.head());
}

#[tokio::test]
async fn an_empty_log_goes_round_too() {
    let place = Place::new();
    let lines = exported(&place.open().await).await;
    assert_eq!(lines, b"");
    let head = import(&lines[..], &place.path("to.db"), |_| {})
        .await
        .unwrap();
    assert_eq!(head, Position::START);
    SqliteStore::open(place.path("to.db")).await.unwrap();
}

#[tokio::test]
async fn a_bad_line_imports_nothing() {
    let place = Place::new();
    let store = place.open().await;
    store
        .append(Position::START, &samples::discoveries(0..400))
        .await
        .unwrap();
    let export = String::from_utf8(exported(&store).await).unwrap();
    let lines: Vec<&str> = export.lines().collect();
    let with = |index: usize, line: &str| {
        let mut lines = lines.clone();
        lines[index] = line;
        lines.join("\n") + "\n"
    };
    let other_subject = lines[300].replace("track:301", "track:302");
    let other_payload = lines[300].replace("\"payload\":\"ha", "\"payload\":\"hb");
    let other_time = lines[300].replace("recorded_at\":\"2", "recorded_at\":\"1");
    let no_payload = {
        let mut line: serde_json::Value = serde_json::from_str(lines[300]).unwrap();
        line["payload"] = serde_json::Value::Null;
        line.to_string()
    };
    let bad = [
        (301, with(300, "{}")),
        (301, with(300, "nonsense")),
        (301, with(300, lines[301])),
        (301, with(300, &other_subject)),
        (301, with(300, &other_payload)),
        (301, with(300, &other_time)),
        (301, with(300, &no_payload)),
        (400, export.trim_end().to_owned()),
        (1, lines[1..].join("\n") + "\n"),
    ];
    for (expected, text) in bad {
        let to = place.path("to.db");
        let refused = import(text.as_bytes(), &to, |_| {}).await;
        assert!(
            matches!(refused, Err(StoreError::BadLine { line, .. }) if line == expected),
            "{expected}: {refused:?}"
        );
        assert_eq!(files(&place, "to"), [""; 0]);
    }
    let taken = import(export.as_bytes(), &place.log(), |_| {}).await;
    assert!(matches!(taken, Err(StoreError::Exists { .. })), "{taken:?}");
}
