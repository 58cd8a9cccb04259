//! One view being kept up to date, and what is asked of whoever keeps it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use eventlog::{EventStore, Position};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::batch::{Newer, Reader};
use crate::error::ViewError;
use crate::feed::Feed;
use crate::file::{Freshness, ViewFile};
use crate::generations::Generations;
use crate::keeper::Keeper;
use crate::lull::Wanted;
use crate::pool::{Soundness, Source};
use crate::replay;
use crate::view::View;

/// What a view's runner shares with all who use the view.
pub(crate) struct Shared<V> {
    pub(crate) log: Arc<dyn EventStore>,
    /// How far the view may go: as far as the log, or as far as the view that it never overtakes.
    pub(crate) heads: watch::Receiver<Position>,
    pub(crate) runtime: Handle,
    pub(crate) generations: Generations,
    pub(crate) source: Arc<Source>,
    pub(crate) position: watch::Sender<Position>,
    pub(crate) wanted: Wanted,
    pub(crate) feed: Feed,
    pub(crate) newer: Newer,
    /// True once nothing will move the position any more.
    pub(crate) stopped: watch::Sender<bool>,
    /// True while a rebuild or check is under way.
    pub(crate) busy: AtomicBool,
    pub(crate) commands: mpsc::UnboundedSender<Command<V>>,
}

/// What others ask of a runner.
pub(crate) enum Command<V> {
    /// Serve a generation that was built beside the one served; tells where it then stands.
    Adopt {
        file: ViewFile<V>,
        equal: bool,
        done: oneshot::Sender<Result<Position, ViewError>>,
    },
    /// End.
    Stop,
}

/// A view being kept up to date. Ends when dropped.
pub(crate) struct Runner<V: View> {
    pub(crate) shared: Arc<Shared<V>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl<V: View> Runner<V> {
    /// Opens the view and begins to keep it. What is found is served at once, unless it cannot be
    /// gone on with and is rebuilt beside. It goes no further than `heads` tell.
    pub(crate) fn start(
        (generations, log, runtime): (Generations, Arc<dyn EventStore>, Handle),
        heads: watch::Receiver<Position>,
    ) -> Result<Self, ViewError> {
        let (file, freshness) = generations.open::<V>()?;
        let newer = Newer::default();
        let reader = Reader {
            log: &*log,
            runtime: &runtime,
            newer: &newer,
        };
        let is_current = freshness == Freshness::Current && replay::belongs(&file, &reader)?;
        let position = if is_current {
            file.position()
        } else {
            Position::START
        };
        let (commands, inbox) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            source: Source::new(V::NAME, file.path().to_owned()),
            position: watch::Sender::new(position),
            wanted: Wanted::default(),
            feed: Feed::default(),
            newer,
            stopped: watch::Sender::new(false),
            busy: AtomicBool::new(false),
            log,
            heads,
            runtime,
            generations,
            commands,
        });
        let keeper = Keeper::new(shared.clone(), inbox, is_current.then_some(file));
        let thread = thread::Builder::new()
            .name(format!("view-{}", V::NAME))
            .spawn(move || keeper.run())
            .map_err(|source| ViewError::Directory {
                path: shared.generations.directory().to_owned(),
                source,
            })?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Ends after the batch under way.
    pub(crate) fn stop(&self) {
        let _ = self.shared.commands.send(Command::Stop);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(view = V::NAME, "the view's thread panicked");
        }
    }
}

impl<V: View> Drop for Runner<V> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<V: View> Shared<V> {
    /// The log, to be read for this view.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            log: &*self.log,
            runtime: &self.runtime,
            newer: &self.newer,
        }
    }

    /// Returns once the view has got as far as that, or cannot any more.
    pub(crate) async fn reach(&self, position: Position) -> Result<(), ViewError> {
        self.wanted.want(position);
        let (mut positions, mut stopped) = (self.position.subscribe(), self.stopped.subscribe());
        let reached = async { positions.wait_for(|now| *now >= position).await.map(drop) };
        let stopped = async { stopped.wait_for(|stopped| *stopped).await.map(drop) };
        tokio::select! {
            biased;
            reached = reached => reached.map_err(|_| ViewError::Closed),
            _ = stopped => Err(ViewError::Stopped(V::NAME)),
        }
    }

    /// Returns once the view may go as far as that, or is to end. Blocks.
    pub(crate) fn allowed(&self, position: Position) {
        let mut heads = self.heads.clone();
        self.runtime.block_on(async {
            tokio::select! {
                _ = heads.wait_for(|head| *head >= position) => {}
                () = self.commands.closed() => {}
            }
        });
    }

    /// Looks through the generation that is served.
    pub(crate) fn examine(
        &self,
        over: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Soundness, ViewError> {
        self.source.examine(&self.runtime, over)
    }

    /// Has a finished generation served from now on.
    pub(crate) fn adopt(&self, file: ViewFile<V>, equal: bool) -> Result<Position, ViewError> {
        let (done, answer) = oneshot::channel();
        let sent = self.commands.send(Command::Adopt { file, equal, done });
        sent.map_err(|_| ViewError::Closed)?;
        answer.blocking_recv().map_err(|_| ViewError::Closed)?
    }

    /// Ends a replay once the runner has ended; passes on how far it is until then.
    pub(crate) fn step<'s>(
        &'s self,
        progress: &'s mut dyn FnMut(Position, Position),
    ) -> impl FnMut(Position, Position) -> Result<(), ViewError> + 's {
        move |done, target| {
            progress(done, target);
            if self.commands.is_closed() {
                Err(ViewError::Closed)
            } else {
                Ok(())
            }
        }
    }
}

/// Sets a view's busy mark for as long as it lives.
pub(crate) struct Busy<'s>(&'s AtomicBool);

impl<'s> Busy<'s> {
    pub(crate) fn mark<V: View>(shared: &'s Shared<V>) -> Result<Self, ViewError> {
        if shared.busy.swap(true, Ordering::AcqRel) {
            return Err(ViewError::Busy(V::NAME));
        }
        Ok(Self(&shared.busy))
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
