//! A few sessions for many calls.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::time::{Instant, timeout};

use crate::origin::{ErrorKind, OriginError};

/// How long the making of a session may take before it is given up.
const CONNECT: Duration = Duration::from_secs(15);

/// Requests waiting on the least busy session from which on another is opened.
const BUSY: usize = 8;

/// How long to make do with the sessions there are after another one could not be had.
const CONTENT: Duration = Duration::from_secs(30);

/// A session with a server, over which many calls can be under way.
pub(crate) trait Pooled: Send + Sync + 'static {
    /// How many requests wait for an answer.
    fn waiting(&self) -> usize;

    /// True where requests wait and the server has not been heard for a while.
    fn is_silent(&self) -> bool;

    /// True while it lasts. A session that is silent, and that somebody stopped waiting for, is
    /// ended by this: the next call shall not wait in the same line.
    fn lasts(&self) -> bool;
}

type Opened<S> = Result<Arc<S>, OriginError>;
type Opening<S> = Shared<BoxFuture<'static, Opened<S>>>;
type Open<S> = dyn Fn() -> BoxFuture<'static, Result<S, OriginError>> + Send + Sync;

/// Up to `limit` sessions, opened when they are needed.
pub(crate) struct Pool<S> {
    limit: usize,
    open: Box<Open<S>>,
    state: Mutex<State<S>>,
}

struct State<S> {
    sessions: Vec<Arc<S>>,
    /// At most one is made at a time; it is given up when nobody waits for it.
    opening: Option<WeakShared<BoxFuture<'static, Opened<S>>>>,
    content_until: Option<Instant>,
}

/// What to do for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// Use this session.
    Use(usize),
    /// Use this session, and open another for those who come later.
    UseAndOpen(usize),
    /// Wait for another.
    Open,
}

/// How busy a session is.
#[derive(Debug, Clone, Copy)]
struct Load {
    waiting: usize,
    silent: bool,
}

fn choose(loads: &[Load], limit: usize) -> Choice {
    let full = loads.len() >= limit;
    let best = loads.iter().enumerate();
    match best.min_by_key(|(_, load)| (load.silent, load.waiting)) {
        None => Choice::Open,
        Some((_, load)) if load.silent && !full => Choice::Open,
        Some((best, load)) if load.waiting >= BUSY && !full => Choice::UseAndOpen(best),
        Some((best, _)) => Choice::Use(best),
    }
}

impl<S> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("limit", &self.limit).finish()
    }
}

impl<S: Pooled> Pool<S> {
    /// A pool without sessions; `open` makes one.
    pub(crate) fn new(
        limit: usize,
        open: impl Fn() -> BoxFuture<'static, Result<S, OriginError>> + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            sessions: vec![],
            opening: None,
            content_until: None,
        };
        Self {
            limit: limit.max(1),
            open: Box::new(open),
            state: Mutex::new(state),
        }
    }

    /// The session to use for a call: the least busy that answers.
    pub(crate) async fn session(self: &Arc<Self>) -> Opened<S> {
        let opening = {
            let mut state = self.lock();
            state.sweep();
            let choice = choose(&state.loads(), self.limit);
            match choice {
                Choice::Open => self.opening(&mut state),
                Choice::Use(index) | Choice::UseAndOpen(index) => {
                    if matches!(choice, Choice::UseAndOpen(_)) && state.wants_more() {
                        tokio::spawn(self.opening(&mut state));
                    }
                    // The index is of a moment ago, under the same lock.
                    match state.sessions.get(index) {
                        Some(session) => return Ok(Arc::clone(session)),
                        None => self.opening(&mut state),
                    }
                }
            }
        };
        opening.await
    }

    /// The session that is being opened, or the beginning of one.
    fn opening(self: &Arc<Self>, state: &mut State<S>) -> Opening<S> {
        if let Some(opening) = state.under_way() {
            return opening;
        }
        let session = (self.open)();
        let pool = Arc::downgrade(self);
        let opening = async move {
            let opened = match timeout(CONNECT, session).await {
                Ok(opened) => opened.map(Arc::new),
                Err(_) => Err(OriginError {
                    kind: ErrorKind::Offline,
                    message: format!(
                        "no session within {} s; check the server and the way to it",
                        CONNECT.as_secs()
                    ),
                }),
            };
            if let Some(pool) = Weak::upgrade(&pool) {
                pool.opened(&opened);
            }
            opened
        };
        let opening = opening.boxed().shared();
        state.opening = opening.downgrade();
        opening
    }

    fn opened(&self, opened: &Opened<S>) {
        let mut state = self.lock();
        match opened {
            Ok(session) => state.sessions.push(Arc::clone(session)),
            Err(error) if !state.sessions.is_empty() => {
                tracing::debug!(%error, "no further session");
                state.content_until = Some(Instant::now() + CONTENT);
            }
            Err(_) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Pooled> State<S> {
    /// Removes sessions that have ended, and ends those that somebody has given up.
    fn sweep(&mut self) {
        self.sessions.retain(|session| session.lasts());
    }

    fn loads(&self) -> Vec<Load> {
        let load = |session: &Arc<S>| Load {
            waiting: session.waiting(),
            silent: session.is_silent(),
        };
        self.sessions.iter().map(load).collect()
    }

    fn under_way(&self) -> Option<Opening<S>> {
        let opening = self.opening.as_ref()?.upgrade()?;
        // What is done has been told to who waited for it, and may have ended since.
        opening.peek().is_none().then_some(opening)
    }

    fn wants_more(&self) -> bool {
        let content = self
            .content_until
            .is_some_and(|until| Instant::now() < until);
        !content && self.under_way().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(loads: &[(usize, bool)], limit: usize) -> Choice {
        let load = |&(waiting, silent)| Load { waiting, silent };
        choose(&loads.iter().map(load).collect::<Vec<_>>(), limit)
    }

    #[test]
    fn sessions_are_opened_as_they_are_needed() {
        assert_eq!(chosen(&[], 4), Choice::Open);
        assert_eq!(chosen(&[(0, false)], 4), Choice::Use(0));
        assert_eq!(chosen(&[(5, false), (2, false)], 4), Choice::Use(1));
        assert_eq!(chosen(&[(9, false), (8, false)], 4), Choice::UseAndOpen(1));
        assert_eq!(chosen(&[(9, false), (8, false)], 2), Choice::Use(1));
    }

    #[test]
    fn silent_sessions_are_passed_over() {
        assert_eq!(chosen(&[(1, true), (7, false)], 2), Choice::Use(1));
        assert_eq!(chosen(&[(1, true)], 2), Choice::Open);
        assert_eq!(chosen(&[(2, true), (1, true)], 2), Choice::Use(1));
    }
}
