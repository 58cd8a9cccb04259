//! Kill -9 in mid-append: what was acknowledged is there (LOG-2, UP-3).

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use eventlog::conformance::samples;
use eventlog::{EventStore as _, Position, SqliteStore};

use crate::{Place, all};

const LOG: &str = "MUSICFS_TEST_CRASH_LOG";
const BATCH: u64 = 40;

/// Not a test of its own: the process that is killed. Appends until then, and says how far it is.
#[tokio::test]
async fn appends_until_killed() {
    let Some(path) = std::env::var_os(LOG) else {
        return;
    };
    let store = SqliteStore::open(path).await.unwrap();
    let mut out = std::io::stdout();
    loop {
        let head = store.head();
        let head = store
            .append(head, &samples::discoveries(head.0..head.0 + BATCH))
            .await
            .unwrap();
        writeln!(out, "\nacknowledged {head}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn a_kill_loses_nothing_acknowledged() {
    let place = Place::new();
    for round in 0..5_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "crash::appends_until_killed"])
            .env(LOG, place.log())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = || loop {
            let line = lines.next()?.unwrap();
            if let Some(head) = line.strip_prefix("acknowledged ") {
                return head.parse::<u64>().ok();
            }
        };
        // Some appends in, at a different place each round; the next one is under way.
        let mut acknowledged = 0;
        for _ in 0..3 + round * 7 {
            acknowledged = told().unwrap();
        }
        child.kill().unwrap();
        while let Some(head) = told() {
            acknowledged = head;
        }
        child.wait().unwrap();

        let store = place.open().await;
        let head = store.head();
        assert!(head.0 >= acknowledged, "{head} of {acknowledged}");
        assert!(head.0.is_multiple_of(BATCH), "half a batch at {head}");
        store.verify(|_, _| {}).await.unwrap();
        let events = all(&store).await.unwrap();
        assert!(
            events
                .iter()
                .zip(0..)
                .all(|(event, n)| event.id == samples::new_event(n, samples::read(1)).id)
        );
        store.close().await;
        // The next round goes on from here.
        assert_eq!(head, Position(events.len() as u64));
    }
}
