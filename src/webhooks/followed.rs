//! Webhooks follow the configuration (CTL-7).

use std::path::PathBuf;

use async_trait::async_trait;

use super::{Endpoint, Webhooks};
use crate::config::{Config, process_env};
use crate::reload::{Part, Told};
use crate::report::{Kind, Report};

/// The webhooks of a running daemon.
pub(crate) struct Followed {
    pub(crate) webhooks: Webhooks,
    /// Where media servers on the same machine see the library.
    pub(crate) mountpoint: PathBuf,
}

#[async_trait]
impl Part for Followed {
    /// Secrets are fetched anew, so that one that was changed is used from now on. Where one cannot
    /// be had, all webhooks stay as they were.
    async fn apply(&self, new: &Config, now: &mut Config) -> Told {
        let (configured, mountpoint) = (new.webhooks.clone(), self.mountpoint.clone());
        // A secret may be in a file, on a disk.
        let fetching = tokio::task::spawn_blocking(move || {
            let of = |webhook| Endpoint::of(webhook, &mountpoint, &process_env);
            configured.iter().map(of).collect::<Result<Vec<_>, _>>()
        });
        let fetched = fetching.await.unwrap_or_else(|error| {
            let message = format!("fetching the secrets of webhooks failed: {error}");
            Err(Report::new(Kind::Bug, message))
        });
        let applied = fetched.map(|endpoints| {
            self.webhooks.apply(endpoints);
            now.webhooks.clone_from(&new.webhooks);
        });
        applied.into()
    }
}
