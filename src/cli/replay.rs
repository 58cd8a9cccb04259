//! `musicfs replay`.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;
use eventlog::{EventStore, SqliteStore};
use futures::{Stream, StreamExt, TryStreamExt};
use projections::Views;
use proto::v1;
use proto::v1::replay_response::Update;
use search::Search;
use tokio::runtime::Handle;

use super::context::Context;
use super::output::{Output, counted};
use super::place::Place;
use super::progress::Progress;
use crate::control::replay::Named;
use crate::control::{Client, json, received, replay};
use crate::lock::Lock;
use crate::report::{Kind, Report, Result};
use crate::state::StateDir;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The views [default: all]
    views: Vec<String>,
    /// Compare only: what serves stays as it is
    #[arg(long)]
    check: bool,
    /// Compute the views as they stood at a position or time, for their digests; what serves stays
    #[arg(long, value_name = "POSITION|TIME", conflicts_with = "check")]
    to: Option<Place>,
}

impl Arguments {
    /// Replays within the daemon where one runs, else here, under the lock.
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let names = replay::named(&self.views)?;
        let report = context.block_on(async {
            if let Some(to) = self.to {
                return past(context, names, to).await;
            }
            match context.connect_if_running().await? {
                Some(client) => self.ask(context, &client).await,
                None => {
                    let state = context.state()?;
                    let _lock = Lock::acquire(&state)?;
                    self.work(context, &state, names).await
                }
            }
        })?;
        let mut out = context.output();
        if context.json() {
            out.json(&json::replay(&report))?;
        } else {
            self.print(&mut out, &report)?;
        }
        out.end()?;
        let differs = |view: &&v1::ViewReplay| self.check && view.equal != Some(true);
        match report.views.iter().find(differs) {
            None => Ok(()),
            Some(view) => {
                let name = &view.name;
                Err(Report::new(Kind::Failed, format!("the {name} that is served differs from its replay"))
                    .hint(format!("`musicfs replay {name}` puts the replay in its place; please report this as a bug")))
            }
        }
    }

    async fn ask(&self, context: &Context, client: &Client) -> Result<v1::ReplayReport> {
        let request = v1::ReplayRequest {
            views: self.views.clone(),
            check: self.check,
        };
        let answer = client
            .views()
            .replay(request)
            .await
            .map_err(|status| received(&status))?;
        let updates = answer.into_inner().map_err(|status| received(&status));
        follow(context, updates).await
    }

    /// Replays here, on views opened for it.
    async fn work(
        &self,
        context: &Context,
        state: &StateDir,
        names: Vec<Named>,
    ) -> Result<v1::ReplayReport> {
        let log = Arc::new(SqliteStore::open_read_only(state.log_file()).await?);
        let (directory, store, runtime) = (state.views_dir(), log.clone(), Handle::current());
        // Views have threads of their own, that begin and end outside of the runtime's.
        let views = outside(move || Views::open(&directory, store, &runtime)).await??;
        let views = Arc::new(views);
        views.wait_for(log.head()).await?;
        let search = if names.contains(&Named::Search) {
            let (directory, store) = (state.views_dir(), log.clone());
            let search = Search::start(&directory, store, Arc::clone(&views), Handle::current())?;
            Some(Arc::new(search))
        } else {
            None
        };
        let updates = replay::replay(Arc::clone(&views), search.clone(), names, self.check);
        let report = follow(context, updates).await;
        outside(move || drop((search, views))).await?;
        log.close().await;
        report
    }

    fn print(&self, out: &mut Output, report: &v1::ReplayReport) -> Result<()> {
        let rows: Vec<[String; 4]> = report
            .views
            .iter()
            .map(|view| {
                let secs = view.elapsed.as_ref().map(json::secs).unwrap_or_default();
                let outcome = match (self.check, view.equal) {
                    (_, None) => "",
                    (true, Some(true)) => "equal",
                    (true, Some(false)) => "DIFFERENT",
                    (false, Some(true)) => "rebuilt",
                    (false, Some(false)) => "rebuilt, and was different before",
                };
                [
                    view.name.clone(),
                    match view.events {
                        0 => "0 events".to_owned(),
                        events => format!(
                            "{} in {secs:.2} s ({} events/s)",
                            counted(events, "event", "events"),
                            rate(events, secs)
                        ),
                    },
                    format!("digest {}", view.digest.get(..16).unwrap_or(&view.digest)),
                    outcome.to_owned(),
                ]
            })
            .collect();
        out.table(&rows)
    }
}

/// Replays to an earlier place, whether or not a daemon runs.
async fn past(context: &Context, names: Vec<Named>, to: Place) -> Result<v1::ReplayReport> {
    let log = Arc::new(SqliteStore::open_read_only(context.state()?.log_file()).await?);
    let until = to.last(&*log).await?;
    let progress = Progress::new(context, "replay");
    replay::replay_to(log, names, until, move |at, end| progress.at(at.0, end.0)).await
}

/// Does what blocks on a thread for that.
async fn outside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Report::new(Kind::Bug, error.to_string()))
}

/// Shows progress until the report comes.
async fn follow(
    context: &Context,
    updates: impl Stream<Item = Result<v1::ReplayResponse>>,
) -> Result<v1::ReplayReport> {
    let mut updates = std::pin::pin!(updates);
    let progress = Progress::new(context, "replay");
    let mut views = BTreeMap::new();
    let mut report = None;
    while let Some(message) = updates.next().await.transpose()? {
        match message.update {
            Some(Update::Progress(now)) => {
                views.insert(now.view, (now.current, now.total));
                let (done, all) = views
                    .values()
                    .fold((0, 0), |sum, view| (sum.0 + view.0, sum.1 + view.1));
                progress.at(done, all);
            }
            Some(Update::Report(last)) => report = Some(last),
            None => {}
        }
    }
    progress.end();
    report.ok_or_else(|| {
        Report::new(
            Kind::NotRunning,
            "the daemon stopped before the replay was done",
        )
    })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate for people"
)]
fn rate(events: u64, secs: f64) -> u64 {
    (events as f64 / secs.max(1e-6)) as u64
}
