//! Figures of this process and its disk. What Linux tells of a process (proc(5)) has the names that
//! every exporter uses.

use std::fmt;

use prometheus_client::registry::Unit;

use super::{Family, counter, gauge};
use crate::control::Engine;
use crate::resources::Descriptors;

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(super) fn encode(to: Family<'_, '_>, engine: &Engine) -> fmt::Result {
    let bytes = Some(&Unit::Bytes);
    if let Some(resident) = resident_bytes() {
        let name = "process_resident_memory";
        gauge(to, name, "Resident memory", bytes, resident)?;
    }
    let Descriptors { open, limit } = Descriptors::now();
    let help = "Open file descriptors";
    gauge(to, "process_open_fds", help, None, open as f64)?;
    let help = "How many file descriptors may be open";
    gauge(to, "process_max_fds", help, None, limit as f64)?;
    if let Some((free, size)) = engine.resources.disk() {
        let help = "Free space on the disk of the log and the views";
        gauge(to, "musicfs_state_free", help, bytes, free as f64)?;
        let help = "Size of the disk of the log and the views";
        gauge(to, "musicfs_state_size", help, bytes, size as f64)?;
    }
    let help = "Batches of events that could not be appended to the log";
    let failures = engine.writer.failures();
    counter(to, "musicfs_log_append_failures", help, failures)
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}
