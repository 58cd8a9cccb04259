//! `musicfs origin`.

mod health;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::Subcommand;
use proto::v1;
use proto::v1::rescan_origin_response::Update;

use super::context::{Context, absolute};
use super::library::at_rest;
use super::output::{Output, counted};
use super::progress::Progress;
use crate::config::{OriginConfig, Refresh};
use crate::control::{json, received};
use crate::patience;
use crate::report::{Kind, Report, Result};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List the origins and how they are doing
    List,
    /// Check now whether the origins answer
    Health {
        /// An origin's id [default: every origin]
        id: Option<String>,
    },
    /// Add a folder to the library
    Add {
        /// The folder, under an id of your choice or one made of its name
        #[arg(value_name = "[ID=]PATH")]
        origin: OsString,
        /// A name for people [default: the id]
        #[arg(long)]
        name: Option<String>,
        /// When to list it again
        #[arg(long, value_parser = ["watch", "interval", "start", "never"], default_value = "watch")]
        refresh: String,
        /// Seconds between listings, where it is not watched
        #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=604_800))]
        interval: u64,
    },
    /// Take an origin out of the library; nothing in the folder is touched
    Remove {
        /// Its id
        id: String,
    },
    /// List an origin again, now
    Rescan {
        /// Its id [default: every origin]
        id: Option<String>,
        /// Believe the listing, however many tracks are missing in it
        #[arg(long)]
        accept_removals: bool,
        /// Read every file again, even where size and time are as before
        #[arg(long)]
        verify: bool,
    },
}

impl Action {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(async {
            match self {
                Self::List => list(context).await,
                Self::Health { id } => health::run(context, id.unwrap_or_default()).await,
                Self::Add {
                    origin,
                    name,
                    refresh,
                    interval,
                } => {
                    let mut origin = given(&origin, "")?;
                    origin.refresh = Refresh::from_name(&refresh).unwrap_or_default();
                    origin.interval_secs = interval;
                    origin.name = name;
                    add(context, &origin).await
                }
                Self::Remove { id } => remove(context, id).await,
                Self::Rescan {
                    id,
                    accept_removals,
                    verify,
                } => {
                    let id = id.unwrap_or_default();
                    rescan(
                        context,
                        v1::RescanOriginRequest {
                            id,
                            accept_removals,
                            verify,
                        },
                    )
                    .await
                }
            }
        })
    }
}

/// An origin as the command line gives it, after `flag` and a blank where a flag has it; its path
/// is seen from the current directory.
pub(super) fn given(text: &OsStr, flag: &str) -> Result<OriginConfig> {
    let mut origin = OriginConfig::parse(text);
    let refused = |why: String| {
        let what = format!("{flag}{}", text.display());
        let message = match what.trim_end() {
            "" => why,
            what => format!("{what}: {why}"),
        };
        Report::new(Kind::Usage, message).hint(format!("write {flag}PATH or {flag}ID=PATH"))
    };
    if origin.path.as_os_str().is_empty() {
        return Err(refused("the path is empty".to_owned()));
    }
    // A path may have an equals sign; what neither is there nor begins like one was meant as an id.
    let before = text.to_str().and_then(|text| Some(text.split_once('=')?.0));
    if let Some(id) = before.filter(|id| origin.id.is_none() && !id.contains('/'))
        && std::fs::symlink_metadata(&origin.path).is_err()
        && let Err(error) = id.parse::<eventlog::OriginId>()
    {
        return Err(refused(error.to_string()));
    }
    origin.path = absolute(&origin.path)?;
    Ok(origin)
}

async fn list(context: &Context) -> Result<()> {
    let mut unknown = false;
    let origins = match context.connect_if_running().await? {
        Some(client) => {
            let answer = client
                .origins()
                .list_origins(v1::ListOriginsRequest {})
                .await;
            answer
                .map_err(|status| received(&status))?
                .into_inner()
                .origins
        }
        None => {
            let status = at_rest(&context.state()?).await?;
            unknown = status.views.is_empty() && status.position > 0;
            status.origins
        }
    };
    let mut out = context.output();
    if context.json() {
        let origins: Vec<_> = origins.iter().map(json::origin).collect();
        out.json(&serde_json::json!({ "origins": origins }))?;
    } else if unknown {
        out.line("no views yet: the next mount builds them, or `musicfs replay`")?;
    } else if origins.is_empty() {
        out.line("no origins; `musicfs origin add PATH` adds one")?;
    } else {
        let rows: Vec<[String; 4]> = origins.iter().map(row).collect();
        out.table(&rows)?;
    }
    out.end()
}

/// An origin in four columns: id, root, tracks, how it is doing.
pub(super) fn row(origin: &v1::Origin) -> [String; 4] {
    let mut state = json::health(origin.health()).to_owned();
    if !origin.message.is_empty() {
        state = format!("{state}: {}", origin.message);
    }
    if origin.removals_held > 0 {
        state.push_str(&format!(
            "; {} missing: if that is right, musicfs origin rescan {} --accept-removals",
            counted(origin.removals_held, "track is", "tracks are"),
            origin.id
        ));
    }
    [
        format!("  {}", origin.id),
        String::from_utf8_lossy(&origin.root).into_owned(),
        counted(origin.tracks, "track", "tracks"),
        state,
    ]
}

async fn add(context: &Context, origin: &OriginConfig) -> Result<()> {
    // Told by whoever has the terminal: the daemon may be started elsewhere, as another user.
    if !context.is_remote() {
        let path = origin.path.clone();
        let found = patience::ask(move || std::fs::metadata(path)).await;
        if let Err(error) = found.unwrap_or_else(|| Err(patience::silence())) {
            return Err(crate::preflight::unreadable(&origin.path, &error));
        }
    }
    let client = context.connect().await?;
    let request = v1::AddOriginRequest {
        id: origin
            .id
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        r#type: origin.kind.name().to_owned(),
        name: origin.name.clone().unwrap_or_default(),
        root: origin.path.as_os_str().as_bytes().to_vec(),
        options: origin.options().into_iter().collect(),
    };
    let answer = client.origins().add_origin(request).await;
    let answer = answer.map_err(|status| received(&status))?.into_inner();
    told(context, "added", &answer.id, answer.position, &origin.path)
}

async fn remove(context: &Context, id: String) -> Result<()> {
    let client = context.connect().await?;
    let answer = client
        .origins()
        .remove_origin(v1::RemoveOriginRequest { id: id.clone() })
        .await;
    let position = answer
        .map_err(|status| received(&status))?
        .into_inner()
        .position;
    told(context, "removed", &id, position, Path::new(""))
}

fn told(context: &Context, what: &str, id: &str, position: u64, path: &Path) -> Result<()> {
    let mut out = context.output();
    if context.json() {
        out.json(&serde_json::json!({ "id": id, "position": position }))?;
    } else if !context.is_quiet() {
        out.line(format!("{what} {id} {}", path.display()).trim_end())?;
    }
    out.end()
}

/// Follows the scans to their end. Fails where an origin could not be scanned.
async fn rescan(context: &Context, request: v1::RescanOriginRequest) -> Result<()> {
    let client = context.connect().await?;
    let answer = client.origins().rescan_origin(request).await;
    let mut updates = answer.map_err(|status| received(&status))?.into_inner();
    let progress = Progress::new(context, "scan");
    let mut out = context.output();
    let mut failed = Vec::new();
    while let Some(message) = updates
        .message()
        .await
        .map_err(|status| received(&status))?
    {
        match message.update {
            Some(Update::Progress(scan)) => {
                progress.doing(scan.origin);
                progress.at(scan.current, scan.total.max(scan.current));
            }
            Some(Update::Summary(summary)) => {
                ended(context, &mut out, &summary)?;
                if summary.removals_held > 0 {
                    failed.push(held(&summary));
                }
            }
            Some(Update::Failure(failure)) => {
                let v1::ScanFailure {
                    origin,
                    message,
                    hint,
                } = failure;
                let report = Report::new(Kind::Origin, format!("{origin}: {message}"));
                failed.push(if hint.is_empty() {
                    report
                } else {
                    report.hint(hint)
                });
            }
            None => {}
        }
    }
    progress.end();
    out.end()?;
    context.fail(failed)
}

fn held(summary: &v1::ScanSummary) -> Report {
    let tracks = counted(summary.removals_held, "track", "tracks");
    let message = format!(
        "the listing of {} lacks {tracks}; none was removed",
        summary.origin
    );
    Report::new(Kind::Failed, message).hint(format!(
        "is its disk mounted? If they are meant to be gone: musicfs origin rescan {} --accept-removals",
        summary.origin
    ))
}

fn ended(context: &Context, out: &mut Output, summary: &v1::ScanSummary) -> Result<()> {
    if context.json() {
        return out.json(&json::summary(summary));
    }
    if context.is_quiet() {
        return Ok(());
    }
    let found: Vec<String> = [
        (summary.added, "new"),
        (summary.changed, "changed"),
        (summary.moved, "moved"),
        (summary.vanished, "gone"),
        (summary.errors, "not readable"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let found = if found.is_empty() {
        "nothing new".to_owned()
    } else {
        found.join(", ")
    };
    let partly = if summary.complete {
        ""
    } else {
        " (not all of it could be listed)"
    };
    out.line(format!(
        "{}: {}, {found}{partly}",
        summary.origin,
        counted(summary.listed, "file", "files")
    ))
}
