//! Ending the daemon, in order and within limits (UP-2).

use std::sync::Arc;
use std::time::Duration;

use fuse::Unmounted;
use tokio::task::block_in_place;

use super::Running;

/// How long background tasks, and callers of the control plane, have to end: one may wait for a disk
/// that hangs.
const GRACE: Duration = Duration::from_secs(4);

/// How long programs that use the mount have to let go of it, once it is to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends everything, in an order in which nothing misses what has ended before it.
pub(super) async fn stop(running: Running) {
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
    if let Err(left) = engine.supervisor.shut_down(GRACE).await {
        tracing::warn!("not waited for any longer: {}", left.join(", "));
    }
    engine.webhooks.close().await;
    // On this thread: where no other can be started, there is an end nevertheless (UP-1).
    match block_in_place(move || mounted.unmount(PATIENCE)) {
        Ok(Unmounted::Cleanly) => {}
        Ok(Unmounted::Detached) => tracing::warn!("unmounted while in use; its users lose it now"),
        Err(error) => tracing::error!("{error}"),
    }
    // Now that nothing is read any more; what users of a detached mount still have open ends here.
    let left_open = filesystem.session_ended();
    if let Some(recorder) = &engine.recorder {
        recorder.finish(GRACE).await;
    }
    // So late, so that `status` and `shutdown` can tell how far it is.
    stopped.cancel();
    serving.close();
    if tokio::time::timeout(GRACE, serving.wait()).await.is_err() {
        tracing::warn!("a caller of the control plane did not let go");
    }
    status.close();
    engine.reloader.close();
    // Nothing appends any more. What is kept is left whole in its files; a scan that hangs still
    // holds the views, and is not asked.
    let views = Arc::clone(&engine.views);
    let closing = tokio::spawn(async move {
        block_in_place(move || views.close());
        log.close().await;
    });
    if tokio::time::timeout(PATIENCE, closing).await.is_err() {
        tracing::warn!("the log or a view is still busy; the next start folds in what is left");
    }
    let last = (engine, filesystem, notifier, left_open);
    block_in_place(move || drop(last));
}
