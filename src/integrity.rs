//! Is what is kept sound? (UP-6)
//!
//! A start looks at the log's end, and at the first pages of each view, so that it is instant. All of
//! it is looked through in the background once the mount answers, or before it where that is asked.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use eventlog::{Position, SqliteStore, StoreError, Timestamp};
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
    let kept = salvage(&log, &path, Position(position.0.saturating_sub(1))).await?;
    tracing::warn!(
        "the log goes on after event {}; as it was, it is in {}",
        position.0.saturating_sub(1),
        kept.display()
    );
    Ok(())
}

/// Puts a log of the events up to `last` in the place of the damaged one; tells where that is now.
async fn salvage(log: &SqliteStore, path: &Path, last: Position) -> Result<PathBuf> {
    let export = path.with_extension("salvaged.jsonl");
    let salvaged = path.with_extension("salvaged.db");
    // What an attempt that was killed has left.
    drop(std::fs::remove_file(&export));
    drop(std::fs::remove_file(&salvaged));
    let failed = |error: std::io::Error| Report::unwritable("salvaged log", &export, &error);
    let mut to = BufWriter::new(File::create_new(&export).map_err(failed)?);
    log.export(Some(last), &mut to, |_, _| {}).await?;
    to.flush().map_err(failed)?;
    drop(to);
    log.close().await;
    let from = BufReader::new(File::open(&export).map_err(failed)?);
    eventlog::sqlite::import(from, &salvaged, |_| {}).await?;
    drop(std::fs::remove_file(&export));
    let kept = path.with_extension(format!("damaged-{}.db", Timestamp::now().0));
    // At every moment there is a log in place, and the damaged one has a name.
    std::fs::hard_link(path, &kept).map_err(|error| Report::io("keep", path, &error))?;
    // The write-ahead log belongs to the damaged file: beside the new one it would be taken for its.
    for suffix in ["-wal", "-shm"] {
        match std::fs::rename(with(path, suffix), with(&kept, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Report::io("put aside", &with(path, suffix), &error));
            }
            _ => {}
        }
    }
    std::fs::rename(&salvaged, path)
        .and_then(|()| File::open(path.parent().unwrap_or(path))?.sync_all())
        .map_err(|error| Report::io("put the salvaged log in place of", path, &error))?;
    Ok(kept)
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
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
