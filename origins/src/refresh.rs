//! When an origin is listed again (ORG-3, ORG-12).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::origin::{Dirty, ErrorKind, Origin, OriginError, Watch};

/// How an origin's changes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshPolicy {
    /// By watching; where that is not possible, by listing at the start and then once in this time.
    Watch(Duration),
    /// By listing at the start and then once in this time.
    Interval(Duration),
    /// By listing once, at the start.
    AtStart,
    /// Not at all, until somebody asks.
    Never,
}

impl RefreshPolicy {
    /// Time from one listing to the next where none is set; of shares within a watched folder,
    /// whatever is set.
    pub const INTERVAL: Duration = Duration::from_secs(300);
}

/// Waits before a lost watch is tried again; after these, one interval of the policy each.
const RESTARTS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// A watch that has lasted this long was a good one: its loss starts [`RESTARTS`] anew.
const STEADY: Duration = Duration::from_secs(60);

/// Tells what of `origin` has to be listed, by `policy`, from now on. Ends when the receiver of
/// `reports` is dropped, or nothing more will come.
///
/// Except under [`RefreshPolicy::Never`] it begins with [`Dirty::Everything`]; a watch stands
/// before that, so that nothing falls between. A slow receiver loses nothing: reports are merged
/// until it takes them.
pub async fn follow(origin: Arc<dyn Origin>, policy: RefreshPolicy, reports: mpsc::Sender<Dirty>) {
    let work = async {
        match policy {
            RefreshPolicy::Watch(interval) => watch(&origin, interval, &reports).await,
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

async fn watch(origin: &Arc<dyn Origin>, interval: Duration, reports: &mpsc::Sender<Dirty>) {
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
                sleep(interval).await;
                return poll(interval, reports).await;
            }
            Err(error) => {
                tracing::warn!(origin = %origin.id(), "{error}; listing it from time to time");
                // A limit of the system is not gone in a second.
                if error.kind == ErrorKind::Exhausted {
                    failures = RESTARTS.len();
                }
            }
        }
        sleep(RESTARTS.get(failures).copied().unwrap_or(interval)).await;
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use eventlog::{OriginId, OriginPath, Revision};
    use futures::StreamExt;
    use futures::stream::{self, BoxStream};

    use super::*;
    use crate::origin::{Depth, Directory, OriginFile, WalkError};

    /// An origin whose attempts to watch end as it is told; nothing else works.
    struct Scripted {
        id: OriginId,
        attempts: Mutex<Vec<Attempt>>,
    }

    const WATCH: RefreshPolicy = RefreshPolicy::Watch(RefreshPolicy::INTERVAL);

    enum Attempt {
        /// Stands until the sender is dropped.
        Stands(mpsc::Receiver<Dirty>),
        Fails(ErrorKind),
        Polled,
    }

    fn scripted(attempts: impl IntoIterator<Item = Attempt>) -> Arc<dyn Origin> {
        let mut attempts: Vec<_> = attempts.into_iter().collect();
        attempts.reverse();
        Arc::new(Scripted {
            id: "x".parse().unwrap(),
            attempts: Mutex::new(attempts),
        })
    }

    fn failed(kind: ErrorKind) -> OriginError {
        OriginError {
            kind,
            message: String::new(),
        }
    }

    #[async_trait]
    impl Origin for Scripted {
        fn id(&self) -> &OriginId {
            &self.id
        }
        fn walk(
            &self,
            _: &OriginPath,
            _: Depth,
        ) -> BoxStream<'static, Result<Directory, WalkError>> {
            stream::empty().boxed()
        }
        async fn stat(&self, _: &OriginPath) -> Result<Revision, OriginError> {
            Err(failed(ErrorKind::NotFound))
        }
        async fn open(
            &self,
            _: &OriginPath,
            _: &Revision,
        ) -> Result<Arc<dyn OriginFile>, OriginError> {
            Err(failed(ErrorKind::NotFound))
        }
        async fn check(&self) -> Result<(), OriginError> {
            Ok(())
        }
        fn watch(&self) -> Result<Option<Watch>, OriginError> {
            match self.attempts.lock().unwrap().pop() {
                Some(Attempt::Stands(events)) => Ok(Some(Watch {
                    events,
                    _guard: Box::new(()),
                })),
                Some(Attempt::Polled) => Ok(None),
                Some(Attempt::Fails(kind)) => Err(failed(kind)),
                None => Err(failed(ErrorKind::Offline)),
            }
        }
    }

    fn changes(origin: Arc<dyn Origin>, policy: RefreshPolicy) -> mpsc::Receiver<Dirty> {
        let (reports, receiver) = mpsc::channel(1);
        tokio::spawn(follow(origin, policy, reports));
        receiver
    }

    /// When the next `count` reports come, all of them of everything, in seconds from now.
    async fn times(changes: &mut mpsc::Receiver<Dirty>, count: usize) -> Vec<u64> {
        let (start, mut times) = (Instant::now(), Vec::new());
        while times.len() < count {
            assert_eq!(changes.recv().await, Some(Dirty::Everything));
            times.push(start.elapsed().as_secs());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_fails_is_tried_after_1_5_30_seconds_and_then_at_each_poll() {
        let mut changes = changes(scripted([]), WATCH);
        assert_eq!(times(&mut changes, 6).await, [0, 1, 6, 36, 336, 636]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_the_system_means_polling_at_once() {
        let script = [Attempt::Fails(ErrorKind::Exhausted)];
        let mut changes = changes(scripted(script), WATCH);
        assert_eq!(times(&mut changes, 3).await, [0, 300, 600]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_watch_is_made_anew_and_a_good_one_forgives_the_past() {
        let (first, events) = mpsc::channel(1);
        let script = [
            Attempt::Fails(ErrorKind::Io),
            Attempt::Fails(ErrorKind::Io),
            Attempt::Stands(events),
        ];
        let mut changes = changes(scripted(script), WATCH);
        assert_eq!(times(&mut changes, 3).await, [0, 1, 6]);
        let dirty = Dirty::Directories(vec![OriginPath::root()]);
        first.send(dirty.clone()).await.unwrap();
        assert_eq!(changes.recv().await, Some(dirty));
        sleep(STEADY).await;
        drop(first);
        assert_eq!(times(&mut changes, 3).await, [1, 6, 36]);
    }

    #[tokio::test(start_paused = true)]
    async fn policies_without_a_watch() {
        let origin = scripted([Attempt::Polled]);
        let mut polled = changes(Arc::clone(&origin), WATCH);
        assert_eq!(times(&mut polled, 3).await, [0, 300, 600]);
        let often = RefreshPolicy::Watch(Duration::from_secs(7));
        let polled = scripted([Attempt::Polled]);
        assert_eq!(times(&mut changes(polled, often), 3).await, [0, 7, 14]);
        let interval = RefreshPolicy::Interval(Duration::from_secs(7));
        assert_eq!(
            times(&mut changes(Arc::clone(&origin), interval), 3).await,
            [0, 7, 14]
        );
        let mut once = changes(Arc::clone(&origin), RefreshPolicy::AtStart);
        assert_eq!(times(&mut once, 1).await, [0]);
        assert_eq!(once.recv().await, None);
        assert_eq!(changes(origin, RefreshPolicy::Never).recv().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_listening_ends_the_work() {
        let (kept, events) = mpsc::channel(1);
        let mut changes = changes(scripted([Attempt::Stands(events)]), WATCH);
        assert_eq!(times(&mut changes, 1).await, [0]);
        drop(changes);
        kept.closed().await;
    }
}
