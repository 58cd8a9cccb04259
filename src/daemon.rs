//! The daemon: what runs, in which order it starts, and in which order it stops (UP-2).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::event::LayoutSpec;
use eventlog::{EventStore, SqliteStore};
use fuse::operations::Timings;
use fuse::special::status::StatusDir;
use fuse::{Ended, Filesystem, MountOptions, Mounted, Notifier, Unmounted, mountpoint};
use origins::Registry;
use parking_lot::Mutex;
use projections::Views;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::OriginConfig;
use crate::control::{self, Engine, MountFigures};
use crate::library::{self, Library};
use crate::lock::Lock;
use crate::report::{Kind, Report, Result};
use crate::scan::Scanner;
use crate::show::{Sources, Tree, change};
use crate::state::StateDir;
use crate::status_files::StatusFiles;
use crate::supervise::Supervisor;
use crate::webhooks::{Endpoint, Webhooks};
use crate::writer::LogWriter;
use crate::{signals, systemd};

/// How long the library waits before it is begun again, where the log or the disk let it down.
const RETRY: Duration = Duration::from_secs(5);

/// How long programs that use the mount have to let go of it, once it is to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a daemon is told to do.
#[derive(Debug, Clone)]
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
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
    /// Who is told of events over HTTP.
    pub webhooks: Vec<Endpoint>,
    /// Threads that read tags; 0 for as many as there are processors.
    pub readers: usize,
    /// The configuration without secrets, for `.status/config.toml`.
    pub configuration: String,
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
    serving: JoinHandle<()>,
    stopped: CancellationToken,
}

/// Serves a library until `shutdown` is cancelled or it is unmounted. The lock is held throughout;
/// `ready` is called once the mount answers.
///
/// # Errors
/// Why it could not start, or not stay.
pub async fn run(
    options: Options,
    lock: Lock,
    shutdown: CancellationToken,
    ready: impl FnOnce(),
) -> Result<()> {
    let mut running = start(&options, shutdown.clone()).await?;
    ready();
    systemd::ready();
    let outcome = serve(&mut running, &options, &shutdown).await;
    shutdown.cancel();
    let began = Instant::now();
    systemd::stopping();
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

async fn start(options: &Options, shutdown: CancellationToken) -> Result<Running> {
    let started = Instant::now();
    vacate(&options.mountpoint)?;
    let metrics = match options.metrics {
        Some(address) => Some(control::http::listen(address).await?),
        None => None,
    };
    let store: Arc<dyn EventStore> = Arc::new(SqliteStore::open(options.state.log_file()).await?);
    let views = Arc::new(open_views(&options.state, Arc::clone(&store)).await?);
    for origin in views.catalog().origins()? {
        library::apart_by_name(&origin.spec, &options.mountpoint)?;
    }
    let supervisor = Supervisor::new(Handle::current());
    let registry = Arc::new(Registry::default());
    let writer = Arc::new(LogWriter::new(Arc::clone(&store)));
    let scanner = Scanner {
        views: Arc::clone(&views),
        writer,
        readers: readers(options.readers),
        limit: eventlog::decide::RemovalLimit::default(),
    };
    let library = Library::new(
        scanner,
        Arc::clone(&registry),
        supervisor.clone(),
        options.mountpoint.clone(),
    );
    let sources = Sources {
        catalog: views.catalog(),
        registry,
        library: Arc::clone(&library),
        runtime: Handle::current(),
    };
    let status = Arc::new(StatusFiles::new(options.configuration.clone()));
    let filesystem = Arc::new(Filesystem::new(
        Arc::new(Tree(views.tree())),
        Arc::new(sources),
        vec![Box::new(StatusDir::new(Arc::clone(&status)))],
        options.mount.owner(),
    ));
    // Subscribed before the kernel can cache anything.
    let mut changes = views.changes();
    let mounted = fuse::mount(Arc::clone(&filesystem), &options.mountpoint, &options.mount)?;
    let notifier = Arc::new(Mutex::new(mounted.notifier()));
    let webhooks = Webhooks::new(
        Arc::clone(&store),
        Arc::clone(&views),
        supervisor.clone(),
        options.state.webhooks_file(),
    );
    // Before anything is appended: from here on they miss nothing.
    webhooks.apply(options.webhooks.clone());
    let engine = Engine {
        store,
        views,
        webhooks,
        library: Arc::clone(&library),
        supervisor: supervisor.clone(),
        mountpoint: options.mountpoint.clone(),
        started,
        mount: Arc::new(Figures(Arc::clone(&filesystem))),
        shutdown,
    };
    status.serve(engine.clone());
    let stopped = CancellationToken::new();
    let listening = control::listen(&options.state)?;
    let serving = tokio::spawn(listening.serve(engine.clone(), stopped.clone()));
    if let Some(listener) = metrics {
        let metrics = control::http::serve(listener, engine.clone(), supervisor.stop().clone());
        supervisor.detach(metrics);
    }
    let told = Arc::clone(&notifier);
    supervisor.detach(async move {
        while let Some(batch) = changes.recv().await {
            let notifier = told.lock().clone();
            notifier.notify(batch.changes.iter().map(change));
        }
    });
    signals::rescan_on_signals(&library)?;
    if systemd::is_there() {
        let engine = engine.clone();
        supervisor.spawn(
            "service manager".to_owned(),
            supervisor.stop().clone(),
            move || systemd::report(engine.clone()),
        );
    }
    let (origins, layout) = (options.origins.clone(), options.layout.clone());
    let stop = supervisor.stop().clone();
    supervisor.spawn("library".to_owned(), stop.clone(), move || {
        let (library, origins, layout) = (Arc::clone(&library), origins.clone(), layout.clone());
        let stop = stop.clone();
        async move {
            while let Err(error) = library.begin(&origins, layout.as_ref()).await {
                tracing::error!("the library is not kept in step, trying again in 5 s: {error}");
                if stop
                    .run_until_cancelled(tokio::time::sleep(RETRY))
                    .await
                    .is_none()
                {
                    return;
                }
            }
        }
    });
    tracing::info!(
        mountpoint = %options.mountpoint.display(),
        position = engine.store.head().0,
        "mounted within {:.1?}",
        started.elapsed()
    );
    Ok(Running {
        engine,
        filesystem,
        mounted,
        notifier,
        status,
        serving,
        stopped,
    })
}

/// Opens the views, on a thread that may wait for the log.
async fn open_views(state: &StateDir, store: Arc<dyn EventStore>) -> Result<Views> {
    let (directory, runtime) = (state.views_dir(), Handle::current());
    tokio::task::spawn_blocking(move || Views::open(&directory, store, &runtime))
        .await
        .map_err(|error| Report::new(Kind::Bug, format!("opening the views failed: {error}")))?
        .map_err(Report::from)
}

/// Ends everything, in an order in which nothing misses what has ended before it.
async fn stop(running: Running) {
    let Running {
        engine,
        filesystem,
        mounted,
        notifier,
        status,
        serving,
        stopped,
    } = running;
    // Watchers, scans and whatever else could append.
    engine.supervisor.shut_down().await;
    engine.webhooks.close().await;
    let unmounted = tokio::task::spawn_blocking(move || mounted.unmount(PATIENCE)).await;
    match unmounted {
        Ok(Ok(Unmounted::Cleanly)) => {}
        Ok(Ok(Unmounted::Detached)) => {
            tracing::warn!("unmounted while in use; its users lose it now");
        }
        Ok(Err(error)) => tracing::error!("{error}"),
        Err(error) => tracing::error!("unmounting failed: {error}"),
    }
    // So late, so that `status` and `shutdown` can tell how far it is.
    stopped.cancel();
    if serving.await.is_err() {
        tracing::error!("the control socket's task failed");
    }
    // The views' threads end with their last user; they may be in the middle of a batch.
    status.close();
    let last = (engine, filesystem, notifier);
    drop(tokio::task::spawn_blocking(move || drop(last)).await);
}

/// Makes sure that the mount point is an empty directory; clears what a dead daemon left there.
fn vacate(path: &Path) -> Result<()> {
    use mountpoint::State;
    let refuse = |kind: Kind, what: &str, hint: &str| {
        let message = format!("cannot mount at {}: {what}", path.display());
        Err(Report::new(kind, message).hint(hint))
    };
    match mountpoint::state(path)? {
        State::Empty => Ok(()),
        State::Stale(mount) if !mount.by_us() => refuse(
            Kind::Busy,
            &format!("a {} whose process is gone is mounted there", mount.fstype),
            "it is not ours to clear: unmount it with `fusermount3 -u` or `umount`",
        ),
        State::Stale(_) => {
            tracing::info!(mountpoint = %path.display(), "clearing what a killed daemon left");
            mountpoint::clear_stale(path)?;
            vacate(path)
        }
        State::Absent => refuse(
            Kind::Input,
            "there is no such directory",
            "make it with mkdir -p",
        ),
        State::NotADirectory => refuse(Kind::Input, "it is not a directory", "choose a directory"),
        State::NotEmpty => refuse(
            Kind::Input,
            "it is not empty",
            "choose an empty directory, or make a new one",
        ),
        State::Mounted(mount) => refuse(
            Kind::Busy,
            &format!(
                "{} ({}) is mounted there",
                mount.source.display(),
                mount.fstype
            ),
            "unmount it with `fusermount3 -u` or `umount`, or choose another directory",
        ),
    }
}

fn readers(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        asked => asked,
    }
}

struct Figures(Arc<Filesystem>);

impl MountFigures for Figures {
    fn open_handles(&self) -> u64 {
        self.0.open_files() as u64
    }

    fn timings(&self) -> Vec<Timings> {
        self.0.timings()
    }
}
