//! `musicfs cache pin`, `unpin` and `list`.

use std::ffi::OsString;

use proto::v1;
use proto::v1::pin_target::Target;
use serde_json::json as object;
use tonic::Status;

use super::{AtRest, places};
use crate::cache::size::rough;
use crate::cli::context::Context;
use crate::cli::output::{self, Output, counted};
use crate::control::{json, received};
use crate::report::{Kind, Report, Result};

/// What somebody names to be pinned, or to be so no longer.
pub(super) enum Named {
    Path(OsString),
    Search(String),
    Collection(String),
}

pub(super) fn named(
    paths: Vec<OsString>,
    searches: Vec<String>,
    collections: Vec<String>,
) -> Vec<Named> {
    let paths = paths.into_iter().map(Named::Path);
    paths
        .chain(searches.into_iter().map(Named::Search))
        .chain(collections.into_iter().map(Named::Collection))
        .collect()
}

pub(super) async fn pin(context: &Context, named: &[Named]) -> Result<()> {
    let client = context.connect().await?;
    let mut out = context.output();
    let mut refused = Vec::new();
    for name in named {
        let pinned = with_each(context, name, async |target| {
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
                    let name = name_of(pin.target.as_ref());
                    out.line(format!("{name} {pinned}: {}", told(&pin, "to be fetched")))?;
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

pub(super) async fn unpin(context: &Context, named: &[Named]) -> Result<()> {
    let client = context.connect().await?;
    let mut out = context.output();
    let mut refused = Vec::new();
    for name in named {
        let unpinned = with_each(context, name, async |target| {
            let pin = v1::PinStatus {
                target: target.clone(),
                ..v1::PinStatus::default()
            };
            let request = v1::UnpinRequest { target };
            let answer = client.cache().unpin(request).await?;
            Ok((pin, answer.into_inner().position))
        });
        match unpinned.await {
            Ok((pin, position)) => {
                if context.json() {
                    out.json(&object!({
                        "position": position,
                        "path": json::path_of(&pin),
                        "search": json::search_of(&pin),
                        "collection": json::collection_of(&pin),
                    }))?;
                } else if !context.is_quiet() {
                    let name = name_of(pin.target.as_ref());
                    out.line(format!("{name} is not pinned any more"))?;
                }
            }
            Err(report) => refused.push(report),
        }
    }
    out.end()?;
    context.fail(refused)
}

/// What is pinned, for people.
fn name_of(target: Option<&v1::PinTarget>) -> String {
    match target.and_then(|target| target.target.as_ref()) {
        Some(Target::Path(path)) => format!("/{path}"),
        Some(Target::Search(query)) => format!("the search {query:?}"),
        Some(Target::Collection(name)) => format!("the collection {name:?}"),
        None => String::new(),
    }
}

/// Asks for what is named.
async fn with_each<T>(
    context: &Context,
    named: &Named,
    ask: impl AsyncFn(Option<v1::PinTarget>) -> Result<T, Status>,
) -> Result<T> {
    let target = |target| {
        let target = Some(target);
        Some(v1::PinTarget { target })
    };
    match named {
        Named::Path(path) => {
            let ask = async |path| ask(target(Target::Path(path))).await;
            places::with_each(context, path, ask).await
        }
        Named::Search(query) => {
            let asked = ask(target(Target::Search(query.clone()))).await;
            asked.map_err(|status| received(&status))
        }
        Named::Collection(name) => {
            let asked = ask(target(Target::Collection(name.clone()))).await;
            asked.map_err(|status| received(&status))
        }
    }
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
    let name = name_of(pin.target.as_ref());
    out.line(format!("{name}: {}", told(pin, "missing")))?;
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
    let more = pin.missing_files.saturating_sub(pin.missing.len() as u64);
    if more > 0 && !pin.missing.is_empty() {
        out.line(format!("  … and {more} more; see --limit"))?;
    }
    Ok(())
}

/// A pin in figures; what is missing of it is called so.
fn told(pin: &v1::PinStatus, missing: &str) -> String {
    if !pin.problem.is_empty() {
        return format!("what it holds is not known: {}", pin.problem);
    }
    let tracks = counted(pin.tracks, "track", "tracks");
    let state = match pin.missing_files {
        0 if pin.tracks + pin.sidecars == 0 => return "it holds nothing at the moment".to_owned(),
        0 => "all of it is here".to_owned(),
        some => format!(
            "{} of {} {missing}",
            rough(pin.missing_bytes),
            counted(some, "file", "files")
        ),
    };
    let sidecars = match pin.sidecars {
        0 => String::new(),
        some => format!(" and {}", counted(some, "file", "files") + " beside them"),
    };
    format!("{tracks}{sidecars}, {}; {state}", rough(pin.bytes))
}
