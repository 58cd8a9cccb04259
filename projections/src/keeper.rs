//! The thread behind a view: folds what comes, serves rebuilds, and outlives failures.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use eventlog::Position;
use tokio::sync::{mpsc, watch};

use crate::batch::advance;
use crate::error::ViewError;
use crate::file::ViewFile;
use crate::lull::lull;
use crate::nice;
use crate::replay;
use crate::runner::{Command, Shared};
use crate::trouble::Trouble;
use crate::view::{Change, View};

/// Events that are worth more memory while they are folded in.
const FAR: u64 = 20_000;

/// The longest that a view nobody waits for lets a flood of events pass.
const UNHURRIED: Duration = Duration::from_secs(10);

/// The thread behind a [`Runner`].
pub(crate) struct Keeper<V: View> {
    shared: Arc<Shared<V>>,
    inbox: mpsc::UnboundedReceiver<Command<V>>,
    /// The generation that is served; none where it cannot be gone on with.
    file: Option<ViewFile<V>>,
    /// The thread that builds another, where it cannot.
    rebuild: Option<thread::JoinHandle<()>>,
    trouble: Trouble,
}

/// Tells that a view's thread ended, however it did.
struct Stopping<V>(Arc<Shared<V>>);

impl<V> Drop for Stopping<V> {
    fn drop(&mut self) {
        self.0.stopped.send_replace(true);
    }
}

/// Runs a view's code; where that panics, which is a bug, the view is to go on another way.
fn guarded<V: View, T>(work: impl FnOnce() -> Result<T, ViewError>) -> Result<T, ViewError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(ViewError::Stopped(V::NAME)))
}

/// Why the keeper woke up.
enum Wake<V> {
    Command(Option<Command<V>>),
    Head,
    Damaged,
}

impl<V: View> Keeper<V> {
    /// For a view whose generation `file` can be gone on with; none where it is to be rebuilt.
    pub(crate) fn new(
        shared: Arc<Shared<V>>,
        inbox: mpsc::UnboundedReceiver<Command<V>>,
        file: Option<ViewFile<V>>,
    ) -> Self {
        Self {
            shared,
            inbox,
            file,
            rebuild: None,
            trouble: Trouble::none(V::NAME),
        }
    }

    /// Keeps the view until told to stop.
    pub(crate) fn run(mut self) {
        let _guard = Stopping(self.shared.clone());
        if !V::IS_AWAITED {
            nice::be_nice();
        }
        let mut heads = self.shared.heads.clone();
        if self.file.is_none() {
            self.rebuild_beside();
        }
        loop {
            let head = *heads.borrow_and_update();
            let pause = self.catch_up(head);
            match self.wait(&mut heads, pause) {
                Wake::Head => {}
                Wake::Damaged => self.give_up(),
                Wake::Command(Some(Command::Adopt { file, equal, done })) => {
                    let _ = done.send(guarded::<V, _>(|| self.adopt(file, equal)));
                }
                Wake::Command(Some(Command::Stop) | None) => return self.end(),
            }
        }
    }

    /// Refuses what is asked from now on, which also ends a rebuild under way.
    fn end(mut self) {
        self.inbox.close();
        while self.inbox.try_recv().is_ok() {}
        if self
            .rebuild
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!(view = V::NAME, "the rebuild's thread panicked");
        }
        if let Some(file) = &self.file {
            file.make_whole();
        }
    }

    /// Folds in what the log has up to `head`, as long as nobody wants something else. Returns how
    /// long to wait before more is tried, if not for the next event.
    fn catch_up(&mut self, head: Position) -> Option<Duration> {
        let Self {
            shared,
            inbox,
            file,
            trouble,
            ..
        } = self;
        let file = file.as_mut()?;
        let is_far_behind = head > file.position().plus(FAR);
        if is_far_behind {
            file.keep_in_memory(true);
        }
        let folded = guarded::<V, _>(|| {
            advance(file, &shared.reader(), head, |file, changes| {
                trouble.over();
                shared.feed.publish(file.position(), changes.distinct());
                shared.position.send_replace(file.position());
                Ok(if inbox.is_empty() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })
        });
        if is_far_behind {
            file.keep_in_memory(false);
        }
        folded.err().and_then(|error| self.failed(&error))
    }

    /// Damage, or a bug that rows may have led to, means a rebuild; all else may pass.
    fn failed(&mut self, error: &ViewError) -> Option<Duration> {
        let pause = self.trouble.met(error);
        let is_hopeless = match error {
            ViewError::Unwritable { source, .. } => crate::sql::is_damage(source),
            ViewError::Stopped(_) => true,
            _ => false,
        };
        if is_hopeless {
            self.give_up();
            return None;
        }
        Some(pause)
    }

    /// Lets go of a damaged generation, and has another built.
    fn give_up(&mut self) {
        if self.file.take().is_some() {
            self.rebuild_beside();
        }
    }

    fn rebuild_beside(&mut self) {
        let shared = self.shared.clone();
        let build = move || {
            let mut trouble = Trouble::none(V::NAME);
            while let Err(error) = guarded::<V, _>(|| replay::rebuild_unserved(&shared)) {
                if shared.commands.is_closed() {
                    return;
                }
                let pause = trouble.met(&error);
                if matches!(error, ViewError::Stopped(_)) {
                    shared.stopped.send_replace(true);
                    return;
                }
                shared.runtime.block_on(async {
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = shared.commands.closed() => {}
                    }
                });
            }
        };
        let spawned = thread::Builder::new()
            .name(format!("rebuild-{}", V::NAME))
            .spawn(build);
        match spawned {
            Ok(thread) => self.rebuild = Some(thread),
            Err(error) => {
                tracing::error!(view = V::NAME, %error, "no thread for a rebuild");
                self.shared.stopped.send_replace(true);
            }
        }
    }

    /// Swaps generations. Readers never see less than they saw.
    fn adopt(&mut self, mut file: ViewFile<V>, equal: bool) -> Result<Position, ViewError> {
        let Shared { position, .. } = &*self.shared;
        // What is served without being gone on with gives way to what is as far as the log.
        let reached = match self.file {
            Some(_) => *position.borrow(),
            None => file.position().max(*self.shared.heads.borrow()),
        };
        advance(&mut file, &self.shared.reader(), reached, |_, _| {
            Ok(ControlFlow::Continue(()))
        })?;
        self.shared.source.swap(file.path().to_owned());
        position.send_replace(file.position());
        if !equal {
            self.shared
                .feed
                .publish(file.position(), vec![Change::Everything]);
        }
        self.trouble.over();
        self.shared.stopped.send_replace(false);
        let adopted = file.position();
        let kept = file.path().to_owned();
        drop(self.file.replace(file));
        if let Err(error) = self.shared.generations.keep_only(V::NAME, &kept) {
            tracing::warn!(view = V::NAME, %error, "the old view's file stays until the next start");
        }
        tracing::info!(
            view = V::NAME,
            position = adopted.0,
            "serving a rebuilt view"
        );
        Ok(adopted)
    }

    fn wait(&mut self, heads: &mut watch::Receiver<Position>, pause: Option<Duration>) -> Wake<V> {
        let Self {
            shared,
            inbox,
            file,
            ..
        } = self;
        shared.runtime.block_on(async {
            let more = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    // A log or a view that was dropped has no more to tell.
                    None => match heads.changed().await {
                        Ok(()) if V::IS_AWAITED => {}
                        Ok(()) => {
                            let position = *shared.position.borrow();
                            lull(heads, position, &shared.wanted, UNHURRIED).await;
                        }
                        Err(_) => std::future::pending().await,
                    },
                }
            };
            tokio::select! {
                biased;
                command = inbox.recv() => Wake::Command(command),
                () = shared.source.damaged(), if file.is_some() => Wake::Damaged,
                () = more => Wake::Head,
            }
        })
    }
}
