//! Keeps one origin in step: connects, watches, scans, and reconnects.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::event::{OriginSpec, ScanReason, ScanSummary};
use eventlog::{OriginId, OriginPath, Timestamp};
use futures::StreamExt;
use futures::future::join;
use origins::{Depth, Dirty, ErrorKind, LocalOrigin, Origin, OriginError, RefreshPolicy, Registry};
use projections::OriginRow;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::later::Later;
use super::{Rescan, root};
use crate::config::{OriginConfig, OriginKind, Refresh};
use crate::scan::{Progress, Request, ScanError, ScanStatus, Scanner, Scope};

/// How often an origin is asked whether it is there (ORG-8).
const CHECK_INTERVAL: Duration = Duration::from_secs(30);
/// How long it may take to answer (ORG-8).
const CHECK_LIMIT: Duration = Duration::from_secs(5);
/// How long to wait before a lost origin, or a scan that failed, is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Whether an origin answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It does.
    Healthy,
    /// It does, but part of it could not be read.
    Degraded,
    /// It does not.
    Unhealthy,
}

/// How an origin is doing.
#[derive(Debug, Clone, Default)]
pub struct OriginState {
    /// Whether it answers.
    pub health: Health,
    /// Why it does not.
    pub message: Option<String>,
    /// What the last whole listing could not read.
    pub unreadable: Option<String>,
    /// How long its last check took.
    pub latency: Option<Duration>,
    /// When it was last checked.
    pub last_check: Option<Timestamp>,
    /// True once a listing has ended since the daemon started, or is not to be expected: the
    /// origin does not answer, or is listed only when asked.
    pub settled: bool,
    /// Tracks that scans found added, changed, moved or vanished since the daemon started.
    pub changes: u64,
    /// The scan that is running.
    pub scan: Option<watch::Receiver<ScanStatus>>,
}

impl OriginState {
    /// An origin that answers is only healthy where all of it could be read.
    fn refresh(&mut self) {
        if self.health == Health::Unhealthy {
            return;
        }
        self.health = match self.unreadable {
            Some(_) => Health::Degraded,
            None => Health::Healthy,
        };
        self.message.clone_from(&self.unreadable);
    }
}

/// What can be asked of a keeper.
pub(super) enum Ask {
    /// List everything now.
    Rescan {
        /// How.
        rescan: Rescan,
        /// Told when it begins.
        begun: oneshot::Sender<watch::Receiver<ScanStatus>>,
        /// Told how it ended.
        ended: oneshot::Sender<Result<ScanSummary, ScanError>>,
    },
    /// Look at this directory again: something was not as the library had it.
    Relist(OriginPath),
}

/// The queue of asks; survives a restart of the task.
type Queue = Arc<Mutex<mpsc::Receiver<Ask>>>;

/// One origin's task.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) id: OriginId,
    pub(super) spec: OriginSpec,
    /// Where the library is mounted: never to be read as an origin.
    pub(super) mountpoint: PathBuf,
    pub(super) scanner: Scanner,
    pub(super) registry: Arc<Registry>,
    pub(super) stop: CancellationToken,
    pub(super) publish: watch::Sender<OriginState>,
}

/// How a connection to an origin ended.
enum End {
    Stopped,
    Lost(String),
}

impl Keeper {
    /// Runs until told to stop.
    pub(super) async fn run(self, queue: Queue, reason: ScanReason) {
        let mut queue = queue.lock().await;
        let mut accept_empty = false;
        let mut reason = reason;
        loop {
            let why = match self.connect(accept_empty).await {
                Ok(origin) => match self.keep(origin, &mut queue, reason).await {
                    End::Stopped => break,
                    End::Lost(why) => why,
                },
                Err(error) => error.message,
            };
            self.health(Health::Unhealthy, Some(why.clone()), None);
            reason = ScanReason::Started;
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(RETRY) => {}
                ask = queue.recv() => match ask {
                    None => break,
                    Some(Ask::Relist(_)) => {}
                    Some(Ask::Rescan { rescan, ended, .. }) => {
                        accept_empty = rescan.accept_removals;
                        let error = OriginError { kind: ErrorKind::Offline, message: why };
                        drop(ended.send(Err(ScanError::Origin(error))));
                    }
                },
            }
        }
        // What waits in the queue is answered by its senders being dropped.
        queue.close();
    }

    /// Opens the origin. A root without anything in it, of which tracks are known, looks like a
    /// disk that is not mounted, and is taken for one until the user says otherwise (ORG-6).
    async fn connect(&self, accept_empty: bool) -> Result<Arc<dyn Origin>, OriginError> {
        let (id, path) = (self.id.clone(), root::path(&self.spec).to_owned());
        let mountpoint = self.mountpoint.clone();
        let open = move || {
            root::apart(&path, &mountpoint).map_err(|error| OriginError {
                kind: ErrorKind::Offline,
                message: error.to_string(),
            })?;
            LocalOrigin::new(id, path)
        };
        let origin = tokio::task::spawn_blocking(open)
            .await
            .map_err(|error| OriginError {
                kind: ErrorKind::Io,
                message: format!("opening the origin failed: {error}"),
            })??;
        let origin: Arc<dyn Origin> = Arc::new(origin);
        if !accept_empty && self.known_tracks() > 0 {
            let first = origin.walk(&OriginPath::root(), Depth::One).next().await;
            let empty = matches!(first, Some(Ok(directory))
                if directory.files.is_empty() && directory.directories.is_empty());
            if empty {
                return Err(OriginError {
                    kind: ErrorKind::Offline,
                    message: format!(
                        "{} is empty, but {} tracks of it are known; is its disk mounted? If it is \
                         meant to be empty: musicfs origin rescan {} --accept-removals",
                        root::path(&self.spec).display(),
                        self.known_tracks(),
                        self.id
                    ),
                });
            }
        }
        self.registry.add(Arc::clone(&origin));
        Ok(origin)
    }

    fn row(&self) -> Option<OriginRow> {
        let origins = self.scanner.views.catalog().origins().unwrap_or_default();
        origins.into_iter().find(|row| row.id == self.id)
    }

    fn known_tracks(&self) -> u64 {
        self.row().map_or(0, |row| row.tracks)
    }

    fn holds_removals(&self) -> bool {
        self.row().is_some_and(|row| row.held_removals.is_some())
    }

    /// Scans and watches for as long as the origin answers.
    async fn keep(
        &self,
        origin: Arc<dyn Origin>,
        queue: &mut mpsc::Receiver<Ask>,
        reason: ScanReason,
    ) -> End {
        // Begins with everything, once a watch stands: what changes during a listing is not missed.
        let (reports, changes) = mpsc::channel(1);
        let follow = origins::follow(Arc::clone(&origin), self.policy(), reports);
        let attend = self.attend(origin, queue, changes, reason);
        // The one ends with the other: nobody listens any more.
        let ((), end) = join(follow, attend).await;
        end
    }

    async fn attend(
        &self,
        origin: Arc<dyn Origin>,
        queue: &mut mpsc::Receiver<Ask>,
        mut changes: mpsc::Receiver<Dirty>,
        reason: ScanReason,
    ) -> End {
        let policy = self.policy();
        let mut later = Later::default();
        let unlisted = policy == RefreshPolicy::Never && reason == ScanReason::Added;
        let mut due = unlisted.then(|| Request::whole(reason));
        let mut reason = reason;
        self.health(Health::Healthy, None, None);
        let mut check = tokio::time::interval(CHECK_INTERVAL);
        check.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut retry = None;
            if let Some(request) = due.take() {
                let progress = self.begin();
                let whole = request.scope == Scope::Whole;
                match self
                    .scan(&origin, request.clone(), progress, &mut later)
                    .await
                {
                    // What is missing may have come back: only a whole listing can tell.
                    Ok(_) if !whole && self.holds_removals() => {
                        due = Some(Request::whole(request.reason));
                        continue;
                    }
                    Ok(_) => {}
                    Err(ScanError::Stopped) => return End::Stopped,
                    Err(ScanError::Origin(error)) => return End::Lost(error.message),
                    Err(error) => {
                        tracing::error!(origin = %self.id, "scan failed, trying again in 5 s: {error}");
                        retry = Some(request);
                    }
                }
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return End::Stopped,
                ask = queue.recv() => match ask {
                    None => return End::Stopped,
                    Some(Ask::Relist(directory)) => {
                        let suspected = Scope::Directories(vec![directory]);
                        due = Some(merged(retry, relist(suspected, ScanReason::Watched)));
                    }
                    Some(Ask::Rescan { rescan, begun, ended }) => {
                        let Rescan { accept_removals, verify } = rescan;
                        let request = Request {
                            accept_removals,
                            verify,
                            ..Request::whole(ScanReason::Asked)
                        };
                        let progress = self.begin();
                        drop(begun.send(progress.watch()));
                        let result = self.scan(&origin, request, progress, &mut later).await;
                        let lost = match &result {
                            Err(ScanError::Origin(error)) => Some(error.message.clone()),
                            _ => None,
                        };
                        drop(ended.send(result));
                        if let Some(message) = lost {
                            return End::Lost(message);
                        }
                        due = retry;
                    }
                },
                Some(dirty) = changes.recv() => {
                    let mut scope = scope_of(dirty);
                    while let Ok(more) = changes.try_recv() {
                        scope = scope.union(scope_of(more));
                    }
                    due = Some(merged(retry, relist(scope, reason)));
                    reason = match policy {
                        RefreshPolicy::Watch(_) => ScanReason::Watched,
                        _ => ScanReason::Interval,
                    };
                }
                _ = check.tick() => {
                    let began = Instant::now();
                    let answer = tokio::time::timeout(CHECK_LIMIT, origin.check()).await;
                    match answer {
                        Ok(Ok(())) => self.health(Health::Healthy, None, Some(began.elapsed())),
                        Ok(Err(error)) => return End::Lost(error.message),
                        Err(_) => return End::Lost("no answer within 5 s".to_owned()),
                    }
                    due = retry;
                }
                () = tokio::time::sleep(RETRY), if retry.is_some() => due = retry,
                scope = later.due(), if policy != RefreshPolicy::Never => {
                    due = Some(merged(retry, relist(scope, reason)));
                }
            }
        }
    }

    fn policy(&self) -> RefreshPolicy {
        let interval = Duration::from_secs(OriginConfig::interval_secs_of(&self.spec).max(1));
        let remote = OriginKind::from_name(&self.spec.kind).is_some_and(OriginKind::is_remote);
        match Refresh::of(&self.spec) {
            Refresh::Watch if remote => RefreshPolicy::Interval(interval),
            Refresh::Watch => RefreshPolicy::Watch(interval),
            Refresh::Interval => RefreshPolicy::Interval(interval),
            Refresh::Start => RefreshPolicy::AtStart,
            Refresh::Never => RefreshPolicy::Never,
        }
    }

    fn begin(&self) -> Progress {
        let progress = Progress::begin(self.known_tracks());
        self.publish
            .send_modify(|state| state.scan = Some(progress.watch()));
        progress
    }

    async fn scan(
        &self,
        origin: &Arc<dyn Origin>,
        request: Request,
        progress: Progress,
        later: &mut Later,
    ) -> Result<ScanSummary, ScanError> {
        let began = Instant::now();
        let (scope, status) = (request.scope.clone(), progress.watch());
        let whole = scope == Scope::Whole;
        let result = self
            .scanner
            .scan(Arc::clone(origin), request, progress, self.stop.clone())
            .await;
        if result.is_ok() {
            later.note(&scope, status.borrow().again.clone());
        }
        self.publish.send_modify(|state| {
            state.scan = None;
            state.settled |= result.is_ok();
            if whole && result.is_ok() {
                state.unreadable = status.borrow().trouble.clone();
            }
            state.refresh();
            state.changes += result.as_ref().map_or(0, changes);
        });
        match &result {
            Ok(found) if changes(found) > 0 => {
                tracing::info!(
                    origin = %self.id,
                    "{} added, {} changed, {} moved, {} vanished of {} listed, in {:.1?}",
                    found.added, found.changed, found.moved, found.vanished, found.listed,
                    began.elapsed()
                );
            }
            Ok(found) => tracing::debug!(
                origin = %self.id, "nothing new in {} files, in {:.1?}", found.listed, began.elapsed()
            ),
            Err(error) => tracing::debug!(origin = %self.id, "scan ended early: {error}"),
        }
        result
    }

    fn health(&self, health: Health, message: Option<String>, latency: Option<Duration>) {
        self.publish.send_modify(|state| {
            let answered = matches!(state.health, Health::Healthy | Health::Degraded);
            if answered != (health == Health::Healthy)
                || message.is_some() && state.message != message
            {
                match &message {
                    Some(why) => tracing::warn!(origin = %self.id, "origin unreachable: {why}"),
                    None => tracing::info!(origin = %self.id, "origin reachable"),
                }
            }
            state.settled |= health == Health::Unhealthy || self.policy() == RefreshPolicy::Never;
            state.health = health;
            state.message = message;
            state.refresh();
            state.latency = latency.or(state.latency);
            state.last_check = Some(Timestamp::now());
        });
    }
}

const fn changes(found: &ScanSummary) -> u64 {
    found.added + found.changed + found.moved + found.vanished
}

/// One scan for a request that failed and one that came since.
fn merged(failed: Option<Request>, more: Request) -> Request {
    let Some(failed) = failed else {
        return more;
    };
    let scope = failed.scope.union(more.scope);
    Request { scope, ..failed }
}

fn relist(scope: Scope, reason: ScanReason) -> Request {
    Request {
        scope,
        ..Request::whole(reason)
    }
}

fn scope_of(dirty: Dirty) -> Scope {
    match dirty {
        Dirty::Directories(directories) => Scope::Directories(directories),
        Dirty::Everything => Scope::Whole,
    }
}
