//! The state of a library, opened for reading beside a daemon or without one.

use eventlog::{EventStore, SqliteStore};
use projections::{CatalogReader, PatternsReader, TreeReader, ViewError, ViewName, Views};
use proto::v1;

use crate::control::stopped;
use crate::report::Result;
use crate::state::StateDir;

/// Log and views, for reading.
pub(super) struct Opened {
    pub(super) log: SqliteStore,
    pub(super) catalog: CatalogReader,
    pub(super) tree: TreeReader,
    /// None where an older version left the state.
    pub(super) patterns: Option<PatternsReader>,
}

impl Opened {
    pub(super) async fn at(state: &StateDir) -> Result<Self> {
        let log = SqliteStore::open_read_only(state.log_file()).await?;
        let (catalog, tree) = Views::open_read_only(&state.views_dir())?;
        let patterns = match Views::open_patterns(&state.views_dir()) {
            Err(ViewError::Missing { .. }) => None,
            opened => Some(opened?),
        };
        Ok(Self {
            log,
            catalog,
            tree,
            patterns,
        })
    }
}

/// What there is to tell of a library while no daemon runs; its views may be missing.
pub(super) async fn at_rest(state: &StateDir) -> Result<v1::GetStatusResponse> {
    let log = SqliteStore::open_read_only(state.log_file()).await?;
    let views = state.views_dir();
    let patterns = Views::open_patterns(&views).and_then(|it| it.position());
    let collections = Views::open_collections(&views).and_then(|it| it.position());
    // An older version had none of them: they are made at the next start.
    let others = [
        patterns.map(|at| (ViewName::Patterns, at)),
        collections.map(|at| (ViewName::Collections, at)),
    ];
    let others: Vec<_> = others.into_iter().flatten().collect();
    match Views::open_read_only(&views) {
        Ok(readers) => stopped(log.head(), Some(&readers), &others),
        Err(ViewError::Missing { .. }) => stopped(log.head(), None, &[]),
        Err(error) => Err(error.into()),
    }
}
