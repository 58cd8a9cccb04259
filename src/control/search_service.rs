//! `SearchService`.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use proto::v1;
use proto::v1::search_service_server::SearchService;
use search::{Marker, Query, SearchError};
use tonic::{Request, Response, Status};

use super::{Engine, convert, problem};
use crate::finding::{Finder, Findings, Found, MOST};
use crate::report::{Kind, Report};

/// Results in an answer, unless told otherwise.
const PAGE: usize = 50;

pub(super) struct Searches(Engine);

impl Searches {
    pub(super) const fn new(engine: Engine) -> Self {
        Self(engine)
    }

    /// Finds what a query says, on a thread that may wait for the index; `limit` of 0 is `usual`.
    async fn find<T: Send + 'static>(
        &self,
        query: &str,
        offset: u32,
        limit: u32,
        usual: usize,
        answer: impl FnOnce(&Query, Findings) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let query = Query::parse(query);
        let query = query.map_err(|error| refused(&Report::new(Kind::Input, error.to_string())))?;
        let (offset, limit) = (offset as usize, limit as usize);
        if offset > MOST || limit > MOST {
            let message = format!("a query gives at most {MOST} tracks");
            return Err(refused(
                &Report::new(Kind::Input, message).hint("ask more precisely"),
            ));
        }
        let limit = if limit == 0 { usual } else { limit };
        let finder = Finder::new(self.0.search.searcher(), self.0.views.tree());
        let found = tokio::task::spawn_blocking(move || {
            let findings = finder.find(&query, offset, limit.min(MOST - offset))?;
            Ok::<T, SearchError>(answer(&query, findings))
        });
        let found = found
            .await
            .map_err(|error| Report::new(Kind::Bug, error.to_string()));
        let found = found.and_then(|found| found.map_err(Report::from));
        found.map_err(|report| refused(&report))
    }
}

fn refused(report: &Report) -> Status {
    problem::sent(report)
}

fn results(query: &Query, found: Vec<Found>) -> Vec<v1::SearchResult> {
    let marker = Marker::of(query);
    found
        .into_iter()
        .map(|found| result(&marker, found))
        .collect()
}

fn result(marker: &Marker, found: Found) -> v1::SearchResult {
    let Found { track, path, hit } = found;
    let shown = hit.shown;
    let texts = [
        ("artist", &shown.artist),
        ("album", &shown.album),
        ("title", &shown.title),
    ];
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let marked = texts.into_iter().flat_map(|(field, text)| {
        let ranges = marker.ranges(text).into_iter();
        ranges.map(move |range| v1::Highlight {
            field: field.to_owned(),
            start: offset(range.start),
            end: offset(range.end),
        })
    });
    let duration = shown.duration_ms.map(Duration::from_millis);
    v1::SearchResult {
        track: track.0,
        path,
        highlights: marked.collect(),
        artist: shown.artist,
        album: shown.album,
        title: shown.title,
        year: shown.year.map(u32::from),
        duration: duration.map(convert::duration),
        score: hit.score,
    }
}

#[tonic::async_trait]
impl SearchService for Searches {
    async fn search(
        &self,
        request: Request<v1::SearchRequest>,
    ) -> Result<Response<v1::SearchResponse>, Status> {
        let v1::SearchRequest {
            query,
            offset,
            limit,
        } = request.into_inner();
        let answer = |query: &Query, findings: Findings| v1::SearchResponse {
            total: findings.total,
            next_offset: findings.next.and_then(|next| u32::try_from(next).ok()),
            position: findings.position.0,
            results: results(query, findings.found),
        };
        let found = self.find(&query, offset, limit, PAGE, answer).await?;
        Ok(Response::new(found))
    }

    type SearchStreamStream = BoxStream<'static, Result<v1::SearchStreamResponse, Status>>;

    async fn search_stream(
        &self,
        request: Request<v1::SearchStreamRequest>,
    ) -> Result<Response<Self::SearchStreamStream>, Status> {
        let v1::SearchStreamRequest { query, limit } = request.into_inner();
        let answer = |query: &Query, findings: Findings| results(query, findings.found);
        let found = self.find(&query, 0, limit, MOST, answer).await?.into_iter();
        let results = found.map(|result| {
            Ok(v1::SearchStreamResponse {
                result: Some(result),
            })
        });
        Ok(Response::new(futures::stream::iter(results).boxed()))
    }
}

impl From<SearchError> for Report {
    fn from(error: SearchError) -> Self {
        let message = error.to_string();
        match error {
            SearchError::NotReady => Self::new(Kind::Busy, message),
            SearchError::Closed => Self::new(Kind::NotRunning, message),
            SearchError::Bug(_) => Self::new(Kind::Bug, message),
            SearchError::Thread(_) => Self::new(Kind::Machine, message),
            SearchError::Directory { .. } | SearchError::Index { .. } => {
                Self::new(Kind::Disk, message).hint("`musicfs replay search` builds the index anew")
            }
            SearchError::View(error) => error.into(),
            SearchError::Log(error) => error.into(),
        }
    }
}
