//! Webhooks that come, change and go while the daemon runs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
use eventlog::{Event, EventStore, NewEvent, SqliteStore};
use musicfs::config::{Address, WebhookConfig};
use musicfs::supervise::Supervisor;
use musicfs::webhooks::{Endpoint, Webhooks};
use projections::Views;
use tokio::runtime::Handle;

use super::receiver::{Hit, Receiver};
use super::told;
use crate::world::LIMIT;

async fn append(store: &dyn EventStore, count: usize) {
    for _ in 0..count {
        let layout = LayoutSpec {
            template: format!("$artist/{} $title", store.head().0),
            names: NameProfile::Posix,
            duplicates: Duplicates::Content,
        };
        let event = NewEvent::now(Event::LayoutChanged { layout }, None);
        store.append(store.head(), &[event]).await.unwrap();
    }
}

fn endpoint(name: &str, url: &str) -> Endpoint {
    let config = WebhookConfig {
        name: name.to_owned(),
        url: Some(Address::parse(url).unwrap()),
        ..WebhookConfig::default()
    };
    Endpoint::of(&config, Path::new("/mnt"), &|_| None).unwrap()
}

async fn until(receiver: &Receiver, position: u64) -> Vec<Hit> {
    let began = Instant::now();
    loop {
        let hits = receiver.hits();
        if told(&hits).last() == Some(&position) {
            return hits;
        }
        assert!(
            began.elapsed() < LIMIT,
            "waited in vain for {position}: {hits:#?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_changes_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn EventStore> = Arc::new(
        SqliteStore::open(dir.path().join("events.db"))
            .await
            .unwrap(),
    );
    let (views_dir, log, runtime) = (dir.path().join("views"), store.clone(), Handle::current());
    let open = move || Views::open(&views_dir, log, &runtime).unwrap();
    let views = Arc::new(tokio::task::spawn_blocking(open).await.unwrap());
    let supervisor = Supervisor::new(Handle::current());
    let file = dir.path().join("webhooks.db");
    let webhooks = Webhooks::new(store.clone(), views.clone(), supervisor.clone(), file);
    let receiver = Receiver::new();

    webhooks.apply(vec![endpoint("a", &receiver.url("/old"))]);
    append(&*store, 3).await;
    let hits = until(&receiver, 3).await;
    assert_eq!(told(&hits), [1, 2, 3]);
    // The same again is no change.
    webhooks.apply(vec![endpoint("a", &receiver.url("/old"))]);
    append(&*store, 1).await;
    until(&receiver, 4).await;

    webhooks.apply(vec![
        endpoint("a", &receiver.url("/new")),
        endpoint("b", &receiver.url("/b")),
    ]);
    append(&*store, 2).await;
    let began = Instant::now();
    let of = |path: &str| -> Vec<u64> {
        let hits = receiver.hits().into_iter();
        told(&hits.filter(|hit| hit.target == path).collect::<Vec<_>>())
    };
    while of("/new").last() != Some(&6) || of("/b").last() != Some(&6) {
        assert!(began.elapsed() < LIMIT, "{:#?}", receiver.hits());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut all = [of("/old"), of("/new")].concat();
    all.dedup();
    assert_eq!(all, [1, 2, 3, 4, 5, 6]);
    assert_eq!(of("/b"), [5, 6]);

    // It was told; that it was noted takes a moment longer.
    let is_done = |webhooks: &Webhooks| {
        let rows = webhooks.configured();
        rows.iter()
            .all(|row| row.figures.position == Some(store.head()))
    };
    while !is_done(&webhooks) {
        assert!(began.elapsed() < LIMIT, "{:#?}", webhooks.configured());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    webhooks.apply(vec![]);
    append(&*store, 2).await;
    let rows = webhooks.list().await.unwrap();
    let left: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.name.as_str(),
                row.endpoint.is_some(),
                row.figures.position.unwrap().0,
            )
        })
        .collect();
    assert_eq!(left, [("a", false, 6), ("b", false, 6)]);
    webhooks.apply(vec![endpoint("a", &receiver.url("/new"))]);
    let hits = until(&receiver, 8).await;
    assert_eq!(told(&hits), [1, 2, 3, 4, 5, 6, 7, 8]);

    assert_eq!(supervisor.shut_down(LIMIT).await, Ok(()));
    let last = (webhooks, views);
    tokio::task::spawn_blocking(move || drop(last))
        .await
        .unwrap();
}
