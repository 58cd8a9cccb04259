//! Damage is found (LOG-5).

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use eventlog::{Position, Recorded, SqliteStore, StoreError};
use proptest::prelude::*;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::{Place, all, filled};

/// Changes the file behind the store's back.
async fn tamper(path: &Path, sql: String) {
    let url = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let sql = format!("PRAGMA ignore_check_constraints = 1; {sql}");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// No file of it changes or goes any more once this returns.
async fn verified(path: &Path) -> Result<(), StoreError> {
    let store = SqliteStore::open_unchecked(path).await?;
    let verified = store.verify(|_, _| {}).await.map(|_| ());
    store.close().await;
    verified
}

/// All events; no file of the log changes or goes any more once this returns.
async fn read(place: &Place) -> Vec<Recorded> {
    let store = place.open().await;
    let events = all(&store).await.unwrap();
    store.close().await;
    events
}

fn copied(from: &Path) -> Place {
    let place = Place::new();
    fs::copy(from, place.log()).unwrap();
    place
}

#[tokio::test]
async fn a_whole_log_is_found_whole() {
    let place = Place::new();
    filled(&place.log(), 2500).await;
    let store = place.open().await;
    let mut told = Vec::new();
    let verified = store
        .verify(|done, head| told.push((done, head)))
        .await
        .unwrap();
    assert_eq!(
        (verified.head, verified.folded),
        (store.head_position(), 312)
    );
    assert_eq!(told.last(), Some(&(verified.head, verified.head)));
    assert!(told.is_sorted());
}

trait Head {
    fn head_position(&self) -> Position;
}

impl Head for SqliteStore {
    fn head_position(&self) -> Position {
        eventlog::EventStore::head(self)
    }
}

/// Ways to alter one event by one bit or byte, in each column.
const COLUMNS: [&str; 9] = [
    "id = CAST(X'00' || substr(id, 2) AS BLOB)",
    "recorded_at = recorded_at + 1",
    "kind = kind || 'x'",
    "version = version + 1",
    "subject = subject || '0'",
    "cause = CASE WHEN cause IS NULL THEN zeroblob(16) ELSE NULL END",
    "payload = CASE WHEN payload IS NULL THEN X'80' ELSE CAST(payload || X'00' AS BLOB) END",
    "payload_hash = CAST(substr(payload_hash, 1, 31) \
     || iif(substr(payload_hash, 32) = X'55', X'AA', X'55') AS BLOB)",
    "chain = CAST(substr(chain, 1, 31) \
     || iif(substr(chain, 32) = X'55', X'AA', X'55') AS BLOB)",
];

fn finds(change: impl Fn(u64) -> String, position: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let place = copied(template());
        let sql = change(position);
        tamper(&place.log(), sql.clone()).await;
        match verified(&place.log()).await {
            Err(StoreError::Damaged {
                position: found, ..
            }) => {
                let near = [position, position + 1, position.saturating_sub(1)];
                assert!(near.contains(&found.0), "{sql}: found at {found}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    });
}

/// A log made once for all cases.
fn template() -> &'static Path {
    static TEMPLATE: std::sync::OnceLock<Place> = std::sync::OnceLock::new();
    static PATH: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    PATH.get_or_init(|| {
        let place = TEMPLATE.get_or_init(Place::new);
        let path = place.log();
        let make = std::thread::spawn({
            let path = path.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(filled(&path, 1200));
            }
        });
        make.join().unwrap();
        path
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_change_in_any_column_is_found(position in 1_u64..=1201, column in 0..COLUMNS.len()) {
        let change = COLUMNS[column];
        finds(|at| format!("UPDATE events SET {change} WHERE position = {at}"), position);
    }

    #[test]
    fn a_missing_event_is_found(position in 1_u64..=1201) {
        finds(|at| format!("DELETE FROM events WHERE position = {at}"), position);
    }
}

#[tokio::test]
async fn payloads_that_no_summary_stands_for_are_missed() {
    // Access events after the horizon, and library events anywhere.
    for position in [1197, 1198, 4, 5] {
        let place = copied(template());
        let sql = format!("UPDATE events SET payload = NULL WHERE position = {position}");
        tamper(&place.log(), sql).await;
        let folded_before = position == 4;
        assert_eq!(
            verified(&place.log()).await.is_ok(),
            folded_before,
            "position {position}"
        );
    }
}

#[tokio::test]
async fn damage_at_the_end_stops_the_writer() {
    for sql in [
        "DELETE FROM events WHERE position > 1100",
        "UPDATE events SET recorded_at = 0 WHERE position = 1150",
        "UPDATE log_head SET position = 1300",
        "UPDATE log_head SET position = 1100, \
         chain = (SELECT chain FROM events WHERE position = 1100)",
        "UPDATE log_head SET chain = zeroblob(32)",
        "DELETE FROM log_head",
    ] {
        let place = copied(template());
        tamper(&place.log(), sql.to_owned()).await;
        let refused = SqliteStore::open(place.log()).await;
        assert!(
            matches!(refused, Err(StoreError::Damaged { .. })),
            "{sql}: {refused:?}"
        );
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("nothing was changed"), "{said}");
        assert!(verified(&place.log()).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn what_holds_of_a_damaged_log_can_be_taken_out() {
    let place = copied(template());
    let later = "UPDATE events SET recorded_at = 0 WHERE position IN (600, 1150)";
    tamper(&place.log(), later.to_owned()).await;
    let Err(StoreError::Damaged { position, .. }) = verified(&place.log()).await else {
        panic!("the damage is not found");
    };
    assert_eq!(position, Position(600));
    let damaged = SqliteStore::open_unchecked(place.log()).await.unwrap();
    let mut lines = Vec::new();
    let last = Position(599);
    let exported = damaged.export(Some(last), &mut lines, |_, _| {}).await;
    assert_eq!(exported.unwrap(), last);
    let anew = Place::new();
    let imported = eventlog::sqlite::import(&lines[..], &anew.log(), |_| {}).await;
    // The summary of what was folded was behind the damage: an empty one stands for it.
    assert_eq!(imported.unwrap(), last.next());
    assert!(verified(&anew.log()).await.is_ok());
    let whole = all(&SqliteStore::open_read_only(template()).await.unwrap()).await;
    let kept = all(&anew.open().await).await.unwrap();
    assert_eq!(kept[..599], whole.unwrap()[..599]);
}

#[tokio::test]
async fn a_cut_or_garbled_file_never_serves_wrong_events() {
    let whole = fs::read(template()).unwrap();
    let truth = all(&SqliteStore::open_read_only(template()).await.unwrap())
        .await
        .unwrap();
    for share in [3, 5, 7, 9] {
        // Cut off at a share of its length; then filled with noise from there.
        let cut = whole.len() * share / 10;
        for garbled in [false, true] {
            let place = copied(template());
            let mut file = fs::OpenOptions::new()
                .write(true)
                .open(place.log())
                .unwrap();
            if garbled {
                file.seek(SeekFrom::Start(cut as u64)).unwrap();
                file.write_all(&[0xa5; 16 << 10]).unwrap();
            } else {
                file.set_len(cut as u64).unwrap();
            }
            drop(file);
            assert!(
                verified(&place.log()).await.is_err(),
                "cut at {share}/10, {garbled}"
            );
            // What is still read before the damage is what was written.
            if let Ok(store) = SqliteStore::open_read_only(place.log()).await {
                use futures::StreamExt as _;
                let read = eventlog::EventStore::read(
                    &store,
                    Position::START,
                    None,
                    eventlog::Filter::default(),
                );
                let read: Vec<_> = read.collect().await;
                let good = read.iter().take_while(|event| event.is_ok()).count();
                assert!(read.iter().flatten().eq(&truth[..good]));
            }
        }
    }
}

#[tokio::test]
async fn a_torn_write_ahead_log_loses_no_more_than_its_end() {
    use eventlog::EventStore as _;
    use eventlog::conformance::samples;

    let place = Place::new();
    let store = place.open().await;
    for n in 0..20 {
        let batch = samples::discoveries(n * 10..n * 10 + 10);
        store.append(Position(n * 10), &batch).await.unwrap();
    }
    // As a power cut leaves it: both files as they are, the last writes torn.
    let torn = Place::new();
    fs::copy(place.log(), torn.log()).unwrap();
    let wal = fs::read(place.path("events.db-wal")).unwrap();
    fs::write(torn.path("events.db-wal"), &wal[..wal.len() - 3000]).unwrap();

    let recovered = torn.open().await;
    assert_eq!(recovered.head(), Position(190));
    recovered.verify(|_, _| {}).await.unwrap();
    recovered
        .append(Position(190), &samples::discoveries(190..200))
        .await
        .unwrap();
    assert_eq!(all(&recovered).await.unwrap(), all(&store).await.unwrap());
}

#[tokio::test]
async fn what_holds_is_put_in_place_and_the_rest_kept() {
    let place = Place::new();
    filled(&place.log(), 300).await;
    let before = read(&place).await;
    tamper(
        &place.log(),
        "UPDATE events SET payload = x'00' WHERE position = 200".into(),
    )
    .await;
    let damaged = fs::read(place.log()).unwrap();
    let Err(StoreError::Damaged { position, .. }) = verified(&place.log()).await else {
        panic!("it holds");
    };
    assert_eq!(position, Position(200));
    let kept = eventlog::sqlite::salvage(&place.log(), Position(199))
        .await
        .unwrap();
    assert!(fs::read(&kept).unwrap() == damaged);
    verified(&place.log()).await.unwrap();
    // Behind them stands at most the summary of folded events that was cut off.
    let after = read(&place).await;
    assert_eq!(after[..199], before[..199]);
    assert!(after.len() <= 200);
    use std::os::unix::fs::PermissionsExt as _;
    for entry in fs::read_dir(place.log().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{entry:?}");
        assert!(!entry.file_name().to_string_lossy().contains("salvaged"));
    }
}

#[tokio::test]
async fn damage_beside_the_events_costs_none_of_them() {
    let place = Place::new();
    filled(&place.log(), 300).await;
    let before = read(&place).await;
    // A row too many in an index, as a broken page could leave it.
    let index = "PRAGMA writable_schema = 1; \
                 UPDATE sqlite_schema SET sql = replace(sql, 'id)', 'kind)') \
                 WHERE type = 'index' AND sql LIKE '%id)'";
    tamper(&place.log(), index.into()).await;
    let damage = verified(&place.log()).await;
    let Err(StoreError::Damaged { position, .. }) = damage else {
        panic!("{damage:?}");
    };
    let last = Position(before.len() as u64);
    assert_eq!(position, last.next());
    eventlog::sqlite::salvage(&place.log(), last).await.unwrap();
    verified(&place.log()).await.unwrap();
    assert_eq!(read(&place).await, before);
}

#[tokio::test]
async fn a_log_of_which_nothing_holds_is_left_as_it_is() {
    let place = Place::new();
    filled(&place.log(), 10).await;
    let before = fs::read(place.log()).unwrap();
    let refused = eventlog::sqlite::salvage(&place.log(), Position::START).await;
    assert!(matches!(refused, Err(StoreError::Damaged { .. })));
    assert!(fs::read(place.log()).unwrap() == before);
}
