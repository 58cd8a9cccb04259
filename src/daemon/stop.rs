//! Ending the daemon, in order and within limits (UP-2).

use std::sync::Arc;
use std::time::Duration;

use fuse::Unmounted;
use tokio::task::block_in_place;
use tokio::time::Instant;

use super::Running;

/// How long all of it may take together (CTL-7), and what of it each step may: a task may wait for a
/// disk that hangs, and a program may hold a file of the mount open for ever.
const LIMIT: Duration = Duration::from_secs(10);
const TASKS: Duration = Duration::from_secs(3);
const USERS: Duration = Duration::from_secs(3);
const READS: Duration = Duration::from_secs(1);
const CALLERS: Duration = Duration::from_secs(1);

/// Ends everything, in an order in which nothing misses what has ended before it.
pub(super) async fn stop(running: Running) {
    let deadline = Instant::now() + LIMIT;
    let Running {
        engine,
        filesystem,
        mounted,
        notifier,
        status,
        serving,
        stopped,
        log,
        damage: _,
    } = running;
    // Watchers, scans and whatever else could append.
    if let Err(left) = engine.supervisor.shut_down(TASKS).await {
        tracing::warn!("not waited for any longer: {}", left.join(", "));
    }
    if tokio::time::timeout(CALLERS, engine.webhooks.close())
        .await
        .is_err()
    {
        tracing::warn!("what the webhooks remember is not closed in order");
    }
    // On this thread: where no other can be started, there is an end nevertheless (UP-1).
    match block_in_place(move || mounted.unmount(USERS)) {
        Ok(Unmounted::Cleanly) => {}
        Ok(Unmounted::Detached) => tracing::warn!("unmounted while in use; its users lose it now"),
        Ok(Unmounted::Held) => tracing::warn!(
            "unmounted, but a copy of the mount is held elsewhere; its users lose it now"
        ),
        Err(error) => tracing::error!("{error}"),
    }
    // Now that nothing is read any more; what users of a detached mount still have open ends here.
    let left_open = filesystem.session_ended();
    if let Some(recorder) = &engine.recorder {
        recorder.finish(READS).await;
    }
    // So late, so that `status` and `shutdown` can tell how far it is.
    stopped.cancel();
    serving.close();
    if tokio::time::timeout(CALLERS, serving.wait()).await.is_err() {
        tracing::warn!("a caller of the control plane did not let go");
    }
    status.close();
    engine.reloader.close();
    // Nothing appends any more. What is kept is left whole in its files; a scan that hangs still
    // holds the views, and is not asked.
    let (views, search) = (Arc::clone(&engine.views), Arc::clone(&engine.search));
    let closing = tokio::spawn(async move {
        block_in_place(move || {
            search.close();
            views.close();
        });
        log.close().await;
    });
    if tokio::time::timeout_at(deadline, closing).await.is_err() {
        tracing::warn!("the log or a view is still busy; the next start folds in what is left");
    }
    // Closing a file may wait for a disk that hangs; that ends with the process.
    let last = (engine, filesystem, notifier, left_open);
    let dropping = tokio::spawn(async move { block_in_place(move || drop(last)) });
    drop(tokio::time::timeout_at(deadline, dropping).await);
}
