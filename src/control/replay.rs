//! Replays of views: the same work behind the RPC and, without a daemon, behind the command.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{EventStore, Position};
use futures::StreamExt;
use futures::stream::BoxStream;
use projections::{ReplayReport, ViewName, Views};
use proto::v1;
use proto::v1::replay_response::Update;
use search::Search;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::convert;
use crate::report::{Kind, Report, Result};

/// How often a replay tells how far it is.
const TICK: Duration = Duration::from_millis(100);

/// Progress messages that wait for a slow reader; more are left out.
const WAITING: usize = 4;

/// The name of the index that tracks are found by, among the views.
pub const SEARCH: &str = "search";

/// A view, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// One of rows.
    View(ViewName),
    /// The index that tracks are found by.
    Search,
}

impl Named {
    fn all() -> Vec<Self> {
        let views = ViewName::ALL.iter().copied().map(Self::View);
        views.chain([Self::Search]).collect()
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::View(view) => view.as_str(),
            Self::Search => SEARCH,
        }
    }
}

/// The views of those names; all where there is no name.
///
/// # Errors
/// [`Kind::Input`] for a name that no view has.
pub fn named(names: &[String]) -> Result<Vec<Named>> {
    let all = Named::all();
    if names.is_empty() {
        return Ok(all);
    }
    let parse = |name: &String| {
        let found = all.iter().copied().find(|view| view.as_str() == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|view| view.as_str()).collect();
            let known = known.join(", ");
            Report::new(
                Kind::Input,
                format!("there is no view {name:?}; views are {known}"),
            )
        })
    };
    names.iter().map(parse).collect()
}

/// Replays views, all at the same time: rebuilds them, or compares only. The last message has the
/// report. The index is wanted where it is named. A view that was begun is brought to its end even where nobody listens any more.
pub fn replay(
    views: Arc<Views>,
    search: Option<Arc<Search>>,
    names: Vec<Named>,
    check: bool,
) -> BoxStream<'static, Result<v1::ReplayResponse>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let one = |name: Named| -> Result<v1::ViewReplay> {
            let mut told = Ticks::new(name.as_str(), &sender);
            let tell = &mut |at, end| told.at(at, end);
            let replayed = match name {
                Named::View(name) if check => views.check(name, tell)?,
                Named::View(name) => views.rebuild(name, tell)?,
                Named::Search => match &search {
                    Some(search) => search.replay(!check, tell)?,
                    None => return Err(Report::new(Kind::Bug, "the search index is not open")),
                },
            };
            Ok(view(&replayed))
        };
        let reports: Result<Vec<_>> = std::thread::scope(|threads| {
            let one = &one;
            let (last, first) = names.into_iter().partition(|name| *name == Named::Search);
            let panicked = |_| Report::new(Kind::Bug, "a thread of the replay panicked");
            let all = |names: Vec<Named>| -> Result<Vec<_>> {
                let begun: Vec<_> = names
                    .into_iter()
                    .map(|name| threads.spawn(move || one(name)))
                    .collect();
                let ended = begun.into_iter();
                ended
                    .map(|thread| thread.join().map_err(panicked)?)
                    .collect()
            };
            // The index is of the catalog as it is then.
            let mut reports = all(first)?;
            reports.extend(all(last)?);
            Ok(reports)
        });
        let report = reports.map(|views| v1::ReplayResponse {
            update: Some(Update::Report(v1::ReplayReport { views })),
        });
        drop(sender.blocking_send(report));
    });
    ReceiverStream::new(receiver).boxed()
}

/// Computes views as they stood at a position, beside those that serve and for their figures only. What
/// the index was is told by the catalog of then.
///
/// # Errors
/// Where the log ends before that position, or the views cannot be written.
pub async fn replay_to(
    log: Arc<dyn EventStore>,
    names: Vec<Named>,
    until: Position,
    mut progress: impl FnMut(Position, Position) + Send + 'static,
) -> Result<v1::ReplayReport> {
    let runtime = Handle::current();
    let replayed = tokio::task::spawn_blocking(move || {
        let scratch = tempfile::Builder::new().prefix("musicfs-replay").tempdir();
        let scratch = scratch
            .map_err(|error| Report::io("make a directory in", &std::env::temp_dir(), &error))?;
        let mut told = |at, end| progress(at, end);
        let mut reports = Vec::with_capacity(names.len());
        for (number, name) in names.into_iter().enumerate() {
            let dir = scratch.path().join(number.to_string());
            let row = match name {
                Named::View(row) => row,
                Named::Search => ViewName::Catalog,
            };
            let replayed = Views::replay_to(&[row], &dir, &*log, &runtime, until, &mut told)?;
            match name {
                Named::View(_) => reports.extend(replayed.iter().map(view)),
                Named::Search => {
                    let catalog = Views::open_catalog(&dir)?;
                    reports.push(view(&search::replay_of(&catalog, &mut told)?));
                }
            }
        }
        Ok(v1::ReplayReport { views: reports })
    });
    replayed
        .await
        .map_err(|error| Report::new(Kind::Bug, error.to_string()))?
}

/// Tells how far a view is, now and then.
struct Ticks<'s> {
    name: &'static str,
    sender: &'s mpsc::Sender<Result<v1::ReplayResponse>>,
    last: Option<Instant>,
}

impl<'s> Ticks<'s> {
    const fn new(name: &'static str, sender: &'s mpsc::Sender<Result<v1::ReplayResponse>>) -> Self {
        Self {
            name,
            sender,
            last: None,
        }
    }

    fn at(&mut self, current: Position, total: Position) {
        if self.last.is_some_and(|last| last.elapsed() < TICK) {
            return;
        }
        self.last = Some(Instant::now());
        let (view, current, total) = (self.name.to_owned(), current.0, total.0);
        let update = Some(Update::Progress(v1::ReplayProgress {
            view,
            current,
            total,
        }));
        // A reader that is behind does without.
        drop(self.sender.try_send(Ok(v1::ReplayResponse { update })));
    }
}

fn view(report: &ReplayReport) -> v1::ViewReplay {
    v1::ViewReplay {
        name: report.name.to_owned(),
        position: report.position.0,
        events: report.events,
        elapsed: Some(convert::duration(report.elapsed)),
        digest: report.digest.to_string(),
        equal: report.equal,
    }
}
