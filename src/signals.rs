//! What a daemon is told from outside by signals: to stop by SIGTERM or SIGINT, twice to insist
//! (CTL-7), to list its origins by SIGUSR1 (ORG-12), to read its configuration anew by SIGHUP.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::control::Engine;
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

/// What is not to end the process that nobody listens to it yet: SIGHUP and SIGUSR1, caught. Those
/// that come before anybody looks are kept as one each.
pub struct Caught {
    pub(crate) hangups: Hangups,
    pub(crate) rescans: Rescans,
}

/// SIGUSR1, which asks for a listing of every origin.
pub(crate) struct Rescans(Signal);

/// Catches them. Within a runtime.
///
/// # Errors
/// Where signals cannot be caught.
pub(crate) fn catch() -> Result<Caught> {
    Ok(Caught {
        hangups: hangups()?,
        rescans: Rescans(caught(SignalKind::user_defined1())?),
    })
}

/// Lists every origin at each SIGUSR1, until the daemon stops.
pub(crate) fn rescan_on(mut rescans: Rescans, engine: &Engine) {
    let (library, supervisor) = (Arc::clone(&engine.library), engine.supervisor.clone());
    engine.supervisor.detach(async move {
        while rescans.0.recv().await.is_some() {
            tracing::info!("listing every origin, as a signal asked");
            let library = Arc::clone(&library);
            // Apart, so that a panic ends this one and not those to come (UP-1).
            supervisor.detach(async move { library.rescan_all() });
        }
    });
}

fn hangups() -> Result<Hangups> {
    let ignored = std::fs::read_to_string("/proc/self/status").is_ok_and(|text| ignores_hup(&text));
    Ok(Hangups {
        signal: caught(SignalKind::hangup())?,
        terminal: !ignored && has_terminal(),
    })
}

/// Reads the configuration anew at each SIGHUP, until the daemon stops. Stops it, where it ran in
/// the foreground of a terminal that is gone.
pub(crate) fn reload_on(mut hangups: Hangups, engine: &Engine) {
    let (reloader, shutdown) = (Arc::clone(&engine.reloader), engine.shutdown.clone());
    let supervisor = engine.supervisor.clone();
    engine.supervisor.detach(async move {
        loop {
            match hangups.next().await {
                Hangup::Reload => {
                    tracing::info!("reading the configuration anew, as a signal asked");
                    let reloader = Arc::clone(&reloader);
                    // How it went, the reloader has logged; a panic ends this reload only (UP-1).
                    let reload = async move { drop(reloader.reload().await) };
                    supervisor.finish(reload).await;
                }
                Hangup::Terminal => {
                    tracing::info!("stopping, as the terminal is gone");
                    shutdown.cancel();
                    return;
                }
            }
        }
    });
}

/// SIGHUP, and what it means to this process.
pub(crate) struct Hangups {
    signal: Signal,
    /// True where the process ends with its terminal: it had one at the start, and was not told by
    /// nohup(1) to outlive it.
    terminal: bool,
}

impl Hangups {
    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Hangup {
        match self.signal.recv().await {
            Some(()) if self.terminal && !has_terminal() => Hangup::Terminal,
            Some(()) => Hangup::Reload,
            None => std::future::pending().await,
        }
    }
}

/// What a SIGHUP means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// The configuration is to be read anew.
    Reload,
    /// The terminal that the daemon runs in the foreground of is gone.
    Terminal,
}

/// True where the process has a terminal that is still there (tty(4)).
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

/// True where `/proc/PID/status` says that SIGHUP, signal 1, is ignored (proc_pid_status(5)).
fn ignores_hup(status: &str) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_noticed() {
        for (mask, expected) in [
            ("0000000000001001", true),
            ("0000000000001000", false),
            ("", false),
        ] {
            let status = format!("Name:\tmusicfs\nSigIgn:\t{mask}\nSigCgt:\t1\n");
            assert_eq!(ignores_hup(&status), expected, "{mask}");
        }
    }
}
