//! Asking the index.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use eventlog::{Position, TrackId};
use projections::Wanted;
use tantivy::schema::Value;
use tantivy::{DocAddress, TantivyDocument};
use tokio::sync::{Notify, watch};

use crate::compile::compile;
use crate::error::SearchError;
use crate::index::unusable;
use crate::query::Query;
use crate::ranking::ranked;
use crate::schema::{Fields, Shown};

/// Queries that are answered at once; others wait. One may cost the work of thousands.
const AT_ONCE: usize = 2;

/// An index as it was last committed.
pub(crate) struct Served {
    pub(crate) searcher: tantivy::Searcher,
    pub(crate) position: Position,
    pub(crate) path: PathBuf,
}

/// Asks the index as last committed. Cheap to clone; for any number of threads; follows rebuilds.
#[derive(Clone)]
pub struct Searcher {
    pub(crate) served: Arc<ArcSwapOption<Served>>,
    pub(crate) fields: Arc<Fields>,
    /// Up to where the index that is served has everything.
    pub(crate) reached: Arc<watch::Sender<Position>>,
    pub(crate) wanted: Wanted,
    /// Told when the index could not be read.
    pub(crate) damaged: Arc<Notify>,
    turns: Arc<Turns>,
}

/// Some of what was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// How many tracks match, the copies included that the tree does not show.
    pub total: u64,
    /// Those that were asked for, the best first.
    pub hits: Vec<Hit>,
}

/// A track that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The track.
    pub track: TrackId,
    /// How well it matches: only to be compared with others of the same query. Below 1 where words are
    /// spelt otherwise.
    pub score: f32,
    /// What is shown of it.
    pub shown: Shown,
}

impl Searcher {
    pub(crate) fn new() -> Self {
        Self {
            served: Arc::default(),
            fields: Arc::new(Fields::new()),
            reached: Arc::new(watch::Sender::new(Position::START)),
            wanted: Wanted::default(),
            damaged: Arc::default(),
            turns: Arc::default(),
        }
    }

    /// The index as it is now: pages of the same moment follow one another.
    ///
    /// # Errors
    /// [`SearchError::NotReady`] until there is an index.
    pub fn now(&self) -> Result<Snapshot, SearchError> {
        Ok(Snapshot {
            served: self.served.load_full().ok_or(SearchError::NotReady)?,
            searcher: self.clone(),
        })
    }

    /// Up to where the index has everything; none until there is one.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.served.load().as_ref().map(|served| served.position)
    }

    /// Returns once everything up to that position can be found; where the index is not kept any more,
    /// never.
    pub async fn reach(&self, position: Position) {
        self.wanted.want(position);
        let mut reached = self.reached.subscribe();
        if reached.wait_for(|at| *at >= position).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How many tracks are in it.
    #[must_use]
    pub fn tracks(&self) -> u64 {
        let served = self.served.load();
        served
            .as_ref()
            .map_or(0, |served| served.searcher.num_docs())
    }
}

/// The index at one moment.
pub struct Snapshot {
    served: Arc<Served>,
    searcher: Searcher,
}

impl Snapshot {
    /// Finds the tracks that match, the best first and of equal ones those first that were put in first:
    /// `limit` of them from `offset` on. Takes milliseconds with a million tracks; waits for no origin.
    ///
    /// # Errors
    /// Where the index cannot be read: it is then built anew.
    pub fn find(&self, query: &Query, offset: usize, limit: usize) -> Result<Page, SearchError> {
        if query.is_empty() {
            return Ok(Page {
                total: 0,
                hits: Vec::new(),
            });
        }
        let _turn = self.searcher.turns.take();
        // What is damaged may be met anywhere.
        let found = catch_unwind(AssertUnwindSafe(|| self.search(query, offset, limit)));
        let found = found.unwrap_or_else(|_| {
            let why = "reading it panicked".to_owned();
            Err(tantivy::TantivyError::InternalError(why))
        });
        found.map_err(|error| {
            self.searcher.damaged.notify_one();
            unusable(&self.served.path)(error)
        })
    }

    /// Up to where it has everything.
    #[must_use]
    pub fn position(&self) -> Position {
        self.served.position
    }

    fn search(&self, query: &Query, offset: usize, limit: usize) -> tantivy::Result<Page> {
        let asked = compile(&self.searcher.fields, query);
        let (total, best) = ranked(&self.served.searcher, &asked, offset, limit)?;
        let hits = best.into_iter();
        let hits = hits.map(|(score, address)| self.hit(score, address));
        Ok(Page {
            total,
            hits: hits.collect::<tantivy::Result<_>>()?,
        })
    }

    fn hit(&self, score: f32, address: DocAddress) -> tantivy::Result<Hit> {
        let searcher = &self.served.searcher;
        let segment = searcher.segment_reader(address.segment_ord);
        let ids = segment.fast_fields().u64("id")?;
        let document: TantivyDocument = searcher.doc(address)?;
        let stored = document.get_first(self.searcher.fields.shown);
        let stored = stored.and_then(|stored| stored.as_bytes());
        let damaged = |error: rmp_serde::decode::Error| {
            tantivy::TantivyError::InternalError(format!("a document is damaged: {error}"))
        };
        Ok(Hit {
            track: TrackId(ids.first(address.doc_id).unwrap_or_default()),
            score,
            shown: rmp_serde::from_slice(stored.unwrap_or_default()).map_err(damaged)?,
        })
    }
}

/// Who asks at once.
#[derive(Default)]
struct Turns {
    taken: Mutex<usize>,
    given_back: Condvar,
}

struct Turn<'t>(&'t Turns);

impl Turns {
    fn take(&self) -> Turn<'_> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.given_back.wait_while(taken, |taken| *taken >= AT_ONCE);
        *waited.unwrap_or_else(PoisonError::into_inner) += 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken -= 1;
        self.0.given_back.notify_one();
    }
}
