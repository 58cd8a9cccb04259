//! How a daemon is told to stop from outside: SIGTERM or SIGINT, twice to insist (CTL-7).

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

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
