//! `musicfs cache pin`, `unpin` and `list`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use proto::v1;
use proto::v1::pin_target::Target;
use serde_json::json as object;
use tonic::{Code, Status};

use super::AtRest;
use crate::cache::size::rough;
use crate::cli::context::{Context, absolute};
use crate::cli::output::{self, Output, counted};
use crate::cli::track::{in_tree, mountpoint};
use crate::control::{json, received};
use crate::report::{Kind, Report, Result};

pub(super) async fn pin(context: &Context, paths: &[OsString]) -> Result<()> {
    let client = context.connect().await?;
    let mut out = context.output();
    let mut refused = Vec::new();
    for path in paths {
        let pinned = with_each(context, path, async |target| {
            let request = v1::PinRequest { target };
            let answer = client.cache().pin(request).await?;
            Ok(answer.into_inner())
        });
        match pinned.await {
            Ok(v1::PinResponse { pin, position }) => {
                let pin = pin.unwrap_or_default();
                if context.json() {
                    let position = (position > 0).then_some(position);
                    out.json(&object!({ "position": position, "pin": json::pin(&pin) }))?;
                } else if !context.is_quiet() {
                    let pinned = match position {
                        0 => "was pinned already",
                        _ => "is pinned",
                    };
                    let path = json::path_of(&pin).unwrap_or_default();
                    out.line(format!("{path} {pinned}: {}", told(&pin, "to be fetched")))?;
                    let problems = pin.missing.iter().map(|track| &track.problem);
                    if let Some(problem) = problems.into_iter().find(|it| !it.is_empty()) {
                        let message = format!("not fetched yet: {problem}");
                        output::warning(&Report::new(Kind::Failed, message));
                    }
                }
            }
            Err(report) => refused.push(report),
        }
    }
    out.end()?;
    context.fail(refused)
}

pub(super) async fn unpin(context: &Context, paths: &[OsString]) -> Result<()> {
    let client = context.connect().await?;
    let mut out = context.output();
    let mut refused = Vec::new();
    for path in paths {
        let unpinned = with_each(context, path, async |target| {
            let named = target.as_ref().and_then(|it| it.target.clone());
            let request = v1::UnpinRequest { target };
            let answer = client.cache().unpin(request).await?;
            Ok((named, answer.into_inner().position))
        });
        match unpinned.await {
            Ok((named, position)) => {
                let path = named.map(|Target::Path(path)| format!("/{path}"));
                if context.json() {
                    out.json(&object!({ "position": position, "path": path }))?;
                } else if !context.is_quiet() {
                    out.line(format!(
                        "{} is not pinned any more",
                        path.unwrap_or_default()
                    ))?;
                }
            }
            Err(report) => refused.push(report),
        }
    }
    out.end()?;
    context.fail(refused)
}

/// Asks for each of the places in the tree that a PATH may mean, the likeliest first, until one is there.
async fn with_each<T>(
    context: &Context,
    path: &OsStr,
    ask: impl AsyncFn(Option<v1::PinTarget>) -> Result<T, Status>,
) -> Result<T> {
    let mut refused = None;
    for path in places(context, path).await? {
        let target = Some(v1::PinTarget {
            target: Some(Target::Path(path)),
        });
        match ask(target).await {
            Ok(answer) => return Ok(answer),
            Err(status) if status.code() == Code::NotFound => {
                refused.get_or_insert(status);
            }
            Err(status) => return Err(received(&status)),
        }
    }
    let outside = || {
        let message = format!("{} is not in the mount", Path::new(path).display());
        Report::new(Kind::Input, message).hint(
            "give a path in the mount, or one from the root of the tree, such as Artist/Album",
        )
    };
    Err(refused.map_or_else(outside, |status| received(&status)))
}

/// Paths in the tree, each written in one way.
async fn places(context: &Context, path: &OsStr) -> Result<Vec<String>> {
    let mut places = Vec::new();
    // Elsewhere, paths of this machine mean nothing.
    let meant = if context.is_remote() {
        path.to_str().map(str::to_owned).into_iter().collect()
    } else {
        in_tree(
            mountpoint(context).await.as_deref(),
            path,
            &absolute(Path::new(path))?,
        )
    };
    for path in meant {
        let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
        let path = names.collect::<Vec<_>>().join("/");
        if !places.contains(&path) {
            places.push(path);
        }
    }
    Ok(places)
}

pub(super) async fn list(context: &Context, limit: u32) -> Result<()> {
    let answer = match context.connect_if_running().await? {
        Some(client) => {
            let request = v1::ListPinsRequest {
                target: None,
                limit,
            };
            let answer = client.cache().list_pins(request).await;
            answer.map_err(|status| received(&status))?.into_inner()
        }
        None => AtRest::open(context).await?.pins(limit).await?,
    };
    let mut out = context.output();
    if context.json() {
        let pins: Vec<_> = answer.pins.iter().map(json::pin).collect();
        out.json(&object!({ "pins": pins, "limit": answer.limit }))?;
    } else if answer.pins.is_empty() {
        out.line("nothing is pinned; `musicfs cache pin PATH` keeps tracks on this machine")?;
    } else {
        for pin in &answer.pins {
            print(&mut out, pin)?;
        }
    }
    out.end()
}

fn print(out: &mut Output, pin: &v1::PinStatus) -> Result<()> {
    let path = json::path_of(pin).unwrap_or_default();
    out.line(format!("{path}: {}", told(pin, "missing")))?;
    for track in &pin.missing {
        let why = if track.problem.is_empty() {
            String::new()
        } else {
            format!(": {}", track.problem)
        };
        out.line(format!(
            "  {}, {}{why}",
            track.path,
            rough(track.missing_bytes)
        ))?;
    }
    let more = pin.missing_tracks.saturating_sub(pin.missing.len() as u64);
    if more > 0 && !pin.missing.is_empty() {
        out.line(format!("  … and {more} more; see --limit"))?;
    }
    Ok(())
}

/// A pin in figures; what is missing of it is called so.
fn told(pin: &v1::PinStatus, missing: &str) -> String {
    let tracks = counted(pin.tracks, "track", "tracks");
    let state = match pin.missing_tracks {
        0 => "all of it is here".to_owned(),
        some => format!(
            "{} of {} {missing}",
            rough(pin.missing_bytes),
            counted(some, "track", "tracks")
        ),
    };
    format!("{tracks}, {}; {state}", rough(pin.bytes))
}
