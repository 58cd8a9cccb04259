//! Background tasks: each belongs here, is restarted when it panics, and ends when told (UP-1).

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use eventlog::Timestamp;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Waits before a task is started again; after the last, it is given up.
const RESTARTS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// A task that ran for so long is held to be sound again: its next failure is its first.
const STEADY: Duration = Duration::from_secs(60);

/// How a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// It runs.
    Running,
    /// It failed, and waits to be started again.
    Waiting,
    /// It failed too often.
    Failed,
}

/// A task at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskStatus {
    /// How it is doing.
    pub state: TaskState,
    /// How often it was started again.
    pub restarts: u32,
    /// When it last failed.
    pub last_failure: Option<Timestamp>,
}

/// Owner of the daemon's background tasks. Clones share them.
#[derive(Clone)]
pub struct Supervisor {
    /// Where the tasks run, wherever they are asked for.
    runtime: Handle,
    tracker: TaskTracker,
    stop: CancellationToken,
    tasks: Arc<Mutex<Tasks>>,
}

/// The tasks by name. One of a name that was given anew is another: each has a number.
#[derive(Default)]
struct Tasks {
    next: u64,
    by_name: BTreeMap<String, (u64, TaskStatus)>,
}

impl Tasks {
    fn begin(&mut self, name: String, status: TaskStatus) -> u64 {
        self.next += 1;
        self.by_name.insert(name, (self.next, status));
        self.next
    }

    /// Notes how a task is doing, or that it is over; of one whose name was given anew, nothing.
    fn tell(&mut self, name: &str, number: u64, status: Option<TaskStatus>) {
        let Some(entry) = self.by_name.get_mut(name) else {
            return;
        };
        match status {
            _ if entry.0 != number => {}
            Some(status) => entry.1 = status,
            None => drop(self.by_name.remove(name)),
        }
    }
}

impl Supervisor {
    /// A supervisor of tasks on a runtime.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            tasks: Arc::default(),
        }
    }

    /// Cancelled when everything is to end.
    #[must_use]
    pub const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Runs a task until it returns, which it has to once `stop` is cancelled; a panic is logged by
    /// the panic hook, and the task made anew by `task` after a while.
    pub fn spawn<F>(
        &self,
        name: String,
        stop: CancellationToken,
        mut task: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut status = TaskStatus {
            state: TaskState::Running,
            restarts: 0,
            last_failure: None,
        };
        let number = self.tasks.lock().begin(name.clone(), status);
        let tasks = Arc::clone(&self.tasks);
        let tell = move |status: Option<TaskStatus>| {
            tasks.lock().tell(&name, number, status);
            name.clone()
        };
        let run = async move {
            let mut waits = RESTARTS.iter();
            loop {
                let began = Instant::now();
                let panicked = tokio::spawn(task()).await.is_err();
                if !panicked || stop.is_cancelled() {
                    tell(None);
                    return;
                }
                if began.elapsed() >= STEADY {
                    waits = RESTARTS.iter();
                }
                status.last_failure = Some(Timestamp::now());
                let Some(wait) = waits.next() else {
                    break;
                };
                status.state = TaskState::Waiting;
                let name = tell(Some(status));
                tracing::error!("{name} failed; starting it again in {wait:?}");
                let pause = tokio::time::sleep(*wait);
                if stop.run_until_cancelled(pause).await.is_none() {
                    tell(None);
                    return;
                }
                status.restarts += 1;
                status.state = TaskState::Running;
                tell(Some(status));
            }
            status.state = TaskState::Failed;
            let name = tell(Some(status));
            tracing::error!(
                "{name} failed too often and stays down; restart MusicFS, and report the log"
            );
        };
        self.tracker.spawn_on(run, &self.runtime);
    }

    /// Runs something short in the background; it is given up where everything ends.
    pub fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.run(work));
    }

    /// Runs something short to its end, whether or not somebody still waits for it. `None` where
    /// everything ended before it did, or it panicked.
    pub async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.run(work).await.ok().flatten()
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<Option<T>> {
        let stop = self.stop.clone();
        let run = async move { stop.run_until_cancelled_owned(work).await };
        self.tracker.spawn_on(run, &self.runtime)
    }

    /// Every task, by name.
    #[must_use]
    pub fn tasks(&self) -> BTreeMap<String, TaskStatus> {
        let tasks = self.tasks.lock();
        let all = tasks.by_name.iter();
        all.map(|(name, (_, status))| (name.clone(), *status))
            .collect()
    }

    /// Tells every task to end, and waits until all have, for `limit` at most: one may be waiting
    /// for a disk that hangs, which nothing can hurry.
    ///
    /// # Errors
    /// The tasks that go on.
    pub async fn shut_down(&self, limit: Duration) -> Result<(), Vec<String>> {
        self.stop.cancel();
        self.tracker.close();
        match tokio::time::timeout(limit, self.tracker.wait()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.tasks().into_keys().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_restarted_and_then_given_up() {
        let supervisor = Supervisor::new(Handle::current());
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        supervisor.spawn("bad".into(), supervisor.stop().clone(), move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { panic!("as the test wants") }
        });
        supervisor.tracker.close();
        supervisor.tracker.wait().await;
        assert_eq!(runs.load(Ordering::Relaxed), 5);
        assert_eq!(supervisor.tasks()["bad"].state, TaskState::Failed);
    }

    #[tokio::test]
    async fn tasks_end_when_told() {
        let supervisor = Supervisor::new(Handle::current());
        let stop = supervisor.stop().clone();
        supervisor.spawn("good".into(), stop.clone(), move || {
            stop.clone().cancelled_owned()
        });
        assert_eq!(supervisor.shut_down(Duration::from_secs(10)).await, Ok(()));
        assert!(supervisor.tasks().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_held_for_long_is_forgiven_its_past() {
        let supervisor = Supervisor::new(Handle::current());
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        supervisor.spawn("moody".into(), supervisor.stop().clone(), move || {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                if run % 4 == 3 {
                    tokio::time::sleep(STEADY).await;
                }
                assert!(run >= 20, "as the test wants");
            }
        });
        supervisor.tracker.close();
        supervisor.tracker.wait().await;
        assert_eq!(runs.load(Ordering::Relaxed), 21);
        assert!(supervisor.tasks().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_named_and_not_waited_for() {
        let supervisor = Supervisor::new(Handle::current());
        supervisor.spawn("deaf".into(), supervisor.stop().clone(), || {
            std::future::pending()
        });
        let left = supervisor.shut_down(Duration::from_secs(4)).await;
        assert_eq!(left, Err(vec!["deaf".to_owned()]));
    }

    #[tokio::test]
    async fn a_name_that_is_given_anew_is_another_task() {
        let supervisor = Supervisor::new(Handle::current());
        let (first, second) = (CancellationToken::new(), CancellationToken::new());
        for stop in [&first, &second] {
            let told = stop.clone();
            let work = move || told.clone().cancelled_owned();
            supervisor.spawn("same".into(), stop.clone(), work);
        }
        first.cancel();
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(supervisor.tasks().len(), 1);
        second.cancel();
        assert_eq!(supervisor.shut_down(Duration::from_secs(10)).await, Ok(()));
        assert!(supervisor.tasks().is_empty());
    }

    #[tokio::test]
    async fn what_is_to_be_finished_is_even_where_nobody_waits() {
        let supervisor = Supervisor::new(Handle::current());
        let (tell, told) = tokio::sync::oneshot::channel();
        let mut work = Box::pin(supervisor.finish(async move {
            tokio::task::yield_now().await;
            tell.send(()).unwrap();
        }));
        assert!(futures::poll!(&mut work).is_pending());
        drop(work);
        told.await.unwrap();
    }
}
