//! One call of an origin: its place, its pace, its attempts, its time.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::figures::{Figures, Op};
use super::gate::{Class, Gate, Place};
use super::limits::{Limits, Reach};
use super::pace::Pace;
use crate::origin::{ErrorKind, OriginError};

/// What all handles of a guarded origin share.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) reach: Reach,
    gate: Option<Arc<Gate>>,
    requests: Option<Pace>,
    bytes: Option<Pace>,
    pub(super) figures: Arc<Figures>,
    /// True since a call got no answer, until one does.
    silent: AtomicBool,
    /// Until when the origin asked to be left alone.
    quiet: Mutex<Option<Instant>>,
    /// Told when a call failed in a way that makes it doubtful whether the origin is there.
    pub(super) doubts: Arc<Notify>,
}

impl Guard {
    pub(super) fn new(limits: Limits, figures: Arc<Figures>) -> Self {
        let Limits {
            reach,
            connections,
            requests_per_second,
            bytes_per_second,
        } = limits;
        Self {
            reach,
            gate: connections.map(Gate::new),
            requests: requests_per_second.map(|rate| Pace::new(rate.into())),
            bytes: bytes_per_second.map(Pace::new),
            figures,
            silent: AtomicBool::new(false),
            quiet: Mutex::new(None),
            doubts: Arc::default(),
        }
    }

    /// Makes one call, that may transfer so many bytes, within its limits. Of a scan, the time that
    /// it waits for its place and its pace is not counted: nobody waits for it.
    pub(super) async fn call<T, F>(
        &self,
        op: Op,
        class: Class,
        bytes: u64,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<T, OriginError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, OriginError>> + Send + 'static,
    {
        let limit = self.reach.call(self.silent.load(Ordering::Relaxed));
        self.respect(Instant::now() + limit).await?;
        let mut place = match class {
            Class::Scan => self.admit(class, bytes).await,
            Class::Listener => timeout(limit, self.admit(class, bytes))
                .await
                .map_err(|_| crowded(limit))?,
        };
        let end = Instant::now() + limit;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let result = self.attempt(op, bytes, end, place, attempt()).await;
            let (error, back) = match result {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            place = back;
            let wait = self.reach.retry(error.kind, attempts);
            let in_time = wait.filter(|wait| Instant::now() + *wait < end);
            // A call that hangs in the system still has its place, and would hang again.
            let (Some(wait), true) = (in_time, place.is_some() || self.gate.is_none()) else {
                if matches!(error.kind, ErrorKind::Offline | ErrorKind::Denied) {
                    self.doubts.notify_one();
                }
                return Err(error);
            };
            sleep(wait).await;
            if let Some(pace) = &self.requests {
                pace.take(1).await;
            }
        }
    }

    /// Waits as long as the origin asked to be left alone, where that is over before `end`.
    pub(super) async fn respect(&self, end: Instant) -> Result<(), OriginError> {
        let quiet = *self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        match quiet {
            Some(until) if until >= end => Err(OriginError {
                kind: ErrorKind::Throttled {
                    retry_after: Some(until.saturating_duration_since(Instant::now())),
                },
                message: "the server asked to be left alone for a while".to_owned(),
            }),
            Some(until) => {
                sleep_until(until).await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// One attempt. Gives the place back with an error, where the attempt has ended.
    async fn attempt<T, F>(
        &self,
        op: Op,
        bytes: u64,
        end: Instant,
        place: Option<Place>,
        attempt: F,
    ) -> Result<T, (OriginError, Option<Place>)>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, OriginError>> + Send + 'static,
    {
        let began = Instant::now();
        let until = end.min(began + self.reach.attempt(bytes));
        let silent = || {
            self.figures.count_timeout(op);
            self.silent.store(true, Ordering::Relaxed);
            let waited = until.saturating_duration_since(began).as_secs();
            OriginError {
                kind: ErrorKind::Offline,
                message: format!("no answer within {waited} s"),
            }
        };
        let (result, place) = if self.reach == Reach::Mount {
            // What hangs in the system keeps its place until it truly ends, so that a share that is
            // gone holds so many threads and no more.
            let held = tokio::spawn(async move { (attempt.await, place) });
            match timeout_at(until, held).await {
                Ok(Ok(ended)) => ended,
                Ok(Err(error)) => (Err(given_up(&error)), None),
                Err(_) => return Err((silent(), None)),
            }
        } else {
            match timeout_at(until, attempt).await {
                Ok(result) => (result, place),
                Err(_) => return Err((silent(), place)),
            }
        };
        self.heard(op, &result);
        result.map_err(|error| (error, place))
    }

    /// Takes in that the origin answered, or that a call failed of itself.
    pub(super) fn heard<T>(&self, op: Op, result: &Result<T, OriginError>) {
        self.figures.count(op, result);
        if let Err(error) = result
            && let ErrorKind::Throttled { retry_after } = error.kind
            && let Some(wait) = retry_after
        {
            let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
            *quiet = (*quiet).max(Instant::now().checked_add(wait));
        }
        let answered = |error: &OriginError| {
            use ErrorKind::{Changed, Denied, NotFound, Throttled};
            matches!(error.kind, Changed | Denied | NotFound | Throttled { .. })
        };
        if result.as_ref().err().is_none_or(answered) {
            self.silent.store(false, Ordering::Relaxed);
        }
        if result.is_ok() {
            // It answers again, whatever it said before.
            *self.quiet.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Waits for a place, and until the rates allow for the request.
    async fn admit(&self, class: Class, bytes: u64) -> Option<Place> {
        let place = match &self.gate {
            Some(gate) => Some(gate.enter(class).await),
            None => None,
        };
        if let Some(pace) = &self.requests {
            pace.take(1).await;
        }
        if let Some(pace) = self.bytes.as_ref().filter(|_| bytes > 0) {
            pace.take(bytes).await;
        }
        place
    }

    /// Waits until one more request may be begun; for those that need no place.
    pub(super) async fn pace(&self) {
        if let Some(pace) = &self.requests {
            pace.take(1).await;
        }
    }
}

fn crowded(limit: Duration) -> OriginError {
    OriginError {
        kind: ErrorKind::Throttled { retry_after: None },
        message: format!(
            "not read within {} s: too many requests for what `connections`, `requests_per_second` and \
             `bytes_per_second` allow",
            limit.as_secs()
        ),
    }
}

fn given_up(error: &tokio::task::JoinError) -> OriginError {
    OriginError {
        kind: ErrorKind::Io,
        message: format!("the call was given up: {error}"),
    }
}
