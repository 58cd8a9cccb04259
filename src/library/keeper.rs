//! Keeps one origin in step: connects, watches, scans, and reconnects.

mod checks;
mod scanning;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eventlog::event::{OriginSpec, ScanReason, ScanSummary};
use eventlog::{OriginId, OriginPath};
use futures::future::join;
use origins::{Dirty, ErrorKind, Figures, Guarded, OriginError, RefreshPolicy, Registry};
use projections::OriginRow;
use tokio::sync::{Mutex, Notify, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub(super) use self::checks::Pulse;
use super::connect::{Opened, Opening, offline};
use super::later::Later;
use super::outlook::Outlook;
use super::state::{Health, OriginState};
use super::{Rescan, kinds, root};
use crate::config::{OriginConfig, OriginKind, Refresh};
use crate::scan::{Request, ScanError, ScanStatus, Scanner, Scope};

/// How long it may take to answer (ORG-8).
pub(super) const CHECK_LIMIT: Duration = Duration::from_secs(5);
/// How long to wait before a scan that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// The same where the server has too much to do, and does not say for how long.
const THROTTLED: Duration = Duration::from_secs(30);
/// How long a scan may get nowhere: to list a folder of very many files over a slow line takes long.
const STALLED: Duration = Duration::from_secs(300);
/// How long a scan that is to end may take for it.
const GRACE: Duration = Duration::from_secs(2);

/// What can be asked of a keeper.
pub(super) enum Ask {
    /// List everything now.
    Rescan(Asked),
    /// Look at this directory again: something was not as the library had it.
    Relist(OriginPath),
}

/// A rescan that somebody waits for.
pub(super) struct Asked {
    /// How.
    pub(super) rescan: Rescan,
    /// Told when it begins.
    pub(super) begun: oneshot::Sender<watch::Receiver<ScanStatus>>,
    /// Told how it ended.
    pub(super) ended: oneshot::Sender<Result<ScanSummary, ScanError>>,
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
    /// Wakes it to look at once whether the origin is there.
    pub(super) checks: Arc<Notify>,
    pub(super) pulse: Arc<parking_lot::Mutex<Pulse>>,
    pub(super) figures: Arc<Figures>,
    pub(super) outlook: Arc<Outlook>,
    /// The right to scan: one scan has it until it has truly ended.
    pub(super) turn: Arc<Semaphore>,
}

/// How long a scan waits that the origin failed: as long as the server asks for.
fn patience_asked(error: &OriginError) -> Duration {
    match error.kind {
        ErrorKind::Throttled { retry_after } => retry_after.unwrap_or(THROTTLED).max(RETRY),
        _ => RETRY,
    }
}

/// How a connection to an origin ended.
enum End {
    Stopped,
    Lost(OriginError),
}

impl Keeper {
    /// Runs until told to stop.
    pub(super) async fn run(self, queue: Queue, reason: ScanReason) {
        let mut queue = queue.lock().await;
        // Of a scan that panicked, nobody else tells that it is over.
        self.publish.send_modify(|state| state.scan = None);
        let mut opening = Opening::default();
        let mut asked: Option<Asked> = None;
        let mut reason = reason;
        loop {
            let accept_empty = asked
                .as_ref()
                .is_some_and(|asked| asked.rescan.accept_removals);
            let connecting = self.connect(&mut opening, accept_empty);
            let Some(connected) = self.stop.run_until_cancelled(connecting).await else {
                break;
            };
            let error = match connected {
                Ok(origin) => match self.keep(origin, &mut queue, reason, asked.take()).await {
                    End::Stopped => break,
                    End::Lost(error) => error,
                },
                Err(error) => error,
            };
            // Nobody has to wait to learn that it is not there.
            self.registry.remove(&self.id);
            let why = error.message.clone();
            let next = self.down(&error).await;
            if let Some(asked) = asked.take() {
                drop(asked.ended.send(Err(ScanError::Origin(offline(why)))));
            }
            reason = ScanReason::Started;
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(next) => {}
                () = self.checks.notified() => {}
                ask = queue.recv() => match ask {
                    None => break,
                    Some(Ask::Relist(_)) => {}
                    Some(Ask::Rescan(rescan)) => asked = Some(rescan),
                },
            }
        }
        // What waits in the queue is answered by its senders being dropped.
        queue.close();
    }

    /// Opens the origin. A root without anything in it, of which tracks are known, looks like a
    /// disk that is not mounted, and is taken for one until the user says otherwise (ORG-6).
    async fn connect(
        &self,
        opening: &mut Opening,
        accept_empty: bool,
    ) -> Result<Guarded, OriginError> {
        let root = root::shown(&self.spec);
        let opened = opening.open(&self.id, &self.spec, &self.mountpoint, &self.figures);
        let Opened { origin, empty } = opened.await?;
        if self.turn.available_permits() == 0 {
            let root = root.display();
            return Err(offline(format!(
                "a listing of {root} still waits for an answer"
            )));
        }
        let known = self.known_tracks();
        if empty && !accept_empty && known > 0 {
            return Err(self.empty(known));
        }
        self.registry.add(origin.clone());
        Ok(origin)
    }

    /// What is said of a root without anything in it.
    fn empty(&self, known: u64) -> OriginError {
        let root = root::shown(&self.spec).display();
        let what = if kinds::folder(&self.spec).is_some() {
            "; is its disk mounted?"
        } else {
            "."
        };
        offline(format!(
            "{root} is empty, but {known} tracks of it are known{what} If it is meant to be empty: \
             musicfs origin rescan {} --accept-removals",
            self.id
        ))
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

    /// Scans and watches for as long as the origin answers; first of all does what was `asked`.
    async fn keep(
        &self,
        origin: Guarded,
        queue: &mut mpsc::Receiver<Ask>,
        reason: ScanReason,
        asked: Option<Asked>,
    ) -> End {
        // Begins with everything, once a watch stands: what changes during a listing is not missed.
        let (reports, changes) = mpsc::channel(1);
        let follow = origins::follow(Arc::new(origin.clone()), self.policy(), reports);
        let attend = self.attend(origin, queue, changes, reason, asked);
        // The one ends with the other: nobody listens any more.
        let ((), end) = join(follow, attend).await;
        end
    }

    async fn attend(
        &self,
        origin: Guarded,
        queue: &mut mpsc::Receiver<Ask>,
        mut changes: mpsc::Receiver<Dirty>,
        reason: ScanReason,
        asked: Option<Asked>,
    ) -> End {
        let policy = self.policy();
        let mut later = Later::default();
        let unlisted = policy == RefreshPolicy::Never && reason == ScanReason::Added;
        let mut due = unlisted.then(|| Request::whole(reason));
        let mut reason = reason;
        if let Err(error) = self.check(&origin).await {
            return End::Lost(error);
        }
        if let Some(asked) = asked
            && let Err(end) = self.rescan(&origin, asked, &mut later).await
        {
            return end;
        }
        loop {
            let (mut retry, mut wait) = (None, RETRY);
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
                    Err(ScanError::Empty(known)) => return End::Lost(self.empty(known)),
                    Err(ScanError::Origin(error)) => {
                        wait = patience_asked(&error);
                        if let Err(end) = self.failed(&origin, error).await {
                            return end;
                        }
                        retry = Some(request);
                    }
                    Err(error @ ScanError::Stalled(_)) => {
                        tracing::warn!(origin = %self.id, "{error}");
                    }
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
                    Some(Ask::Rescan(asked)) => {
                        if let Err(end) = self.rescan(&origin, asked, &mut later).await {
                            return end;
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
                () = self.when_to_check(&origin) => {
                    if let Err(error) = self.check(&origin).await {
                        return End::Lost(error);
                    }
                    due = retry;
                }
                () = tokio::time::sleep(wait), if retry.is_some() => due = retry,
                scope = later.due(), if policy != RefreshPolicy::Never => {
                    due = Some(merged(retry, relist(scope, reason)));
                }
            }
        }
    }

    /// Does what somebody asked for, and tells them how it went.
    async fn rescan(&self, origin: &Guarded, asked: Asked, later: &mut Later) -> Result<(), End> {
        let Rescan {
            accept_removals,
            verify,
        } = asked.rescan;
        let request = Request {
            accept_removals,
            verify,
            ..Request::whole(ScanReason::Asked)
        };
        let progress = self.begin();
        drop(asked.begun.send(progress.watch()));
        let result = self.scan(origin, request, progress, later).await;
        let end = match &result {
            Err(ScanError::Stopped) => Err(End::Stopped),
            Err(ScanError::Empty(known)) => Err(End::Lost(self.empty(*known))),
            Err(ScanError::Origin(error)) => self.failed(origin, error.clone()).await,
            _ => Ok(()),
        };
        drop(asked.ended.send(result));
        end
    }

    /// What follows of a scan that the origin failed: a disk is lost by that, a server by failing its
    /// checks.
    async fn failed(&self, origin: &Guarded, error: OriginError) -> Result<(), End> {
        if !self.is_remote() {
            return Err(End::Lost(error));
        }
        self.check(origin).await.map_err(End::Lost)?;
        // Of one that answers badly, people were told.
        if self.publish.borrow().answering() == Health::Healthy {
            let wait = patience_asked(&error).as_secs();
            tracing::warn!(origin = %self.id, "a scan ended early, and begins again in {wait} s: {error}");
        }
        Ok(())
    }

    fn is_remote(&self) -> bool {
        OriginKind::from_name(&self.spec.kind).is_some_and(OriginKind::is_remote)
    }

    fn policy(&self) -> RefreshPolicy {
        let interval = Duration::from_secs(OriginConfig::interval_secs_of(&self.spec).max(1));
        match Refresh::of(&self.spec) {
            Refresh::Watch if self.is_remote() => RefreshPolicy::Interval(interval),
            Refresh::Watch => RefreshPolicy::Watch(interval),
            Refresh::Interval => RefreshPolicy::Interval(interval),
            Refresh::Start => RefreshPolicy::AtStart,
            Refresh::Never => RefreshPolicy::Never,
        }
    }
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
