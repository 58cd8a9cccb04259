//! Threads on which work waits for origins, so that the kernel's requests do not: a disk that stalls
//! must stall neither `ls` nor the reads of other disks, and none of its own for ever (UP-5).
//!
//! A call that the kernel of this machine does not return from cannot be taken back: its thread stays
//! in it. What can be done is done here. The request is answered without it, no more than so many
//! threads of one [`Lane`] are ever stuck, and once they are, what comes for that lane fails at once.

mod lanes;
mod ticket;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::library::Lane;
use lanes::Lanes;
pub(crate) use ticket::{Ticket, TimedOut};

/// Threads at most. Lanes keep their own limits: this one is met where many origins hang.
const LIMIT: usize = 1024;
/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);
/// How often it is looked for requests that are late.
const LOOK: Duration = Duration::from_millis(250);

/// A pool that grows while its threads wait, and shrinks again. Its queue is bounded by the kernel,
/// which keeps only so many requests under way.
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
    lanes: Lanes,
    threads: usize,
    idle: usize,
    /// True while a thread looks for requests that are late.
    watched: bool,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::default(),
        }
    }

    /// Runs `work` soon, which is to answer with the reply that its ticket holds. Where it has not
    /// within the lane's limit, the request is answered by [`TimedOut`] and the ticket is empty; work
    /// that has not begun by then never does. A panic is logged and ends nothing else; the reply is
    /// then dropped, which answers EIO (UP-1).
    pub(crate) fn answer<R: TimedOut>(
        &self,
        lane: Lane,
        reply: R,
        work: impl FnOnce(&Ticket<R>) + Send + 'static,
    ) {
        let ticket = Arc::new(Ticket::new(reply, lane.limit));
        let held = Arc::clone(&ticket);
        let work = Box::new(move || {
            if !held.is_empty() {
                work(&held);
            }
        });
        let mut state = self.shared.state.lock();
        if let Err(refused) = state.lanes.add(lane, Instant::now(), ticket, work) {
            drop(state);
            return refused.answer();
        }
        let watched = std::mem::replace(&mut state.watched, true);
        self.grow(state);
        if !watched {
            self.start_watch();
        }
    }

    /// Drops `value` where that may wait for its lane's origin.
    pub(crate) fn discard(&self, lane: Lane, value: impl Send + 'static) {
        let mut state = self.shared.state.lock();
        state.lanes.add_unanswered(lane, Box::new(|| drop(value)));
        self.grow(state);
    }

    /// Sees to it that a thread takes what was added.
    fn grow(&self, mut state: parking_lot::MutexGuard<'_, State>) {
        if state.idle >= state.lanes.ready() || state.threads >= LIMIT {
            drop(state);
            self.shared.work.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        let shared = Arc::clone(&self.shared);
        if let Err(error) = thread("musicfs-read", move || shared.serve()) {
            self.shared.give_up(&error);
        }
    }

    fn start_watch(&self) {
        let shared = Arc::clone(&self.shared);
        if let Err(error) = thread("musicfs-limits", move || shared.watch()) {
            tracing::error!(%error, "cannot start a thread that keeps the time limits of reads");
            self.shared.state.lock().watched = false;
        }
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run).map(drop)
}

impl Shared {
    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            while let Some((number, work)) = state.lanes.next() {
                drop(state);
                guarded("a read", work);
                state = self.state.lock();
                let answered = state.lanes.done(number);
                parking_lot::MutexGuard::unlocked(&mut state, || drop(answered));
            }
            state.idle += 1;
            let timed_out = self.work.wait_for(&mut state, IDLE).timed_out();
            state.idle -= 1;
            if timed_out && state.lanes.ready() == 0 {
                state.threads -= 1;
                return;
            }
        }
    }

    /// Answers what is late, until there has been nothing to wait for in a while.
    fn watch(&self) {
        let mut busy = Instant::now();
        loop {
            std::thread::sleep(LOOK);
            let mut state = self.state.lock();
            let now = Instant::now();
            if !state.lanes.is_empty() {
                busy = now;
            } else if now.duration_since(busy) >= IDLE {
                state.watched = false;
                return;
            }
            let late = state.lanes.late(now);
            drop(state);
            for late in late {
                guarded("a request that is late", || late.answer());
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
            let dropped = std::mem::take(&mut state.lanes);
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
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[derive(Debug, PartialEq, Eq)]
    enum Outcome {
        Answered,
        Late,
        Dropped,
    }

    /// A reply that tells what became of it.
    struct Reply(Option<Sender<Outcome>>);

    impl Reply {
        fn new() -> (Self, Receiver<Outcome>) {
            let (tell, told) = channel();
            (Self(Some(tell)), told)
        }

        fn answer(mut self) {
            self.0.take().unwrap().send(Outcome::Answered).unwrap();
        }
    }

    impl TimedOut for Reply {
        fn timed_out(mut self, _: Duration) {
            self.0.take().unwrap().send(Outcome::Late).unwrap();
        }
    }

    impl Drop for Reply {
        fn drop(&mut self) {
            if let Some(tell) = self.0.take() {
                let _ = tell.send(Outcome::Dropped);
            }
        }
    }

    fn lane(id: u64, limit: Duration) -> Lane {
        Lane { id, limit }
    }

    /// Work that waits for as long as the sender is kept.
    fn stuck() -> (Sender<()>, impl FnOnce(&Ticket<Reply>) + Send + 'static) {
        let (release, gate) = channel::<()>();
        (release, move |_: &Ticket<Reply>| {
            let _ = gate.recv();
        })
    }

    fn prompt(ticket: &Ticket<Reply>) {
        ticket.take().unwrap().answer();
    }

    #[test]
    fn a_lane_that_hangs_holds_up_no_other_and_its_requests_end() {
        let pool = Pool::new();
        let hanging = lane(1, Duration::from_millis(300));
        let (mut gates, mut outcomes) = (Vec::new(), Vec::new());
        for _ in 0..lanes::SLOTS + 5 {
            let (gate, work) = stuck();
            let (reply, outcome) = Reply::new();
            pool.answer(hanging, reply, work);
            gates.push(gate);
            outcomes.push(outcome);
        }
        let (reply, other) = Reply::new();
        pool.answer(lane(2, LONG), reply, prompt);
        assert_eq!(other.recv_timeout(LONG), Ok(Outcome::Answered));
        for outcome in &outcomes {
            assert_eq!(outcome.recv_timeout(LONG), Ok(Outcome::Late));
        }
        // All of its threads are stuck: whoever comes now is told at once.
        let (reply, refused) = Reply::new();
        pool.answer(hanging, reply, |_| panic!("this was refused"));
        assert_eq!(refused.try_recv(), Ok(Outcome::Late));
        // It goes on as soon as its origin does.
        drop(gates);
        loop {
            let (reply, again) = Reply::new();
            pool.answer(hanging, reply, prompt);
            if again.recv_timeout(LONG) == Ok(Outcome::Answered) {
                break;
            }
        }
    }

    #[test]
    fn what_is_to_be_dropped_is_dropped_even_behind_what_hangs() {
        let pool = Pool::new();
        let hanging = lane(1, Duration::from_millis(300));
        let mut gates = Vec::new();
        for _ in 0..lanes::SLOTS {
            let (gate, work) = stuck();
            let (reply, outcome) = Reply::new();
            pool.answer(hanging, reply, work);
            gates.push((gate, outcome));
        }
        for (_, outcome) in &gates {
            assert_eq!(outcome.recv_timeout(LONG), Ok(Outcome::Late));
        }
        let (value, dropped) = Reply::new();
        pool.discard(hanging, value);
        assert!(dropped.try_recv().is_err());
        drop(gates);
        assert_eq!(dropped.recv_timeout(LONG), Ok(Outcome::Dropped));
    }

    #[test]
    fn panics_end_nothing_and_drop_the_reply() {
        let pool = Pool::new();
        for _ in 0..lanes::SLOTS + 1 {
            let (reply, outcome) = Reply::new();
            pool.answer(lane(1, LONG), reply, |_| panic!("on purpose"));
            assert_eq!(outcome.recv_timeout(LONG), Ok(Outcome::Dropped));
        }
        let (reply, outcome) = Reply::new();
        pool.answer(lane(1, LONG), reply, prompt);
        assert_eq!(outcome.recv_timeout(LONG), Ok(Outcome::Answered));
    }
}
