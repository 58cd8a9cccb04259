//! `SearchService`.

use futures::StreamExt;
use futures::stream::BoxStream;
use proto::v1;
use proto::v1::search_service_server::SearchService;
use search::{Query, SearchError, highlights};
use tonic::{Request, Response, Status};

use super::{Engine, convert, problem};
use crate::finding::{Finder, Findings, Found, MOST};
use crate::report::{Kind, Report};

/// Results in an answer, unless told otherwise.
const PAGE: u32 = 50;

pub(super) struct Searches(Engine);

impl Searches {
    pub(super) const fn new(engine: Engine) -> Self {
        Self(engine)
    }

    async fn find(&self, query: &Query, offset: u32, limit: u32) -> Result<Findings, Status> {
        let (offset, limit) = (offset as usize, limit as usize);
        if offset.saturating_add(limit) > MOST {
            let message = format!("a query gives at most {MOST} tracks, offset and limit together");
            return Err(problem::sent(
                &Report::new(Kind::Input, message)
                    .hint("ask for less at a time, or more precisely"),
            ));
        }
        let finder = Finder::new(self.0.search.searcher(), self.0.views.tree());
        let asked = query.clone();
        let found = tokio::task::spawn_blocking(move || finder.find(&asked, offset, limit)).await;
        let found = found.map_err(|error| Report::new(Kind::Bug, error.to_string()));
        found
            .and_then(|found| found.map_err(Report::from))
            .map_err(|report| problem::sent(&report))
    }
}

fn parse(text: &str) -> Result<Query, Status> {
    let query = Query::parse(text);
    query.map_err(|error| problem::sent(&Report::new(Kind::Input, error.to_string())))
}

fn result(query: &Query, found: Found) -> v1::SearchResult {
    let Found { track, path, hit } = found;
    let shown = hit.shown;
    let texts = [
        ("artist", &shown.artist),
        ("album", &shown.album),
        ("title", &shown.title),
    ];
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let marked = texts.into_iter().flat_map(|(field, text)| {
        let ranges = highlights(query, text).into_iter();
        ranges.map(move |range| v1::Highlight {
            field: field.to_owned(),
            start: offset(range.start),
            end: offset(range.end),
        })
    });
    v1::SearchResult {
        track: track.0,
        path,
        highlights: marked.collect(),
        artist: shown.artist,
        album: shown.album,
        title: shown.title,
        year: shown.year.map(u32::from),
        duration: shown
            .duration_ms
            .map(|ms| convert::duration(std::time::Duration::from_millis(ms))),
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
        let query = parse(&query)?;
        let limit = if limit == 0 { PAGE } else { limit };
        let findings = self.find(&query, offset, limit).await?;
        let next = findings.next.and_then(|next| u32::try_from(next).ok());
        Ok(Response::new(v1::SearchResponse {
            total: findings.total,
            next_offset: next,
            position: findings.position.0,
            results: findings
                .found
                .into_iter()
                .map(|found| result(&query, found))
                .collect(),
        }))
    }

    type SearchStreamStream = BoxStream<'static, Result<v1::SearchStreamResponse, Status>>;

    async fn search_stream(
        &self,
        request: Request<v1::SearchStreamRequest>,
    ) -> Result<Response<Self::SearchStreamStream>, Status> {
        let v1::SearchStreamRequest { query, limit } = request.into_inner();
        let query = parse(&query)?;
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        let limit = if limit == 0 { most } else { limit };
        let findings = self.find(&query, 0, limit).await?;
        let results = findings.found.into_iter().map(move |found| {
            Ok(v1::SearchStreamResponse {
                result: Some(result(&query, found)),
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
            SearchError::Directory { .. } | SearchError::Index { .. } => {
                Self::new(Kind::Disk, message)
                    .hint("the index is built anew by itself; `musicfs replay search` does it now")
            }
            SearchError::View(error) => error.into(),
            SearchError::Log(error) => error.into(),
        }
    }
}
