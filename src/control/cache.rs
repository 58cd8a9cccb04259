//! What is told of the cache: the same behind the RPCs and, without a daemon, behind the command.

use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use content::{Checked, Figures, Key, Store};
use eventlog::{PinTarget, TreePath};
use futures::StreamExt;
use futures::stream::BoxStream;
use projections::TreeReader;
use proto::v1;
use proto::v1::pin_target::Target;
use proto::v1::verify_cache_response::Update;
use search::Query;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::convert;
use crate::cache::repair::{self, Repaired};
use crate::cache::survey::{Counts, Pinned};
use crate::originals::Sources;
use crate::report::{Kind, Report, Result};

/// How often a verification tells how far it is.
const TICK: Duration = Duration::from_millis(100);

/// Progress messages that wait for a slow reader; more are left out.
const WAITING: usize = 4;

/// How much is kept. Blocks.
///
/// # Errors
/// Where the store's index cannot be read.
pub(crate) fn stats(
    store: &Store,
    done: Option<Figures>,
    pins: Counts,
) -> Result<v1::GetCacheStatsResponse> {
    let contents = store.contents().map_err(|error| unusable(&error))?;
    let dir = store.dir().map(|dir| dir.as_os_str().as_bytes().to_vec());
    Ok(v1::GetCacheStatsResponse {
        enabled: store.is_enabled(),
        directory: dir.unwrap_or_default(),
        bytes: contents.bytes,
        limit: contents.limit,
        referenced_bytes: contents.referenced,
        files: contents.files,
        chunks: contents.chunks,
        pressed: store.is_enabled() && store.is_pressed(),
        counts: done.map(counts),
        pins: Some(pin_counts(pins)),
        problem: String::new(),
        prefetch: None,
    })
}

/// The cache, as the status tells of it.
pub(super) fn status(store: &Store, pins: Counts) -> v1::CacheStatus {
    v1::CacheStatus {
        enabled: store.is_enabled(),
        bytes: store.bytes(),
        limit: store.limit(),
        pins: Some(pin_counts(pins)),
    }
}

const fn counts(done: Figures) -> v1::CacheCounts {
    v1::CacheCounts {
        hits: done.hits,
        misses: done.misses,
        read_bytes: done.read_bytes,
        fetched_bytes: done.fetched_bytes,
        passed_bytes: done.passed_bytes,
        shared_bytes: done.shared_bytes,
        damaged: done.damaged,
        evicted: done.evicted,
        adopted: done.adopted,
    }
}

const fn pin_counts(counts: Counts) -> v1::PinCounts {
    v1::PinCounts {
        pins: counts.pins,
        tracks: counts.tracks,
        sidecars: counts.sidecars,
        bytes: counts.bytes,
        missing_bytes: counts.missing_bytes,
    }
}

/// What the store's index refused.
pub(crate) fn unusable(error: &dyn Display) -> Report {
    let message = format!("the index of the content store cannot be used: {error}");
    Report::new(Kind::Disk, message)
        .hint("what is in the store is a copy: if this goes on, stop MusicFS and delete it")
}

/// A target that was sent.
///
/// # Errors
/// Where it is none.
pub(super) fn target(sent: Option<v1::PinTarget>) -> Result<PinTarget> {
    let wrong = |error: &dyn Display| Report::new(Kind::Input, error.to_string());
    match sent.and_then(|sent| sent.target) {
        Some(Target::Path(path)) => Ok(PinTarget::Path(tree_path(&path)?)),
        Some(Target::Search(text)) => {
            let query = Query::parse(&text).map_err(|error| wrong(&error))?;
            if query.is_empty() {
                return Err(wrong(&"the query is empty"));
            }
            Ok(PinTarget::Search(text.trim().into()))
        }
        Some(Target::Collection(name)) => {
            let name = name
                .parse()
                .map_err(|error| wrong(&error as &dyn Display))?;
            Ok(PinTarget::Collection(name))
        }
        None => Err(wrong(&"nothing is named that could be pinned")),
    }
}

/// A path in the tree that was sent.
///
/// # Errors
/// Where it is none.
pub(super) fn tree_path(sent: &str) -> Result<TreePath> {
    TreePath::meant(sent).map_err(|error| Report::new(Kind::Input, error.to_string()))
}

/// A pin, with some of the files that are missing of it. Reads the tree.
///
/// # Errors
/// Where the tree cannot be read.
pub(crate) fn pin(
    pin: &Pinned,
    tree: &TreeReader,
    problem: impl Fn(&Key) -> Option<String>,
    limit: usize,
) -> Result<v1::PinStatus> {
    let target = match &pin.row.target {
        PinTarget::Path(path) => Target::Path(path.as_str().to_owned()),
        PinTarget::Search(query) => Target::Search(query.to_string()),
        PinTarget::Collection(name) => Target::Collection(name.to_string()),
    };
    let mut missing = Vec::new();
    for file in pin.missing.iter().take(limit) {
        // One that left the tree meanwhile is not told of.
        if let Some(path) = tree.path_of(file.file.ino())? {
            missing.push(v1::MissingFile {
                path,
                bytes: file.key.revision.size,
                missing_bytes: file.bytes,
                problem: problem(&file.key).unwrap_or_default(),
            });
        }
    }
    Ok(v1::PinStatus {
        target: Some(v1::PinTarget {
            target: Some(target),
        }),
        since: Some(convert::time(pin.row.added_at)),
        tracks: pin.tracks,
        bytes: pin.bytes,
        sidecars: pin.sidecars,
        missing_files: pin.missing.len() as u64,
        missing_bytes: pin.missing.iter().map(|it| it.bytes).sum(),
        missing,
        problem: pin.problem.clone().unwrap_or_default(),
    })
}

/// Verifies the store, and with `sources` fetches again what was damaged. The last message has the
/// report; `ended` is called before it. Ends early where nobody listens any more.
pub(crate) fn verify(
    store: Store,
    sources: Option<Sources>,
    ended: impl FnOnce() + Send + 'static,
) -> BoxStream<'static, Result<v1::VerifyCacheResponse>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let report = work(&store, sources.as_ref(), &sender);
        ended();
        let report = report.map(|report| v1::VerifyCacheResponse {
            update: Some(Update::Report(report)),
        });
        drop(sender.blocking_send(report));
    });
    ReceiverStream::new(receiver).boxed()
}

type Sender = mpsc::Sender<Result<v1::VerifyCacheResponse>>;

fn work(store: &Store, sources: Option<&Sources>, to: &Sender) -> Result<v1::VerifyReport> {
    let total = store.bytes();
    let mut ticks = Ticks::new(to);
    let verified = store.verify(|now: Checked| ticks.tell(now.bytes, total, false));
    let (checked, lost) = verified.map_err(|error| unusable(&error))?;
    let lost_bytes = repair::bytes(&lost);
    let repaired = match sources {
        Some(sources) if lost_bytes > 0 => {
            repair::repair(sources, lost, |done| ticks.tell(done, lost_bytes, true))
        }
        _ => Repaired::default(),
    };
    Ok(v1::VerifyReport {
        pieces: checked.pieces,
        bytes: checked.bytes,
        damaged: checked.damaged,
        lost_bytes,
        repaired_bytes: repaired.bytes,
        problems: repaired.problems.into_iter().collect(),
    })
}

/// Tells how far it is, now and then.
struct Ticks<'s> {
    to: &'s Sender,
    last: Option<Instant>,
}

impl<'s> Ticks<'s> {
    const fn new(to: &'s Sender) -> Self {
        Self { to, last: None }
    }

    /// False where nobody listens any more.
    fn tell(&mut self, current: u64, total: u64, repairing: bool) -> bool {
        if self.last.is_none_or(|last| last.elapsed() >= TICK) {
            self.last = Some(Instant::now());
            let update = Some(Update::Progress(v1::VerifyProgress {
                current,
                total,
                repairing,
            }));
            // A reader that is behind does without.
            drop(self.to.try_send(Ok(v1::VerifyCacheResponse { update })));
        }
        !self.to.is_closed()
    }
}
