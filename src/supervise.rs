//! Background tasks: each belongs here, is restarted when it panics, and ends when told (UP-1).

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use eventlog::Timestamp;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Waits before a task is started again; after the last, it is given up.
const RESTARTS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

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
#[derive(Clone, Default)]
pub struct Supervisor {
    tracker: TaskTracker,
    stop: CancellationToken,
    tasks: Arc<Mutex<BTreeMap<String, TaskStatus>>>,
}

impl Supervisor {
    /// Cancelled when everything is to end.
    #[must_use]
    pub const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Runs a task until it returns or `stop` is cancelled; a panic is logged by the panic hook,
    /// and the task made anew by `task` after a while.
    pub fn spawn<F>(
        &self,
        name: String,
        stop: CancellationToken,
        mut task: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = Arc::clone(&self.tasks);
        let running = TaskStatus { state: TaskState::Running, restarts: 0, last_failure: None };
        tasks.lock().insert(name.clone(), running);
        self.tracker.spawn(async move {
            for (restarts, wait) in (1..).zip(RESTARTS.into_iter().map(Some).chain([None])) {
                let panicked = tokio::spawn(task()).await.is_err();
                if !panicked || stop.is_cancelled() {
                    tasks.lock().remove(&name);
                    return;
                }
                let last_failure = Some(Timestamp::now());
                let state = if wait.is_some() { TaskState::Waiting } else { TaskState::Failed };
                tasks.lock().insert(name.clone(), TaskStatus { state, restarts, last_failure });
                let Some(wait) = wait else { break };
                tracing::error!("{name} failed; starting it again in {wait:?}");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                let state = TaskState::Running;
                tasks.lock().insert(name.clone(), TaskStatus { state, restarts, last_failure });
            }
            tracing::error!("{name} failed too often and stays down; restart MusicFS, and report the log");
        });
    }

    /// Runs something short to its end; shutting down waits for it.
    pub fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move { stop.run_until_cancelled_owned(work).await });
    }

    /// Every task, by name.
    #[must_use]
    pub fn tasks(&self) -> BTreeMap<String, TaskStatus> {
        self.tasks.lock().clone()
    }

    /// Tells every task to end, and waits until all have.
    pub async fn shut_down(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_restarted_and_then_given_up() {
        let supervisor = Supervisor::default();
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
        let supervisor = Supervisor::default();
        let stop = supervisor.stop().clone();
        supervisor.spawn("good".into(), stop.clone(), move || stop.clone().cancelled_owned());
        supervisor.shut_down().await;
        assert!(supervisor.tasks().is_empty());
    }
}
