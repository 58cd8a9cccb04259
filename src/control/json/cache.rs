//! The cache, as `--json` tells of it.

use proto::v1;
use proto::v1::pin_target::Target;
use serde_json::{Value, json};

use super::{path, text, time};

/// `musicfs cache stats --json`.
#[must_use]
pub fn cache_stats(stats: &v1::GetCacheStatsResponse) -> Value {
    json!({
        "enabled": stats.enabled,
        "directory": path(&stats.directory),
        "bytes": stats.bytes,
        "limit": stats.limit,
        "referenced_bytes": stats.referenced_bytes,
        "saved_bytes": stats.referenced_bytes.saturating_sub(stats.bytes),
        "files": stats.files,
        "chunks": stats.chunks,
        "pressed": stats.pressed,
        "problem": Some(&stats.problem).filter(|problem| !problem.is_empty()),
        "since_start": stats.counts.as_ref().map(counts),
        "pins": stats.pins.as_ref().map(pin_counts),
        "prefetch": stats.prefetch.as_ref().map(prefetch_counts),
    })
}

/// The cache in the status.
pub(super) fn cache_status(cache: &v1::CacheStatus) -> Value {
    json!({
        "enabled": cache.enabled,
        "bytes": cache.bytes,
        "limit": cache.limit,
        "pins": cache.pins.as_ref().map(pin_counts),
    })
}

fn counts(counts: &v1::CacheCounts) -> Value {
    json!({
        "hits": counts.hits,
        "misses": counts.misses,
        "read_bytes": counts.read_bytes,
        "fetched_bytes": counts.fetched_bytes,
        "passed_bytes": counts.passed_bytes,
        "shared_bytes": counts.shared_bytes,
        "damaged": counts.damaged,
        "evicted": counts.evicted,
        "adopted": counts.adopted,
    })
}

fn pin_counts(counts: &v1::PinCounts) -> Value {
    json!({
        "pins": counts.pins,
        "tracks": counts.tracks,
        "sidecars": counts.sidecars,
        "bytes": counts.bytes,
        "missing_bytes": counts.missing_bytes,
    })
}

fn prefetch_counts(counts: &v1::PrefetchCounts) -> Value {
    json!({
        "tracks": counts.tracks,
        "bytes": counts.bytes,
        "hits": counts.hits,
        "wasted": counts.wasted,
        "waiting": counts.waiting,
    })
}

/// A file of `musicfs cache prefetch --json`.
#[must_use]
pub fn prefetched(file: &v1::PrefetchResponse) -> Value {
    let state = match file.state() {
        v1::PrefetchState::Unspecified => "unknown",
        v1::PrefetchState::Waiting => "waiting",
        v1::PrefetchState::Fetching => "fetching",
        v1::PrefetchState::Here => "here",
        v1::PrefetchState::Left => "left",
    };
    json!({
        "path": file.path,
        "state": state,
        "done_bytes": file.done_bytes,
        "total_bytes": file.total_bytes,
        "problem": text(&file.problem),
    })
}

/// `musicfs cache verify --json`.
#[must_use]
pub fn verified(report: &v1::VerifyReport) -> Value {
    json!({
        "pieces": report.pieces,
        "bytes": report.bytes,
        "damaged": report.damaged,
        "lost_bytes": report.lost_bytes,
        "repaired_bytes": report.repaired_bytes,
        "problems": report.problems,
    })
}

/// A pin.
#[must_use]
pub fn pin(pin: &v1::PinStatus) -> Value {
    let missing = pin.missing.iter().map(|file| {
        json!({
            "path": file.path,
            "bytes": file.bytes,
            "missing_bytes": file.missing_bytes,
            "problem": text(&file.problem),
        })
    });
    json!({
        "path": path_of(pin),
        "search": search_of(pin),
        "collection": collection_of(pin),
        "since": pin.since.as_ref().map(time),
        "tracks": pin.tracks,
        "sidecars": pin.sidecars,
        "bytes": pin.bytes,
        "missing_files": pin.missing_files,
        "missing_bytes": pin.missing_bytes,
        "missing": missing.collect::<Vec<_>>(),
        "problem": text(&pin.problem),
    })
}

/// The path in the tree that a pin holds, from its root.
#[must_use]
pub fn path_of(pin: &v1::PinStatus) -> Option<String> {
    match pin.target.as_ref()?.target.as_ref()? {
        Target::Path(path) => Some(format!("/{path}")),
        Target::Search(_) | Target::Collection(_) => None,
    }
}

/// The query whose results a pin holds.
#[must_use]
pub fn search_of(pin: &v1::PinStatus) -> Option<&str> {
    match pin.target.as_ref()?.target.as_ref()? {
        Target::Search(query) => Some(query),
        Target::Path(_) | Target::Collection(_) => None,
    }
}

/// The collection that a pin holds.
#[must_use]
pub fn collection_of(pin: &v1::PinStatus) -> Option<&str> {
    match pin.target.as_ref()?.target.as_ref()? {
        Target::Collection(name) => Some(name),
        Target::Path(_) | Target::Search(_) => None,
    }
}
