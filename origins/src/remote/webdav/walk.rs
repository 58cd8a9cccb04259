//! Listing a tree: several directories at once, one stream of them.

use std::sync::Arc;

use eventlog::OriginPath;
use futures::stream::BoxStream;
use tokio_util::task::AbortOnDropHandle;

use super::Folder;
use crate::crawl::{Item, children, crawl};
use crate::origin::{Depth, ErrorKind, OriginError, WalkError};

/// Lists `from` and, by `depth`, what is below it, so many directories at once.
pub(super) fn walk(
    folder: Arc<Folder>,
    from: OriginPath,
    depth: Depth,
    at_once: usize,
) -> BoxStream<'static, Item> {
    crawl(from, depth, at_once, move |path: OriginPath| {
        let (folder, listed) = (Arc::clone(&folder), path.clone());
        // A task of its own: were it to wait whenever nobody looks at the stream, it would keep its turn
        // to send from whoever reads the files that were found.
        let listing = tokio::spawn(async move { folder.list(&listed).await });
        let listing = AbortOnDropHandle::new(listing);
        async move {
            let listed = listing.await.unwrap_or_else(|died| {
                Err(OriginError {
                    kind: ErrorKind::Io,
                    message: format!("the listing was given up: {died}"),
                })
            });
            let below = listed.as_ref().map_or_else(|_| vec![], children);
            (listed.map_err(|error| WalkError { path, error }), below)
        }
    })
}
