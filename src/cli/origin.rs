//! `musicfs origin`.

mod add;
mod health;

use std::path::PathBuf;

use clap::Subcommand;
use proto::v1;
use proto::v1::rescan_origin_response::Update;

pub(super) use self::add::given;
use super::context::Context;
use super::library::at_rest;
use super::output::{self, Output, counted};
use super::progress::Progress;
use crate::config::{OriginConfig, process_env};
use crate::control::{json, received};
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
    /// Add a folder to the library, of this machine or another one
    Add(add::Add),
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
                Self::Add(added) => added.run(context).await,
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
    told(context, "removed", &id, position, "")?;
    if let Some(file) = configured(context, &id).filter(|_| !context.is_quiet()) {
        let file = file.display();
        output::hint(&format!(
            "{file} still has {id}: the next start or reload adds it again"
        ));
    }
    Ok(())
}

/// The configuration file, where it has an origin of that id.
fn configured(context: &Context, id: &str) -> Option<PathBuf> {
    let loaded = context.sources().ok()?.read(&process_env).ok()?;
    let mut ids = loaded.config.origins.iter().filter_map(|it| it.id.as_ref());
    ids.any(|it| it.to_string() == id).then_some(loaded.file)?
}

fn told(context: &Context, what: &str, id: &str, position: u64, root: &str) -> Result<()> {
    let mut out = context.output();
    if context.json() {
        out.json(&serde_json::json!({ "id": id, "position": position }))?;
    } else if !context.is_quiet() {
        out.line(format!("{what} {id} {root}").trim_end())?;
    }
    out.end()
}

/// What is to be said of an origin whose secret others can read on its way.
pub(super) fn overheard(origin: &OriginConfig) -> Option<Report> {
    let secret = origin.overheard()?;
    let message = format!("the {secret} for {} is sent unencrypted", origin.root);
    Some(Report::new(Kind::Origin, message).hint("write https:// where the server speaks it"))
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
