//! The task that sees who listens, and fetches what waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::OriginId;
use fuse::Filesystem;
use tokio::task::{Id, JoinSet, spawn_blocking};
use tokio::time::MissedTickBehavior;

use super::listeners::{Listeners, Look};
use super::{Job, Prefetch, State};
use crate::cache::fetch::{Fetched, fetch, make_way};
use crate::cache::pins::Pins;
use crate::cache::rests::Rests;
use crate::control::Engine;

/// How often it looks who listens, and how often whether what was fetched is still here.
const TICK: Duration = Duration::from_secs(1);
const CHECK: Duration = Duration::from_secs(10);

/// How long nothing is predicted of an origin that did not answer, or wants to be left alone.
const REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Starts it.
pub(crate) fn start(engine: &Engine, filesystem: &Arc<Filesystem>) {
    let (kept, filesystem) = (engine.clone(), Arc::clone(filesystem));
    let stop = engine.supervisor.stop().clone();
    engine
        .supervisor
        .spawn("prefetch".to_owned(), stop, move || {
            Keeper::new(kept.clone(), Arc::clone(&filesystem)).run()
        });
}

struct Keeper {
    engine: Engine,
    prefetch: Arc<Prefetch>,
    filesystem: Arc<Filesystem>,
    listeners: Listeners,
    fills: JoinSet<Fetched>,
    /// What is being fetched, by the task that does.
    flying: HashMap<Id, Arc<Job>>,
    origins: Rests<OriginId>,
    /// When it last looked for what has left.
    checked: Instant,
}

impl Keeper {
    fn new(engine: Engine, filesystem: Arc<Filesystem>) -> Self {
        Self {
            prefetch: Arc::clone(&engine.prefetch),
            engine,
            filesystem,
            listeners: Listeners::default(),
            fills: JoinSet::new(),
            flying: HashMap::new(),
            origins: Rests::new(REST, LONGEST_REST),
            checked: Instant::now(),
        }
    }

    async fn run(mut self) {
        let stop = self.engine.supervisor.stop().clone();
        // One that went before this failed with what it was fetching.
        for job in std::mem::take(&mut self.prefetch.desk.lock().flying) {
            job.set(State::Left(failed()));
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let prefetch = Arc::clone(&self.prefetch);
        let all = async move {
            loop {
                tokio::select! {
                    () = prefetch.wake.notified() => {}
                    Some(ended) = self.fills.join_next_with_id() => match ended {
                        Ok((task, fetched)) => self.ended(task, Some(fetched)),
                        // It panicked, and the log says where.
                        Err(error) => self.ended(error.id(), None),
                    },
                    _ = tick.tick() => self.look().await,
                }
                self.hints().await;
                self.start();
            }
        };
        stop.run_until_cancelled(all).await;
    }

    /// Sees who listens, and what has become of what was fetched.
    async fn look(&mut self) {
        let open = self.filesystem.being_read();
        let look = if self.prefetch.settings().enabled {
            self.listeners.look(&open, Instant::now())
        } else {
            self.listeners = Listeners::default();
            Look::default()
        };
        {
            let mut desk = self.prefetch.desk.lock();
            open.keys().for_each(|(_, track)| desk.unread.read(*track));
            look.over.iter().for_each(|heard| desk.queue.forget(*heard));
        }
        for heard in look.begun {
            let prefetch = Arc::clone(&self.prefetch);
            // Where it panicked, the log says where.
            drop(spawn_blocking(move || prefetch.predict(heard)).await);
        }
        // Where nothing was fetched, no thread is kept awake for it.
        if self.checked.elapsed() >= CHECK && !self.prefetch.desk.lock().unread.is_empty() {
            let prefetch = Arc::clone(&self.prefetch);
            drop(spawn_blocking(move || look_after(&prefetch)).await);
            self.checked = Instant::now();
        }
    }

    /// Looks up what was read in `.prefetch`.
    async fn hints(&mut self) {
        loop {
            let Some(path) = self.prefetch.desk.lock().hints.pop_front() else {
                return;
            };
            let prefetch = Arc::clone(&self.prefetch);
            let asked = spawn_blocking(move || {
                let most = prefetch.settings().queue;
                let files = prefetch.files_at(&path, false, most)?;
                prefetch.ask(&files.unwrap_or_default())
            });
            if let Ok(Err(error)) = asked.await {
                tracing::warn!("what was read in .prefetch is not fetched: {error}");
            }
        }
    }

    /// Why nothing is fetched that nobody waits for.
    fn idle(&self) -> Option<String> {
        let store = Pins::idle(&self.engine.content).map(str::to_owned);
        store.or_else(|| {
            let short = self.engine.resources.admit().err()?;
            Some(short.message().to_owned())
        })
    }

    /// Starts to fetch what can be now. What cannot is given up: nobody knows what will be wanted by
    /// the time when it could.
    fn start(&mut self) {
        while self.flying.len() < self.prefetch.settings().concurrency {
            let mut desk = self.prefetch.desk.lock();
            let Some((job, asked)) = desk.queue.pop() else {
                return;
            };
            desk.flying.push(Arc::clone(&job));
            drop(desk);
            let origin = &job.file.key.origin;
            let rests = self.origins.until(origin, tokio::time::Instant::now());
            let silent = || format!("the origin {origin} did not answer a moment ago");
            let why = self
                .idle()
                .or_else(|| rests.filter(|_| !asked).map(|_| silent()));
            if let Some(why) = why {
                job.set(State::Left(why));
                self.prefetch.desk.lock().landed(&job);
                continue;
            }
            job.set(State::Fetching { done: job.done() });
            let (engine, fetched) = (self.engine.clone(), Arc::clone(&job));
            let task = self.fills.spawn_blocking(move || fill(&engine, &fetched));
            self.flying.insert(task.id(), job);
        }
    }

    /// A fetch has ended; `None` where it panicked.
    fn ended(&mut self, task: Id, fetched: Option<Fetched>) {
        let Some(job) = self.flying.remove(&task) else {
            return;
        };
        let origin = &job.file.key.origin;
        let part = || "the cache could keep only a part of it".to_owned();
        let state = match fetched {
            Some(Fetched::Done) => {
                self.origins.well(origin);
                State::Here
            }
            Some(Fetched::Ended) => State::Left(self.idle().unwrap_or_else(part)),
            Some(Fetched::Offline(problem)) => {
                let now = tokio::time::Instant::now();
                self.origins.failed(origin.clone(), now);
                State::Left(problem)
            }
            Some(Fetched::Failed(problem)) => State::Left(problem),
            None => State::Left(failed()),
        };
        if let State::Left(why) = &state {
            tracing::debug!(file = %job.file.file, "not fetched ahead: {why}");
        }
        job.set(state);
        self.prefetch.desk.lock().landed(&job);
    }
}

fn fill(engine: &Engine, job: &Job) -> Fetched {
    let (stop, store) = (engine.supervisor.stop(), &engine.content);
    let before = job.done();
    let fetched = fetch(&engine.sources, &job.file, |at| {
        let done = before.max(at);
        job.set(State::Fetching { done });
        make_way(store, stop);
        !stop.is_cancelled() && !store.is_pressed()
    });
    match fetched {
        Fetched::Done if store.kept(&job.file.key) < job.size() => {
            Fetched::Failed("it has changed meanwhile; ask again".to_owned())
        }
        fetched => fetched,
    }
}

fn failed() -> String {
    "fetching it failed, and the log says why".to_owned()
}

/// Counts what has left before it was read.
fn look_after(prefetch: &Prefetch) {
    let files = prefetch.desk.lock().unread.files();
    for (track, key) in files {
        if prefetch.sources.store.kept(&key) < key.revision.size {
            prefetch.desk.lock().unread.lost(track, &key);
        }
    }
}
