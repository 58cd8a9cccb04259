//! Asking the index.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use eventlog::{Position, TrackId};
use tantivy::collector::{Count, TopDocs};
use tantivy::schema::Value;
use tantivy::{DocAddress, TantivyDocument};
use tokio::sync::watch;

use crate::compile::compile;
use crate::error::SearchError;
use crate::index::unusable;
use crate::query::Query;
use crate::schema::{Fields, Shown};

/// An index as it was last committed.
pub(crate) struct Served {
    pub(crate) searcher: tantivy::Searcher,
    pub(crate) position: Position,
    pub(crate) path: std::path::PathBuf,
}

/// Asks the index as last committed. Cheap to clone; for any number of threads; follows rebuilds.
#[derive(Clone)]
pub struct Searcher {
    pub(crate) served: Arc<ArcSwapOption<Served>>,
    pub(crate) fields: Arc<Fields>,
    /// Up to where the index that is served has everything.
    pub(crate) reached: Arc<watch::Sender<Position>>,
}

/// Some of what was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// How many tracks match, the copies included that the tree does not show.
    pub total: u64,
    /// Those that were asked for, the best first.
    pub hits: Vec<Hit>,
    /// Up to where the index had everything.
    pub position: Position,
}

/// A track that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The track.
    pub track: TrackId,
    /// How well it matches: only to be compared with others of the same query.
    pub score: f32,
    /// What is shown of it.
    pub shown: Shown,
}

impl Searcher {
    /// Finds the tracks that match, the best first: `limit` of them from `offset` on. Takes milliseconds
    /// with a million tracks; waits for no origin.
    ///
    /// # Errors
    /// [`SearchError::NotReady`] until there is an index; where it cannot be read.
    pub fn find(&self, query: &Query, offset: usize, limit: usize) -> Result<Page, SearchError> {
        let served = self.served.load_full().ok_or(SearchError::NotReady)?;
        if query.is_empty() {
            return Ok(Page {
                total: 0,
                hits: Vec::new(),
                position: served.position,
            });
        }
        let compiled = compile(&self.fields, query);
        let failed = unusable(&served.path);
        let find = || -> tantivy::Result<Page> {
            // One at least, or it panics.
            let wanted = limit.max(1);
            let top = TopDocs::with_limit(wanted).and_offset(offset);
            let (total, top) = served
                .searcher
                .search(&compiled, &(Count, top.order_by_score()))?;
            let mut hits = Vec::with_capacity(top.len());
            for (score, address) in top.into_iter().take(limit) {
                hits.push(self.hit(&served.searcher, score, address)?);
            }
            // Of equal ones, in the order in which people look for them.
            hits.sort_by(|one, other| {
                let key = |hit: &Hit| {
                    (
                        hit.shown.artist.to_lowercase(),
                        hit.shown.album.to_lowercase(),
                    )
                };
                other
                    .score
                    .total_cmp(&one.score)
                    .then_with(|| key(one).cmp(&key(other)))
                    .then_with(|| one.track.cmp(&other.track))
            });
            Ok(Page {
                total: total as u64,
                hits,
                position: served.position,
            })
        };
        find().map_err(failed)
    }

    /// Up to where the index has everything; none until there is one.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.served.load().as_ref().map(|served| served.position)
    }

    /// Returns once everything up to that position can be found; where the index is not kept any more,
    /// never.
    pub async fn reach(&self, position: Position) {
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

    fn hit(
        &self,
        searcher: &tantivy::Searcher,
        score: f32,
        address: DocAddress,
    ) -> tantivy::Result<Hit> {
        let segment = searcher.segment_reader(address.segment_ord);
        let ids = segment.fast_fields().u64("id")?;
        let document: TantivyDocument = searcher.doc(address)?;
        let stored = document.get_first(self.fields.shown);
        let stored = stored
            .and_then(|stored| stored.as_bytes())
            .unwrap_or_default();
        let damaged = |error: rmp_serde::decode::Error| {
            tantivy::TantivyError::InternalError(format!("a document is damaged: {error}"))
        };
        Ok(Hit {
            track: TrackId(ids.first(address.doc_id).unwrap_or_default()),
            score,
            shown: rmp_serde::from_slice(stored).map_err(damaged)?,
        })
    }
}
