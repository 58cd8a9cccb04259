//! A listing whose directories are tried again, each by itself.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use eventlog::OriginPath;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::{Instant, sleep, timeout};

use super::call::Guard;
use super::figures::Op;
use super::limits::Reach;
use crate::origin::{Depth, Directory, ErrorKind, Origin, OriginError, WalkError};

/// How long a listing waits for an origin that asked to be left alone; else it ends, and whoever keeps
/// the origin in step begins another one later.
const PATIENCE: Duration = Duration::from_secs(30);

type Item = Result<Directory, WalkError>;

/// Lists as `inner` does. A directory that failed is listed again, with what is below it, as often as
/// calls are; what was given out by then is not given out again. The time limit is one for each
/// directory, not for all.
pub(super) fn walk(
    inner: Arc<dyn Origin>,
    guard: Arc<Guard>,
    from: &OriginPath,
    depth: Depth,
) -> BoxStream<'static, Item> {
    let listing = inner.walk(from, depth);
    if guard.reach == Reach::Disk {
        let count = move |item: &Item| count(&guard, item);
        return listing.inspect(count).boxed();
    }
    let walk = Walk {
        inner,
        guard,
        depth,
        listing: Some(listing),
        top: from.clone(),
        attempts: 1,
        given: HashSet::new(),
        failed: VecDeque::new(),
        lost: false,
    };
    stream::unfold(
        walk,
        |mut walk| async move { Some((walk.next().await?, walk)) },
    )
    .boxed()
}

struct Walk {
    inner: Arc<dyn Origin>,
    guard: Arc<Guard>,
    depth: Depth,
    /// The listing that runs.
    listing: Option<BoxStream<'static, Item>>,
    /// From where it runs, and how often that was tried.
    top: OriginPath,
    attempts: usize,
    /// Directories that were given out.
    given: HashSet<OriginPath>,
    failed: VecDeque<Failed>,
    /// True once the origin is known not to answer: what else fails is not tried again.
    lost: bool,
}

/// A directory to be tried again.
struct Failed {
    error: WalkError,
    attempts: usize,
}

impl Walk {
    async fn next(&mut self) -> Option<Item> {
        loop {
            let Some(listing) = &mut self.listing else {
                let Failed { error, attempts } = self.failed.pop_front()?;
                match self.guard.reach.retry(error.error.kind, attempts) {
                    Some(wait) if !self.lost => sleep(wait).await,
                    _ => return Some(Err(self.give_up(error))),
                }
                self.listing = Some(self.inner.walk(&error.path, self.depth));
                self.top = error.path;
                self.attempts = attempts + 1;
                continue;
            };
            if let Err(error) = self.guard.respect(Instant::now() + PATIENCE).await {
                self.listing = None;
                let path = self.top.clone();
                self.note(WalkError { path, error });
                continue;
            }
            self.guard.pace().await;
            let item = match self.guard.reach.directory() {
                Some(limit) => match timeout(limit, listing.next()).await {
                    Ok(item) => item,
                    Err(_) => {
                        self.guard.figures.count_timeout(Op::List);
                        self.listing = None;
                        let seconds = limit.as_secs();
                        let silent = OriginError {
                            kind: ErrorKind::Offline,
                            message: format!("no answer to a listing within {seconds} s"),
                        };
                        let path = self.top.clone();
                        self.note(WalkError {
                            path,
                            error: silent,
                        });
                        continue;
                    }
                },
                None => listing.next().await,
            };
            let Some(item) = item else {
                self.listing = None;
                continue;
            };
            count(&self.guard, &item);
            match item {
                Ok(directory) if self.given.insert(directory.path.clone()) => {
                    return Some(Ok(directory));
                }
                Ok(_) => {}
                Err(error) => self.note(error),
            }
        }
    }

    /// Puts a directory that failed aside, to be tried again or to be told of. One that is being tried
    /// again is tried to its end before the next.
    fn note(&mut self, error: WalkError) {
        if error.path == self.top {
            let attempts = self.attempts;
            self.failed.push_front(Failed { error, attempts });
        } else {
            self.failed.push_back(Failed { error, attempts: 1 });
        }
    }

    fn give_up(&mut self, error: WalkError) -> WalkError {
        if error.error.kind == ErrorKind::Offline {
            self.lost = true;
            self.guard.doubts.notify_one();
        }
        error
    }
}

fn count(guard: &Guard, item: &Item) {
    match item {
        Ok(_) => guard.figures.count(Op::List, &Ok(())),
        Err(failed) => guard
            .figures
            .count::<()>(Op::List, &Err(failed.error.clone())),
    }
}
