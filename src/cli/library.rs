//! The state of a library, opened for reading beside a daemon or without one.

use eventlog::SqliteStore;
use projections::{CatalogReader, TreeReader, Views};
use proto::v1;

use crate::control::stopped;
use crate::report::Result;
use crate::state::StateDir;

/// Log and views, for reading.
pub(super) struct Opened {
    pub(super) log: SqliteStore,
    pub(super) catalog: CatalogReader,
    pub(super) tree: TreeReader,
}

impl Opened {
    pub(super) async fn at(state: &StateDir) -> Result<Self> {
        let log = SqliteStore::open_read_only(state.log_file()).await?;
        let (catalog, tree) = Views::open_read_only(&state.views_dir())?;
        Ok(Self { log, catalog, tree })
    }

    /// What there is to tell while no daemon runs.
    pub(super) fn status(&self) -> Result<v1::GetStatusResponse> {
        stopped(&self.log, &self.catalog, &self.tree)
    }
}
