//! What is told of files that are to be fetched.

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Timestamp, TreePath};
use futures::StreamExt;
use futures::stream::BoxStream;
use proto::v1;
use search::Query;
use tokio::time::sleep;

use super::Engine;
use crate::finding::Finder;
use crate::originals::FileRef;
use crate::prefetch::{Figures, Job, State};
use crate::report::{Kind, Report, Result};

/// Tracks that one call may ask for, and as many files beside them.
const MOST: usize = 1_000;

/// How often is told how far they are.
const TICK: Duration = Duration::from_millis(100);

/// A file that was asked for, and its path.
pub(super) type Asked = (String, Arc<Job>);

/// Asks for the files at a path, and below it, or for what `.collections/NAME` or `.search/QUERY` has;
/// `None` where nothing is there. Blocks.
///
/// # Errors
/// Where it has too much.
pub(super) fn ask(engine: &Engine, path: &TreePath) -> Result<Option<Vec<Asked>>> {
    let mut parts = path.as_str().splitn(3, '/');
    let files = match (parts.next(), parts.next(), parts.next()) {
        (Some(".collections"), Some(name), None) => in_collection(engine, name)?,
        (Some(".search"), Some(query), None) => found(engine, query)?,
        (Some(".collections" | ".search"), Some(_), Some(_)) => {
            let message = format!("{path} is a link to a track");
            return Err(Report::new(Kind::Input, message)
                .hint("name the track that it leads to, or the directory that it is in"));
        }
        _ => engine.prefetch.files_at(path.as_str(), true, MOST + 1)?,
    };
    let Some(files) = files else {
        return Ok(None);
    };
    let is_track = |file: &&FileRef| matches!(file, FileRef::Track(_));
    if files.iter().filter(is_track).count() > MOST {
        let message = format!("there are more than {MOST} tracks at {path}");
        let report = Report::new(Kind::Input, message);
        return Err(report
            .hint("name less; what is to be kept for good is pinned: `musicfs cache pin PATH`"));
    }
    let tree = engine.views.tree();
    let mut asked = Vec::with_capacity(files.len());
    for job in engine.prefetch.ask(&files)? {
        // One that left the tree meanwhile is not told of.
        if let Some(path) = tree.path_of(job.file.file.ino())? {
            asked.push((path, job));
        }
    }
    Ok(Some(asked))
}

/// What a collection has, by its directory or its playlist.
fn in_collection(engine: &Engine, name: &str) -> Result<Option<Vec<FileRef>>> {
    let mut all = engine.collections.all()?.into_iter();
    let named = all.find(|it| it.directory == name || it.playlist == name);
    let Some(query) = named.map(|it| it.query) else {
        return Ok(None);
    };
    let wrong = |error| Report::new(Kind::Input, format!("the collection {name}: {error}"));
    let query = query.map_err(wrong)?;
    let shown = engine.collections.find(&query, Timestamp::now())?;
    let tracks = shown.into_iter().map(|shown| FileRef::Track(shown.track));
    Ok(Some(tracks.collect()))
}

/// What a query finds.
fn found(engine: &Engine, query: &str) -> Result<Option<Vec<FileRef>>> {
    let wrong = |error: &dyn std::fmt::Display| Report::new(Kind::Input, error.to_string());
    let query = Query::parse(query).map_err(|error| wrong(&error))?;
    let finder = Finder::new(engine.search.searcher(), engine.views.tree());
    let tracks = finder.tracks(&query)?;
    if tracks.is_empty() {
        return Err(Report::new(Kind::Input, "no track matches that query"));
    }
    Ok(Some(tracks.into_iter().map(FileRef::Track).collect()))
}

/// Tells of every file once, and with `wait` what becomes of it, until all are over.
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
