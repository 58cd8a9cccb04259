//! Listing a tree: a few threads, one stream of directories.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use eventlog::OriginPath;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::beneath::Beneath;
use super::error::failed;
use super::list::{Lister, Want};
use super::root::Root;
use crate::origin::{Depth, Directory, ErrorKind, OriginError, WalkError};

/// Directories that may wait for a slow reader of the stream.
const AHEAD: usize = 64;

/// Longest path that is listed, in bytes. A tree deeper than that is somebody's trap (SEC-1):
/// its paths alone would cost memory by the square of its depth.
const MAX_PATH: usize = 64 * 1024;

/// True for a path that is listed.
pub(super) fn is_listed(path: &OriginPath) -> bool {
    path.as_bytes().len() <= MAX_PATH
}

type Item = Result<Directory, WalkError>;

/// Lists `from` and, by `depth`, what is below it, with at most `threads` threads.
///
/// The threads start at once, wait while [`AHEAD`] directories are unread, and end soon after the
/// stream is dropped.
pub(super) fn walk(
    root: Arc<Root>,
    from: OriginPath,
    depth: Depth,
    threads: NonZero<usize>,
) -> BoxStream<'static, Item> {
    let (items, mut listed) = mpsc::channel(AHEAD);
    let start = from.clone();
    let spawned = thread::Builder::new()
        .name("walk".to_owned())
        .spawn(move || run(&root, start, depth, threads, &items));
    match spawned {
        Ok(_) => stream::poll_fn(move |context| listed.poll_recv(context)).boxed(),
        Err(error) => {
            let error = OriginError {
                kind: ErrorKind::Exhausted,
                message: format!("cannot start a thread to list {from}: {error}"),
            };
            stream::iter([Err(WalkError { path: from, error })]).boxed()
        }
    }
}

fn run(
    root: &Root,
    from: OriginPath,
    depth: Depth,
    threads: NonZero<usize>,
    items: &mpsc::Sender<Item>,
) {
    let beneath = match root.reach() {
        Ok(beneath) => beneath,
        Err(error) => {
            // A reader that is gone needs no answer.
            let _ = items.blocking_send(Err(WalkError { path: from, error }));
            return;
        }
    };
    let queue = Queue::starting_with(from);
    let work = || work(root, &beneath, depth, &queue, items);
    let helpers = if depth == Depth::All {
        threads.get() - 1
    } else {
        0
    };
    thread::scope(|scope| {
        for _ in 0..helpers {
            // With fewer threads it takes longer, no more.
            let _ = thread::Builder::new()
                .name("walk".to_owned())
                .spawn_scoped(scope, work);
        }
        work();
    });
}

fn work(
    root: &Root,
    beneath: &Beneath<'_>,
    depth: Depth,
    queue: &Queue,
    items: &mpsc::Sender<Item>,
) {
    let mut lister = Lister::default();
    while let Some(path) = queue.take() {
        let item = list(root, beneath, &mut lister, path);
        let below = match &item {
            Ok(directory) if depth == Depth::All => children(directory),
            _ => Vec::new(),
        };
        queue.add(below);
        let read = items.blocking_send(item).is_ok();
        queue.finish(read);
    }
}

fn list(root: &Root, beneath: &Beneath<'_>, lister: &mut Lister, path: OriginPath) -> Item {
    // A thread that died would leave a stream that ends early, as if the listing were complete.
    let listed = catch_unwind(AssertUnwindSafe(|| {
        let folder = beneath.open_folder(&path)?;
        root.mounts().meet(&path, &folder);
        lister.list(beneath, &folder, &path, Want::Everything)
    }));
    listed.unwrap_or(Err(Errno::CANCELED)).map_err(|errno| {
        let error = failed(format_args!("list {}", root.place(&path).display()), errno);
        WalkError { path, error }
    })
}

fn children(directory: &Directory) -> Vec<OriginPath> {
    let path = &directory.path;
    // Last first: the queue is taken from its end.
    let children = directory
        .directories
        .iter()
        .rev()
        .filter_map(|name| path.join(name).ok());
    let (children, left): (Vec<_>, Vec<_>) = children.partition(is_listed);
    if !left.is_empty() {
        tracing::warn!(
            count = left.len(),
            "directories left out: their paths are too long"
        );
    }
    children
}

/// Directories still to be listed; last in, first out, so that few wait at a time.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    todo: Vec<OriginPath>,
    /// Threads that are listing, and may find more to do.
    busy: usize,
    stopped: bool,
}

impl Queue {
    fn starting_with(path: OriginPath) -> Self {
        let state = State {
            todo: vec![path],
            busy: 0,
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// The next directory; `None` once there is nothing left, or nobody who reads.
    fn take(&self) -> Option<OriginPath> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(path) = state.todo.pop() {
                state.busy += 1;
                return Some(path);
            }
            if state.busy == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn add(&self, paths: Vec<OriginPath>) {
        if !paths.is_empty() {
            self.lock().todo.extend(paths);
            self.changed.notify_all();
        }
    }

    /// Ends what `take` began; `read` is false where nobody reads the stream any more.
    fn finish(&self, read: bool) {
        let mut state = self.lock();
        state.busy -= 1;
        state.stopped |= !read;
        if state.stopped || (state.busy == 0 && state.todo.is_empty()) {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
