//! The cache while no daemon runs: opened here, under the daemon's lock.

use std::sync::Arc;

use content::Store;
use eventlog::{EventStore, SqliteStore};
use origins::Registry;
use projections::{TreeReader, ViewName, Views};
use proto::v1;
use search::Search;
use tokio::runtime::Handle;

use crate::cache::survey::{Survey, Surveyor};
use crate::cli::context::Context;
use crate::collections::Collections;
use crate::config::CollectionConfig;
use crate::control::cache;
use crate::finding::Finder;
use crate::lock::Lock;
use crate::report::{Kind, Report, Result};
use crate::state::StateDir;

/// The store, and who may use it.
pub(super) struct AtRest {
    pub(super) store: Store,
    state: StateDir,
    collections: Vec<CollectionConfig>,
    // Dropped last: from then on, a daemon may start.
    _lock: Lock,
}

impl AtRest {
    pub(super) async fn open(context: &Context) -> Result<Self> {
        let state = context.state()?;
        let config = context.config()?.config;
        let (settings, collections) = (config.cache, config.collections);
        let lock = Lock::acquire(&state)?;
        let usual = state.store_dir();
        let opened = outside(move || {
            if !settings.enabled {
                return Ok(Store::disabled());
            }
            let store = Store::open(&settings.dir_or(&usual), settings.limits())?;
            store.await_pins();
            Ok(store)
        });
        let store = opened
            .await?
            .map_err(|error: content::StoreError| Report::new(Kind::Disk, error.to_string()))?;
        Ok(Self {
            store,
            state,
            collections,
            _lock: lock,
        })
    }

    pub(super) async fn stats(self) -> Result<v1::GetCacheStatsResponse> {
        self.with_pins(|store, survey, _| cache::stats(store, None, survey.counts))
            .await
    }

    pub(super) async fn clear(self, pinned: bool) -> Result<v1::ClearCacheResponse> {
        self.with_pins(move |store, survey, _| {
            if !pinned {
                survey.told()?;
            }
            let freed = store.clear(pinned);
            Ok(v1::ClearCacheResponse {
                freed_bytes: freed.map_err(|error| cache::unusable(&error))?,
                bytes: store.bytes(),
            })
        })
        .await
    }

    pub(super) async fn pins(self, limit: u32) -> Result<v1::ListPinsResponse> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.with_pins(move |store, survey, tree| {
            let pins = survey.pins.iter();
            let pins = pins.map(|pin| cache::pin(pin, tree, |_| None, limit));
            Ok(v1::ListPinsResponse {
                pins: pins.collect::<Result<_>>()?,
                limit: store.limit(),
            })
        })
        .await
    }

    /// Does something that takes to know what is pinned: as the log has it, by views that are brought
    /// up to date for it.
    async fn with_pins<T: Send + 'static>(
        self,
        work: impl FnOnce(&Store, &Survey, &TreeReader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let log = Arc::new(SqliteStore::open_read_only(self.state.log_file()).await?);
        let (directory, follows, runtime) =
            (self.state.views_dir(), log.clone(), Handle::current());
        // Views have threads of their own, that begin and end outside of the runtime's.
        let views = outside(move || Views::open(&directory, follows, &runtime)).await??;
        let known = views.wait_for(log.head()).await;
        let (directory, follows) = (self.state.views_dir(), log.clone());
        let views = Arc::new(views);
        let search = Search::start(&directory, follows, Arc::clone(&views), Handle::current())?;
        if known.is_ok() {
            views
                .wait_for_view(ViewName::Collections, log.head())
                .await?;
            search.searcher().reach(log.head()).await;
        }
        let done = outside(move || {
            known?;
            let registry = Arc::new(Registry::default());
            let (catalog, tree) = (views.catalog(), views.tree());
            let finder = Finder::new(search.searcher(), tree.clone());
            let store = self.store.clone();
            let collections = Collections::new(
                views.collections(),
                views.catalog(),
                views.tree(),
                self.collections.clone(),
            );
            let mut surveyor =
                Surveyor::new(catalog, tree.clone(), store, registry, finder, collections);
            let survey = surveyor.hold();
            let done = work(&self.store, &survey?, &tree);
            drop(search);
            drop(views);
            drop(self);
            done
        });
        let done = done.await;
        log.close().await;
        done?
    }
}

async fn outside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Report::new(Kind::Bug, error.to_string()))
}
