//! Replays of views: the same work behind the RPC and, without a daemon, behind the command.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{EventStore, Position};
use futures::StreamExt;
use futures::stream::BoxStream;
use projections::{ReplayReport, ViewName, Views};
use proto::v1;
use proto::v1::replay_response::Update;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::convert;
use crate::report::{Kind, Report, Result};

/// How often a replay tells how far it is.
const TICK: Duration = Duration::from_millis(100);

/// Progress messages that wait for a slow reader; more are left out.
const WAITING: usize = 4;

/// The views of those names; all where there is no name.
///
/// # Errors
/// [`Kind::Input`] for a name that no view has.
pub fn named(names: &[String]) -> Result<Vec<ViewName>> {
    if names.is_empty() {
        return Ok(ViewName::ALL.to_vec());
    }
    let parse = |name: &String| {
        name.parse()
            .map_err(|error| Report::new(Kind::Input, format!("{error}")))
    };
    names.iter().map(parse).collect()
}

/// Replays views, all at the same time: rebuilds them, or compares only. The last message has the
/// report. A view that was begun is brought to its end even where nobody listens any more.
pub fn replay(
    views: Arc<Views>,
    names: Vec<ViewName>,
    check: bool,
) -> BoxStream<'static, Result<v1::ReplayResponse>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let one = |name| {
            let mut told = Ticks::new(name, &sender);
            let replayed = if check {
                views.check(name, &mut |at, end| told.at(at, end))
            } else {
                views.rebuild(name, &mut |at, end| told.at(at, end))
            };
            Ok(view(&replayed?))
        };
        let reports: Result<Vec<_>> = std::thread::scope(|threads| {
            let one = &one;
            let begun: Vec<_> = names
                .into_iter()
                .map(|name| threads.spawn(move || one(name)))
                .collect();
            let panicked = |_| Report::new(Kind::Bug, "a thread of the replay panicked");
            let ended = begun
                .into_iter()
                .map(|thread| thread.join().map_err(panicked)?);
            ended.collect()
        });
        let report = reports.map(|views| v1::ReplayResponse {
            update: Some(Update::Report(v1::ReplayReport { views })),
        });
        drop(sender.blocking_send(report));
    });
    ReceiverStream::new(receiver).boxed()
}

/// Computes views as they stood at a position, beside those that serve and for their figures only.
///
/// # Errors
/// Where the log ends before that position, or the views cannot be written.
pub async fn replay_to(
    log: Arc<dyn EventStore>,
    names: Vec<ViewName>,
    until: Position,
    mut progress: impl FnMut(Position, Position) + Send + 'static,
) -> Result<v1::ReplayReport> {
    let runtime = Handle::current();
    let replayed = tokio::task::spawn_blocking(move || {
        let scratch = tempfile::Builder::new().prefix("musicfs-replay").tempdir();
        let scratch = scratch
            .map_err(|error| Report::io("make a directory in", &std::env::temp_dir(), &error))?;
        let mut told = |at, end| progress(at, end);
        let reports = Views::replay_to(scratch.path(), &*log, &runtime, until, &mut told)?;
        let wanted = |report: &&ReplayReport| names.iter().any(|name| name.as_str() == report.name);
        let views = reports.iter().filter(wanted).map(view).collect();
        Ok(v1::ReplayReport { views })
    });
    replayed
        .await
        .map_err(|error| Report::new(Kind::Bug, error.to_string()))?
}

/// Tells how far a view is, now and then.
struct Ticks<'s> {
    name: ViewName,
    sender: &'s mpsc::Sender<Result<v1::ReplayResponse>>,
    last: Option<Instant>,
}

impl<'s> Ticks<'s> {
    const fn new(name: ViewName, sender: &'s mpsc::Sender<Result<v1::ReplayResponse>>) -> Self {
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
        let (view, current, total) = (self.name.as_str().to_owned(), current.0, total.0);
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
