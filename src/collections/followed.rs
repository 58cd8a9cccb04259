//! Collections follow the configuration (CTL-7).

use async_trait::async_trait;

use super::Collections;
use crate::config::Config;
use crate::reload::{Part, Told};

/// The collections of a running daemon.
pub(crate) struct Followed(pub(crate) Collections);

#[async_trait]
impl Part for Followed {
    async fn apply(&self, new: &Config, now: &mut Config) -> Told {
        self.0.configure(new.collections.clone());
        now.collections.clone_from(&new.collections);
        Told::default()
    }
}
