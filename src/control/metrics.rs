//! What the daemon counts (CTL-5). Gathered when asked for: nothing is kept here.

mod cache;
mod origins;
mod process;

use std::collections::HashSet;
use std::fmt;

use fuse::operations::{BOUNDS, Timings};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use proto::v1;

use super::{Engine, json, status};
use crate::access::Figures;
use crate::webhooks::Row;

/// All metrics of a running daemon, as OpenMetrics 1.0.
///
/// # Errors
/// Where one of them cannot be written down.
pub(crate) fn text(engine: &Engine) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Everything(engine.clone())));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// OpenMetrics in Prometheus' older text format (0.0.4), for those who do not know the newer one:
/// there, a counter's family has the name of its samples.
pub(super) fn classic(text: &str) -> String {
    let kind = |line: &str| {
        Some(
            line.strip_prefix("# TYPE ")?
                .strip_suffix(" counter")?
                .to_owned(),
        )
    };
    let counters: HashSet<String> = text.lines().filter_map(kind).collect();
    let lines = text.lines().filter(|line| *line != "# EOF");
    let renamed = lines.map(|line| {
        let mut parts = line.splitn(4, ' ');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(name) => {
                format!("# {what} {name}_total {rest}\n")
            }
            _ => format!("{line}\n"),
        }
    });
    renamed.collect()
}

struct Everything(Engine);

impl fmt::Debug for Everything {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Everything")
    }
}

impl Collector for Everything {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let timings = self.0.mount.timings();
        mount(&mut encoder, &timings)?;
        process::encode(&mut encoder, &self.0)?;
        if let Some(recorder) = &self.0.recorder {
            reads(&mut encoder, recorder.figures())?;
        }
        webhooks(&mut encoder, &self.0)?;
        origins::encode(&mut encoder, &self.0)?;
        cache::encode(&mut encoder, &self.0)?;
        match status::running(&self.0) {
            Ok(status) => library(&mut encoder, &status),
            Err(error) => {
                tracing::warn!("metrics are incomplete: {error}");
                Ok(())
            }
        }
    }
}

fn reads(to: Family<'_, '_>, figures: Figures) -> fmt::Result {
    let help = "Events of reads that were appended to the log";
    counter(to, "musicfs_access_events", help, figures.recorded)?;
    let help = "Reads that were not recorded, since too many came at once";
    counter(to, "musicfs_access_shed", help, figures.shed)?;
    let help = "Reads that ended and are not recorded yet";
    let waiting = u32::try_from(figures.waiting).unwrap_or(u32::MAX);
    gauge(to, "musicfs_access_queue", help, None, waiting.into())
}

type Family<'e, 'd> = &'e mut DescriptorEncoder<'d>;

fn counters<'a>(
    to: Family<'_, '_>,
    name: &str,
    help: &str,
    label: &str,
    values: impl Iterator<Item = (&'a str, u64)>,
) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (of, value) in values {
        let labels = [(label, of)];
        let mut one = family.encode_family(&labels)?;
        one.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
    }
    Ok(())
}

fn counter(to: Family<'_, '_>, name: &str, help: &str, value: u64) -> fmt::Result {
    to.encode_descriptor(name, help, None, MetricType::Counter)?
        .encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn gauges<'a>(
    to: Family<'_, '_>,
    name: &str,
    help: &str,
    label: &str,
    values: impl Iterator<Item = (&'a str, f64)>,
) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (of, value) in values {
        family.encode_family(&[(label, of)])?.encode_gauge(&value)?;
    }
    Ok(())
}

fn gauge(
    to: Family<'_, '_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: f64,
) -> fmt::Result {
    to.encode_descriptor(name, help, unit, MetricType::Gauge)?
        .encode_gauge(&value)
}

fn mount(to: Family<'_, '_>, timings: &[Timings]) -> fmt::Result {
    counters(
        to,
        "musicfs_fuse_ops",
        "Requests of the kernel that were answered",
        "op",
        timings.iter().map(|it| (it.operation.name(), it.count())),
    )?;
    let help = "How long the answers took";
    let kind = MetricType::Histogram;
    let mut family =
        to.encode_descriptor("musicfs_fuse_latency", help, Some(&Unit::Seconds), kind)?;
    for timing in timings {
        let labels = [("op", timing.operation.name())];
        histogram(&mut family.encode_family(&labels)?, timing)?;
    }
    Ok(())
}

fn histogram(to: &mut MetricEncoder<'_>, timing: &Timings) -> fmt::Result {
    let bounds = BOUNDS.into_iter().chain([f64::MAX]);
    let buckets: Vec<_> = bounds.zip(timing.buckets).collect();
    let sum = timing.total.as_secs_f64();
    to.encode_histogram::<NoLabelSet>(sum, timing.count(), &buckets, None)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn library(to: Family<'_, '_>, status: &v1::GetStatusResponse) -> fmt::Result {
    let labels = [("version", status.version.as_str())];
    to.encode_descriptor("musicfs_build_info", "What runs", None, MetricType::Gauge)?
        .encode_family(&labels)?
        .encode_gauge(&1_u64)?;
    let single = [
        (
            "musicfs_log_head",
            "The position of the last event",
            status.position,
        ),
        (
            "musicfs_tracks",
            "Tracks that the tree shows",
            status.tracks,
        ),
        (
            "musicfs_sidecars",
            "Files beside tracks that the tree shows",
            status.sidecars,
        ),
        (
            "musicfs_open_files",
            "Files open through the mount",
            status.open_handles,
        ),
        (
            "musicfs_scans",
            "Scans that are running",
            status.scans.len() as u64,
        ),
    ];
    for (name, help, value) in single {
        gauge(to, name, help, None, value as f64)?;
    }
    let uptime = status.uptime.as_ref().map(json::secs).unwrap_or_default();
    let help = "Time since the daemon started";
    gauge(to, "musicfs_uptime", help, Some(&Unit::Seconds), uptime)?;
    let ready = status.state() == v1::DaemonState::Ready;
    let help = "1 once the first listing of every origin is done";
    gauge(to, "musicfs_ready", help, None, f64::from(u8::from(ready)))?;

    let views = || status.views.iter();
    let help = "Events that a view has yet to take in";
    let lags = views().map(|view| (view.name.as_str(), view.lag as f64));
    gauges(to, "musicfs_view_lag_events", help, "view", lags)?;
    let help = "The last event that a view took in";
    let positions = views().map(|view| (view.name.as_str(), view.position as f64));
    gauges(to, "musicfs_view_position", help, "view", positions)?;

    let origins = || status.origins.iter();
    let help = "1 where an origin answers, 0.5 where it answers badly, 0 where it does not; absent before \
                it was asked";
    let health = origins().filter_map(|origin| match origin.health() {
        v1::OriginHealth::Unspecified => None,
        v1::OriginHealth::Healthy => Some((origin.id.as_str(), 1.0)),
        v1::OriginHealth::Degraded => Some((origin.id.as_str(), 0.5)),
        v1::OriginHealth::Unhealthy => Some((origin.id.as_str(), 0.0)),
    });
    gauges(to, "musicfs_origin_health", help, "origin", health)?;
    self::origins::latencies(to, &status.origins)?;
    let help = "Files of an origin in the library, copies of others included";
    let tracks = origins().map(|origin| (origin.id.as_str(), origin.tracks as f64));
    gauges(to, "musicfs_origin_tracks", help, "origin", tracks)?;
    let help = "Tracks that scans found added, changed, moved or vanished";
    let changed = origins().map(|origin| (origin.id.as_str(), origin.changes));
    counters(to, "musicfs_sync_files_changed", help, "origin", changed)?;

    let help = "How often a background task was started again after a failure";
    let restarts = status.tasks.iter();
    let restarts = restarts.map(|task| (task.name.as_str(), task.restarts.into()));
    counters(to, "musicfs_task_restarts", help, "task", restarts)?;
    let help = "1 where a background task failed too often and was given up";
    let failed = status.tasks.iter();
    let failed = failed.map(|task| {
        let failed = task.state() == v1::TaskState::Failed;
        (task.name.as_str(), f64::from(u8::from(failed)))
    });
    gauges(to, "musicfs_task_failed", help, "task", failed)?;
    let help = "Tracks of an origin that are gone, but stay until somebody accepts their removal";
    let held = origins().map(|origin| (origin.id.as_str(), origin.removals_held as f64));
    gauges(to, "musicfs_origin_removals_held", help, "origin", held)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn webhooks(to: Family<'_, '_>, engine: &Engine) -> fmt::Result {
    let rows = engine.webhooks.configured();
    let help = "Requests of a webhook: taken, failed (each try) or dead (put aside)";
    let name = "musicfs_webhook_deliveries";
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for Row { name, figures, .. } in &rows {
        let outcomes = [
            ("ok", figures.delivered),
            ("failed", figures.failed),
            ("dead", figures.parked),
        ];
        for (outcome, count) in outcomes {
            let labels = [("webhook", name.as_str()), ("outcome", outcome)];
            let mut one = family.encode_family(&labels)?;
            one.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    let head = engine.store.head().0;
    let help = "Events that a webhook has yet to deal with";
    let lags = rows.iter().filter_map(|row| {
        let lag = head.saturating_sub(row.figures.position?.0);
        Some((row.name.as_str(), lag as f64))
    });
    gauges(to, "musicfs_webhook_lag_events", help, "webhook", lags)?;
    let help = "Requests of a webhook that could not be delivered and lie aside";
    let letters = rows.iter();
    let letters = letters.map(|row| (row.name.as_str(), row.figures.letters as f64));
    gauges(to, "musicfs_webhook_dead_letters", help, "webhook", letters)
}
