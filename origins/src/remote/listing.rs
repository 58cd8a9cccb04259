//! A listing that goes on by itself while its items are looked at.

use eventlog::OriginPath;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::origin::{Directory, ErrorKind, OriginError, WalkError};

/// Directories that may wait for a slow reader of the stream.
const AHEAD: usize = 64;

/// A directory of a listing, or why there is none.
pub(super) type Item = Result<Directory, WalkError>;

/// The stream of what `run` sends. It runs as a task of its own, from the first look at the stream
/// until that is dropped: were it to wait whenever nobody looks, it would keep its turns to send
/// requests from whoever reads the files that it found.
pub(super) fn stream<F>(
    from: OriginPath,
    run: impl FnOnce(mpsc::Sender<Item>) -> F + Send + 'static,
) -> BoxStream<'static, Item>
where
    F: Future<Output = ()> + Send + 'static,
{
    let start = async move {
        let (items, listed) = mpsc::channel(AHEAD);
        let task = AbortOnDropHandle::new(tokio::spawn(run(items)));
        stream::unfold((listed, Some(task)), move |(mut listed, task)| {
            let from = from.clone();
            async move {
                if let Some(item) = listed.recv().await {
                    return Some((item, (listed, task)));
                }
                // A task that died would leave a stream that looks as if it were complete.
                let died = task?.await.err()?;
                let error = OriginError {
                    kind: ErrorKind::Io,
                    message: format!("the listing was given up: {died}"),
                };
                Some((Err(WalkError { path: from, error }), (listed, None)))
            }
        })
    };
    start.into_stream().flatten().boxed()
}
