//! The daemon: what runs, in which order it starts, and in which order it stops (UP-2).

mod place;
mod start;
mod stop;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use eventlog::SqliteStore;
use eventlog::event::LayoutSpec;
use fuse::{Ended, Filesystem, MountOptions, Mounted, Notifier};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::place::vacate;
use self::start::start;
use self::stop::stop;
use crate::config::{CollectionConfig, OriginConfig};
use crate::control::{Engine, tcp};
use crate::lock::Lock;
use crate::reload::Reloader;
use crate::report::{Kind, Report, Result};
use crate::signals::Caught;
use crate::state::StateDir;
use crate::status_files::StatusFiles;
use crate::webhooks::Endpoint;
use crate::{access, cache, prefetch, systemd};

/// What a daemon is told to do.
#[derive(Clone)]
pub struct Options {
    /// Where its state is.
    pub state: StateDir,
    /// Where to mount; an absolute path.
    pub mountpoint: PathBuf,
    /// How to mount.
    pub mount: MountOptions,
    /// Origins that the library is to have.
    pub origins: Vec<OriginConfig>,
    /// The layout that it is to have; as it was where not told.
    pub layout: Option<LayoutSpec>,
    /// What is recorded of reads.
    pub access: access::Settings,
    /// What is kept of files on other machines.
    pub cache: cache::Settings,
    /// What is fetched before it is asked for.
    pub prefetch: prefetch::Settings,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
    /// Where control is served over TCP.
    pub control: tcp::Settings,
    /// Who is told of events over HTTP.
    pub webhooks: Vec<Endpoint>,
    /// Collections that are configured.
    pub collections: Vec<CollectionConfig>,
    /// Which files beside tracks are shown.
    pub sidecars: crate::scan::Sidecars,
    /// Threads that read tags; 0 for as many as there are processors.
    pub readers: usize,
    /// The configuration in force.
    pub reloader: Arc<Reloader>,
}

/// Waits before a mount whose connection to the kernel was lost is made anew; after the last, the
/// daemon gives up (UP-8).
const REMOUNTS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
];

/// A mount that held for so long is not held to be lost again.
const STEADY: Duration = Duration::from_secs(60);

/// A daemon that serves.
struct Running {
    engine: Engine,
    filesystem: Arc<Filesystem>,
    mounted: Mounted,
    /// The one of the present mount, for whoever tells it of changes.
    notifier: Arc<Mutex<Notifier>>,
    status: Arc<StatusFiles>,
    /// The control plane, until `stopped` is cancelled.
    serving: TaskTracker,
    stopped: CancellationToken,
    log: Arc<SqliteStore>,
    /// What was found wrong with the log since the start.
    damage: Arc<OnceLock<Report>>,
}

/// How long `ready` waits at most for the configured origins to be known.
const INTRODUCTION: Duration = Duration::from_millis(500);

/// Serves a library until `shutdown` is cancelled or it is unmounted. The lock is held throughout;
/// `ready` is called once the mount answers, and the configured origins are known.
///
/// # Errors
/// Why it could not start, or not stay.
pub async fn run(
    options: Options,
    mut lock: Lock,
    caught: Caught,
    shutdown: CancellationToken,
    ready: impl FnOnce(),
) -> Result<()> {
    let mut running = start(&options, caught, shutdown.clone()).await?;
    // Who asks at once is told of the origins that are configured.
    let known = running.engine.library.until_begun();
    drop(tokio::time::timeout(INTRODUCTION, known).await);
    ready();
    systemd::ready();
    let served = serve(&mut running, &options, &shutdown).await;
    let outcome = running.damage.get().cloned().map_or(served, Err);
    shutdown.cancel();
    let began = Instant::now();
    systemd::stopping();
    lock.leaving();
    stop(running).await;
    drop(lock);
    tracing::info!("stopped within {:.1?}", began.elapsed());
    outcome
}

/// Keeps the mount in place until the daemon is to stop, or the user takes it away.
async fn serve(
    running: &mut Running,
    options: &Options,
    shutdown: &CancellationToken,
) -> Result<()> {
    let mut waits = REMOUNTS.iter();
    loop {
        let since = Instant::now();
        let ended = ended(&running.mounted)?;
        let Some(ended) = shutdown.run_until_cancelled(ended).await else {
            return Ok(());
        };
        let Ok(Ended::Lost(why)) = ended else {
            return Ok(());
        };
        tracing::error!("the connection to the kernel was lost: {why}");
        if since.elapsed() >= STEADY {
            waits = REMOUNTS.iter();
        }
        loop {
            let Some(wait) = waits.next() else {
                let message = format!("the connection to the kernel was lost again: {why}");
                return Err(Report::new(Kind::Machine, message)
                    .hint("look for its cause in the kernel's messages (dmesg)"));
            };
            let pause = tokio::time::sleep(*wait);
            if shutdown.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
            match remount(running, options) {
                Ok(()) => break,
                Err(error) => tracing::error!("cannot mount again: {error}"),
            }
        }
        tracing::warn!("mounted again");
    }
}

/// Mounts the same tree again; its inodes are the same as before.
fn remount(running: &mut Running, options: &Options) -> Result<()> {
    vacate(&options.mountpoint)?;
    let filesystem = Arc::clone(&running.filesystem);
    running.mounted = fuse::mount(filesystem, &options.mountpoint, &options.mount)?;
    *running.notifier.lock() = running.mounted.notifier();
    Ok(())
}

/// Tells why the mount ended. On a thread of its own, which no runtime waits for: users of a mount
/// that was taken from the tree keep it for as long as they like.
fn ended(mounted: &Mounted) -> Result<oneshot::Receiver<Ended>> {
    let (tell, told) = oneshot::channel();
    let ending = mounted.ending();
    std::thread::Builder::new()
        .name("musicfs-ending".to_owned())
        .spawn(move || drop(tell.send(ending.wait())))
        .map_err(|error| Report::new(Kind::Machine, format!("cannot start a thread: {error}")))?;
    Ok(told)
}
