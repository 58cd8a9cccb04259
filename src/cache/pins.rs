//! Keeps what is pinned on this machine (CAS-5): finds out what that is whenever the tree changes, and
//! fetches what is missing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use content::{Key, Store};
use eventlog::{Filter, OriginId, PinTarget, Position, Recorded, StoreError};
use futures::StreamExt;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use projections::{ViewError, ViewName};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fetch::{Fetched, fetch, make_way};
use super::rests::Rests;
use super::survey::{Counts, Missing, Pinned, Survey, Surveyor};
use crate::control::Engine;
use crate::originals::FileRef;

/// Files that are fetched at the same time.
const AT_ONCE: usize = 2;

/// How long more changes are waited for after one.
const QUIET: Duration = Duration::from_millis(300);

/// Looking takes at most one part of so many of the time.
const SHARE: u32 = 5;

/// How long the views may take to know the log, before what they know is taken for what there is.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the index may take that follows them.
const SEARCHED: Duration = Duration::from_secs(2);

/// How soon it is looked again where they do not know it yet.
const AGAIN: Duration = Duration::from_secs(5);

/// How often what is pinned is looked at where nothing happens.
const HOURLY: Duration = Duration::from_secs(3_600);

/// How often it is tried again while the disk is full.
const PRESSED: Duration = Duration::from_secs(5);

/// Events after which other files may be pinned, or the same ones be other files.
const KINDS: [&str; 14] = [
    "track.discovered",
    "track.content_changed",
    "track.tags_read",
    "track.moved",
    "track.vanished",
    "track.returned",
    "sidecar.found",
    "sidecar.changed",
    "sidecar.vanished",
    "track.read",
    "collection.*",
    "origin.removed",
    "layout.changed",
    "pin.*",
];

/// The one of them that comes with all that is played, and only moves tracks through collections.
const PLAYED: &str = "track.read";

/// What is known of the pins.
pub(crate) struct Pins {
    surveyor: Mutex<Surveyor>,
    counts: Mutex<Counts>,
    problems: Mutex<HashMap<Arc<Key>, String>>,
    again: Notify,
    /// True once the views knew all that the log says, as far as they ever will: those that begin anew after damage are
    /// served as they grow, and what is not in them yet is no less pinned.
    is_known: AtomicBool,
}

impl Pins {
    pub(crate) fn new(surveyor: Surveyor) -> Self {
        Self {
            surveyor: Mutex::new(surveyor),
            counts: Mutex::default(),
            problems: Mutex::default(),
            again: Notify::new(),
            is_known: AtomicBool::new(false),
        }
    }

    /// What is pinned now. From the moment on that it is known, what is there of it stays in the store.
    /// Blocks.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub(crate) fn look(&self) -> Result<Survey, ViewError> {
        let mut surveyor = self.surveyor.lock();
        let survey = if self.is_known() {
            surveyor.hold()?
        } else {
            surveyor.look()?
        };
        *self.counts.lock() = survey.counts;
        Ok(survey)
    }

    /// True once it is known what is pinned.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// What is pinned, in figures, as last looked at.
    pub(crate) fn counts(&self) -> Counts {
        *self.counts.lock()
    }

    /// Why a file could not be fetched.
    pub(crate) fn problem(&self, of: &Key) -> Option<String> {
        self.problems.lock().get(of).cloned()
    }

    /// Why nothing is fetched at all, where that is so.
    pub(crate) fn idle(store: &Store) -> Option<&'static str> {
        if !store.is_enabled() {
            Some("the cache is switched off, or cannot be used")
        } else if store.is_pressed() {
            Some("the disk of the cache is nearly full, or fails")
        } else {
            None
        }
    }

    /// Something may have left the store: what is pinned is looked at again.
    pub(crate) fn look_again(&self) {
        self.surveyor.lock().forget();
        self.again.notify_one();
    }
}

/// Starts it.
pub(crate) fn keep(engine: &Engine) {
    let (stop, kept) = (engine.supervisor.stop(), engine.clone());
    engine
        .supervisor
        .spawn("pins".to_owned(), stop.clone(), move || {
            Keeper::new(kept.clone()).run()
        });
}

struct Keeper {
    engine: Engine,
    /// What is to be fetched, the first first.
    queue: VecDeque<Missing>,
    /// What is being fetched.
    flying: HashSet<FileRef>,
    fills: JoinSet<(Missing, Fetched)>,
    origins: Rests<OriginId>,
    /// By revision: a file that changed is another.
    files: Rests<Arc<Key>>,
    /// Bytes that may still be fetched.
    room: u64,
    /// When to look again at what is pinned, and when at the earliest.
    due: Option<Instant>,
    earliest: Instant,
    /// When that was last looked at.
    looked: Instant,
    /// What the store had lost when that was looked at.
    damage: u64,
    /// True where what is pinned hangs on what is played.
    has_collections: bool,
    /// How long the views are waited for.
    patience: Duration,
}

impl Keeper {
    fn new(engine: Engine) -> Self {
        let secs = Duration::from_secs;
        Self {
            engine,
            queue: VecDeque::new(),
            flying: HashSet::new(),
            fills: JoinSet::new(),
            // An origin that is back is noticed by its check, every 30 s.
            origins: Rests::new(secs(2), secs(30)),
            files: Rests::new(secs(5), secs(3600)),
            room: 0,
            due: None,
            earliest: Instant::now(),
            looked: Instant::now(),
            damage: 0,
            has_collections: false,
            patience: PATIENCE,
        }
    }

    async fn run(mut self) {
        let stop = self.engine.supervisor.stop().clone();
        let mut seen = self.engine.store.head();
        let mut events = self.events(seen);
        let Some(is_known) = stop
            .run_until_cancelled(known(&self.engine, seen, PATIENCE))
            .await
        else {
            return;
        };
        self.look(is_known).await;
        let engine = self.engine.clone();
        loop {
            let next = self.start().unwrap_or_else(|| Instant::now() + PATIENCE);
            let wake = self.due.map_or(next, |due| due.min(next));
            tokio::select! {
                () = stop.cancelled() => return,
                () = engine.pins.again.notified() => self.due = Some(Instant::now()),
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        seen = event.position;
                        if self.has_collections || &*event.kind != PLAYED {
                            let soon = (Instant::now() + QUIET).max(self.earliest);
                            self.due.get_or_insert(soon);
                        }
                    }
                    _ => {
                        // The log said why, or will.
                        tokio::time::sleep(PRESSED).await;
                        events = self.events(seen);
                    }
                },
                Some(ended) = self.fills.join_next() => if let Ok((file, fetched)) = ended {
                    self.ended(file, fetched);
                },
                () = tokio::time::sleep_until(wake) => {
                    let is_due = self.due.is_some_and(|due| due <= Instant::now());
                    // What collections have moves with the calendar.
                    let is_old = self.looked.elapsed() >= HOURLY;
                    if is_due || is_old || self.damage != damage(&engine) {
                        let known = known(&engine, seen, self.patience);
                        let known = stop.run_until_cancelled(known).await;
                        let Some(is_known) = known else { return };
                        self.look(is_known).await;
                    }
                }
            }
        }
    }

    fn events(&self, after: Position) -> BoxStream<'static, Result<Recorded, StoreError>> {
        let filter = Filter {
            kinds: KINDS.map(str::to_owned).to_vec(),
            subject: None,
        };
        eventlog::subscribe(Arc::clone(&self.engine.store), after, filter)
    }

    /// Looks at what is pinned, and what is to be fetched; soon again where the views lag.
    async fn look(&mut self, is_known: bool) {
        self.due = None;
        self.looked = Instant::now();
        self.damage = damage(&self.engine);
        let (began, pins) = (Instant::now(), Arc::clone(&self.engine.pins));
        let survey = tokio::task::spawn_blocking(move || pins.look()).await;
        self.earliest = Instant::now() + began.elapsed() * (SHARE - 1);
        let survey = match survey {
            Ok(Ok(survey)) => survey,
            Ok(Err(error)) => {
                tracing::warn!("what is pinned is not known: {error}; looking again in 60 s");
                self.due = Some(Instant::now() + PATIENCE);
                return;
            }
            // It panicked, and the log says where.
            Err(_) => return,
        };
        for pin in &survey.pins {
            if let Some(problem) = &pin.problem {
                tracing::debug!("what {} pins is not known: {problem}", pin.row.target);
            }
        }
        // Where they have been waited for in vain, what is known is fetched meanwhile.
        self.patience = if is_known { PATIENCE } else { SEARCHED };
        if !is_known || survey.pins.iter().any(|pin| pin.problem.is_some()) {
            self.due = Some((Instant::now() + AGAIN).max(self.earliest));
        }
        let is_one = |pin: &Pinned| matches!(pin.row.target, PinTarget::Collection(_));
        self.has_collections = survey.pins.iter().any(is_one);
        self.room = survey.room;
        let missing: HashSet<Arc<Key>> =
            (survey.missing.iter().map(|it| Arc::clone(&it.key))).collect();
        self.files.retain(|file| missing.contains(file));
        let is_missing = |file: &Arc<Key>, _: &mut String| missing.contains(file);
        self.engine.pins.problems.lock().retain(is_missing);
        let waiting = survey.missing.into_iter();
        let waiting = waiting.filter(|it| !self.flying.contains(&it.file));
        self.queue = waiting.collect();
    }

    /// Starts to fetch what can be now. Returns when to try again, where something waits.
    fn start(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let mut next: Option<Instant> = None;
        let mut rest = VecDeque::new();
        while self.fills.len() < AT_ONCE {
            let Some(file) = self.queue.pop_front() else {
                break;
            };
            if Pins::idle(&self.engine.content).is_some() {
                rest.push_back(file);
                next = Some(now + PRESSED);
                break;
            }
            let origin = self.origins.until(&file.key.origin, now);
            if let Some(until) = self.files.until(&file.key, now).or(origin) {
                next = Some(next.map_or(until, |next| next.min(until)));
                rest.push_back(file);
            } else if file.bytes > self.room {
                let problem = "there is no room: what is pinned takes more than cache.size";
                self.problem(&file, problem.to_owned());
            } else {
                self.room -= file.bytes;
                self.flying.insert(file.file);
                let engine = self.engine.clone();
                self.fills.spawn_blocking(move || {
                    let (stop, store) = (engine.supervisor.stop(), &engine.content);
                    let fetched = fetch(&engine.sources, &file, |_| {
                        make_way(store, stop);
                        !stop.is_cancelled() && !store.is_pressed()
                    });
                    (file, fetched)
                });
            }
        }
        rest.append(&mut self.queue);
        self.queue = rest;
        next
    }

    fn ended(&mut self, file: Missing, fetched: Fetched) {
        self.flying.remove(&file.file);
        let now = Instant::now();
        match fetched {
            Fetched::Done => {
                self.engine.pins.problems.lock().remove(&file.key);
                self.files.well(&file.key);
                self.origins.well(&file.key.origin);
                let mut counts = self.engine.pins.counts.lock();
                counts.missing_bytes = counts.missing_bytes.saturating_sub(file.bytes);
                return;
            }
            Fetched::Ended => {}
            Fetched::Offline(problem) => {
                self.problem(&file, problem);
                self.origins.failed(file.key.origin.clone(), now);
            }
            Fetched::Failed(problem) => {
                self.problem(&file, problem);
                self.files.failed(Arc::clone(&file.key), now);
            }
        }
        self.room = self.room.saturating_add(file.bytes);
        self.queue.push_back(file);
    }

    fn problem(&self, file: &Missing, problem: String) {
        let (mut problems, key) = (self.engine.pins.problems.lock(), Arc::clone(&file.key));
        if problems.get(&key) != Some(&problem) {
            tracing::debug!(file = %file.file, "what is pinned is not fetched: {problem}");
            problems.insert(key, problem);
        }
    }
}

/// Waits, for a while, until the views and the index know of everything up to a position, those that
/// something is pinned by: nobody else is to hurry, who might let a scan pass. Whether they do.
///
/// A view that is not kept any more, of which the log said why, knows all that it ever will.
async fn known(engine: &Engine, position: Position, patience: Duration) -> bool {
    let known = async {
        drop(engine.views.wait_for(position).await);
        let catalog = engine.views.catalog();
        let pins = tokio::task::spawn_blocking(move || catalog.pins()).await;
        // Where they cannot be read, the look that follows tells it.
        let pins = pins.ok().and_then(Result::ok).unwrap_or_default();
        let by = |kind: fn(&PinTarget) -> bool| pins.iter().any(|pin| kind(&pin.target));
        if by(|target| matches!(target, PinTarget::Collection(_))) {
            let collections = ViewName::Collections;
            drop(engine.views.wait_for_view(collections, position).await);
        }
        // The index tells itself where it does not know yet.
        engine.pins.is_known.store(true, Ordering::Relaxed);
        if by(|target| matches!(target, PinTarget::Search(_))) {
            // While it is built, which may take long, the other pins are seen to.
            let searcher = engine.search.searcher();
            let reached = tokio::time::timeout(SEARCHED, searcher.reach(position)).await;
            return reached.is_ok();
        }
        true
    };
    let known = tokio::time::timeout(patience, known).await;
    known.unwrap_or(false)
}

/// How often the store lost something.
fn damage(engine: &Engine) -> u64 {
    let figures = engine.content.figures();
    figures.damaged + figures.refuted
}
