//! `musicfs cache prefetch`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use proto::v1;
use proto::v1::PrefetchState;
use serde_json::json as object;

use super::places::with_each;
use crate::cache::size::rough;
use crate::cli::context::Context;
use crate::cli::output::counted;
use crate::cli::progress::Progress;
use crate::control::{Client, json, received};
use crate::report::{Kind, Report, Result};

/// Files by path, each as last told of.
type Files = BTreeMap<String, v1::PrefetchResponse>;

/// Has what is at each path fetched, and with `wait` waits for it.
pub(super) async fn run(context: &Context, paths: &[OsString], wait: bool) -> Result<()> {
    let client = context.connect().await?;
    let mut out = context.output();
    let mut refused = Vec::new();
    for path in paths {
        let (place, files) = match ask(context, &client, path, wait).await {
            Ok(asked) => asked,
            Err(report) => {
                refused.push(report);
                continue;
            }
        };
        if context.json() {
            let told: Vec<_> = files.values().map(json::prefetched).collect();
            out.json(&object!({ "path": place, "files": told }))?;
        } else if !context.is_quiet() {
            out.line(format!("{place}: {}", told(&files)))?;
        }
        refused.extend(problem(&place, &files));
    }
    out.end()?;
    context.fail(refused)
}

/// Asks for one path. Returns it as seen from the root of the tree, and its files as they are in the
/// end.
async fn ask(
    context: &Context,
    client: &Client,
    path: &OsStr,
    wait: bool,
) -> Result<(String, Files)> {
    let asked = with_each(context, path, async |path| {
        let place = format!("/{path}");
        let request = v1::PrefetchRequest { path, wait };
        let answer = client.cache().prefetch(request).await?;
        Ok((place, answer.into_inner()))
    });
    let (place, mut updates) = asked.await?;
    let progress = Progress::of_bytes(context, "fetch");
    let mut files = Files::new();
    while let Some(update) = updates
        .message()
        .await
        .map_err(|status| received(&status))?
    {
        files.insert(update.path.clone(), update);
        let sum = |bytes: fn(&v1::PrefetchResponse) -> u64| files.values().map(bytes).sum();
        progress.at(sum(|it| it.done_bytes), sum(|it| it.total_bytes));
    }
    progress.end();
    if wait && files.values().any(is_to_come) {
        let message = "the daemon stopped before everything was fetched";
        return Err(Report::new(Kind::NotRunning, message));
    }
    Ok((place, files))
}

fn is_to_come(file: &v1::PrefetchResponse) -> bool {
    matches!(
        file.state(),
        PrefetchState::Waiting | PrefetchState::Fetching
    )
}

/// Files in figures.
fn told(files: &Files) -> String {
    let bytes: u64 = files.values().map(|file| file.total_bytes).sum();
    let all = format!(
        "{}, {}",
        counted(files.len() as u64, "file", "files"),
        rough(bytes)
    );
    let to_come = files.values().filter(|file| is_to_come(file));
    let missing = to_come.map(|file| file.total_bytes - file.done_bytes.min(file.total_bytes));
    let missing: Vec<u64> = missing.collect();
    let left = files
        .values()
        .filter(|it| it.state() == PrefetchState::Left)
        .count();
    match (missing.len() as u64, left) {
        (0, 0) => format!("{all}; all of it is here"),
        (0, left) => format!(
            "{all}; {} are not fetched",
            counted(left as u64, "file", "files")
        ),
        (count, _) => {
            let missing = rough(missing.iter().sum());
            format!(
                "{all}; {missing} of {} to be fetched",
                counted(count, "file", "files")
            )
        }
    }
}

/// Why something is not fetched.
fn problem(place: &str, files: &Files) -> Option<Report> {
    let file = files.values().find(|file| !file.problem.is_empty())?;
    let message = format!(
        "not all of {place} is fetched: {}: {}",
        file.path, file.problem
    );
    Some(Report::new(Kind::Failed, message).hint(
        "`musicfs cache stats` and `musicfs status` tell how the cache and the origins are doing",
    ))
}
