//! Threads on which reads wait, so that the kernel's requests do not: a disk that stalls must not
//! stall `ls` (UP-5).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Threads at most: as many readers may wait for dead origins before others have to.
const LIMIT: usize = 128;
/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// A pool that grows to [`LIMIT`] threads while all of them wait, and shrinks again. Its queue is
/// bounded by the kernel, which keeps only so many requests under way.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::default(),
        }
    }

    /// Runs `job` soon. A panic in it is logged and ends nothing else; the reply it held has then
    /// been dropped, which answers the request with EIO (UP-1).
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.shared.state.lock();
        state.queue.push_back(Box::new(job));
        if state.idle >= state.queue.len() || state.threads >= LIMIT {
            drop(state);
            self.shared.work.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        let shared = Arc::clone(&self.shared);
        let started = std::thread::Builder::new()
            .name("musicfs-read".to_owned())
            .spawn(move || shared.serve());
        if let Err(error) = started {
            self.shared.give_up(&error);
        }
    }
}

impl Shared {
    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            while let Some(job) = state.queue.pop_front() {
                drop(state);
                guarded("a read", job);
                state = self.state.lock();
            }
            state.idle += 1;
            let timed_out = self.work.wait_for(&mut state, IDLE).timed_out();
            state.idle -= 1;
            if timed_out && state.queue.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }

    /// Without a new thread the others do the work; where there are none, the queue is dropped,
    /// which answers what waits in it with EIO.
    fn give_up(&self, error: &std::io::Error) {
        tracing::error!(%error, "cannot start a thread for reading");
        let mut state = self.state.lock();
        state.threads -= 1;
        if state.threads == 0 {
            let dropped = std::mem::take(&mut state.queue);
            drop(state);
            drop(dropped);
        }
    }
}

/// Runs `work`, and lets a panic go no further than the log.
pub(crate) fn guarded(what: &'static str, work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        tracing::error!(
            what,
            panic = text.unwrap_or("of unknown cause"),
            "a request panicked"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn waiting_jobs_hold_up_no_others() {
        let pool = Pool::new();
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        for _ in 0..20 {
            let gate = Arc::clone(&gate);
            pool.run(move || {
                let _ = gate.lock().recv();
            });
        }
        let (done, finished) = mpsc::channel();
        pool.run(move || done.send(()).unwrap());
        finished.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(release);
    }

    #[test]
    fn panics_end_nothing() {
        let pool = Pool::new();
        for _ in 0..LIMIT + 1 {
            pool.run(|| panic!("on purpose"));
        }
        let (done, finished) = mpsc::channel();
        pool.run(move || done.send(()).unwrap());
        finished.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
