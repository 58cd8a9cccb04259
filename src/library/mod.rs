//! The library's origins while the daemon runs: each kept in step by a task of its own.

mod changes;
mod collections;
mod connect;
mod error;
mod keeper;
mod kinds;
mod later;
mod limits;
mod outlook;
mod pins;
mod root;
mod state;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use eventlog::OriginId;
use eventlog::event::{LayoutSpec, OriginSpec, ScanReason, ScanSummary};
use futures::FutureExt;
use origins::{Figures, Registry};
use parking_lot::Mutex;
use projections::{OriginRow, ViewError};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use self::error::{LibraryError, Refused};
use self::keeper::{Ask, Asked, CHECK_LIMIT, Keeper, Pulse};
pub(crate) use self::kinds::{connect, folder, target};
use self::outlook::Outlook;
pub use self::root::RootError;
pub(crate) use self::root::{apart, apart_by_name};
pub use self::state::{Health, OriginState};
use crate::config::OriginConfig;
use crate::scan::{ScanError, ScanStatus, Scanner};
use crate::supervise::Supervisor;

/// Asks that may wait for an origin's running scan to end.
const ASKS: usize = 16;

/// The origins, running.
pub struct Library {
    scanner: Scanner,
    registry: Arc<Registry>,
    supervisor: Supervisor,
    mountpoint: PathBuf,
    running: Mutex<BTreeMap<OriginId, Running>>,
    /// Held by whoever changes the library.
    changing: tokio::sync::Mutex<()>,
    /// The layout that the configuration names, and that is in force at every start.
    configured: Mutex<Option<LayoutSpec>>,
    /// Cancelled once every configured origin is known.
    begun: CancellationToken,
    outlook: Arc<Outlook>,
}

/// One origin's task.
struct Running {
    asks: mpsc::Sender<Ask>,
    state: watch::Receiver<OriginState>,
    checks: Arc<Notify>,
    figures: Arc<Figures>,
    stop: CancellationToken,
}

/// What to ask of a rescan beyond a listing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rescan {
    /// Carry out removals, however many (ORG-6).
    pub accept_removals: bool,
    /// Read every file again (ORG-4).
    pub verify: bool,
}

/// A rescan that was asked for.
pub struct Rescanning {
    /// How far it is; sent once it begins.
    pub progress: oneshot::Receiver<watch::Receiver<ScanStatus>>,
    /// How it ends.
    pub summary: oneshot::Receiver<Result<ScanSummary, ScanError>>,
}

impl Library {
    /// The origins of a library, none of them running yet.
    #[must_use]
    pub fn new(
        scanner: Scanner,
        registry: Arc<Registry>,
        supervisor: Supervisor,
        mountpoint: PathBuf,
    ) -> Arc<Self> {
        let running = Mutex::new(BTreeMap::new());
        let stop = supervisor.stop().child_token();
        let tasks = supervisor.clone();
        let library = Arc::new(Self {
            scanner,
            registry,
            supervisor,
            mountpoint,
            running,
            changing: tokio::sync::Mutex::default(),
            configured: Mutex::default(),
            begun: CancellationToken::new(),
            outlook: Arc::default(),
        });
        let watched = Arc::downgrade(&library);
        let stopped = stop.clone();
        let watch = move || {
            let watch = outlook::watch(Weak::clone(&watched));
            stopped.clone().run_until_cancelled_owned(watch).map(drop)
        };
        tasks.spawn("outlook".to_owned(), stop, watch);
        library
    }

    /// How many origins there are, and of how many nothing can be had now.
    fn down(&self) -> (usize, usize) {
        let running = self.running.lock();
        let down = running.values().filter(|it| it.state.borrow().down);
        (running.len(), down.count())
    }

    /// True while no origin answers.
    pub fn is_offline(&self) -> bool {
        self.outlook.is_offline()
    }

    /// What was asked of each origin since the daemon started, by id.
    pub fn figures(&self) -> Vec<(OriginId, Arc<Figures>)> {
        let running = self.running.lock();
        let each = running.iter();
        each.map(|(id, it)| (id.clone(), Arc::clone(&it.figures)))
            .collect()
    }

    /// Waits until the views know the whole log, then makes the library what it is configured to
    /// be, and starts a task for every origin. Where it failed, it can be called again.
    ///
    /// # Errors
    /// Where the log takes no events or the views cannot be read. An origin that will not do is
    /// logged, and keeps no other from starting.
    pub async fn begin(
        &self,
        configured: &[OriginConfig],
        layout: Option<&LayoutSpec>,
    ) -> Result<(), LibraryError> {
        let (views, writer) = (&self.scanner.views, &self.scanner.writer);
        views.wait_for(writer.store().head()).await?;
        let catalog = views.catalog();
        writer.resume_after(catalog.max_track_id()?, catalog.max_sidecar_id()?);
        self.name_layout(layout).await?;
        for row in catalog.origins()? {
            let reason = if row.listed.is_some() {
                ScanReason::Started
            } else {
                ScanReason::Added
            };
            if !self.running.lock().contains_key(&row.id) {
                self.run(row.id, row.spec, reason);
            }
        }
        for Refused { id, error, .. } in self.configure_all(configured).await? {
            tracing::error!(origin = %id, "{error}");
        }
        if self.running.lock().is_empty() {
            tracing::warn!("the library has no origins; add a folder: musicfs origin add PATH");
        }
        self.begun.cancel();
        Ok(())
    }

    /// Returns once every configured origin is known.
    pub async fn until_begun(&self) {
        self.begun.cancelled().await;
    }

    /// True once every configured origin is known: before that, no listing is to be expected.
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Runs something in the background that belongs to the library.
    pub fn detached(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.supervisor.detach(work);
    }

    /// Asks for a listing of an origin, after the one that may be running.
    ///
    /// # Errors
    /// Where there is no such origin.
    pub async fn rescan(&self, id: &OriginId, rescan: Rescan) -> Result<Rescanning, LibraryError> {
        let asks = self
            .running
            .lock()
            .get(id)
            .map(|running| running.asks.clone());
        let Some(asks) = asks else {
            return Err(LibraryError::Unknown(id.clone()));
        };
        let (begun, progress) = oneshot::channel();
        let (ended, summary) = oneshot::channel();
        let ask = Ask::Rescan(Asked {
            rescan,
            begun,
            ended,
        });
        asks.send(ask).await.map_err(|_| LibraryError::Stopping)?;
        Ok(Rescanning { progress, summary })
    }

    /// Asks for a listing of every origin (ORG-12). How they go, the status tells.
    pub fn rescan_all(&self) {
        for running in self.running.lock().values() {
            let (begun, ended) = (oneshot::channel().0, oneshot::channel().0);
            let rescan = Rescan::default();
            let asked = Asked {
                rescan,
                begun,
                ended,
            };
            // A full queue means that listings are due anyway.
            drop(running.asks.try_send(Ask::Rescan(asked)));
        }
    }

    /// Hints that a directory of an origin may have changed. Never waits.
    pub fn suspect(&self, id: &OriginId, directory: eventlog::OriginPath) {
        if let Some(running) = self.running.lock().get(id) {
            // A full queue means that a listing is due anyway.
            drop(running.asks.try_send(Ask::Relist(directory)));
        }
    }

    /// Every origin with its state, by id.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub fn origins(&self) -> Result<Vec<(OriginRow, OriginState)>, LibraryError> {
        let rows = self.scanner.views.catalog().origins()?;
        let running = self.running.lock();
        let state = |id: &OriginId| {
            running
                .get(id)
                .map(|running| running.state.borrow().clone())
        };
        Ok(rows
            .into_iter()
            .map(|row| {
                let state = state(&row.id).unwrap_or_default();
                (row, state)
            })
            .collect())
    }

    /// Has an origin checked now, and returns how it then is. Takes as long as a check may, and a
    /// second: one whose check has not ended by then is degraded.
    ///
    /// # Errors
    /// Where there is no such origin.
    pub async fn check(&self, id: &OriginId) -> Result<(OriginRow, OriginState), LibraryError> {
        let unknown = || LibraryError::Unknown(id.clone());
        let row = self.row(id)?.ok_or_else(unknown)?;
        let (mut state, checks) = match self.running.lock().get(id) {
            Some(running) => (running.state.clone(), Arc::clone(&running.checks)),
            None => return Ok((row, OriginState::default())),
        };
        let before = state.borrow().last_check;
        checks.notify_one();
        let limit = CHECK_LIMIT + Duration::from_secs(1);
        let checked = state.wait_for(|state| state.last_check != before);
        let in_time = match tokio::time::timeout(limit, checked).await {
            Ok(Ok(_)) => true,
            // Removed meanwhile.
            Ok(Err(_)) => return Err(unknown()),
            Err(_) => false,
        };
        let mut state = state.borrow().clone();
        if !in_time {
            state.health = Health::Degraded;
            state.message = Some(format!("its check has not ended within {limit:?}"));
        }
        Ok((row, state))
    }

    /// Ends an origin's task where there is one, and waits until it has.
    async fn halt(&self, id: &OriginId) {
        let running = self.running.lock().remove(id);
        if let Some(running) = running {
            running.stop.cancel();
            // The task holds the other end: what it was appending is in the log once it is gone.
            running.asks.closed().await;
        }
        self.registry.remove(id);
    }

    fn row(&self, id: &OriginId) -> Result<Option<OriginRow>, ViewError> {
        let origins = self.scanner.views.catalog().origins()?;
        Ok(origins.into_iter().find(|row| row.id == *id))
    }

    fn run(&self, id: OriginId, spec: OriginSpec, reason: ScanReason) {
        let (asks, queue) = mpsc::channel(ASKS);
        let (publish, state) = watch::channel(OriginState::default());
        let checks = Arc::new(Notify::new());
        let stop = self.supervisor.stop().child_token();
        let pulse = Arc::new(Mutex::new(Pulse::new(limits::vitals(&spec))));
        let figures: Arc<Figures> = Arc::default();
        let keeper = Keeper {
            id: id.clone(),
            spec,
            mountpoint: self.mountpoint.clone(),
            scanner: self.scanner.clone(),
            registry: Arc::clone(&self.registry),
            stop: stop.clone(),
            publish,
            checks: Arc::clone(&checks),
            pulse,
            figures: Arc::clone(&figures),
            outlook: Arc::clone(&self.outlook),
            turn: Arc::new(Semaphore::new(1)),
        };
        let queue = Arc::new(tokio::sync::Mutex::new(queue));
        self.supervisor
            .spawn(format!("origin {id}"), stop.clone(), move || {
                keeper.clone().run(Arc::clone(&queue), reason)
            });
        let running = Running {
            asks,
            state,
            checks,
            figures,
            stop,
        };
        self.running.lock().insert(id, running);
    }
}
