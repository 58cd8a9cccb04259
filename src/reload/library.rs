//! Origins and layout follow the configuration.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Part, Told};
use crate::config::{Config, OriginConfig, change, resolve};
use crate::library::{Library, LibraryError};
use crate::report::{Kind, Report};

/// How long to wait for a library that is still being opened.
const PATIENCE: Duration = Duration::from_secs(10);

/// The origins and the layout of a library.
pub(crate) struct Origins(pub(crate) Arc<Library>);

#[async_trait]
impl Part for Origins {
    /// Makes the library what a start would make it: origins of the configuration are added or
    /// changed, and none is removed.
    async fn apply(&self, new: &Config, now: &mut Config) -> Told {
        let mut told = Told::default();
        let begun = self.0.until_begun();
        if tokio::time::timeout(PATIENCE, begun).await.is_err() {
            let report = Report::new(Kind::Busy, "the library is still being opened");
            told.refused
                .push(report.hint("its origins and layout follow at the next reload"));
            return told;
        }
        match self.0.name_layout(new.layout().as_ref()).await {
            Ok(()) => {
                now.layout_template.clone_from(&new.layout_template);
                now.layout_names = new.layout_names;
                now.layout_duplicates = new.layout_duplicates;
            }
            Err(error) => told.refused.push(error.into()),
        }
        for origin in change::changes(now, new).dropped {
            told.notes.extend(self.stays(&origin));
        }
        let before = std::mem::take(&mut now.origins);
        match self.0.configure_all(&new.origins).await {
            Ok(refused) => {
                let stays = |path: &[u8]| refused.iter().any(|it| it.root == path);
                let bytes = |origin: &OriginConfig| origin.root.to_bytes();
                let kept = before.into_iter().filter(|old| stays(&bytes(old)));
                let come = new.origins.iter().filter(|it| !stays(&bytes(it)));
                now.origins = come.cloned().chain(kept).collect();
                let told_of = refused.into_iter().map(|it| it.error.into());
                told.refused.extend(told_of);
            }
            Err(error) => {
                now.origins = before;
                told.refused.push(error.into());
            }
        }
        told
    }
}

impl Origins {
    /// What to know of an origin that is no longer configured, where the library still has it.
    fn stays(&self, origin: &OriginConfig) -> Option<String> {
        let known: Result<Vec<_>, LibraryError> = self.0.origins();
        let known = known.ok()?.into_iter().map(|(row, _)| (row.id, row.spec));
        let known: Vec<_> = known.collect();
        let (id, _) = resolve(std::slice::from_ref(origin), &known).pop()?;
        known.iter().any(|(other, _)| *other == id).then(|| {
            format!(
                "the origin {id} is no longer in the configuration; its tracks stay until \
                 `musicfs origin remove {id}`"
            )
        })
    }
}
