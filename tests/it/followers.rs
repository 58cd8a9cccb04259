//! Readers of events at any speed, while a scan writes them (LOG-3, CTL-2): each sees every position
//! exactly once, and none of them costs the daemon more memory than a page or two.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use musicfs::control::Client;
use musicfs::state::StateDir;
use proto::v1;
use proto::v1::subscribe_events_request::From;
use serde_json::Value;
use tokio::sync::watch;
use tonic::Streaming;

use crate::world::{World, flac};

/// Tracks of the scan; 100,000 where `MUSICFS_FOLLOWED` says so.
fn tracks() -> u64 {
    std::env::var("MUSICFS_FOLLOWED").map_or(5_000, |text| text.parse().unwrap())
}

/// What one event takes the slowest reader while the scan runs: a second, of 100,000 tracks.
fn pause() -> Duration {
    Duration::from_micros(tracks() * 10)
}

/// How long all of it may take.
fn limit() -> Duration {
    Duration::from_secs(60) + Duration::from_millis(tracks() * 5)
}

/// MB that the daemon may grow by, however many tracks and readers: what a first scan takes by itself,
/// and a few pages of events a reader.
const GROWTH: u64 = 150;

fn make_music(dir: &Path) {
    for n in 0..tracks() {
        let (artist, title) = (format!("Artist {}", n / 120), format!("Song {n}"));
        let album = format!("Album {}", n / 12);
        let tags = [("ARTIST", &*artist), ("ALBUM", &album), ("TITLE", &title)];
        let folder = dir.join(&artist).join(&album);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{n}.flac")), flac(n, &tags)).unwrap();
    }
}

/// How long a reader takes over an event.
#[derive(Clone, Copy)]
enum Pace {
    Full,
    /// Slow until the scan is over, and then as fast as it can.
    Slow,
    /// Nothing is read until the scan is over.
    Stalled,
}

/// A reader over gRPC.
#[derive(Clone)]
struct Reader {
    client: Client,
    scanned: watch::Receiver<bool>,
}

impl Reader {
    async fn new(state: &StateDir, scanned: &watch::Receiver<bool>) -> Self {
        Self {
            client: Client::connect(state).await.unwrap(),
            scanned: scanned.clone(),
        }
    }

    async fn subscribe(&self, from: From) -> Streaming<v1::SubscribeEventsResponse> {
        let request = v1::SubscribeEventsRequest {
            from: Some(from),
            follow: true,
            ..Default::default()
        };
        let answer = self.client.events().subscribe_events(request).await;
        answer.unwrap().into_inner()
    }

    /// The events from a place on, until the one that `last` tells once the scan is over.
    async fn read(
        mut self,
        from: From,
        pace: Pace,
        mut last: watch::Receiver<Option<u64>>,
    ) -> Vec<v1::Event> {
        let mut events = self.subscribe(from).await;
        let mut seen: Vec<v1::Event> = Vec::new();
        loop {
            let is_over = *self.scanned.borrow();
            match pace {
                Pace::Slow if !is_over => tokio::time::sleep(pause()).await,
                Pace::Stalled if !is_over => drop(self.scanned.changed().await),
                _ => {}
            }
            let at = seen.last().map(|event| event.position);
            tokio::select! {
                event = events.message() => seen.push(event.unwrap().unwrap().event.unwrap()),
                end = last.wait_for(|last| last.is_some_and(|last| at >= Some(last))) => {
                    end.unwrap();
                    return seen;
                }
            }
        }
    }

    /// As [`Reader::read`] from the first event on, but goes away after each few events, and comes
    /// back behind the last one that it dealt with.
    async fn come_and_go(self, last: watch::Receiver<Option<u64>>) -> Vec<v1::Event> {
        let mut seen = Vec::new();
        let end = |seen: &[v1::Event]| seen.last().map_or(0, |event: &v1::Event| event.position);
        while last.borrow().is_none_or(|last| end(&seen) < last) {
            let mut events = self.subscribe(From::Position(end(&seen) + 1)).await;
            for _ in 0..(tracks() / 7).min(777) {
                let wait = Duration::from_millis(200);
                match tokio::time::timeout(wait, events.message()).await {
                    Ok(event) => seen.push(event.unwrap().unwrap().event.unwrap()),
                    // There may be none any more.
                    Err(_) => break,
                }
            }
        }
        seen
    }
}

/// A reader by the tool.
struct Follow {
    child: Child,
    positions: mpsc::Receiver<u64>,
}

impl Follow {
    fn new(world: &World) -> Self {
        let mut child = world
            .tool(["events", "--follow", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, positions) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).unwrap();
                if send.send(event["position"].as_u64().unwrap()).is_err() {
                    break;
                }
            }
        });
        Self { child, positions }
    }

    fn read(mut self, last: u64) -> Vec<u64> {
        let mut seen = Vec::new();
        while seen.last().is_none_or(|position| *position < last) {
            seen.push(self.positions.recv_timeout(limit()).unwrap());
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        seen
    }
}

/// The most memory that the daemon ever had, in bytes.
fn peak(world: &World) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", world.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_every_speed_see_every_event_once_while_a_scan_runs() {
    let mut world = World::new();
    let music = world.path().join("big");
    make_music(&music);
    world.start();
    let before = peak(&world);
    let state = StateDir::existing(&world.state()).unwrap();
    let (scan, scanned) = watch::channel(false);
    let (end, last) = watch::channel(None);
    let mut readers = BTreeMap::new();
    for (name, from, pace) in [
        ("fast", 1, Pace::Full),
        ("slow", 1, Pace::Slow),
        ("stalled", 1, Pace::Stalled),
        ("from a position on", 1_000, Pace::Full),
        ("slow from a position on", 1_001, Pace::Slow),
    ] {
        let reader = Reader::new(&state, &scanned).await;
        let read = reader.read(From::Position(from), pace, last.clone());
        readers.insert(name, (from, tokio::spawn(read)));
    }
    let reader = Reader::new(&state, &scanned).await;
    let read = reader.come_and_go(last.clone());
    readers.insert("comes and goes", (1, tokio::spawn(read)));
    let follow = Follow::new(&world);

    let add = format!("big={}", music.display());
    world.json(["origin", "add", "--json", &add]);
    // One joins in the midst of it, from a time on.
    let reader = Reader::new(&state, &scanned).await;
    let third = reader.subscribe(From::Position(tracks() / 3)).await;
    let third = { third }.message().await.unwrap().unwrap().event.unwrap();
    let joined = From::Time(third.recorded_at.unwrap());
    let joined = tokio::spawn(reader.read(joined, Pace::Slow, last));
    world.within(limit(), "the scan is over", |world| {
        let status = world.status();
        status["state"] == "ready" && status["tracks"] == tracks()
    });
    let head = world.position();
    scan.send_replace(true);
    end.send_replace(Some(head));

    let mut all = Vec::new();
    for (name, (from, read)) in readers {
        let seen = tokio::time::timeout(limit(), read).await;
        let seen = seen.unwrap_or_else(|_| panic!("{name} hangs")).unwrap();
        assert_each_once(name, &seen, from, head);
        if name == "fast" {
            all = seen;
        }
    }
    let time = |event: &v1::Event| event.recorded_at.map(|at| (at.seconds, at.nanos));
    let first = all.iter().find(|event| time(event) >= time(&third));
    let seen = tokio::time::timeout(limit(), joined).await.unwrap();
    assert_each_once("by time", &seen.unwrap(), first.unwrap().position, head);
    assert!(follow.read(head).into_iter().eq(1..=head));
    let (before, after) = (before >> 20, peak(&world) >> 20);
    assert!(after < before + GROWTH, "from {before} MB to {after} MB");
    world.stop();
}

fn assert_each_once(name: &str, seen: &[v1::Event], first: u64, last: u64) {
    let positions = seen.iter().map(|event| event.position);
    assert!(
        positions.eq(first..=last),
        "{name}: {} events instead of {first} to {last}",
        seen.len()
    );
}
