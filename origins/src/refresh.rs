//! When an origin is listed again (ORG-3, ORG-12).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::origin::{Dirty, ErrorKind, Origin, OriginError, Watch};

/// How an origin's changes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshPolicy {
    /// By watching; where that is not possible, by listing every [`RefreshPolicy::INTERVAL`].
    Watch,
    /// By listing at the start and then once in this time.
    Interval(Duration),
    /// By listing once, at the start.
    AtStart,
    /// Not at all, until somebody asks.
    Never,
}

impl RefreshPolicy {
    /// Time from one listing to the next where none is set.
    pub const INTERVAL: Duration = Duration::from_secs(300);
}

/// Waits before a lost watch is tried again; after these, one [`RefreshPolicy::INTERVAL`] each.
const RESTARTS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// A watch that has lasted this long was a good one: its loss starts [`RESTARTS`] anew.
const STEADY: Duration = Duration::from_secs(60);

/// Tells what of `origin` has to be listed, by `policy`, from now on.
///
/// Except under [`RefreshPolicy::Never`] it begins with [`Dirty::Everything`]; a watch stands
/// before that, so that nothing falls between. Runs as a task of its own, which ends soon after the
/// receiver is dropped; the channel ends where nothing more will come. A slow receiver loses
/// nothing: reports are merged until it takes them.
///
/// # Panics
/// Outside a Tokio runtime.
#[must_use]
pub fn changes(origin: Arc<dyn Origin>, policy: RefreshPolicy) -> mpsc::Receiver<Dirty> {
    let (reports, receiver) = mpsc::channel(1);
    tokio::spawn(async move { follow(origin, policy, reports).await });
    receiver
}

/// The work of [`changes`], for a caller that runs its own tasks: ends when the receiver of
/// `reports` is dropped, or nothing more will come.
pub async fn follow(origin: Arc<dyn Origin>, policy: RefreshPolicy, reports: mpsc::Sender<Dirty>) {
    let work = async {
        match policy {
            RefreshPolicy::Watch => watch(&origin, &reports).await,
            RefreshPolicy::Interval(interval) => poll(interval, &reports).await,
            RefreshPolicy::AtStart => drop(reports.send(Dirty::Everything).await),
            RefreshPolicy::Never => {}
        }
    };
    tokio::select! {
        () = work => {}
        () = reports.closed() => {}
    }
}

async fn poll(interval: Duration, reports: &mpsc::Sender<Dirty>) {
    while reports.send(Dirty::Everything).await.is_ok() {
        sleep(interval).await;
    }
}

async fn watch(origin: &Arc<dyn Origin>, reports: &mpsc::Sender<Dirty>) {
    let mut failures = 0;
    loop {
        let started = start(Arc::clone(origin)).await;
        let at = Instant::now();
        // Whether or not the watch stands: what came before it is unknown.
        if reports.send(Dirty::Everything).await.is_err() {
            return;
        }
        match started {
            Ok(Some(mut watch)) => {
                while let Some(dirty) = watch.events.recv().await {
                    if reports.send(dirty).await.is_err() {
                        return;
                    }
                }
                if at.elapsed() >= STEADY {
                    failures = 0;
                }
                tracing::warn!(origin = %origin.id(), "the watch was lost and is started again");
            }
            Ok(None) => {
                sleep(RefreshPolicy::INTERVAL).await;
                return poll(RefreshPolicy::INTERVAL, reports).await;
            }
            Err(error) => {
                tracing::warn!(origin = %origin.id(), "{error}; listing it from time to time");
                // A limit of the system is not gone in a second.
                if error.kind == ErrorKind::Exhausted {
                    failures = RESTARTS.len();
                }
            }
        }
        sleep(
            RESTARTS
                .get(failures)
                .copied()
                .unwrap_or(RefreshPolicy::INTERVAL),
        )
        .await;
        failures += 1;
    }
}

/// Starts a watch where waiting for a disk holds nobody up.
async fn start(origin: Arc<dyn Origin>) -> Result<Option<Watch>, OriginError> {
    let started = tokio::task::spawn_blocking(move || origin.watch()).await;
    started.unwrap_or_else(|_| {
        let message = "watching was given up: MusicFS is ending, or met a bug".to_owned();
        Err(OriginError {
            kind: ErrorKind::Io,
            message,
        })
    })
}
