//! Finding tracks: what the index knows of, as the tree shows it.

mod dir;

use std::collections::HashSet;

use eventlog::event::NameProfile;
use eventlog::{Position, TrackId};
use projections::layout::names;
use projections::{Ino, TreeReader, ViewError};
use search::{Hit, Query, SearchError, Searcher};

pub(crate) use self::dir::SearchDir;

/// Most tracks that one query gives (FIND-1).
pub(crate) const MOST: usize = 10_000;

/// Tracks that are asked of the index together.
const PAGE: usize = 1_000;

/// What a link to a track is called that is the `number`th of several: `001. Artist - Title.flac`. The
/// extension is that of its file, empty where it has none.
pub(crate) fn link_name(
    number: usize,
    artist: &str,
    title: &str,
    extension: &str,
    profile: NameProfile,
) -> String {
    let dot = if extension.is_empty() { "" } else { "." };
    let name = format!("{number:03}. {artist} - {title}{dot}{extension}");
    names::file(&name, profile)
}

/// Finds tracks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Finder {
    searcher: Searcher,
    tree: TreeReader,
}

/// A track that was found, and that the tree shows.
pub(crate) struct Found {
    /// The one that is shown: of copies that are shown as one, maybe not the one that matched.
    pub(crate) track: TrackId,
    /// Its path in the tree.
    pub(crate) path: String,
    /// What matched.
    pub(crate) hit: Hit,
}

/// Some of what was found.
pub(crate) struct Findings {
    /// How many tracks match, copies included.
    pub(crate) total: u64,
    pub(crate) found: Vec<Found>,
    /// From where on there may be more.
    pub(crate) next: Option<usize>,
    /// Up to where everything could be found.
    pub(crate) position: Position,
}

impl Finder {
    pub(crate) const fn new(searcher: Searcher, tree: TreeReader) -> Self {
        Self { searcher, tree }
    }

    /// Finds at most `limit` tracks, from the one at `offset` of all that match on: the best first. Of
    /// those that are returned, such as match equally well come as they are in the tree, album by album.
    pub(crate) fn find(
        &self,
        query: &Query,
        offset: usize,
        limit: usize,
    ) -> Result<Findings, SearchError> {
        let index = self.searcher.now()?;
        let mut findings = Findings {
            total: 0,
            found: Vec::new(),
            next: None,
            position: index.position(),
        };
        let (mut at, mut seen) = (offset, HashSet::new());
        loop {
            // What is found and not shown has others looked for in its place.
            let missing = limit.saturating_sub(findings.found.len());
            let wanted = missing.min(MOST.saturating_sub(at)).min(PAGE);
            let page = index.find(query, at, wanted)?;
            findings.total = page.total;
            let found = page.hits.len();
            at += found;
            for hit in page.hits {
                if let Some((track, path)) = self.shown(hit.track)?
                    && seen.insert(track)
                {
                    findings.found.push(Found { track, path, hit });
                }
            }
            if found < wanted || wanted == 0 || findings.found.len() == limit {
                let more = (at as u64) < page.total && at < MOST;
                findings.next = Some(at).filter(|_| more);
                let order = |one: &Found, other: &Found| {
                    let better = other.hit.score.total_cmp(&one.hit.score);
                    better.then_with(|| one.path.cmp(&other.path))
                };
                findings.found.sort_by(order);
                return Ok(findings);
            }
        }
    }

    /// Every track that matches and the tree shows, at most [`MOST`].
    pub(crate) fn tracks(&self, query: &Query) -> Result<Vec<TrackId>, SearchError> {
        let found = self.find(query, 0, MOST)?.found.into_iter();
        Ok(found.map(|found| found.track).collect())
    }

    /// Where index and tree stand: what was found at the same place is the same.
    fn standing(&self) -> Result<(Option<Position>, Position), ViewError> {
        Ok((self.searcher.position(), self.tree.position()?))
    }

    /// The track that the tree shows for one, and its path; none where it shows none yet, or no more.
    fn shown(&self, track: TrackId) -> Result<Option<(TrackId, String)>, ViewError> {
        let at = |track| {
            let path = self.tree.path_of(Ino::of_track(track))?;
            Ok(path.map(|path| (track, path)))
        };
        match at(track)? {
            Some(shown) => Ok(Some(shown)),
            None => match self.tree.copies(track)?.first() {
                Some(first) => at(*first),
                None => Ok(None),
            },
        }
    }
}
