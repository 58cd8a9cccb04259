//! The content store in the daemon: how it is set up, and what is done for it in the background.

pub(crate) mod pins;
pub(crate) mod repair;
mod rests;
pub(crate) mod size;
pub(crate) mod survey;
mod tend;

use std::path::{Path, PathBuf};

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

/// Opens the content store; `usual` is its folder unless told otherwise. Where it cannot be used,
/// everything is passed through: that is slower, and no reason not to start.
pub(crate) async fn open(settings: &Settings, usual: &Path) -> Store {
    if !settings.enabled {
        return Store::disabled();
    }
    let (dir, limits) = (settings.dir_or(usual), settings.limits());
    let opened = tokio::task::spawn_blocking(move || Store::open(&dir, limits)).await;
    match opened {
        Ok(Ok(store)) => {
            // Nothing makes room before it is known what is to stay.
            store.await_pins();
            return store;
        }
        Ok(Err(error)) => {
            tracing::error!(
                "{error}; what is read of other machines is not kept until the next start"
            );
        }
        Err(error) => tracing::error!("opening the content store failed: {error}"),
    }
    Store::disabled()
}
