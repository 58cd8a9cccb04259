//! The right to answer a request, which whoever is first takes.

use std::time::Duration;

use parking_lot::Mutex;

/// A reply that can say by itself that no origin answered in time.
pub(crate) trait TimedOut: Send + 'static {
    /// Answers so; `limit` is how long it was waited.
    fn timed_out(self, limit: Duration);
}

/// Holds a request's reply until it is answered.
pub(crate) struct Ticket<R> {
    reply: Mutex<Option<R>>,
    limit: Duration,
}

impl<R> Ticket<R> {
    pub(super) const fn new(reply: R, limit: Duration) -> Self {
        Self {
            reply: Mutex::new(Some(reply)),
            limit,
        }
    }

    /// The reply, to answer with; `None` where the request was answered for being late.
    pub(crate) fn take(&self) -> Option<R> {
        self.reply.lock().take()
    }

    /// Uses the reply without answering; `None` where the request was answered for being late.
    /// `work` must not wait.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&R) -> T) -> Option<T> {
        self.reply.lock().as_ref().map(work)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reply.lock().is_none()
    }
}

/// A ticket of any kind, as who keeps the time sees it.
pub(super) trait Late: Send + Sync {
    /// Answers the request, where nobody has.
    fn answer(&self);
}

impl<R: TimedOut> Late for Ticket<R> {
    fn answer(&self) {
        if let Some(reply) = self.take() {
            reply.timed_out(self.limit);
        }
    }
}
