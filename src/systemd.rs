//! What a service manager is told (sd_notify(3), UP-4). Without one, nothing happens.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::control::Engine;
use crate::supervise::TaskState;
use crate::webhooks;

/// How often the status line is looked at where no watchdog asks for more.
const TICK: Duration = Duration::from_secs(10);

/// Tells that the mount answers, or that a reload has ended.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Tells that the configuration is being read anew; [`ready`] ends that (`Type=notify-reload` of
/// systemd.service(5)).
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the service manager was not told"),
    }
}

/// Tells that the daemon is on its way out.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("unmounting")]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

/// True where a service manager wants to be told anything.
pub(crate) fn is_there() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Keeps the status line current, and the watchdog from biting for as long as the mount answers
/// and every task lives. Ends with the other tasks.
pub(crate) async fn report(engine: Engine) {
    let stop = engine.supervisor.stop().clone();
    stop.run_until_cancelled(keep_telling(engine)).await;
}

async fn keep_telling(engine: Engine) {
    // Twice as often as it must be, as sd_watchdog_enabled(3) advises.
    let watchdog = sd_notify::watchdog_enabled().map(|limit| limit / 2);
    let mut tick = tokio::time::interval(watchdog.unwrap_or(TICK).min(TICK));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = String::new();
    loop {
        tick.tick().await;
        let asked = engine.clone();
        // Should the mount hang, this waits with it, and the watchdog is not told.
        let answer = tokio::task::spawn_blocking(move || check(&asked)).await;
        let status = match answer {
            Ok(Ok(tracks)) => {
                if watchdog.is_some() {
                    tell(&[NotifyState::Watchdog]);
                }
                format!("{tracks} tracks on {}", engine.mountpoint.display())
            }
            Ok(Err(why)) => why,
            Err(error) => error.to_string(),
        };
        if status != told {
            tell(&[NotifyState::Status(&status)]);
            told = status;
        }
    }
}

/// How many tracks the tree shows, by way of the kernel and its views; or what is wrong.
fn check(engine: &Engine) -> Result<u64, String> {
    answers(&engine.mountpoint)?;
    let stats = engine.views.tree().stats();
    let tracks = stats.map_err(|error| error.to_string())?.files;
    let tasks = engine.supervisor.tasks();
    // A new process would not deliver what this one cannot: webhooks are nobody's reason to unmount.
    let failed = tasks.iter().find(|(name, task)| {
        task.state == TaskState::Failed && !name.starts_with(webhooks::TASK_PREFIX)
    });
    match failed {
        Some((name, _)) => Err(format!("{name} failed too often; restart MusicFS")),
        None => Ok(tracks),
    }
}

/// Has the tool itself ask the mount, in a process of its own. A thread of the daemon that waited for
/// the daemon's own answer would keep it from dying: the kernel gives the request up only once every
/// thread has let go of its connection, and lets none end before its request did.
fn answers(mountpoint: &Path) -> Result<(), String> {
    // Whatever has become of the file that this process was started from.
    let asked = Command::new("/proc/self/exe")
        .arg0("musicfs")
        .args([OsStr::new("probe"), mountpoint.as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output();
    let answer = asked.map_err(|error| format!("the mount cannot be asked: {error}"))?;
    if answer.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&answer.stderr);
    let why = said.lines().next().unwrap_or_default();
    let why = why.trim_start_matches("error: ");
    Err(format!("the mount does not answer: {why}"))
}
