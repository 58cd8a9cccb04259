//! Domain types as `musicfs.v1` sends them.

use std::time::{Duration, Instant};

use eventlog::event::ScanSummary;
use eventlog::{Body, Event, Locator, OriginId, OriginPath, Recorded, Timestamp, TrackId};
use projections::OriginRow;
use proto::v1;

use crate::access::Figures;
use crate::library::{Health, OriginState};
use crate::report::{Kind, Report};
use crate::scan::ScanStatus;
use crate::supervise::{TaskState, TaskStatus};

/// A moment.
#[must_use]
pub fn time(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.0.rem_euclid(1_000_000) * 1_000;
    prost_types::Timestamp {
        seconds: at.0.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

/// The moment that was sent; what is finer than a microsecond is left out.
///
/// # Errors
/// Where it is none: before the year 1, after 9999, or with a fraction that is no fraction
/// (google/protobuf/timestamp.proto).
pub(super) fn timestamp(sent: &prost_types::Timestamp) -> Result<Timestamp, Report> {
    let &prost_types::Timestamp { seconds, nanos } = sent;
    if !(-62_135_596_800..253_402_300_800).contains(&seconds)
        || !(0..1_000_000_000).contains(&nanos)
    {
        let message = format!("{seconds} s and {nanos} ns since 1970 are no time");
        return Err(Report::new(Kind::Input, message));
    }
    let micros = seconds.saturating_mul(1_000_000);
    Ok(Timestamp(micros.saturating_add(i64::from(nanos) / 1_000)))
}

/// A length of time.
pub(super) fn duration(length: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(length.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(length.subsec_nanos()).unwrap_or_default(),
    }
}

/// An event.
#[must_use]
pub fn event(recorded: &Recorded) -> v1::Event {
    let about = recorded.event().map(About::of).unwrap_or_default();
    v1::Event {
        position: recorded.position.0,
        id: recorded.id.to_string(),
        recorded_at: Some(time(recorded.recorded_at)),
        kind: recorded.kind.to_string(),
        version: recorded.version.into(),
        subject: recorded.subject.to_string(),
        cause: recorded
            .cause
            .map(|cause| cause.to_string())
            .unwrap_or_default(),
        origin: about.origin.map(ToString::to_string).unwrap_or_default(),
        path: about
            .path
            .map(|path| path.as_bytes().to_vec())
            .unwrap_or_default(),
        track: about.track.map_or(0, |track| track.0),
        data: recorded
            .event()
            .map(|event| eventlog::wire::data(event).to_string())
            .unwrap_or_default(),
        folded: recorded.body == Body::Folded,
    }
}

/// What an event itself tells about what it concerns.
#[derive(Default)]
struct About<'a> {
    origin: Option<&'a OriginId>,
    path: Option<&'a OriginPath>,
    track: Option<TrackId>,
}

impl<'a> About<'a> {
    fn of(event: &'a Event) -> Self {
        match event {
            Event::OriginAdded { origin, .. }
            | Event::OriginChanged { origin, .. }
            | Event::OriginRemoved { origin }
            | Event::ScanStarted { origin, .. }
            | Event::ScanFinished { origin, .. }
            | Event::RemovalsHeld { origin, .. } => Self {
                origin: Some(origin),
                ..Self::default()
            },
            Event::TrackDiscovered { track, locator, .. }
            | Event::TrackReturned { track, locator, .. } => {
                let Locator { origin, path, .. } = locator;
                Self {
                    origin: Some(origin),
                    path: Some(path),
                    track: Some(*track),
                }
            }
            Event::SidecarFound { locator, .. } => Self {
                origin: Some(&locator.origin),
                path: Some(&locator.path),
                ..Self::default()
            },
            Event::TrackMoved { track, to, .. } => Self {
                path: Some(to),
                track: Some(*track),
                ..Self::default()
            },
            Event::TrackContentChanged { track, .. }
            | Event::TrackTagsRead { track, .. }
            | Event::TrackVanished { track }
            | Event::TrackRead { track, .. } => Self {
                track: Some(*track),
                ..Self::default()
            },
            Event::LayoutChanged { .. }
            | Event::SidecarChanged { .. }
            | Event::SidecarVanished { .. }
            | Event::PinAdded { .. }
            | Event::PinRemoved { .. }
            | Event::CollectionDefined { .. }
            | Event::CollectionRemoved { .. }
            | Event::AccessScanned { .. }
            | Event::AccessFolded { .. } => Self::default(),
        }
    }
}

/// An origin and how it is doing.
pub(super) fn origin(row: &OriginRow, state: &OriginState) -> v1::Origin {
    v1::Origin {
        id: row.id.to_string(),
        r#type: row.spec.kind.clone(),
        name: row.spec.name.clone(),
        root: row.spec.root.clone(),
        health: match state.health {
            Health::Degraded => v1::OriginHealth::Degraded,
            Health::Unknown => v1::OriginHealth::Unspecified,
            Health::Healthy => v1::OriginHealth::Healthy,
            Health::Unhealthy => v1::OriginHealth::Unhealthy,
        }
        .into(),
        message: state.message.clone().unwrap_or_default(),
        latency: state.latency.map(duration),
        last_check: state.last_check.map(time),
        tracks: row.tracks,
        listed: row.listed.is_some(),
        removals_held: row.held_removals.map_or(0, |(missing, _)| missing),
        changes: state.changes,
        median_latency: state.median.map(duration),
        priority: state.priority,
    }
}

/// How far a scan is.
pub(super) fn progress(origin: &OriginId, status: &ScanStatus, now: Instant) -> v1::ScanProgress {
    let elapsed = now.saturating_duration_since(status.began).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let (listed, expected) = (status.listed as f64, status.expected as f64);
    let rate = if elapsed > 0.0 { listed / elapsed } else { 0.0 };
    let left = (expected - listed) / rate;
    v1::ScanProgress {
        origin: origin.to_string(),
        phase: v1::ScanPhase::Running.into(),
        current: status.listed,
        total: status.expected,
        path: status.directory.as_bytes().to_vec(),
        rate,
        eta: Duration::try_from_secs_f64(left)
            .ok()
            .filter(|_| listed > 0.0)
            .map(duration),
        found: Some(summary(origin, &status.found, None)),
    }
}

/// How a scan ended, or what it found so far.
pub(super) fn summary(
    origin: &OriginId,
    summary: &ScanSummary,
    row: Option<&OriginRow>,
) -> v1::ScanSummary {
    v1::ScanSummary {
        origin: origin.to_string(),
        complete: summary.complete,
        listed: summary.listed,
        added: summary.added,
        changed: summary.changed,
        moved: summary.moved,
        vanished: summary.vanished,
        errors: summary.errors,
        removals_held: row
            .and_then(|row| row.held_removals)
            .map_or(0, |(missing, _)| missing),
    }
}

/// How reads are recorded.
pub(super) const fn reads(figures: Figures) -> v1::ReadStatus {
    v1::ReadStatus {
        recorded: figures.recorded,
        shed: figures.shed,
        waiting: figures.waiting,
    }
}

/// A background task.
pub(super) fn task(name: &str, status: &TaskStatus) -> v1::TaskStatus {
    v1::TaskStatus {
        name: name.to_owned(),
        state: match status.state {
            TaskState::Running => v1::TaskState::Running,
            TaskState::Waiting => v1::TaskState::Waiting,
            TaskState::Failed => v1::TaskState::Failed,
        }
        .into(),
        restarts: status.restarts,
        last_failure: status.last_failure.map(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_before_the_epoch_have_positive_fractions() {
        let before = time(Timestamp(-1));
        assert_eq!((before.seconds, before.nanos), (-1, 999_999_000));
    }
}
