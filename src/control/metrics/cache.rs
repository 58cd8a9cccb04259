//! What is kept of files on other machines, and what that saves.

use std::fmt;

use prometheus_client::registry::Unit;

use super::{Family, counter, gauge};
use crate::control::Engine;

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(super) fn encode(to: Family<'_, '_>, engine: &Engine) -> fmt::Result {
    let done = engine.content.figures();
    let ahead = engine.prefetch.figures();
    let counts = [
        (
            "musicfs_cache_hits",
            "Reads of files on other machines that were answered without asking an origin",
            done.hits,
        ),
        (
            "musicfs_cache_misses",
            "Reads of files on other machines that had to wait for an origin",
            done.misses,
        ),
        (
            "musicfs_cache_fetched_bytes",
            "Bytes that came from origins",
            done.fetched_bytes,
        ),
        (
            "musicfs_cache_passed_through_bytes",
            "Bytes that came from origins and could not be kept",
            done.passed_bytes,
        ),
        (
            "musicfs_cache_shared_bytes",
            "Bytes that came and were kept already, in another file or revision",
            done.shared_bytes,
        ),
        (
            "musicfs_cache_damaged",
            "Stretches of the cache that were damaged or missing; each is fetched again when needed",
            done.damaged,
        ),
        (
            "musicfs_cache_evicted",
            "Files that left the cache to make room",
            done.evicted,
        ),
        (
            "musicfs_cache_prefetched",
            "Tracks that were fetched before they were asked for",
            ahead.tracks,
        ),
        (
            "musicfs_cache_prefetched_bytes",
            "Bytes that came from origins for them",
            ahead.bytes,
        ),
        (
            "musicfs_cache_prefetched_hits",
            "Tracks of those that were read since",
            ahead.hits,
        ),
        (
            "musicfs_cache_prefetched_wasted",
            "Tracks of those that left the cache, or changed, before they were read",
            ahead.wasted,
        ),
    ];
    for (name, help, value) in counts {
        counter(to, name, help, value)?;
    }
    let bytes = Some(&Unit::Bytes);
    let pins = engine.pins.counts();
    let sizes = [
        (
            "musicfs_cache_size",
            "Bytes that are kept",
            engine.content.bytes(),
        ),
        (
            "musicfs_cache_limit",
            "Bytes that may be kept; 0 where nothing is",
            engine.content.limit(),
        ),
        (
            "musicfs_cache_pinned",
            "Bytes of the tracks that are pinned",
            pins.bytes,
        ),
        (
            "musicfs_cache_pinned_missing",
            "Bytes of them that are not on this machine yet",
            pins.missing_bytes,
        ),
    ];
    for (name, help, value) in sizes {
        gauge(to, name, help, bytes, value as f64)?;
    }
    let help =
        "1 while nothing is fetched ahead: the disk is nearly full, fails, or is not to be used";
    let pressed = f64::from(u8::from(engine.content.is_pressed()));
    gauge(to, "musicfs_cache_pressed", help, None, pressed)?;
    let help = "Tracks that wait to be fetched before they are asked for, or are being";
    let waiting = ahead.waiting as f64;
    gauge(to, "musicfs_cache_prefetch_waiting", help, None, waiting)?;
    let help = "Pins: what is to be kept on this machine";
    gauge(to, "musicfs_cache_pins", help, None, pins.pins as f64)
}
