//! `.search/QUERY/`: what a query finds, as symbolic links (FIND-1).

use std::sync::Arc;
use std::time::Duration;

use eventlog::Position;
use fuse::special::{Item, SpecialDir};
use fuse::{ErrorKind, FsError};
use moka::sync::Cache;
use projections::{CatalogReader, ViewError};
use search::{Query, SearchError};

use super::{Finder, Findings, link_name};
use crate::show::unreadable;

/// Links in one directory at most (FIND-1).
const LINKS: usize = 1_000;

/// Queries whose results are remembered, and for how long nobody has to look at them.
const QUERIES: u64 = 32;
const IDLE: Duration = Duration::from_secs(600);

/// The directory `.search`.
pub(crate) struct SearchDir {
    finder: Finder,
    catalog: CatalogReader,
    /// What queries found when they were last listed: the names in a listing lead somewhere as long as
    /// somebody goes through it.
    results: Cache<Box<str>, Arc<Results>>,
}

/// What a query found.
struct Results {
    standing: (Option<Position>, Position),
    /// Names and targets, the best first.
    links: Vec<(String, Box<str>)>,
}

impl SearchDir {
    pub(crate) fn new(finder: Finder, catalog: CatalogReader) -> Self {
        Self {
            finder,
            catalog,
            results: Cache::builder()
                .max_capacity(QUERIES)
                .time_to_idle(IDLE)
                .build(),
        }
    }

    /// What a query finds, as it was last listed; or as it is `now`.
    fn results(&self, text: &str, now: bool) -> Result<Arc<Results>, FsError> {
        let standing = self.finder.standing().map_err(|error| unreadable(&error))?;
        let known = self.results.get(text);
        if let Some(known) = known.filter(|known| !now || known.standing == standing) {
            return Ok(known);
        }
        let query = parse(text)?;
        let findings = self.finder.find(&query, 0, LINKS);
        let findings = findings.map_err(|error| refused(&error))?;
        let links = self.links(findings).map_err(|error| unreadable(&error))?;
        let results = Arc::new(Results { standing, links });
        self.results.insert(text.into(), Arc::clone(&results));
        Ok(results)
    }

    fn links(&self, findings: Findings) -> Result<Vec<(String, Box<str>)>, ViewError> {
        let profile = self.catalog.layout()?.names;
        let links = (1..).zip(findings.found).map(|(number, found)| {
            let shown = &found.hit.shown;
            let extension = shown.extension.as_str();
            let name = link_name(number, &shown.artist, &shown.title, extension, profile);
            (name, format!("../../{}", found.path).into())
        });
        Ok(links.collect())
    }
}

impl SpecialDir for SearchDir {
    fn name(&self) -> &'static str {
        ".search"
    }

    fn item(&self, path: &str) -> Result<Option<Item>, FsError> {
        let (query, link) = path
            .split_once('/')
            .map_or((path, None), |(query, link)| (query, Some(link)));
        // File managers look for files of theirs everywhere, and nobody looks for what begins so.
        if query.starts_with('.') {
            return Ok(None);
        }
        let Some(link) = link else {
            if !query.is_empty() {
                parse(query)?;
            }
            return Ok(Some(Item::Directory));
        };
        let results = self.results(query, false)?;
        let mut links = results.links.iter();
        let found = links.find(|(name, _)| name == link);
        Ok(found.map(|(_, target)| Item::Link(target.clone())))
    }

    /// A query's results. There are as many queries as anybody may think of: none is listed.
    fn list(&self, path: &str) -> Result<Vec<(String, Item)>, FsError> {
        if path.is_empty() {
            return Ok(Vec::new());
        }
        let results = self.results(path, true)?;
        let links = results.links.iter();
        Ok(links
            .map(|(name, target)| (name.clone(), Item::Link(target.clone())))
            .collect())
    }
}

fn parse(query: &str) -> Result<Query, FsError> {
    Query::parse(query).map_err(|error| FsError::new(ErrorKind::Invalid, error.to_string()))
}

fn refused(error: &SearchError) -> FsError {
    let kind = match error {
        SearchError::NotReady => ErrorKind::NotYet,
        _ => ErrorKind::Io,
    };
    FsError::new(kind, error.to_string())
}
