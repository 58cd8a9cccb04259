//! All views of one library.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use eventlog::{EventStore, Position};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::catalog::{Catalog, CatalogReader};
use crate::error::ViewError;
use crate::generations::Generations;
use crate::pool::{Soundness, Source};
use crate::replay::{self, OnProgress, ReplayReport};
use crate::runner::Runner;
use crate::tree::{Tree, TreeReader};
use crate::view::{Published, View};

/// The name of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ViewName {
    /// Tracks, origins and tags.
    Catalog,
    /// Virtual directories and names.
    Tree,
}

impl ViewName {
    /// All views.
    pub const ALL: &'static [Self] = &[Self::Catalog, Self::Tree];

    /// The name as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Catalog => Catalog::NAME,
            Self::Tree => Tree::NAME,
        }
    }
}

impl FromStr for ViewName {
    type Err = UnknownView;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|view| view.as_str() == name);
        found.copied().ok_or_else(|| UnknownView(name.to_owned()))
    }
}

/// No view has that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no view {0:?}; views are catalog and tree")]
pub struct UnknownView(String);

/// Every view, kept up to date by a thread of its own. Ends when dropped, or [closed](Self::close); not to be dropped on a thread of the runtime, and before it.
pub struct Views {
    catalog: Runner<Catalog>,
    tree: Runner<Tree>,
}

impl Views {
    /// Opens the views in `directory`, which is made if need be, and follows the log from where each
    /// of them stands. Takes milliseconds, whatever the size of the library (VIEW-7).
    ///
    /// A view that is missing or cannot be read begins anew and is served as it grows. One that
    /// another code revision computed, or from another log, is served as it is until it is rebuilt.
    ///
    /// # Errors
    /// Where the directory, or the log's event at a view's position, cannot be read.
    pub fn open(
        directory: &Path,
        log: Arc<dyn EventStore>,
        runtime: &Handle,
    ) -> Result<Self, ViewError> {
        let made = std::fs::create_dir_all(directory);
        made.map_err(|source| ViewError::Directory {
            path: directory.to_owned(),
            source,
        })?;
        let generations = Generations::new(directory);
        Ok(Self {
            catalog: Runner::start(generations.clone(), log.clone(), runtime.clone())?,
            tree: Runner::start(generations, log, runtime.clone())?,
        })
    }

    /// Reads the views of a directory as they were left, or as a daemon keeps them.
    ///
    /// # Errors
    /// [`ViewError::Missing`] where there is none to read.
    pub fn open_read_only(directory: &Path) -> Result<(CatalogReader, TreeReader), ViewError> {
        let generations = Generations::new(directory);
        let catalog = Source::new(Catalog::NAME, generations.newest::<Catalog>()?);
        let tree = Source::new(Tree::NAME, generations.newest::<Tree>()?);
        Ok((CatalogReader::new(catalog), TreeReader::new(tree)))
    }

    /// Computes the views as they stood at a position, in a directory of their own, for
    /// [`open_read_only`](Self::open_read_only). Blocks.
    ///
    /// # Errors
    /// [`ViewError::BeyondHead`] where the log ends before that.
    pub fn replay_to(
        directory: &Path,
        log: &dyn EventStore,
        runtime: &Handle,
        until: Position,
        progress: OnProgress<'_>,
    ) -> Result<Vec<ReplayReport>, ViewError> {
        if until > log.head() {
            return Err(ViewError::BeyondHead {
                wanted: until,
                head: log.head(),
            });
        }
        let made = std::fs::create_dir_all(directory);
        made.map_err(|source| ViewError::Directory {
            path: directory.to_owned(),
            source,
        })?;
        let generations = Generations::new(directory);
        let (catalog, tree) = (
            generations.next(Catalog::NAME)?,
            generations.next(Tree::NAME)?,
        );
        Ok(vec![
            replay::replay_to::<Catalog>(&catalog, log, runtime, until, progress)?,
            replay::replay_to::<Tree>(&tree, log, runtime, until, progress)?,
        ])
    }

    /// Answers from the catalog.
    #[must_use]
    pub fn catalog(&self) -> CatalogReader {
        CatalogReader::new(self.catalog.shared.source.clone())
    }

    /// Answers from the tree.
    #[must_use]
    pub fn tree(&self) -> TreeReader {
        TreeReader::new(self.tree.shared.source.clone())
    }

    /// Where each view stands; at the start while it is rebuilt because it cannot be gone on with.
    #[must_use]
    pub fn positions(&self) -> Vec<(ViewName, Position)> {
        vec![
            (ViewName::Catalog, *self.catalog.shared.position.borrow()),
            (ViewName::Tree, *self.tree.shared.position.borrow()),
        ]
    }

    /// Returns once every view has got as far as that.
    ///
    /// # Errors
    /// [`ViewError::Stopped`] where one will not, without a restart.
    pub async fn wait_for(&self, position: Position) -> Result<(), ViewError> {
        self.catalog.shared.reach(position).await?;
        self.tree.shared.reach(position).await
    }

    /// As [`wait_for`](Self::wait_for), of the catalog alone.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_for_catalog(&self, position: Position) -> Result<(), ViewError> {
        self.catalog.shared.reach(position).await
    }

    /// What changes in the tree from now on, batch by batch, after each was committed. Nothing while
    /// a rebuild is under way; a subscriber that falls far behind is told that everything changed.
    #[must_use]
    pub fn changes(&self) -> mpsc::Receiver<Published> {
        self.tree.shared.feed.subscribe()
    }

    /// Computes a view anew while the old one is served, and swaps them. Blocks; not for threads of
    /// the runtime.
    ///
    /// # Errors
    /// [`ViewError::Busy`], or what the log or the disk did; the old one is served on.
    pub fn rebuild(
        &self,
        view: ViewName,
        progress: OnProgress<'_>,
    ) -> Result<ReplayReport, ViewError> {
        match view {
            ViewName::Catalog => replay::rebuild(&self.catalog.shared, progress),
            ViewName::Tree => replay::rebuild(&self.tree.shared, progress),
        }
    }

    /// Computes a view anew and compares it with the one that is served. Blocks; not for threads of
    /// the runtime.
    ///
    /// # Errors
    /// [`ViewError::Busy`], or what the log or the disk did.
    pub fn check(
        &self,
        view: ViewName,
        progress: OnProgress<'_>,
    ) -> Result<ReplayReport, ViewError> {
        match view {
            ViewName::Catalog => replay::check(&self.catalog.shared, progress),
            ViewName::Tree => replay::check(&self.tree.shared, progress),
        }
    }

    /// Has SQLite look through a whole view for damage (UP-6), unless `over` comes first. A damaged
    /// view is served as far as it goes, and rebuilt. Blocks, for as long as it takes to read the
    /// view's file; not for threads of the runtime.
    ///
    /// # Errors
    /// Where it cannot be looked through.
    pub fn examine(
        &self,
        view: ViewName,
        over: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Soundness, ViewError> {
        match view {
            ViewName::Catalog => self.catalog.shared.examine(over),
            ViewName::Tree => self.tree.shared.examine(over),
        }
    }

    /// Ends after the batches under way, and leaves each view whole in its file. What was not folded
    /// in yet is at the next start; what is there can be read on. Blocks.
    pub fn close(&self) {
        self.catalog.stop();
        self.tree.stop();
    }
}
