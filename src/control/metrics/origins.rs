//! What was asked of each origin, and how it answers.

use std::fmt;
use std::sync::Arc;

use eventlog::OriginId;
use origins::{Figures, Op};
use prometheus_client::encoding::NoLabelSet;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use proto::v1;

use super::super::json;
use super::{Family, counters, gauge};
use crate::control::Engine;

type Each<'a> = &'a [(OriginId, Arc<Figures>)];

pub(super) fn encode(to: Family<'_, '_>, engine: &Engine) -> fmt::Result {
    let each = engine.library.figures();
    requests(to, &each)?;
    errors(to, &each)?;
    let help = "Bytes read of an origin's files, except those that the kernel read by itself";
    let read = each
        .iter()
        .map(|(id, figures)| (id.as_str(), figures.bytes()));
    counters(to, "musicfs_origin_read_bytes", help, "origin", read)?;
    let help = "1 while no origin answers";
    let offline = f64::from(u8::from(engine.library.is_offline()));
    gauge(to, "musicfs_offline", help, None, offline)
}

fn requests(to: Family<'_, '_>, each: Each<'_>) -> fmt::Result {
    let help = "Requests to an origin, each attempt and each directory of a listing counted";
    let name = "musicfs_origin_requests";
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (id, figures) in each {
        for op in Op::ALL {
            let labels = [("origin", id.as_str()), ("op", op.name())];
            let count = figures.requests(op);
            let mut one = family.encode_family(&labels)?;
            one.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    Ok(())
}

fn errors(to: Family<'_, '_>, each: Each<'_>) -> fmt::Result {
    let help = "Requests to an origin that failed, by how they did";
    let name = "musicfs_origin_errors";
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (id, figures) in each {
        for op in Op::ALL {
            for (kind, count) in figures.errors(op) {
                let labels = [("origin", id.as_str()), ("op", op.name()), ("kind", kind)];
                let mut one = family.encode_family(&labels)?;
                one.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
    }
    Ok(())
}

/// How long an origin's last checks took.
pub(super) fn latencies(to: Family<'_, '_>, origins: &[v1::Origin]) -> fmt::Result {
    let help = "How long the last checks of an origin took, in the middle";
    let (name, unit) = ("musicfs_origin_latency", Some(&Unit::Seconds));
    let mut family = to.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for origin in origins {
        if let Some(latency) = &origin.median_latency {
            let labels = [("origin", origin.id.as_str())];
            family
                .encode_family(&labels)?
                .encode_gauge(&json::secs(latency))?;
        }
    }
    Ok(())
}
