//! Every store keeps the same contract.

use std::sync::atomic::{AtomicU64, Ordering};

use eventlog::conformance::suite;
use eventlog::{MemoryStore, SqliteStore};

use crate::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_the_contract() {
    suite(|| async { MemoryStore::new() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_contract() {
    let place = Place::new();
    let count = AtomicU64::new(0);
    let fresh = || async {
        let number = count.fetch_add(1, Ordering::Relaxed);
        SqliteStore::open(place.path(&format!("{number}.db")))
            .await
            .unwrap()
    };
    suite(fresh).await.unwrap();
}

#[tokio::test]
async fn sqlite_keeps_the_contract_on_one_thread() {
    let place = Place::new();
    let count = AtomicU64::new(0);
    let fresh = || async {
        let number = count.fetch_add(1, Ordering::Relaxed);
        SqliteStore::open(place.path(&format!("{number}.db")))
            .await
            .unwrap()
    };
    suite(fresh).await.unwrap();
}
