//! Files of this machine: a folder and what is below it.
//!
//! Nothing here can write (ORG-2): every open is `O_RDONLY` or `O_PATH`, and no call that changes a
//! filesystem is made. Nothing outside the root is reached, whatever links and races say (SEC-1):
//! see `beneath`. Names are bytes, as the kernel gives them.

mod beneath;
mod error;
mod file;
mod list;
mod mounts;
mod remote;
mod root;
mod table;
mod walk;
mod watch;
mod watches;

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use eventlog::{OriginId, OriginPath, Revision, Timestamp};
use futures::stream::BoxStream;
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::origin::{
    Depth, Directory, ErrorKind, Origin, OriginError, OriginFile, WalkError, Watch,
};

use file::LocalFile;
pub use file::read_checked;
pub(crate) use list::is_left_out;
pub use remote::unwatched;

/// A folder of this machine as an origin.
///
/// Symlinks that stay within the root are followed, all others are not there. A link to a folder is
/// a folder, except where it leads back to a folder that holds it or is itself met behind such a
/// link. Only regular files are files.
#[derive(Debug)]
pub struct LocalOrigin {
    id: OriginId,
    root: Arc<root::Root>,
    threads: NonZero<usize>,
}

impl LocalOrigin {
    /// Fewest threads of a listing, so that one can work while another waits for the disk.
    const MIN_THREADS: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(1);

    /// An origin of the folder `root`, listed by as many threads as there are processors.
    ///
    /// # Errors
    /// [`ErrorKind::Offline`] where there is no such folder, [`ErrorKind::NotFound`] where it is
    /// something else, [`ErrorKind::Denied`] where it cannot be read.
    pub fn new(id: OriginId, root: impl AsRef<Path>) -> Result<Self, OriginError> {
        let root = Arc::new(root::Root::new(root.as_ref())?);
        let processors = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Ok(Self {
            id,
            root,
            threads: processors.max(Self::MIN_THREADS),
        })
    }
}

#[async_trait]
impl Origin for LocalOrigin {
    fn id(&self) -> &OriginId {
        &self.id
    }

    fn walk(
        &self,
        from: &OriginPath,
        depth: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>> {
        walk::walk(Arc::clone(&self.root), from.clone(), depth, self.threads)
    }

    async fn stat(&self, path: &OriginPath) -> Result<Revision, OriginError> {
        let (root, path) = (Arc::clone(&self.root), path.clone());
        blocking(move || {
            let doing = || format!("look at {}", root.place(&path).display());
            let stat = root
                .reach()?
                .stat(&path)
                .map_err(|errno| error::failed(doing(), errno))?;
            if beneath::type_of(&stat) == FileType::RegularFile {
                Ok(list::revision(&stat))
            } else {
                Err(error::failed(doing(), Errno::NOENT))
            }
        })
        .await
    }

    async fn open(
        &self,
        path: &OriginPath,
        expected: &Revision,
    ) -> Result<Arc<dyn OriginFile>, OriginError> {
        let (root, path, expected) = (Arc::clone(&self.root), path.clone(), expected.clone());
        blocking(move || open(&root, &path, &expected)).await
    }

    fn open_here(
        &self,
        path: &OriginPath,
        expected: &Revision,
    ) -> Option<Result<Arc<dyn OriginFile>, OriginError>> {
        Some(open(&self.root, path, expected))
    }

    fn is_here(&self) -> bool {
        true
    }

    async fn unmounted(
        &self,
        path: &OriginPath,
        known: Timestamp,
    ) -> Result<Option<OriginPath>, OriginError> {
        let (root, path) = (Arc::clone(&self.root), path.clone());
        blocking(move || {
            let lacking = root
                .mounts()
                .lacking(&root.reach()?, root.real(), &path, known);
            let doing = || format!("look for {}", root.place(&path).display());
            lacking.map_err(|errno| error::failed(doing(), errno))
        })
        .await
    }

    async fn check(&self) -> Result<(), OriginError> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let opened = root.reach()?.open_folder(&OriginPath::root());
            let doing = || format!("list {}", root.path().display());
            opened
                .map(drop)
                .map_err(|errno| error::failed(doing(), errno))
        })
        .await
    }

    fn watch(&self) -> Result<Option<Watch>, OriginError> {
        watch::watch(Arc::clone(&self.root))
    }
}

fn open(
    root: &root::Root,
    path: &OriginPath,
    expected: &Revision,
) -> Result<Arc<dyn OriginFile>, OriginError> {
    let place = root.place(path);
    let opened = root.reach()?.open_file(path);
    let (fd, _) =
        opened.map_err(|errno| error::failed(format!("open {}", place.display()), errno))?;
    let file = fd.into();
    file::unchanged(&file, expected).map_err(|error| OriginError {
        kind: error.kind,
        message: format!("{}: {}", place.display(), error.message),
    })?;
    Ok(Arc::new(LocalFile::new(file, expected.clone(), place)))
}

/// Runs what may wait for a disk away from the threads that serve everybody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OriginError> + Send + 'static,
) -> Result<T, OriginError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let message = "the work was given up: MusicFS is ending, or met a bug".to_owned();
        Err(OriginError {
            kind: ErrorKind::Io,
            message,
        })
    })
}
