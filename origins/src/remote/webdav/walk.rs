//! Listing a tree: several directories at once, one stream of them.

use std::sync::Arc;

use eventlog::OriginPath;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Folder;
use crate::origin::{Depth, Directory, ErrorKind, OriginError, WalkError};
use crate::remote::listing::{self, Item};

/// Longest path that is listed, in bytes: deeper is a loop of links on the server.
const MAX_PATH: usize = 4096;

/// Lists `from` and, by `depth`, what is below it, `parallel` directories at once.
pub(super) fn walk(
    folder: Arc<Folder>,
    from: OriginPath,
    depth: Depth,
    parallel: usize,
) -> BoxStream<'static, Item> {
    listing::stream(from.clone(), move |items| async move {
        run(folder, from, depth, parallel, &items).await;
    })
}

async fn run(
    folder: Arc<Folder>,
    from: OriginPath,
    depth: Depth,
    parallel: usize,
    items: &mpsc::Sender<Item>,
) {
    // Last in, first out, so that few wait at a time.
    let mut todo = vec![from.clone()];
    let mut busy = JoinSet::new();
    loop {
        while busy.len() < parallel {
            let Some(path) = todo.pop() else { break };
            let folder = Arc::clone(&folder);
            busy.spawn(async move {
                let listed = folder.list(&path).await;
                listed.map_err(|error| WalkError { path, error })
            });
        }
        let Some(ended) = busy.join_next().await else {
            return;
        };
        let item = ended.unwrap_or_else(|died| {
            // Nobody knows which: nothing is known of any.
            let message = format!("a listing was given up: {died}");
            let kind = ErrorKind::Io;
            let error = OriginError { kind, message };
            Err(WalkError {
                path: from.clone(),
                error,
            })
        });
        if let (Depth::All, Ok(directory)) = (depth, &item) {
            todo.extend(below(directory));
        }
        // Nobody reads the stream any more.
        if items.send(item).await.is_err() {
            return;
        }
    }
}

/// The directories in a directory, last first.
fn below(directory: &Directory) -> Vec<OriginPath> {
    let path = &directory.path;
    let names = directory.directories.iter().rev();
    let paths = names.filter_map(|name| path.join(name).ok());
    let (paths, left): (Vec<_>, Vec<_>) = paths.partition(|path| path.as_bytes().len() <= MAX_PATH);
    if !left.is_empty() {
        tracing::warn!(
            count = left.len(),
            "directories left out: their paths are too long"
        );
    }
    paths
}
