//! Requests and answers over one session: many at once, matched by their numbers.

mod answer;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use answer::Answer;
pub(super) use answer::{Handle, Pending, Replied};
pub(super) use stream::read_packet;
use stream::{hear, say};

use super::error::Failure;
use super::wire::{self, Reply, Request};

/// For how long a server may leave everything unanswered before other sessions are preferred.
const SILENCE: Duration = Duration::from_secs(1);

/// The client's side of an SFTP session that has begun. A task of its own reads and writes, so that
/// whoever asks may be dropped at any time; it ends with this value.
#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next_id: u32,
    waiting: HashMap<u32, oneshot::Sender<Result<Answer, Failure>>>,
    /// When the server was last heard, or the first of what waits was asked.
    heard: Instant,
    used: Instant,
    /// Somebody stopped waiting while the server was silent, and it is so still.
    given_up: bool,
    ended: Option<Box<str>>,
}

impl Link {
    /// Starts to read and write `stream`; `keep` is dropped when the session ends, which it does
    /// after `idle` without a request.
    pub(super) fn start<S, K>(stream: S, keep: K, idle: Duration) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
        K: Send + 'static,
    {
        let (outgoing, requests) = mpsc::unbounded_channel();
        let now = Instant::now();
        let state = State {
            next_id: 0,
            waiting: HashMap::new(),
            heard: now,
            used: now,
            given_up: false,
            ended: None,
        };
        let shared = Arc::new(Shared {
            outgoing,
            state: Mutex::new(state),
        });
        let served = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let (mut incoming, mut outgoing) = tokio::io::split(stream);
            let why = tokio::select! {
                why = hear(&served, &mut incoming) => why,
                why = say(requests, &mut outgoing) => why,
                () = served.idle(idle) => "it was not used".into(),
            };
            served.end(&why);
            drop(keep);
        });
        Self {
            shared,
            task: task.abort_handle(),
        }
    }

    /// Asks the server. The request is on its way, after all that were asked before, when this
    /// returns; what is returned waits for the answer.
    pub(super) fn ask(&self, request: Request<'_>) -> Pending {
        let (answer, receiver) = oneshot::channel();
        self.shared.send(request, answer);
        Pending {
            receiver,
            shared: Arc::clone(&self.shared),
            done: false,
        }
    }

    /// How many requests wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    /// True where requests wait and the server has not been heard for a while.
    pub(super) fn is_silent(&self) -> bool {
        self.shared.lock().is_silent()
    }

    /// True while the session lasts. Ends it where the server is silent and somebody has stopped
    /// waiting for it: the next call shall not wait in the same line.
    pub(super) fn lasts(&self) -> bool {
        let given_up = {
            let state = self.shared.lock();
            state.given_up && state.is_silent()
        };
        if given_up {
            self.end("the server does not answer");
        }
        self.shared.lock().ended.is_none()
    }

    /// Ends the session; who waits for an answer is told `why`.
    pub(super) fn end(&self, why: &str) {
        self.task.abort();
        self.shared.end(why);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.end("it was closed");
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, request: Request<'_>, answer: oneshot::Sender<Result<Answer, Failure>>) {
        let mut state = self.lock();
        if let Some(why) = &state.ended {
            // Who asked may have stopped waiting.
            let _ = answer.send(Err(Failure::Lost(why.clone())));
            return;
        }
        let now = Instant::now();
        state.used = now;
        if state.waiting.is_empty() {
            state.heard = now;
        }
        while state.waiting.contains_key(&state.next_id) {
            state.next_id = state.next_id.wrapping_add(1);
        }
        let id = state.next_id;
        state.next_id = id.wrapping_add(1);
        state.waiting.insert(id, answer);
        // Under the lock, so that requests go out in the order of their asking. Where the other end
        // is gone, `end` answers.
        let _ = self.outgoing.send(request.encode(id));
    }

    fn take(self: &Arc<Self>, packet: Bytes) -> Result<(), Box<str>> {
        let (id, reply) = wire::decode(packet).map_err(|error| error.to_string())?;
        let answer = match reply {
            Reply::Handle(bytes) => Answer::Handle(Handle {
                bytes,
                shared: Arc::downgrade(self),
            }),
            other => Answer::Other(other),
        };
        let asked = self.lock().waiting.remove(&id);
        // Without the lock: a handle that nobody waits for is closed here, which takes it again.
        let asked = asked.ok_or("an answer came that nobody asked for")?;
        let _ = asked.send(Ok(answer));
        Ok(())
    }

    fn heard(&self) {
        let mut state = self.lock();
        state.heard = Instant::now();
        state.given_up = false;
    }

    fn end(&self, why: &str) {
        let waiting = {
            let mut state = self.lock();
            state.ended.get_or_insert_with(|| why.into());
            std::mem::take(&mut state.waiting)
        };
        for asked in waiting.into_values() {
            let _ = asked.send(Err(Failure::Lost(why.into())));
        }
    }

    /// Returns, and takes no more requests, once there were none for `idle`.
    async fn idle(&self, idle: Duration) {
        loop {
            let end = {
                let mut state = self.lock();
                let end = state.used.max(state.heard) + idle;
                if state.waiting.is_empty() && end <= Instant::now() {
                    state.ended = Some("it was not used".into());
                    return;
                }
                end.max(Instant::now() + idle / 8)
            };
            sleep_until(end).await;
        }
    }
}

impl State {
    fn is_silent(&self) -> bool {
        !self.waiting.is_empty() && self.heard.elapsed() >= SILENCE
    }
}
