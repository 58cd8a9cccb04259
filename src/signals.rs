//! What a daemon is told from outside by signals: to stop by SIGTERM or SIGINT, twice to insist
//! (CTL-7), to list its origins by SIGUSR1 (ORG-12).

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::library::Library;
use crate::report::{Kind, Report, Result};

/// The exit code after a second signal, as shells give it for SIGINT.
const FORCED: i32 = 130;

/// Cancels `shutdown` at the first SIGTERM or SIGINT; at the second, ends the process at once.
///
/// # Errors
/// Where signals cannot be caught.
pub(crate) fn stop_on_signals(shutdown: CancellationToken) -> Result<()> {
    let mut terminate = caught(SignalKind::terminate())?;
    let mut interrupt = caught(SignalKind::interrupt())?;
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("stopping; a second signal ends it at once");
        shutdown.cancel();
        either(&mut terminate, &mut interrupt).await;
        tracing::warn!("ended at once; the next start clears what is left of the mount");
        std::process::exit(FORCED);
    });
    Ok(())
}

/// Lists every origin at each SIGUSR1, until the daemon stops.
///
/// # Errors
/// Where signals cannot be caught.
pub(crate) fn rescan_on_signals(library: &Arc<Library>) -> Result<()> {
    let mut asked = caught(SignalKind::user_defined1())?;
    let rescanned = Arc::clone(library);
    library.detached(async move {
        while asked.recv().await.is_some() {
            tracing::info!("listing every origin, as a signal asked");
            rescanned.rescan_all().await;
        }
    });
    Ok(())
}

fn caught(kind: SignalKind) -> Result<Signal> {
    signal(kind)
        .map_err(|error| Report::new(Kind::Machine, format!("cannot catch signals: {error}")))
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
