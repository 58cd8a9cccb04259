//! `musicfs log`. Reads the log itself, whether or not a daemon runs; only `fold` asks the one that
//! runs.

mod fold;

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use eventlog::{EventStore, Filter, Position, Recorded, SqliteStore, StoreError};
use futures::StreamExt;
use serde_json::json;

use super::context::{Context, absolute};
use super::output::counted;
use super::progress::Progress;
use crate::lock::Lock;
use crate::report::{Kind, NOTHING_HOLDS, Report, Result, plain};
use crate::state::StateDir;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Check the whole chain: every event is the one that was written
    Verify,
    /// Copy the log to a new file, also while it is written to
    Backup {
        /// The copy
        file: PathBuf,
    },
    /// Write the log as JSON Lines
    Export {
        /// A new file [default: standard output]
        file: Option<PathBuf>,
        /// The last event: all that a damaged log holds is before the position that `verify` names
        #[arg(long, value_name = "POSITION")]
        to: Option<u64>,
    },
    /// Make the log of a new library out of an export
    Import {
        /// The export
        file: PathBuf,
    },
    /// Fold old reads (`track.read`) into sums for each track; cannot be undone
    Fold(fold::Arguments),
    /// Show where the log is and how far it goes
    Info,
}

impl Action {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(async {
            match self {
                Self::Verify => verify(context).await,
                Self::Backup { file } => backup(context, &file).await,
                Self::Export { file, to } => {
                    export(context, file.as_deref(), to.map(Position)).await
                }
                Self::Import { file } => import(context, &file).await,
                Self::Fold(arguments) => arguments.run(context).await,
                Self::Info => info(context).await,
            }
        })
    }
}

async fn open(context: &Context) -> Result<SqliteStore> {
    Ok(SqliteStore::open_read_only(context.state()?.log_file()).await?)
}

/// Opens the log though its end may be damaged.
async fn open_unchecked(context: &Context) -> Result<SqliteStore> {
    Ok(SqliteStore::open_unchecked(context.state()?.log_file()).await?)
}

async fn verify(context: &Context) -> Result<()> {
    let log = open_unchecked(context).await?;
    let progress = Progress::new(context, "verify");
    let verified = log.verify(|at, end| progress.at(at.0, end.0)).await;
    progress.end();
    let verified = verified.map_err(damaged)?;
    let mut out = context.output();
    if context.json() {
        let (events, folded) = (verified.head.0, verified.folded);
        out.json(&json!({ "ok": true, "position": events, "events": events, "folded": folded }))?;
    } else {
        out.line(format!(
            "{}, all as they were written",
            counted(verified.head.0, "event", "events")
        ))?;
    }
    out.end()
}

/// A finding of `verify`, with what to do about it.
fn damaged(error: StoreError) -> Report {
    let holds = match &error {
        StoreError::Damaged { position, .. } => position.0.saturating_sub(1),
        _ => return error.into(),
    };
    Report::from(error).hint(match holds {
        0 => NOTHING_HOLDS.to_owned(),
        last => format!(
            "put a backup in its place; or go on with what holds, the {last} before: `musicfs mount … \
             --repair` (the damaged log is kept); see docs/RECOVERY.md"
        ),
    })
}

async fn backup(context: &Context, file: &Path) -> Result<()> {
    let log = open(context).await?;
    let to = absolute(file)?;
    log.backup(&to).await.map_err(|error| match error {
        StoreError::Unwritable { source, .. } => Report::unwritable("backup", &to, &source),
        other => other.into(),
    })?;
    done(context, "backed up to", &to, log.head())
}

async fn export(context: &Context, file: Option<&Path>, until: Option<Position>) -> Result<()> {
    let log = open_unchecked(context).await?;
    if let Some(until) = until.filter(|until| *until > log.head()) {
        let message = format!("the log ends at position {}, before {until}", log.head());
        return Err(Report::new(Kind::Input, message));
    }
    let progress = Progress::new(context, "export");
    let Some(file) = file else {
        log.export(until, std::io::stdout(), |at, end| progress.at(at.0, end.0))
            .await?;
        return Ok(());
    };
    let to = File::create_new(file).map_err(|error| Report::unwritable("export", file, &error))?;
    let exported = export_to(&log, until, to, file, &progress).await;
    progress.end();
    match exported {
        Ok(position) => done(context, "exported to", file, position),
        Err(report) => {
            // A part of an export is none. Where it cannot be removed, the failure is told as it is.
            drop(std::fs::remove_file(file));
            Err(report)
        }
    }
}

/// Writes an export, until it is on the disk.
async fn export_to(
    log: &SqliteStore,
    until: Option<Position>,
    to: File,
    file: &Path,
    progress: &Progress,
) -> Result<Position> {
    let failed = |error: std::io::Error| Report::unwritable("export", file, &error);
    let mut to = BufWriter::new(to);
    let tell = |at: Position, end: Position| progress.at(at.0, end.0);
    let position = log.export(until, &mut to, tell).await?;
    to.flush().map_err(failed)?;
    to.get_ref().sync_all().map_err(failed)?;
    Ok(position)
}

async fn import(context: &Context, file: &Path) -> Result<()> {
    let from = File::open(file).map_err(|error| unreadable(file, &error))?;
    let dir = context.state_dir()?;
    let made = missing(&dir);
    let imported = import_to(context, from, &dir).await;
    match imported {
        Ok((to, position)) => done(context, "imported to", &to, position),
        Err(report) => {
            take_back(&StateDir::at(&dir), &made);
            Err(report)
        }
    }
}

/// Makes the log in a state directory; tells where it is.
async fn import_to(context: &Context, from: File, dir: &Path) -> Result<(PathBuf, Position)> {
    let state = StateDir::create(dir)?;
    let _lock = Lock::acquire(&state)?;
    let progress = Progress::new(context, "import");
    let to = state.log_file();
    let position =
        eventlog::sqlite::import(BufReader::new(from), &to, |at| progress.at(at.0, 0)).await;
    progress.end();
    Ok((to, position?))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Report {
    let message = format!(
        "cannot read the export {}: {}",
        file.display(),
        plain(error)
    );
    Report::new(Kind::Input, message).hint("name a file that `musicfs log export FILE` has written")
}

/// The directories on the way to `dir`, it included, that are not there yet; the deepest first.
fn missing(dir: &Path) -> Vec<PathBuf> {
    dir.ancestors()
        .take_while(|dir| std::fs::symlink_metadata(dir).is_err())
        .map(Path::to_owned)
        .collect()
}

/// Removes a state directory that a failed import made, and the directories made for it; nothing
/// that holds anything but the lock.
fn take_back(state: &StateDir, made: &[PathBuf]) {
    let is_gone = |dir: PathBuf| std::fs::remove_dir(&dir).is_ok() || !dir.exists();
    if made.is_empty() || !is_gone(state.log_dir()) || !is_gone(state.views_dir()) {
        return;
    }
    drop(std::fs::remove_file(state.lock_file()));
    for dir in made {
        drop(std::fs::remove_dir(dir));
    }
}

fn done(context: &Context, what: &str, file: &Path, position: Position) -> Result<()> {
    let mut out = context.output();
    if context.json() {
        out.json(&json!({ "file": file.to_string_lossy(), "position": position.0 }))?;
    } else if !context.is_quiet() {
        let events = counted(position.0, "event", "events");
        out.line(format!("{events} {what} {}", file.display()))?;
    }
    out.end()
}

async fn info(context: &Context) -> Result<()> {
    let log = open(context).await?;
    let head = log.head();
    let first = at(&log, Position(1))
        .await?
        .map(|event| event.recorded_at.to_string());
    let last = at(&log, head)
        .await?
        .map(|event| event.recorded_at.to_string());
    let bytes = bytes(log.path())?;
    let mut out = context.output();
    if context.json() {
        out.json(&json!({
            "file": log.path().to_string_lossy(),
            "bytes": bytes,
            "position": head.0,
            "first": first,
            "last": last,
        }))?;
    } else {
        let never = || "never".to_owned();
        out.table(&[
            ["file".to_owned(), log.path().display().to_string()],
            ["bytes".to_owned(), bytes.to_string()],
            ["position".to_owned(), head.to_string()],
            ["first event".to_owned(), first.unwrap_or_else(never)],
            ["last event".to_owned(), last.unwrap_or_else(never)],
        ])?;
    }
    out.end()
}

/// How large a log is, with what was appended and is not yet folded into its file.
fn bytes(log: &Path) -> Result<u64> {
    let mut beside = log.as_os_str().to_owned();
    beside.push("-wal");
    let file = std::fs::metadata(log).map_err(|error| Report::io("read", log, &error))?;
    // Absent after a clean end.
    let beside = std::fs::metadata(&beside).map_or(0, |file| file.len());
    Ok(file.len() + beside)
}

async fn at(log: &SqliteStore, position: Position) -> Result<Option<Recorded>> {
    let before = Position(position.0.saturating_sub(1));
    Ok(log
        .read(before, Some(position), Filter::default())
        .next()
        .await
        .transpose()?)
}
