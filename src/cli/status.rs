//! `musicfs status`.

use proto::v1;

use super::context::Context;
use super::library::at_rest;
use super::output::{Output, counted, length};
use crate::cache::size::rough;
use crate::control::{json, received};
use crate::report::Result;

/// Prints the status. Where no daemon runs, what the state tells, and [`Kind::NotRunning`](crate::report::Kind).
pub(super) fn run(context: &Context) -> Result<()> {
    let (status, absent) = context.block_on(async {
        match context.connect().await {
            Ok(client) => {
                let answer = client.control().get_status(v1::GetStatusRequest {}).await;
                Ok((
                    answer.map_err(|status| received(&status))?.into_inner(),
                    None,
                ))
            }
            Err(report) if context.is_absent(&report) => {
                Ok((at_rest(&context.state()?).await?, Some(report)))
            }
            Err(report) => Err(report),
        }
    })?;
    let mut out = context.output();
    if context.json() {
        out.json(&json::status(&status))?;
    } else {
        print(&mut out, &status)?;
    }
    out.end()?;
    absent.map_or(Ok(()), Err)
}

fn print(out: &mut Output, status: &v1::GetStatusResponse) -> Result<()> {
    let state = json::state(status.state());
    let uptime = status.uptime.map(|uptime| uptime.seconds.unsigned_abs());
    let since = uptime
        .map(|secs| format!(" for {}", length(secs)))
        .unwrap_or_default();
    out.line(format!("musicfs {}: {state}{since}", status.version))?;
    if !status.mountpoint.is_empty() {
        out.line(format!(
            "mounted on {}",
            String::from_utf8_lossy(&status.mountpoint)
        ))?;
    }
    if status.views.is_empty() && status.position > 0 && status.state() == v1::DaemonState::Stopped
    {
        out.line(format!("log at position {}", status.position))?;
        return out.line(
            "no views yet, so nothing tells of tracks and origins: the next mount builds them, \
             or `musicfs replay`",
        );
    }
    out.line(format!(
        "{}, log at position {}",
        counted(status.tracks, "track", "tracks"),
        status.position
    ))?;
    if let Some(cache) = status.cache.filter(|cache| cache.enabled) {
        out.line(kept(&cache))?;
    }
    for warning in &status.warnings {
        out.line(format!("warning: {}", warning.message))?;
    }
    for scan in &status.scans {
        out.line(format!("scanning {}: {}", scan.origin, scanned(scan)))?;
    }
    heading(out, "origins", status.origins.is_empty())?;
    let origins: Vec<[String; 4]> = status.origins.iter().map(super::origin::row).collect();
    out.table(&origins)?;
    heading(out, "views", status.views.is_empty())?;
    let views: Vec<[String; 3]> = status.views.iter().map(view).collect();
    out.table(&views)?;
    if !status.consumers.is_empty() {
        heading(out, "told of events", false)?;
        let consumers: Vec<[String; 3]> = status.consumers.iter().map(consumer).collect();
        out.table(&consumers)?;
    }
    for task in status
        .tasks
        .iter()
        .filter(|task| task.state() != v1::TaskState::Running)
    {
        out.line(format!(
            "task {} is down after {} restarts",
            task.name, task.restarts
        ))?;
    }
    let shed = status.reads.map_or(0, |reads| reads.shed);
    if shed > 0 {
        out.line(format!(
            "{} not recorded, since too many came at once",
            counted(shed, "read", "reads")
        ))?;
    }
    Ok(())
}

/// What is kept of files on other machines, for people.
fn kept(cache: &v1::CacheStatus) -> String {
    let pinned = match cache.pins {
        Some(pins) if pins.missing_bytes > 0 => {
            format!(
                "; {} of what is pinned are missing",
                rough(pins.missing_bytes)
            )
        }
        Some(pins) if pins.bytes > 0 => format!("; {} are pinned", rough(pins.bytes)),
        _ => String::new(),
    };
    let (bytes, limit) = (rough(cache.bytes), rough(cache.limit));
    format!("cache: {bytes} of {limit}{pinned}")
}

fn heading(out: &mut Output, name: &str, is_empty: bool) -> Result<()> {
    out.line("")?;
    out.line(if is_empty {
        format!("no {name}")
    } else {
        format!("{name}:")
    })
}

fn view(view: &v1::ViewStatus) -> [String; 3] {
    follower(&view.name, view.position, view.lag)
}

fn consumer(consumer: &v1::ConsumerStatus) -> [String; 3] {
    follower(&consumer.name, consumer.position, consumer.lag)
}

fn follower(name: &str, position: u64, lag: u64) -> [String; 3] {
    [
        format!("  {name}"),
        format!("position {position}"),
        behind(lag),
    ]
}

/// How far somebody is behind the log, for people.
pub(super) fn behind(lag: u64) -> String {
    match lag {
        0 => "up to date".to_owned(),
        lag => format!("{} behind", counted(lag, "event", "events")),
    }
}

/// How far a scan is, for people.
pub(super) fn scanned(scan: &v1::ScanProgress) -> String {
    let found = scan.found.clone().unwrap_or_default();
    let mut text = counted(scan.current, "file", "files");
    if scan.total > scan.current {
        text.push_str(&format!(" of about {}", scan.total));
    }
    for (count, what) in [
        (found.added, "new"),
        (found.changed, "changed"),
        (found.moved, "moved"),
        (found.vanished, "gone"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}
