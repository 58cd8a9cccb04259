//! All views of one library.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use eventlog::{EventStore, Position};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::catalog::{Catalog, CatalogReader};
use crate::collections::{Collections, CollectionsReader};
use crate::error::ViewError;
use crate::generations::Generations;
use crate::patterns::{Patterns, PatternsReader};
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
    /// What is played.
    Patterns,
    /// What collections find.
    Collections,
}

impl ViewName {
    /// All views.
    pub const ALL: &'static [Self] =
        &[Self::Catalog, Self::Tree, Self::Patterns, Self::Collections];

    /// The name as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Catalog => Catalog::NAME,
            Self::Tree => Tree::NAME,
            Self::Patterns => Patterns::NAME,
            Self::Collections => Collections::NAME,
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
#[error("there is no view {0:?}; views are catalog, tree, patterns and collections")]
pub struct UnknownView(String);

/// Every view, kept up to date by a thread of its own. The tree never overtakes the catalog. Ends when
/// dropped, or [closed](Self::close); not to be dropped on a thread of the runtime, and before it.
pub struct Views {
    catalog: Runner<Catalog>,
    tree: Runner<Tree>,
    patterns: Runner<Patterns>,
    collections: Runner<Collections>,
}

/// Does the same with the runner of whichever view is named.
macro_rules! with {
    ($views:ident, $name:expr, $runner:ident => $work:expr) => {
        match $name {
            ViewName::Catalog => {
                let $runner = &$views.catalog;
                $work
            }
            ViewName::Tree => {
                let $runner = &$views.tree;
                $work
            }
            ViewName::Patterns => {
                let $runner = &$views.patterns;
                $work
            }
            ViewName::Collections => {
                let $runner = &$views.collections;
                $work
            }
        }
    };
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
        let common = || (generations.clone(), log.clone(), runtime.clone());
        let catalog = Runner::start(common(), log.heads())?;
        // A name that is shown is opened by what the catalog knows of its file.
        let known = catalog.shared.position.subscribe();
        let tree = Runner::start(common(), known)?;
        let (patterns, heads) = (Runner::start(common(), log.heads())?, log.heads());
        Ok(Self {
            catalog,
            tree,
            patterns,
            collections: Runner::start((generations, log, runtime.clone()), heads)?,
        })
    }

    /// Reads catalog and tree of a directory as they were left, or as a daemon keeps them.
    ///
    /// # Errors
    /// [`ViewError::Missing`] where there is none to read.
    pub fn open_read_only(directory: &Path) -> Result<(CatalogReader, TreeReader), ViewError> {
        let generations = Generations::new(directory);
        let catalog = Source::new(Catalog::NAME, generations.newest::<Catalog>()?);
        let tree = Source::new(Tree::NAME, generations.newest::<Tree>()?);
        Ok((CatalogReader::new(catalog), TreeReader::new(tree)))
    }

    /// Reads the catalog of a directory as it was left, or as a daemon keeps it.
    ///
    /// # Errors
    /// [`ViewError::Missing`] where there is nothing to read.
    pub fn open_catalog(directory: &Path) -> Result<CatalogReader, ViewError> {
        let newest = Generations::new(directory).newest::<Catalog>()?;
        Ok(CatalogReader::new(Source::new(Catalog::NAME, newest)))
    }

    /// Reads what collections find, as it was left, or as a daemon keeps it.
    ///
    /// # Errors
    /// [`ViewError::Missing`] where there is nothing to read.
    pub fn open_collections(directory: &Path) -> Result<CollectionsReader, ViewError> {
        let newest = Generations::new(directory).newest::<Collections>()?;
        let source = Source::new(Collections::NAME, newest);
        Ok(CollectionsReader::new(source))
    }

    /// Reads what is played, as it was left, or as a daemon keeps it.
    ///
    /// # Errors
    /// [`ViewError::Missing`] where there is nothing to read.
    pub fn open_patterns(directory: &Path) -> Result<PatternsReader, ViewError> {
        let newest = Generations::new(directory).newest::<Patterns>()?;
        let source = Source::new(Patterns::NAME, newest);
        Ok(PatternsReader::new(source))
    }

    /// Computes views as they stood at a position, in a directory of their own, for
    /// [`open_read_only`](Self::open_read_only) and the like. Blocks.
    ///
    /// # Errors
    /// [`ViewError::BeyondHead`] where the log ends before that.
    pub fn replay_to(
        views: &[ViewName],
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
        let next = |view: &ViewName| generations.next(view.as_str());
        let replayed = views.iter().map(|view| {
            let path = next(view)?;
            match view {
                ViewName::Catalog => {
                    replay::replay_to::<Catalog>(&path, log, runtime, until, progress)
                }
                ViewName::Tree => replay::replay_to::<Tree>(&path, log, runtime, until, progress),
                ViewName::Patterns => {
                    replay::replay_to::<Patterns>(&path, log, runtime, until, progress)
                }
                ViewName::Collections => {
                    replay::replay_to::<Collections>(&path, log, runtime, until, progress)
                }
            }
        });
        replayed.collect()
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

    /// Answers from the patterns.
    #[must_use]
    pub fn patterns(&self) -> PatternsReader {
        PatternsReader::new(self.patterns.shared.source.clone())
    }

    /// Answers from the collections.
    #[must_use]
    pub fn collections(&self) -> CollectionsReader {
        CollectionsReader::new(self.collections.shared.source.clone())
    }

    /// Where each view stands; at the start while it is rebuilt because it cannot be gone on with.
    #[must_use]
    pub fn positions(&self) -> Vec<(ViewName, Position)> {
        let position = |view: &ViewName| {
            let position = with!(self, view, runner => *runner.shared.position.borrow());
            (*view, position)
        };
        ViewName::ALL.iter().map(position).collect()
    }

    /// Returns once catalog and tree have got as far as that: by them it is decided what observations
    /// mean, and what is shown. Nobody has to wait for the others, which may be new and have far to go.
    ///
    /// # Errors
    /// [`ViewError::Stopped`] where one will not, without a restart.
    pub async fn wait_for(&self, position: Position) -> Result<(), ViewError> {
        self.wait_for_view(ViewName::Tree, position).await
    }

    /// Returns once a view has got as far as that.
    ///
    /// # Errors
    /// [`ViewError::Stopped`] where it will not, without a restart.
    pub async fn wait_for_view(&self, view: ViewName, position: Position) -> Result<(), ViewError> {
        if view == ViewName::Tree {
            // Where that has stopped, the tree waits for it in vain.
            self.wait_for_catalog(position).await?;
        }
        with!(self, view, runner => runner.shared.reach(position).await)
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
        with!(self, view, runner => replay::rebuild(&runner.shared, progress))
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
        with!(self, view, runner => replay::check(&runner.shared, progress))
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
        with!(self, view, runner => runner.shared.examine(over))
    }

    /// Ends after the batches under way, and leaves each view whole in its file. What was not folded
    /// in yet is at the next start; what is there can be read on. Blocks.
    pub fn close(&self) {
        for view in ViewName::ALL {
            with!(self, view, runner => runner.stop());
        }
    }
}
