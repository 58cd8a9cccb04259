//! Listing a tree on another machine: many directories at once, one stream.

use std::pin::Pin;

use eventlog::OriginPath;
use futures::stream::{self, BoxStream, FuturesUnordered};
use futures::{FutureExt, StreamExt};

use crate::origin::{Depth, Directory, ErrorKind, OriginError, WalkError};

/// Longest path that is listed, in bytes: what Linux opens. A tree deeper than that is somebody's
/// trap (SEC-1).
const MAX_PATH: usize = 4096;

/// Directories that are listed at once over a connection that carries any number of questions: enough
/// to fill the way to the server and back.
pub(crate) const MANY: usize = 32;

pub(crate) type Item = Result<Directory, WalkError>;

/// What there is to do for one directory.
pub(crate) trait Job: Send + 'static {
    /// The directory.
    fn path(&self) -> &OriginPath;
}

impl Job for OriginPath {
    fn path(&self) -> &OriginPath {
        self
    }
}

/// A listed directory, and the jobs for those in it; last first.
pub(crate) type Listed<J> = (Item, Vec<J>);

type Listing<J> = Pin<Box<dyn Future<Output = Listed<J>> + Send>>;

/// Lists `start` and, by `depth`, what is below it, with `list`, so many directories at once. Goes on only while the stream is
/// read. Once the origin is offline, the directories that are left fail without being asked for.
pub(crate) fn crawl<J: Job, F>(
    start: J,
    depth: Depth,
    at_once: usize,
    list: impl Fn(J) -> F + Send + 'static,
) -> BoxStream<'static, Item>
where
    F: Future<Output = Listed<J>> + Send + 'static,
{
    let crawl = Crawl {
        list: move |job| list(job).boxed(),
        depth,
        at_once: at_once.max(1),
        todo: vec![start],
        running: FuturesUnordered::new(),
        offline: None,
    };
    stream::unfold(crawl, |mut crawl| async move {
        Some((crawl.next().await?, crawl))
    })
    .boxed()
}

struct Crawl<J, L> {
    list: L,
    depth: Depth,
    at_once: usize,
    /// Last in, first out, so that few wait at a time.
    todo: Vec<J>,
    running: FuturesUnordered<Listing<J>>,
    offline: Option<OriginError>,
}

impl<J: Job, L: Fn(J) -> Listing<J>> Crawl<J, L> {
    async fn next(&mut self) -> Option<Item> {
        if let Some(error) = &self.offline
            && let Some(job) = self.todo.pop()
        {
            let (path, error) = (job.path().clone(), error.clone());
            return Some(Err(WalkError { path, error }));
        }
        while self.running.len() < self.at_once
            && let Some(job) = self.todo.pop()
        {
            self.running.push((self.list)(job));
        }
        let (item, below) = self.running.next().await?;
        if self.depth == Depth::All {
            self.todo.extend(below);
        }
        if let Err(failed) = &item
            && failed.error.kind == ErrorKind::Offline
        {
            self.offline = Some(failed.error.clone());
        }
        Some(item)
    }
}

/// The directories in a listed one; last first.
pub(crate) fn children(directory: &Directory) -> Vec<OriginPath> {
    let names = directory.directories.iter().rev();
    let children = names.filter_map(|name| directory.path.join(name).ok());
    let (children, left): (Vec<_>, Vec<_>) =
        children.partition(|path| path.as_bytes().len() <= MAX_PATH);
    if !left.is_empty() {
        tracing::warn!(
            count = left.len(),
            "directories left out: their paths are too long"
        );
    }
    children
}
