//! The content store in the daemon: how it is set up, and what is done for it in the background.

pub(crate) mod fetch;
pub(crate) mod pins;
pub(crate) mod repair;
pub(crate) mod rests;
pub(crate) mod size;
pub(crate) mod survey;
mod tend;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use content::{DeltaVerify, Limits, Store};

pub(crate) use self::tend::tend;

/// What is kept of files on other machines, where, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether anything is kept.
    pub enabled: bool,
    /// Where; `None` for a folder of the state directory.
    pub dir: Option<PathBuf>,
    /// Bytes at most.
    pub size: u64,
    /// How far a file is believed to be otherwise as it was where its tags changed.
    pub delta: DeltaVerify,
    /// Bytes a day that may be fetched to see whether what was believed was true.
    pub verify_budget: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            dir: None,
            size: 10_000_000_000,
            delta: DeltaVerify::default(),
            verify_budget: 1_000_000_000,
        }
    }
}

impl Settings {
    /// Where it is kept; `usual` unless told otherwise.
    pub(crate) fn dir_or(&self, usual: &Path) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| usual.to_owned())
    }

    /// What the store may do.
    pub(crate) const fn limits(&self) -> Limits {
        Limits {
            bytes: self.size,
            delta: self.delta,
        }
    }
}

/// The content store, as well as it can be had.
pub(crate) struct Opened {
    pub(crate) store: Store,
    /// Why it cannot be used, though it should be.
    pub(crate) problem: Option<Arc<str>>,
}

/// Opens the content store; `usual` is its folder unless told otherwise. Where it cannot be used,
/// or lies in one of the `folders` that are origins, everything is passed through: that is slower, and
/// no reason not to start.
pub(crate) async fn open(
    settings: &Settings,
    usual: &Path,
    mut folders: impl Iterator<Item = PathBuf>,
) -> Opened {
    let disabled = |problem: Option<String>| Opened {
        store: Store::disabled(),
        problem: problem.map(Arc::from),
    };
    if !settings.enabled {
        return disabled(None);
    }
    let (dir, limits) = (settings.dir_or(usual), settings.limits());
    let inside = |folder: &PathBuf| settings.dir.is_some() && dir.starts_with(folder);
    let opened = match folders.find(inside) {
        Some(folder) => Err(format!(
            "cache.dir {} lies in the origin {}, and origins are never written to: set it to a folder \
             elsewhere",
            dir.display(),
            folder.display()
        )),
        None => tokio::task::spawn_blocking(move || Store::open(&dir, limits))
            .await
            .map_err(|error| format!("opening the content store failed: {error}"))
            .and_then(|opened| opened.map_err(|error| error.to_string())),
    };
    match opened {
        Ok(store) => {
            // Nothing makes room before it is known what is to stay.
            store.await_pins();
            Opened {
                store,
                problem: None,
            }
        }
        Err(problem) => {
            tracing::error!(
                "{problem}; what is read of other machines is not kept until the next start"
            );
            disabled(Some(problem))
        }
    }
}
