//! Opening an origin, which may take as long as its disk or share does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventlog::event::OriginSpec;
use eventlog::{OriginId, OriginPath};
use futures::StreamExt;
use origins::{Depth, ErrorKind, Figures, Guarded, Origin, OriginError};
use tokio::task::JoinHandle;

use super::keeper::CHECK_LIMIT;
use super::{kinds, root};
use crate::config::process_env;

/// An origin that answered.
pub(super) struct Opened {
    pub(super) origin: Guarded,
    /// True where there is nothing in its root.
    pub(super) empty: bool,
}

/// The attempt to open an origin. A call that hangs cannot be taken back: as long as one does, no
/// other is made.
#[derive(Default)]
pub(super) struct Opening(Option<JoinHandle<Result<Opened, OriginError>>>);

impl Opening {
    /// Opens an origin; a folder has to be apart from the mount point. To be called again where it
    /// did not answer within the limit.
    pub(super) async fn open(
        &mut self,
        id: &OriginId,
        spec: &OriginSpec,
        mountpoint: &Path,
        figures: &Arc<Figures>,
    ) -> Result<Opened, OriginError> {
        let task = self.0.get_or_insert_with(|| {
            let (mountpoint, figures) = (mountpoint.to_owned(), Arc::clone(figures));
            tokio::spawn(open(id.clone(), spec.clone(), mountpoint, figures))
        });
        let opened = tokio::time::timeout(CHECK_LIMIT, &mut *task)
            .await
            .map_err(|_| offline(format!("{} does not answer", root::shown(spec).display())))?;
        self.0 = None;
        opened.unwrap_or_else(|error| Err(failed(&error)))
    }
}

async fn open(
    id: OriginId,
    spec: OriginSpec,
    mountpoint: PathBuf,
    figures: Arc<Figures>,
) -> Result<Opened, OriginError> {
    let opening = tokio::task::spawn_blocking(move || {
        if let Some(root) = kinds::folder(&spec) {
            root::apart(&root, &mountpoint).map_err(|error| offline(error.to_string()))?;
        }
        kinds::connect(&id, &spec, &process_env, figures)
    });
    let origin = opening.await.map_err(|error| failed(&error))??;
    origin.check().await?;
    let first = origin.walk(&OriginPath::root(), Depth::One).next().await;
    let empty = matches!(first, Some(Ok(directory))
        if directory.files.is_empty() && directory.directories.is_empty());
    Ok(Opened { origin, empty })
}

/// What is said of an origin that is not there.
pub(super) const fn offline(message: String) -> OriginError {
    OriginError {
        kind: ErrorKind::Offline,
        message,
    }
}

fn failed(error: &tokio::task::JoinError) -> OriginError {
    OriginError {
        kind: ErrorKind::Io,
        message: format!("opening the origin failed: {error}"),
    }
}
