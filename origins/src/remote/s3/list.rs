//! Listing a bucket: page after page, directories as they are complete.

use std::sync::Arc;

use eventlog::{OriginPath, Revision};
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use super::Bucket;
use super::tree::Tree;
use crate::origin::{Depth, Directory, ErrorKind, OriginError, WalkError};
use crate::remote::Server;
use crate::remote::listing::{self, Item};

/// Keys asked for with one request: the most that there are.
const PAGE: usize = 1000;

/// Lists `from` and, by `depth`, what is below it.
pub(super) fn walk(
    bucket: Arc<Bucket>,
    from: OriginPath,
    depth: Depth,
) -> BoxStream<'static, Item> {
    listing::stream(from.clone(), move |items| async move {
        if let Err(error) = run(&bucket, &from, depth, &items).await {
            // A reader that is gone needs no answer. What was not complete is below `from`.
            drop(items.send(Err(WalkError { path: from, error })).await);
        }
    })
}

async fn run(
    bucket: &Bucket,
    from: &OriginPath,
    depth: Depth,
    items: &mpsc::Sender<Item>,
) -> Result<(), OriginError> {
    let place = bucket.place(from);
    let doing = format!("list {place}");
    let prefix = bucket.key(from, true);
    let delimiter = match depth {
        Depth::One => "/",
        Depth::All => "",
    };
    let mut tree = Tree::new(from.clone());
    let mut token = None;
    loop {
        let page = bucket
            .page(&prefix, delimiter, token.as_deref(), PAGE, &doing)
            .await?;
        if page.next.is_some() && page.next == token {
            return Err(wrong(&doing, "it goes on where it began"));
        }
        token = page.next;
        let mut keys = page.objects;
        // Both are sorted, each by itself.
        keys.extend(
            page.prefixes
                .into_iter()
                .map(|key| (key, Revision::default())),
        );
        if depth == Depth::One {
            keys.sort_by(|a, b| a.0.cmp(&b.0));
        }
        for (key, revision) in keys {
            let key = key.get(prefix.len()..).unwrap_or_default();
            let done = tree.add(key, revision);
            let done = done.map_err(|unsorted| wrong(&doing, &unsorted.to_string()))?;
            if !send(items, depth, from, done).await {
                return Ok(());
            }
        }
        if token.is_none() {
            break;
        }
    }
    if tree.left_out() > 0 {
        tracing::warn!(
            count = tree.left_out(),
            directory = place,
            "left out: keys that are no paths"
        );
    }
    if !tree.found() && !from.is_root() {
        bucket.check().await?;
        return Err(OriginError {
            kind: ErrorKind::NotFound,
            message: format!("there is nothing below {place}"),
        });
    }
    if !tree.found() && !bucket.prefix.is_root() {
        return Err(bucket.nothing());
    }
    send(items, depth, from, tree.end()).await;
    Ok(())
}

/// False where nobody reads the stream any more.
async fn send(
    items: &mpsc::Sender<Item>,
    depth: Depth,
    from: &OriginPath,
    directories: Vec<Directory>,
) -> bool {
    for directory in directories {
        // The others are only named, not listed.
        let wanted = depth == Depth::All || directory.path == *from;
        if wanted && items.send(Ok(directory)).await.is_err() {
            return false;
        }
    }
    true
}

fn wrong(doing: &str, why: &str) -> OriginError {
    OriginError {
        kind: ErrorKind::Io,
        message: format!("cannot {doing}: the service's answer is wrong: {why}"),
    }
}
