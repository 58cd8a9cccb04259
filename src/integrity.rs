//! Is what is kept sound? (UP-6)
//!
//! A start looks at the log's end, and at the first pages of each view, so that it is instant. All of
//! it is looked through in the background once the mount answers, or before it where that is asked.

use std::sync::Arc;
use std::time::Instant;

use eventlog::{Position, SqliteStore, StoreError};
use projections::{Soundness, ViewName, Views};
use tokio_util::sync::CancellationToken;

use crate::report::{Report, Result};
use crate::state::StateDir;

/// Looks through the log and the views, while all of them are used. A view that is damaged is
/// rebuilt by its keeper.
///
/// # Errors
/// Where the log is damaged: nothing more can be kept in it.
pub(crate) async fn examine(
    log: &SqliteStore,
    views: &Arc<Views>,
    stop: &CancellationToken,
) -> Result<()> {
    let began = Instant::now();
    for view in ViewName::ALL {
        let (views, over) = (Arc::clone(views), stop.clone().cancelled_owned());
        let examined = tokio::task::spawn_blocking(move || views.examine(*view, over));
        match examined.await {
            Ok(Ok(Soundness::Sound | Soundness::Damaged)) => {}
            Ok(Ok(Soundness::Unknown)) => return Ok(()),
            Ok(Err(error)) => tracing::warn!(view = view.as_str(), "not checked: {error}"),
            Err(error) => tracing::error!(view = view.as_str(), "not checked: {error}"),
        }
    }
    let over = stop.clone();
    match log.examine(move || over.is_cancelled()).await {
        Ok(true) => tracing::debug!("log and views looked through in {:.1?}", began.elapsed()),
        Ok(false) => {}
        Err(error @ StoreError::Damaged { .. }) => return Err(damaged(error)),
        Err(error) => tracing::warn!("the log is not checked: {error}"),
    }
    Ok(())
}

/// Checks every event of the log before it is used; where `repair` is asked, a log that is damaged
/// is replaced by what holds of it, and kept beside.
///
/// # Errors
/// Where the log is damaged, and is not to be repaired or cannot be.
pub(crate) async fn verify(state: &StateDir, repair: bool) -> Result<()> {
    let path = state.log_file();
    if !path.exists() {
        return Ok(());
    }
    let log = SqliteStore::open_unchecked(&path).await?;
    let mut told = Instant::now();
    let verified = log
        .verify(|at, end| {
            if told.elapsed().as_secs() >= 5 {
                told = Instant::now();
                tracing::info!("checked {at} of {end} events");
            }
        })
        .await;
    let damage = match verified {
        Ok(verified) => {
            tracing::info!("all {} events of the log hold", verified.head);
            log.close().await;
            return Ok(());
        }
        Err(error @ StoreError::Damaged { .. }) => error,
        Err(error) => return Err(error.into()),
    };
    let (StoreError::Damaged { position, .. }, true) = (&damage, repair) else {
        return Err(damaged(damage));
    };
    tracing::warn!("{damage}");
    log.close().await;
    let last = Position(position.0.saturating_sub(1));
    let kept = eventlog::sqlite::salvage(&path, last).await;
    let kept = kept.map_err(|error| {
        Report::from(error).hint("put a backup in its place; see docs/RECOVERY.md")
    })?;
    tracing::warn!(
        "the log goes on after event {last}; as it was, it is in {}",
        kept.display()
    );
    Ok(())
}

/// What to do about a log that is damaged.
fn damaged(error: StoreError) -> Report {
    if matches!(error, StoreError::Damaged { position, .. } if position.0 <= 1) {
        return error.into();
    }
    Report::from(error).hint(
        "put a backup in its place; or go on with what holds: `musicfs mount … --repair` (the \
         damaged log is kept); see docs/RECOVERY.md",
    )
}
