//! Replays of views: the same work behind the RPC and, without a daemon, behind the command.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::Position;
use futures::StreamExt;
use futures::stream::BoxStream;
use projections::{ReplayReport, ViewName, Views};
use proto::v1;
use proto::v1::replay_response::Update;
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

/// Replays views one after the other: rebuilds them, or compares only. The last message has the
/// report. A view that was begun is brought to its end even where nobody listens any more.
pub fn replay(
    views: Arc<Views>,
    names: Vec<ViewName>,
    check: bool,
) -> BoxStream<'static, Result<v1::ReplayResponse>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut reports = Vec::with_capacity(names.len());
        for name in names {
            let mut told = Ticks::new(name, &sender);
            let replayed = if check {
                views.check(name, &mut |at, end| told.at(at, end))
            } else {
                views.rebuild(name, &mut |at, end| told.at(at, end))
            };
            match replayed {
                Ok(report) => reports.push(view(&report)),
                Err(error) => {
                    drop(sender.blocking_send(Err(error.into())));
                    return;
                }
            }
            if sender.is_closed() {
                return;
            }
        }
        let update = Some(Update::Report(v1::ReplayReport { views: reports }));
        drop(sender.blocking_send(Ok(v1::ReplayResponse { update })));
    });
    ReceiverStream::new(receiver).boxed()
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
