//! Takes in what was read, and appends what becomes of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eventlog::{Event, NewEvent, Timestamp};
use fuse::{Access, Audience};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::ledger::{Entry, Key, Ledger};
use crate::writer::LogWriter;

/// Reads that may have ended and not been taken in: what comes in while an append waits for the disk.
const QUEUE: usize = 4096;
/// How long what is decided is gathered before it is appended.
const GATHER: Duration = Duration::from_secs(1);
/// Events of one append.
const BATCH: usize = 1024;
/// Events kept while the log takes none, at most.
const UNWRITTEN: usize = 16_384;

/// Records what is read through the mount.
///
/// Nobody who reads ever waits for it: what does not fit into its queue is shed, and counted. What
/// ended is appended about once a second; until it is, a killed process takes it along.
pub struct Recorder {
    writer: Arc<LogWriter>,
    process_names: bool,
    queue: mpsc::Sender<Access>,
    desk: Mutex<Desk>,
    recorded: AtomicU64,
    shed: AtomicU64,
    undecided: AtomicU64,
}

/// What a recorder works on.
struct Desk {
    queue: mpsc::Receiver<Access>,
    ledger: Ledger,
    unwritten: VecDeque<NewEvent>,
    /// True while the log takes nothing, which is told once.
    refused: bool,
}

/// What a recorder counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Events that it appended.
    pub recorded: u64,
    /// Reads that it could not keep.
    pub shed: u64,
    /// Reads that ended and are not recorded yet.
    pub waiting: u64,
}

impl Recorder {
    /// A recorder that appends through `writer`. `process_names` tells whether its events name
    /// programs.
    #[must_use]
    pub fn new(writer: Arc<LogWriter>, process_names: bool) -> Self {
        Self::with_queue(writer, process_names, QUEUE)
    }

    fn with_queue(writer: Arc<LogWriter>, process_names: bool, capacity: usize) -> Self {
        let (queue, receiver) = mpsc::channel(capacity);
        Self {
            writer,
            process_names,
            queue,
            desk: Mutex::new(Desk {
                queue: receiver,
                ledger: Ledger::default(),
                unwritten: VecDeque::new(),
                refused: false,
            }),
            recorded: AtomicU64::new(0),
            shed: AtomicU64::new(0),
            undecided: AtomicU64::new(0),
        }
    }

    /// Records until told to stop. What is undecided then, [`finish`](Self::finish) records.
    /// `open` tells what is open now, and since when.
    pub async fn run(&self, open: impl Fn() -> HashMap<Key, Instant>, stop: CancellationToken) {
        let mut desk = self.desk.lock().await;
        let mut ended = Vec::new();
        let mut next = tokio::time::Instant::now();
        loop {
            let idle = desk.ledger.is_empty() && desk.unwritten.is_empty();
            tokio::select! {
                () = stop.cancelled() => return,
                _ = desk.queue.recv_many(&mut ended, BATCH) => {
                    self.take(&mut desk, ended.drain(..));
                    if idle {
                        next = tokio::time::Instant::now() + GATHER;
                    }
                }
                () = tokio::time::sleep_until(next), if !idle => {
                    let open = open();
                    let now = Instant::now();
                    let entries = desk.ledger.settle(now, |key| open.get(key).copied());
                    self.append(&mut desk, entries).await;
                    next = tokio::time::Instant::now() + GATHER;
                }
            }
        }
    }

    /// Records all that has ended, as it stands. For the end, once nothing is read any more; a log
    /// whose disk hangs is waited for no longer than `limit`.
    pub async fn finish(&self, limit: Duration) {
        if tokio::time::timeout(limit, self.flush()).await.is_err() {
            let lost = self.figures().waiting;
            tracing::error!("{lost} reads are lost: the log did not take them within {limit:?}");
        }
    }

    async fn flush(&self) {
        let mut desk = self.desk.lock().await;
        while let Ok(access) = desk.queue.try_recv() {
            self.take(&mut desk, [access]);
        }
        let entries = desk.ledger.close();
        self.append(&mut desk, entries).await;
        let lost = desk.unwritten.len() as u64;
        if lost > 0 {
            self.shed.fetch_add(lost, Ordering::Relaxed);
            tracing::error!("{lost} events of reads are lost: the log does not take them");
        }
    }

    /// What it counted so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let queued = self.queue.max_capacity() - self.queue.capacity();
        Figures {
            recorded: self.recorded.load(Ordering::Relaxed),
            shed: self.shed.load(Ordering::Relaxed),
            waiting: queued as u64 + self.undecided.load(Ordering::Relaxed),
        }
    }

    fn take(&self, desk: &mut Desk, ended: impl IntoIterator<Item = Access>) {
        for access in ended {
            if desk.ledger.take(access).is_err() {
                self.shed.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.count(desk);
    }

    fn count(&self, desk: &Desk) {
        let undecided = desk.ledger.len() + desk.unwritten.len();
        self.undecided.store(undecided as u64, Ordering::Relaxed);
    }

    /// Appends what was decided, after what an earlier append left. What the log refuses waits for
    /// the next time, under the same id: one that was written after all is not written twice.
    async fn append(&self, desk: &mut Desk, entries: Vec<Entry>) {
        let (now, time) = (Instant::now(), Timestamp::now());
        let event = |entry| self.event(entry, &|at| before(time, now, at));
        desk.unwritten.extend(
            entries
                .into_iter()
                .map(|entry| NewEvent::now(event(entry), None)),
        );
        while !desk.unwritten.is_empty() {
            let len = desk.unwritten.len().min(BATCH);
            let batch: Vec<_> = desk.unwritten.iter().take(len).cloned().collect();
            match self.writer.append(&batch).await {
                Ok(_) => {
                    desk.unwritten.drain(..len);
                    desk.refused = false;
                    self.recorded.fetch_add(len as u64, Ordering::Relaxed);
                }
                Err(error) => {
                    if !std::mem::replace(&mut desk.refused, true) {
                        tracing::error!("reads are not recorded for now: {error}");
                    }
                    break;
                }
            }
        }
        let surplus = desk.unwritten.len().saturating_sub(UNWRITTEN);
        desk.unwritten.drain(..surplus);
        self.shed.fetch_add(surplus as u64, Ordering::Relaxed);
        self.count(desk);
    }

    fn event(&self, entry: Entry, time: &dyn Fn(Instant) -> Timestamp) -> Event {
        let reader = |name: Option<Box<str>>| name.filter(|_| self.process_names).map(Into::into);
        match entry {
            Entry::Read(reading) => {
                let length = reading.closed.saturating_duration_since(reading.opened);
                Event::TrackRead {
                    track: reading.track,
                    bytes: reading.bytes,
                    duration_ms: u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
                    reader: reader(reading.name),
                }
            }
            Entry::Scan(scan) => Event::AccessScanned {
                reader: reader(scan.name),
                tracks: scan.tracks,
                opens: scan.opens,
                bytes: scan.bytes,
                since: time(scan.since),
                until: time(scan.until),
            },
        }
    }
}

impl Audience for Recorder {
    fn read(&self, access: Access) {
        if self.queue.try_send(access).is_err() {
            self.shed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What the clock showed at a moment that has passed, given what it shows now: one that was set
/// meanwhile changes no length.
fn before(time: Timestamp, now: Instant, at: Instant) -> Timestamp {
    let passed = now.saturating_duration_since(at).as_micros();
    Timestamp(
        time.0
            .saturating_sub(i64::try_from(passed).unwrap_or(i64::MAX)),
    )
}

#[cfg(test)]
mod tests;
