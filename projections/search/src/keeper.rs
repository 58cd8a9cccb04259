//! The index being kept: a thread that follows the log, and what is asked of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use eventlog::{EventStore, Position};
use projections::{OnProgress, ReplayReport, Views, lull};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot, watch};

use crate::error::SearchError;
use crate::searcher::Searcher;
use crate::writing::Writing;

/// How long is waited for more once something happened: commits cost the same for one as for many
/// (a new track is found within 2 s, FIND-2).
const GATHER: Duration = Duration::from_millis(250);

/// How much longer it lets a flood of events pass: indexing what came then takes the rest of the two
/// seconds.
const LULL: Duration = Duration::from_millis(750);

/// How long the memory for writing is kept while nothing is written.
const IDLE: Duration = Duration::from_secs(10);

/// How long is waited after a failure: the first time, and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is asked of the thread.
pub(crate) enum Command {
    /// Compare the index with the catalog; with `rebuild`, build it anew and serve that.
    Replay { rebuild: bool, told: Sender<Told> },
}

/// What the thread tells of a replay.
pub(crate) enum Told {
    Progress(Position, Position),
    Done(Result<ReplayReport, SearchError>),
}

/// The index, kept up to date by a thread of its own. Ends when dropped, or [closed](Self::close); not to
/// be dropped on a thread of the runtime.
pub struct Search {
    kept: Arc<Kept>,
    commands: Mutex<Option<UnboundedSender<Command>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

/// What the thread has that keeps the index, and another after it.
struct Kept {
    directory: PathBuf,
    log: Arc<dyn EventStore>,
    views: Arc<Views>,
    runtime: Handle,
    searcher: Searcher,
    inbox: Mutex<UnboundedReceiver<Command>>,
}

impl Search {
    /// The index in `directory`, beside the other views, which is opened and kept once [`keep`](Self::keep)
    /// is called.
    #[must_use]
    pub fn new(
        directory: &Path,
        log: Arc<dyn EventStore>,
        views: Arc<Views>,
        runtime: Handle,
    ) -> Self {
        let (commands, inbox) = unbounded_channel();
        let kept = Kept {
            directory: directory.to_owned(),
            log,
            views,
            runtime,
            searcher: Searcher::new(),
            inbox: Mutex::new(inbox),
        };
        Self {
            kept: Arc::new(kept),
            commands: Mutex::new(Some(commands)),
            thread: Mutex::default(),
        }
    }

    /// Opens the index in `directory`, beside the other views, and follows the log from where it stands.
    /// Where there is none to go on with, one is built from the catalog, which takes seconds for a large
    /// library; nothing is found until then.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn start(
        directory: &Path,
        log: Arc<dyn EventStore>,
        views: Arc<Views>,
        runtime: Handle,
    ) -> Result<Self, SearchError> {
        let search = Self::new(directory, log, views, runtime);
        search.begin()?;
        Ok(search)
    }

    /// As [`start`](Self::start), until `stop` is over or the index is [closed](Self::close), which is what
    /// waits for the thread. Where the thread fails, it can be called again.
    ///
    /// # Errors
    /// Where no thread can be had, or it panicked.
    pub async fn keep(&self, stop: impl Future<Output = ()>) -> Result<(), SearchError> {
        let mut ended = self.begin()?;
        let over = tokio::select! {
            biased;
            over = &mut ended => over,
            () = stop => {
                // What is under way may take a while; who closes it waits for that.
                self.end();
                return Ok(());
            }
        };
        over.map_err(|_| SearchError::Bug("its thread panicked"))
    }

    /// Has a thread keep the index; that the thread ends as it should is sent.
    fn begin(&self) -> Result<oneshot::Receiver<()>, SearchError> {
        let (tell, ended) = oneshot::channel();
        let kept = Arc::clone(&self.kept);
        let spawned = thread::Builder::new()
            .name("view-search".to_owned())
            .spawn(move || {
                Keeper::of(&kept).run();
                // Nobody may wait for it.
                let _ = tell.send(());
            });
        let thread = spawned.map_err(SearchError::Thread)?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(ended)
    }

    /// Asks the index.
    #[must_use]
    pub fn searcher(&self) -> Searcher {
        self.kept.searcher.clone()
    }

    /// Compares what is in the index with what the catalog says of every track; with `rebuild`, builds
    /// an index from the catalog beside, and serves that from then on. Blocks; not for threads of the
    /// runtime.
    ///
    /// # Errors
    /// What the disk, the catalog or the log did; the index is served on.
    pub fn replay(
        &self,
        rebuild: bool,
        progress: OnProgress<'_>,
    ) -> Result<ReplayReport, SearchError> {
        let (told, telling) = mpsc::channel();
        {
            let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
            let commands = commands.as_ref().ok_or(SearchError::Closed)?;
            let sent = commands.send(Command::Replay { rebuild, told });
            sent.map_err(|_| SearchError::Closed)?;
        }
        for said in telling {
            match said {
                Told::Progress(at, end) => progress(at, end),
                Told::Done(result) => return result,
            }
        }
        Err(SearchError::Closed)
    }

    /// Ends after what is under way. What was not put in yet is at the next start; what is there can be
    /// asked on. Blocks.
    pub fn close(&self) {
        self.end();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the search index's thread panicked");
        }
    }

    /// Tells the thread to end.
    fn end(&self) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        drop(commands.take());
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.close();
    }
}

struct Keeper<'k> {
    writing: Writing,
    log: &'k dyn EventStore,
    runtime: &'k Handle,
    inbox: MutexGuard<'k, UnboundedReceiver<Command>>,
    /// How often, one after the other, something failed.
    failures: u32,
    /// Told when the index could not be read.
    damaged: Arc<Notify>,
    /// True once all of what was found at the start was looked at.
    checked: bool,
}

/// Why the keeper woke up.
enum Wake {
    More,
    Damaged,
    Idle,
    Command(Command),
    Stop,
}

impl<'k> Keeper<'k> {
    fn of(kept: &'k Kept) -> Self {
        Self {
            writing: Writing::new(
                &kept.directory,
                Arc::clone(&kept.log),
                Arc::clone(&kept.views),
                kept.runtime.clone(),
                kept.searcher.clone(),
            ),
            log: &*kept.log,
            runtime: &kept.runtime,
            inbox: kept.inbox.lock().unwrap_or_else(PoisonError::into_inner),
            failures: 0,
            damaged: Arc::clone(&kept.searcher.damaged),
            checked: false,
        }
    }

    fn run(mut self) {
        // What is looked at and listened to goes first.
        projections::nice::be_nice();
        let mut heads = self.log.heads();
        loop {
            heads.mark_unchanged();
            let pause = match self.guarded(|writing, over| writing.catch_up(over)) {
                Ok(()) => {
                    self.failures = 0;
                    None
                }
                Err(SearchError::Closed) => return self.writing.end(),
                Err(error) => Some(self.failed(&error)),
            };
            match self.wait(&mut heads, pause) {
                Wake::More => {}
                Wake::Damaged => self.rebuild(),
                Wake::Idle => self.idle(),
                Wake::Command(Command::Replay { rebuild, told }) => {
                    let report = self.guarded(|writing, over| {
                        writing.replay(rebuild, over, &mut |at, end| {
                            // Nobody may be there any more to be told.
                            drop(told.send(Told::Progress(at, end)));
                        })
                    });
                    drop(told.send(Told::Done(report)));
                }
                Wake::Stop => return self.writing.end(),
            }
        }
    }

    /// Gives back memory; looks once through what was there at the start (UP-6).
    fn idle(&mut self) {
        self.writing.rest();
        if std::mem::replace(&mut self.checked, true) {
            return;
        }
        match self.guarded(|writing, _| writing.is_sound()) {
            Ok(true) => {}
            Ok(false) => self.rebuild(),
            Err(error) => tracing::warn!("not checked: {error}"),
        }
    }

    /// Has another index built in the place of one that is damaged, and serves that.
    fn rebuild(&mut self) {
        tracing::warn!("the search index is damaged: it is built anew");
        let rebuilt = self.guarded(|writing, over| writing.rebuild(over));
        if let Err(error) = rebuilt {
            self.failed(&error);
        }
    }

    /// Runs the index's code; where that panics, which is a bug, it begins again.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Writing, &dyn Fn() -> bool) -> Result<T, SearchError>,
    ) -> Result<T, SearchError> {
        let (writing, inbox) = (&mut self.writing, &self.inbox);
        let is_over = || inbox.is_closed();
        let done = catch_unwind(AssertUnwindSafe(|| work(writing, &is_over)));
        done.unwrap_or(Err(SearchError::Bug("it panicked; the log has more")))
    }

    /// How long to wait before it is tried again.
    fn failed(&mut self, error: &SearchError) -> Duration {
        if self.failures == 0 {
            tracing::warn!("search lags behind: {error}; it is tried again");
        }
        self.writing.distrust(error.is_damage());
        let pause = PAUSE.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        pause.min(LONGEST_PAUSE)
    }

    fn wait(&mut self, heads: &mut watch::Receiver<Position>, pause: Option<Duration>) -> Wake {
        let Self {
            writing,
            inbox,
            runtime,
            damaged,
            ..
        } = self;
        let (seen, wanted) = (writing.seen(), writing.wanted());
        runtime.block_on(async {
            let more = async {
                if let Some(pause) = pause {
                    tokio::time::sleep(pause).await;
                    return Wake::More;
                }
                match tokio::time::timeout(IDLE, heads.changed()).await {
                    Ok(Ok(())) => {
                        tokio::time::sleep(GATHER).await;
                        lull(heads, seen, wanted, LULL).await;
                        Wake::More
                    }
                    // A log that was dropped has no more events.
                    Ok(Err(_)) => std::future::pending().await,
                    Err(_) => Wake::Idle,
                }
            };
            tokio::select! {
                biased;
                command = inbox.recv() => command.map_or(Wake::Stop, Wake::Command),
                () = damaged.notified(), if pause.is_none() => Wake::Damaged,
                wake = more => wake,
            }
        })
    }
}
