//! What `GetStatus` tells.

use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use eventlog::Position;
use fuse::operations::Timings;
use projections::{CatalogReader, OriginRow, TreeReader, ViewName};
use proto::v1;

use super::{Engine, cache, convert, replay};
use crate::library::OriginState;
use crate::report::Result;
use crate::webhooks::Row;

/// The daemon as it stands.
pub(super) fn running(engine: &Engine) -> Result<v1::GetStatusResponse> {
    let head = engine.store.head();
    // Asked first: origins that join meanwhile are then among those looked at.
    let begun = engine.library.has_begun();
    let origins = engine.library.origins()?;
    let now = Instant::now();
    let scan = |(row, state): &(OriginRow, OriginState)| {
        let scan = state.scan.as_ref()?.borrow().clone();
        (!scan.done).then(|| convert::progress(&row.id, &scan, now))
    };
    let done = |(row, state): &(OriginRow, OriginState)| row.listed.is_some() && state.settled;
    // What the catalog knows to be listed, the tree may be about to show.
    let shown = engine.views.tree().position()? >= engine.views.catalog().position()?;
    let listed = begun && shown && origins.iter().all(done);
    let state = if engine.shutdown.is_cancelled() {
        v1::DaemonState::Stopping
    } else if listed {
        v1::DaemonState::Ready
    } else {
        v1::DaemonState::Syncing
    };
    let tasks = engine.supervisor.tasks();
    let found = engine.search.searcher().position();
    let tree = engine.views.tree().stats()?;
    Ok(v1::GetStatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: state.into(),
        mountpoint: engine.mountpoint.as_os_str().as_bytes().to_vec(),
        position: head.0,
        tracks: tree.files,
        sidecars: tree.sidecars,
        uptime: Some(convert::duration(engine.started.elapsed())),
        pid: std::process::id(),
        open_handles: engine.mount.open_handles(),
        fuse_operations: engine.mount.timings().iter().map(Timings::count).sum(),
        scans: origins.iter().filter_map(scan).collect(),
        origins: origins
            .iter()
            .map(|(row, state)| convert::origin(row, state))
            .collect(),
        views: engine
            .views
            .positions()
            .into_iter()
            .map(|(view, at)| (view.as_str(), at))
            .chain([(replay::SEARCH, found.unwrap_or_default())])
            .map(|(view, at)| self::view(view, at, head))
            .collect(),
        tasks: tasks
            .iter()
            .map(|(name, status)| convert::task(name, status))
            .collect(),
        reads: engine
            .recorder
            .as_ref()
            .map(|recorder| convert::reads(recorder.figures())),
        consumers: consumers(engine, head),
        warnings: warnings(engine),
        cache: Some(cache::status(&engine.content, engine.pins.counts())),
    })
}

fn warnings(engine: &Engine) -> Vec<v1::Warning> {
    let descriptors = engine.resources.warning().map(|message| v1::Warning {
        kind: "descriptors".to_owned(),
        message,
    });
    let offline = engine.library.is_offline().then(|| v1::Warning {
        kind: "offline".to_owned(),
        message: "no origin answers; what is cached is served".to_owned(),
    });
    let cache = engine.cache_problem.as_deref().map(|problem| v1::Warning {
        kind: "cache".to_owned(),
        message: format!("nothing is cached: {problem}"),
    });
    descriptors
        .into_iter()
        .chain(offline)
        .chain(cache)
        .collect()
}

/// The daemon as it stands, as `musicfs status --json` shows it.
///
/// # Errors
/// Where the views cannot be read.
pub fn running_json(engine: &Engine) -> Result<serde_json::Value> {
    Ok(super::json::status(&running(engine)?))
}

/// What the state tells where no daemon runs. Without catalog and tree, what the log tells; `others`
/// are the other views that are there.
///
/// # Errors
/// Where the views cannot be read.
pub fn stopped(
    head: Position,
    views: Option<&(CatalogReader, TreeReader)>,
    others: &[(ViewName, Position)],
) -> Result<v1::GetStatusResponse> {
    let stopped = v1::GetStatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: v1::DaemonState::Stopped.into(),
        position: head.0,
        ..v1::GetStatusResponse::default()
    };
    let Some((catalog, tree)) = views else {
        return Ok(stopped);
    };
    let nobody = OriginState::default();
    let shown = tree.stats()?;
    Ok(v1::GetStatusResponse {
        tracks: shown.files,
        sidecars: shown.sidecars,
        origins: catalog
            .origins()?
            .iter()
            .map(|row| convert::origin(row, &nobody))
            .collect(),
        views: [
            (ViewName::Catalog, catalog.position()?),
            (ViewName::Tree, tree.position()?),
        ]
        .iter()
        .chain(others)
        .map(|(name, at)| view(name.as_str(), *at, head))
        .collect(),
        ..stopped
    })
}

/// Those whose place is known by now.
fn consumers(engine: &Engine, head: Position) -> Vec<v1::ConsumerStatus> {
    let consumer = |row: Row| {
        let position = row.figures.position?;
        Some(v1::ConsumerStatus {
            name: format!("webhook:{}", row.name),
            position: position.0,
            lag: head.0.saturating_sub(position.0),
        })
    };
    let rows = engine.webhooks.configured().into_iter();
    rows.filter_map(consumer).collect()
}

fn view(name: &str, position: Position, head: Position) -> v1::ViewStatus {
    v1::ViewStatus {
        name: name.to_owned(),
        position: position.0,
        lag: head.0.saturating_sub(position.0),
    }
}
