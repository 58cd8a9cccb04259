//! Messages of `musicfs.v1` as the JSON that `--json` prints. Shapes that scripts rely on: members
//! are added, never renamed or taken away. `docs/CLI.md` describes them.

mod cache;

use eventlog::Timestamp;
use proto::v1;
use serde_json::{Value, json};

pub use self::cache::{cache_stats, collection_of, path_of, pin, prefetched, search_of, verified};

/// `musicfs status --json`.
#[must_use]
pub fn status(status: &v1::GetStatusResponse) -> Value {
    json!({
        "version": status.version,
        "state": state(status.state()),
        "mountpoint": path(&status.mountpoint),
        "position": status.position,
        "tracks": status.tracks,
        "sidecars": status.sidecars,
        "uptime_secs": status.uptime.as_ref().map(secs),
        "pid": (status.pid != 0).then_some(status.pid),
        "open_handles": status.open_handles,
        "fuse_operations": status.fuse_operations,
        "origins": status.origins.iter().map(origin).collect::<Vec<_>>(),
        "views": status.views.iter().map(view).collect::<Vec<_>>(),
        "scans": status.scans.iter().map(progress).collect::<Vec<_>>(),
        "tasks": status.tasks.iter().map(task).collect::<Vec<_>>(),
        "reads": status.reads.as_ref().map(reads),
        "consumers": status.consumers.iter().map(consumer).collect::<Vec<_>>(),
        "cache": status.cache.as_ref().map(cache::cache_status),
        "warnings": status.warnings.iter().map(warning).collect::<Vec<_>>(),
    })
}

/// The name of a state.
#[must_use]
pub const fn state(state: v1::DaemonState) -> &'static str {
    match state {
        v1::DaemonState::Unspecified => "unknown",
        v1::DaemonState::Starting => "starting",
        v1::DaemonState::Syncing => "syncing",
        v1::DaemonState::Ready => "ready",
        v1::DaemonState::Stopping => "stopping",
        v1::DaemonState::Stopped => "stopped",
    }
}

/// An origin.
#[must_use]
pub fn origin(origin: &v1::Origin) -> Value {
    json!({
        "id": origin.id,
        "type": origin.r#type,
        "name": origin.name,
        "root": path(&origin.root),
        "health": health(origin.health()),
        "message": text(&origin.message),
        "latency_ms": origin.latency.as_ref().map(|latency| secs(latency) * 1_000.0),
        "median_latency_ms": origin.median_latency.as_ref().map(|it| secs(it) * 1_000.0),
        "priority": origin.priority,
        "last_check": origin.last_check.as_ref().map(time),
        "tracks": origin.tracks,
        "listed": origin.listed,
        "removals_held": origin.removals_held,
    })
}

/// The name of a health.
#[must_use]
pub const fn health(health: v1::OriginHealth) -> &'static str {
    match health {
        v1::OriginHealth::Unspecified => "unknown",
        v1::OriginHealth::Healthy => "healthy",
        v1::OriginHealth::Degraded => "degraded",
        v1::OriginHealth::Unhealthy => "unhealthy",
    }
}

fn warning(warning: &v1::Warning) -> Value {
    json!({ "kind": warning.kind, "message": warning.message })
}

fn view(view: &v1::ViewStatus) -> Value {
    json!({
        "name": view.name,
        "position": view.position,
        "lag": view.lag,
    })
}

fn consumer(consumer: &v1::ConsumerStatus) -> Value {
    json!({
        "name": consumer.name,
        "position": consumer.position,
        "lag": consumer.lag,
    })
}

fn task(task: &v1::TaskStatus) -> Value {
    let state = match task.state() {
        v1::TaskState::Unspecified => "unknown",
        v1::TaskState::Running => "running",
        v1::TaskState::Waiting => "waiting",
        v1::TaskState::Failed => "failed",
    };
    json!({
        "name": task.name,
        "state": state,
        "restarts": task.restarts,
        "last_failure": task.last_failure.as_ref().map(time),
    })
}

fn reads(reads: &v1::ReadStatus) -> Value {
    json!({
        "recorded": reads.recorded,
        "shed": reads.shed,
        "waiting": reads.waiting,
    })
}

/// How far a scan is.
#[must_use]
pub fn progress(scan: &v1::ScanProgress) -> Value {
    let phase = match scan.phase() {
        v1::ScanPhase::Unspecified => "unknown",
        v1::ScanPhase::Waiting => "waiting",
        v1::ScanPhase::Running => "running",
    };
    json!({
        "origin": scan.origin,
        "phase": phase,
        "current": scan.current,
        "total": scan.total,
        "path": path(&scan.path),
        "rate": scan.rate,
        "eta_secs": scan.eta.as_ref().map(secs),
        "found": scan.found.as_ref().map(summary),
    })
}

/// How a scan ended.
#[must_use]
pub fn summary(summary: &v1::ScanSummary) -> Value {
    json!({
        "origin": summary.origin,
        "complete": summary.complete,
        "listed": summary.listed,
        "added": summary.added,
        "changed": summary.changed,
        "moved": summary.moved,
        "vanished": summary.vanished,
        "errors": summary.errors,
        "removals_held": summary.removals_held,
    })
}

/// `musicfs events --json`, one event.
#[must_use]
pub fn event(event: &v1::Event) -> Value {
    let mut line = json!({
        "position": event.position,
        "id": event.id,
        "recorded_at": event.recorded_at.as_ref().map(time),
        "kind": event.kind,
        "version": event.version,
        "subject": event.subject,
        "cause": text(&event.cause),
        "data": serde_json::from_str::<Value>(&event.data).unwrap_or_default(),
    });
    if let (true, Some(line)) = (event.folded, line.as_object_mut()) {
        line.insert("folded".to_owned(), Value::Bool(true));
    }
    line
}

/// `musicfs replay --json`.
#[must_use]
pub fn replay(report: &v1::ReplayReport) -> Value {
    let views = report.views.iter().map(|view| {
        json!({
            "name": view.name,
            "position": view.position,
            "events": view.events,
            "seconds": view.elapsed.as_ref().map(secs),
            "digest": view.digest,
            "equal": view.equal,
        })
    });
    json!({ "views": views.collect::<Vec<_>>() })
}

/// A collection, in `musicfs collection --json`.
#[must_use]
pub fn collection(of: &v1::Collection) -> Value {
    let source = match of.source() {
        v1::CollectionSource::Configuration => "configuration",
        v1::CollectionSource::Defined => "defined",
        _ => "built-in",
    };
    json!({
        "name": of.name,
        "source": source,
        "query": of.query,
        "directory": of.directory,
        "since": of.since.as_ref().map(time),
        "problem": (!of.problem.is_empty()).then_some(&of.problem),
    })
}

/// `musicfs collection list --json`.
#[must_use]
pub fn collections(all: &v1::ListCollectionsResponse) -> Value {
    let collections = all.collections.iter().map(collection);
    json!({ "collections": collections.collect::<Vec<_>>() })
}

/// `musicfs collection show --json`.
#[must_use]
pub fn collection_tracks(got: &v1::GetCollectionResponse) -> Value {
    let tracks = got.tracks.iter().map(|track| {
        json!({
            "track": track.track,
            "path": track.path,
            "artist": track.artist,
            "title": track.title,
            "duration_secs": track.duration.as_ref().map(secs),
        })
    });
    json!({
        "collection": got.collection.as_ref().map(collection),
        "total": got.total,
        "tracks": tracks.collect::<Vec<_>>(),
        "next_offset": got.next_offset,
        "position": got.position,
    })
}

/// `musicfs search --json`.
#[must_use]
pub fn search(found: &v1::SearchResponse) -> Value {
    let highlight = |marked: &v1::Highlight| json!({ "field": marked.field, "start": marked.start, "end": marked.end });
    let results = found.results.iter().map(|result| {
        json!({
            "track": result.track,
            "path": result.path,
            "artist": result.artist,
            "album": result.album,
            "title": result.title,
            "year": result.year,
            "duration_secs": result.duration.as_ref().map(secs),
            "score": result.score,
            "highlights": result.highlights.iter().map(highlight).collect::<Vec<_>>(),
        })
    });
    json!({
        "total": found.total,
        "results": results.collect::<Vec<_>>(),
        "next_offset": found.next_offset,
        "position": found.position,
    })
}

/// `musicfs reload --json`.
#[must_use]
pub fn reload(answer: &v1::ReloadResponse) -> Value {
    let refusal =
        |refusal: &v1::Refusal| json!({ "message": refusal.message, "hint": text(&refusal.hint) });
    json!({
        "applied": answer.applied,
        "restart": answer.restart,
        "refused": answer.refused.iter().map(refusal).collect::<Vec<_>>(),
        "notes": answer.notes,
    })
}

/// A webhook.
#[must_use]
pub fn webhook(webhook: &v1::Webhook) -> Value {
    json!({
        "name": webhook.name,
        "configured": webhook.configured,
        "format": text(&webhook.format),
        "url": text(&webhook.url),
        "position": webhook.position,
        "lag": webhook.lag,
        "state": webhook_state(webhook.state()),
        "delivered": webhook.delivered,
        "failed": webhook.failed,
        "parked": webhook.parked,
        "dead_letters": webhook.dead_letters,
        "problem": text(&webhook.problem),
        "last_delivery": webhook.last_delivery.as_ref().map(time),
        "next_try": webhook.next_try.as_ref().map(time),
    })
}

/// The name of what a webhook does.
#[must_use]
pub const fn webhook_state(state: v1::WebhookState) -> &'static str {
    match state {
        v1::WebhookState::Unspecified => "unknown",
        v1::WebhookState::Idle => "idle",
        v1::WebhookState::Delivering => "delivering",
        v1::WebhookState::Waiting => "waiting",
    }
}

/// Something that could not be delivered.
#[must_use]
pub fn dead_letter(letter: &v1::DeadLetter) -> Value {
    json!({
        "id": letter.id,
        "webhook": letter.webhook,
        "position": letter.position,
        "folders": letter.folders,
        "attempts": letter.attempts,
        "problem": letter.problem,
        "parked_at": letter.parked_at.as_ref().map(time),
    })
}

/// A moment in RFC 3339.
#[must_use]
pub fn time(time: &prost_types::Timestamp) -> String {
    let micros = time
        .seconds
        .saturating_mul(1_000_000)
        .saturating_add(i64::from(time.nanos) / 1_000);
    Timestamp(micros).to_string()
}

/// A length of time in seconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "exact for 285 million years")]
pub fn secs(length: &prost_types::Duration) -> f64 {
    length.seconds as f64 + f64::from(length.nanos) / 1e9
}

/// A path for people: bytes that are not UTF-8 show as U+FFFD. Null where there is none.
fn path(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
