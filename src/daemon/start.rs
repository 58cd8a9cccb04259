//! Starting the daemon: what is needed to serve comes first, then the mount, then all else.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use eventlog::{EventStore, SqliteStore};
use fuse::operations::Timings;
use fuse::special::status::StatusDir;
use fuse::{Filesystem, Notifier};
use origins::Registry;
use parking_lot::Mutex;
use projections::{Published, Views};
use search::Search;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::place::vacate;
use super::{Options, Running};
use crate::cache::pins::Pins;
use crate::cache::survey::Surveyor;
use crate::collections::{self, Collections, CollectionsDir, Played};
use crate::control::{self, Engine, MountFigures, tcp};
use crate::finding::{Finder, SearchDir};
use crate::library::{self, Library};
use crate::originals::Sources;
use crate::prefetch::{Prefetch, PrefetchDir};
use crate::report::{Kind, Report, Result};
use crate::resources::Resources;
use crate::scan::Scanner;
use crate::show::{Tree, told_of};
use crate::signals::Caught;
use crate::state::StateDir;
use crate::status_files::StatusFiles;
use crate::supervise::Supervisor;
use crate::webhooks::{self, Webhooks};
use crate::writer::LogWriter;
use crate::{access, cache, integrity, prefetch, reload, signals, systemd};

/// Pictures that are made smaller at the same time: each may take much memory.
const SHRINKING: usize = 1;

/// How long the library waits before it is begun again, where the log or the disk let it down.
const RETRY: Duration = Duration::from_secs(5);

/// Starts everything; returns once the mount answers.
pub(super) async fn start(
    options: &Options,
    caught: Caught,
    shutdown: CancellationToken,
) -> Result<Running> {
    let started = Instant::now();
    vacate(&options.mountpoint)?;
    // An address that is taken is told before anything is opened.
    let metrics = match options.metrics {
        Some(address) => Some(control::http::listen(address).await?),
        None => None,
    };
    let tcp = tcp::open(&options.control).await?;
    let log = Arc::new(SqliteStore::open(options.state.log_file()).await?);
    let store: Arc<dyn EventStore> = Arc::clone(&log) as _;
    let views = Arc::new(open_views(&options.state, Arc::clone(&store)).await?);
    let search = Arc::new(Search::new(
        &options.state.views_dir(),
        Arc::clone(&store),
        Arc::clone(&views),
        Handle::current(),
    ));
    let known = views.catalog().origins()?;
    for origin in &known {
        library::apart_by_name(&origin.spec, &options.mountpoint)?;
    }
    let supervisor = Supervisor::new(Handle::current());
    let registry = Arc::new(Registry::default());
    let writer = Arc::new(LogWriter::new(Arc::clone(&store)));
    let configured = options.origins.iter();
    let configured = configured.filter_map(|origin| origin.root.folder().map(Path::to_owned));
    let folders = known.iter().filter_map(|row| library::folder(&row.spec));
    let cache::Opened {
        store: content,
        problem: cache_problem,
    } = cache::open(
        &options.cache,
        &options.state.store_dir(),
        folders.chain(configured),
    )
    .await;
    let scanner = Scanner {
        store: content.clone(),
        views: Arc::clone(&views),
        writer: Arc::clone(&writer),
        readers: readers(options.readers),
        limit: eventlog::decide::RemovalLimit::default(),
        sidecars: options.sidecars.clone(),
    };
    let library = Library::new(
        scanner,
        Arc::clone(&registry),
        supervisor.clone(),
        options.mountpoint.clone(),
    );
    let status = Arc::new(StatusFiles::new(Arc::clone(&options.reloader)));
    let finder = Finder::new(search.searcher(), views.tree());
    let collections = Collections::new(
        views.collections(),
        views.catalog(),
        views.tree(),
        options.collections.clone(),
    );
    let pins = Arc::new(Pins::new(Surveyor::new(
        views.catalog(),
        views.tree(),
        content.clone(),
        Arc::clone(&registry),
        finder.clone(),
        collections.clone(),
    )));
    let sources = Sources {
        catalog: views.catalog(),
        tree: views.tree(),
        registry,
        library: Arc::clone(&library),
        store: content.clone(),
        runtime: Handle::current(),
        shrinking: Arc::new(Semaphore::new(SHRINKING)),
    };
    let played = Played::default();
    let prefetch = Arc::new(Prefetch::new(
        sources.clone(),
        views.tree(),
        Arc::clone(&pins),
        views.patterns(),
        played.clone(),
        options.prefetch,
    ));
    let mut filesystem = Filesystem::new(
        Arc::new(Tree(views.tree())),
        Arc::new(sources.clone()),
        vec![
            Box::new(StatusDir::new(Arc::clone(&status))),
            Box::new(SearchDir::new(finder, views.catalog())),
            Box::new(PrefetchDir(Arc::clone(&prefetch))),
            Box::new(CollectionsDir::new(collections.clone(), played)),
        ],
        options.mount.owner(),
    )
    .with_audience(Arc::clone(&prefetch) as _);
    let recorder = access::recorder(&options.access, &writer);
    if let Some(recorder) = &recorder {
        filesystem = filesystem.with_audience(Arc::clone(recorder) as _);
    }
    let filesystem = Arc::new(filesystem);
    // Subscribed before the kernel can cache anything.
    let changes = views.changes();
    let mounted = fuse::mount(Arc::clone(&filesystem), &options.mountpoint, &options.mount)?;
    let notifier = Arc::new(Mutex::new(mounted.notifier()));
    tell_kernel(&supervisor, &views, &notifier, changes);
    let webhooks = Webhooks::new(
        Arc::clone(&store),
        Arc::clone(&views),
        supervisor.clone(),
        options.state.webhooks_file(),
    );
    // Before anything is appended: from here on they miss nothing.
    webhooks.apply(options.webhooks.clone());
    let engine = Engine {
        content,
        cache_problem,
        pins,
        prefetch,
        verify_budget: options.cache.verify_budget,
        sources,
        store,
        writer,
        views,
        search,
        collections,
        webhooks,
        library,
        supervisor,
        mountpoint: options.mountpoint.clone(),
        started,
        mount: Arc::new(Figures(Arc::clone(&filesystem))),
        recorder,
        resources: Arc::new(Resources::new(options.state.path().to_owned())),
        reloader: Arc::clone(&options.reloader),
        shutdown,
    };
    keep_search(&engine);
    let (stopped, serving) = (CancellationToken::new(), TaskTracker::new());
    let listening = control::listen(&options.state)?;
    serving.spawn(listening.serve(engine.clone(), stopped.clone()));
    let remote = tcp::Tcp::new(engine.clone(), &stopped, &serving);
    remote.serve(tcp);
    let pages = control::http::Pages::new(engine.clone(), &stopped, &serving);
    pages.serve(metrics);
    status.serve(engine.clone());
    follow_configuration(&engine, remote, pages);
    signals::reload_on(caught.hangups, &engine);
    signals::rescan_on(caught.rescans, &engine);
    access::start(
        &options.access,
        engine.recorder.as_ref(),
        &engine.writer,
        &filesystem,
        &engine.supervisor,
    );
    let damage = Arc::new(OnceLock::new());
    let examined = examine(engine.clone(), Arc::clone(&log), Arc::clone(&damage));
    engine.supervisor.detach(examined);
    watch_resources(&engine);
    cache::tend(&engine);
    cache::pins::keep(&engine);
    prefetch::keeper::start(&engine, &filesystem);
    report_to_systemd(&engine);
    keep_library(&engine, options);
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
        log,
        damage,
    })
}

/// Tells the kernel what changes, mount by mount. After a failure of it, that everything may have.
fn tell_kernel(
    supervisor: &Supervisor,
    views: &Arc<Views>,
    notifier: &Arc<Mutex<Notifier>>,
    changes: mpsc::Receiver<Published>,
) {
    let (views, notifier) = (Arc::downgrade(views), Arc::clone(notifier));
    let (stop, mut first) = (supervisor.stop().clone(), Some(changes));
    let until = stop.clone();
    let task = move || {
        let (views, notifier, until) = (views.clone(), Arc::clone(&notifier), until.clone());
        let told = move |changes: Vec<fuse::Change>| notifier.lock().clone().notify(changes);
        let subscribed = first.take();
        async move {
            let again = || {
                let changes = views.upgrade()?.changes();
                told(vec![fuse::Change::Everything]);
                Some(changes)
            };
            let Some(mut changes) = subscribed.or_else(again) else {
                return;
            };
            while let Some(Some(batch)) = until.run_until_cancelled(changes.recv()).await {
                told(batch.changes.iter().flat_map(told_of).collect());
            }
        }
    };
    supervisor.spawn("invalidation".to_owned(), stop, task);
}

/// Has tracks found, by an index that is opened, and asked something, beside the mount.
fn keep_search(engine: &Engine) {
    let (search, stop) = (Arc::clone(&engine.search), engine.supervisor.stop().clone());
    let until = stop.clone();
    let task = move || {
        let (search, until) = (Arc::clone(&search), until.clone());
        async move {
            if let Err(error) = search.keep(until.cancelled_owned()).await {
                tracing::error!("the search index is not kept: {error}");
                // For the supervisor, which starts it again.
                std::panic::resume_unwind(Box::new(error.to_string()));
            }
        }
    };
    engine.supervisor.spawn("search".to_owned(), stop, task);
}

/// Names the parts of the daemon that take over a configuration while it runs.
fn follow_configuration(engine: &Engine, remote: tcp::Tcp, pages: control::http::Pages) {
    let reloader = &engine.reloader;
    reloader.add(Arc::new(reload::Origins(Arc::clone(&engine.library))));
    reloader.add(Arc::new(webhooks::Followed {
        webhooks: engine.webhooks.clone(),
        mountpoint: engine.mountpoint.clone(),
    }));
    reloader.add(Arc::clone(&engine.prefetch) as _);
    reloader.add(Arc::new(collections::Followed(engine.collections.clone())));
    reloader.add(Arc::new(pages));
    reloader.add(Arc::new(remote));
}

/// Makes the library what it is configured to be, in the background.
fn keep_library(engine: &Engine, options: &Options) {
    let (library, stop) = (
        Arc::clone(&engine.library),
        engine.supervisor.stop().clone(),
    );
    let (origins, layout) = (options.origins.clone(), options.layout.clone());
    let until = stop.clone();
    let task = move || {
        let (library, origins, layout) = (Arc::clone(&library), origins.clone(), layout.clone());
        let until = until.clone();
        async move {
            let begin = async {
                while let Err(error) = library.begin(&origins, layout.as_ref()).await {
                    tracing::error!(
                        "the library is not kept in step, trying again in 5 s: {error}"
                    );
                    tokio::time::sleep(RETRY).await;
                }
            };
            until.run_until_cancelled(begin).await;
        }
    };
    engine.supervisor.spawn("library".to_owned(), stop, task);
}

fn watch_resources(engine: &Engine) {
    let (resources, stop) = (
        Arc::clone(&engine.resources),
        engine.supervisor.stop().clone(),
    );
    let task = {
        let stop = stop.clone();
        move || Arc::clone(&resources).watch(stop.clone())
    };
    engine.supervisor.spawn("resources".to_owned(), stop, task);
}

fn report_to_systemd(engine: &Engine) {
    if systemd::is_there() {
        let (reported, supervisor) = (engine.clone(), &engine.supervisor);
        let stop = supervisor.stop().clone();
        supervisor.spawn("service manager".to_owned(), stop, move || {
            systemd::report(reported.clone())
        });
    }
}

/// Looks through what is kept, once; stops the daemon where the log is damaged.
async fn examine(engine: Engine, log: Arc<SqliteStore>, damage: Arc<OnceLock<Report>>) {
    let Engine {
        views, supervisor, ..
    } = &engine;
    if let Err(report) = integrity::examine(&log, views, supervisor.stop()).await {
        tracing::error!("{report}; stopping");
        drop(damage.set(report));
        engine.shutdown.cancel();
    }
}

/// Opens the views, on a thread that may wait for the log.
async fn open_views(state: &StateDir, store: Arc<dyn EventStore>) -> Result<Views> {
    let (directory, runtime) = (state.views_dir(), Handle::current());
    tokio::task::spawn_blocking(move || Views::open(&directory, store, &runtime))
        .await
        .map_err(|error| Report::new(Kind::Bug, format!("opening the views failed: {error}")))?
        .map_err(Report::from)
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
