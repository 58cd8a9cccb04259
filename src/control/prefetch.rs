//! What is told of tracks that are to be fetched.

use std::sync::Arc;
use std::time::Duration;

use eventlog::TreePath;
use futures::StreamExt;
use futures::stream::BoxStream;
use projections::Ino;
use proto::v1;
use tokio::time::sleep;

use super::Engine;
use crate::prefetch::{Figures, Job, State};
use crate::report::{Kind, Report, Result};

/// Tracks that one call may ask for.
const MOST: usize = 1_000;

/// How often is told how far they are.
const TICK: Duration = Duration::from_millis(100);

/// A track that was asked for, and its path.
pub(super) type Asked = (String, Arc<Job>);

/// Asks for the tracks at a path, and below it; `None` where the tree has nothing there. Blocks.
///
/// # Errors
/// Where it has too much.
pub(super) fn ask(engine: &Engine, path: &TreePath) -> Result<Option<Vec<Asked>>> {
    let Some(tracks) = engine.prefetch.tracks_at(path.as_str(), true, MOST + 1)? else {
        return Ok(None);
    };
    if tracks.len() > MOST {
        let message = format!("there are more than {MOST} tracks at {path}");
        let report = Report::new(Kind::Input, message);
        return Err(report
            .hint("name less; what is to be kept for good is pinned: `musicfs cache pin PATH`"));
    }
    let tree = engine.views.tree();
    let mut asked = Vec::with_capacity(tracks.len());
    for job in engine.prefetch.ask(&tracks)? {
        // One that left the tree meanwhile is not told of.
        if let Some(path) = tree.path_of(Ino::of_track(job.file.track))? {
            asked.push((path, job));
        }
    }
    Ok(Some(asked))
}

/// Tells of every track once, and with `wait` what becomes of it, until all are over.
pub(super) fn follow(
    engine: &Engine,
    asked: Vec<Asked>,
    wait: bool,
) -> BoxStream<'static, v1::PrefetchResponse> {
    let stop = engine.supervisor.stop().clone();
    let told = async_stream::stream! {
        let mut rest: Vec<_> = asked.into_iter().map(|(path, job)| (path, job, None)).collect();
        while !rest.is_empty() {
            for (path, job, last) in &mut rest {
                let state = job.state();
                if last.as_ref() != Some(&state) {
                    yield response(path, job, &state);
                    *last = Some(state);
                }
            }
            rest.retain(|(_, _, last)| last.as_ref().is_none_or(|last| !last.is_over()));
            if !wait || stop.run_until_cancelled(sleep(TICK)).await.is_none() {
                return;
            }
        }
    };
    told.boxed()
}

fn response(path: &str, job: &Job, state: &State) -> v1::PrefetchResponse {
    let (state, problem) = match state {
        State::Waiting => (v1::PrefetchState::Waiting, ""),
        State::Fetching { .. } => (v1::PrefetchState::Fetching, ""),
        State::Here => (v1::PrefetchState::Here, ""),
        State::Left(why) => (v1::PrefetchState::Left, why.as_str()),
    };
    v1::PrefetchResponse {
        path: path.to_owned(),
        done_bytes: job.done(),
        total_bytes: job.size(),
        state: state.into(),
        problem: problem.to_owned(),
    }
}

/// What was fetched ahead, in figures.
pub(super) const fn counts(figures: Figures) -> v1::PrefetchCounts {
    v1::PrefetchCounts {
        tracks: figures.tracks,
        bytes: figures.bytes,
        hits: figures.hits,
        wasted: figures.wasted,
        waiting: figures.waiting,
    }
}
