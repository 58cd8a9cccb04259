//! `musicfs log`. Reads the log itself, whether or not a daemon runs.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use eventlog::{EventStore, Filter, Position, Recorded, SqliteStore};
use futures::StreamExt;
use serde_json::json;

use super::context::{Context, absolute};
use super::output::counted;
use super::progress::Progress;
use crate::lock::Lock;
use crate::report::{Report, Result};
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
    let verified = log.verify(|at, end| progress.at(at.0, end.0)).await?;
    progress.end();
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

async fn backup(context: &Context, file: &Path) -> Result<()> {
    let log = open(context).await?;
    let to = absolute(file)?;
    log.backup(&to).await?;
    done(context, "backed up to", &to, log.head())
}

async fn export(context: &Context, file: Option<&Path>, until: Option<Position>) -> Result<()> {
    let log = open_unchecked(context).await?;
    let progress = Progress::new(context, "export");
    let tell = |at: Position, end: Position| progress.at(at.0, end.0);
    let Some(file) = file else {
        log.export(until, std::io::stdout(), tell).await?;
        return Ok(());
    };
    let failed = |error: std::io::Error| Report::io("write the export", file, &error);
    let mut to = BufWriter::new(File::create_new(file).map_err(failed)?);
    let position = log.export(until, &mut to, tell).await?;
    to.flush().map_err(failed)?;
    to.get_ref().sync_all().map_err(failed)?;
    progress.end();
    done(context, "exported to", file, position)
}

async fn import(context: &Context, file: &Path) -> Result<()> {
    let from = File::open(file).map_err(|error| Report::io("read the export", file, &error))?;
    let state = StateDir::create(&context.state_dir()?)?;
    let _lock = Lock::acquire(&state)?;
    let progress = Progress::new(context, "import");
    let to = state.log_file();
    let position =
        eventlog::sqlite::import(BufReader::new(from), &to, |at| progress.at(at.0, 0)).await?;
    progress.end();
    done(context, "imported to", &to, position)
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
    let bytes = std::fs::metadata(log.path())
        .map_err(|error| Report::io("read", log.path(), &error))?
        .len();
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

async fn at(log: &SqliteStore, position: Position) -> Result<Option<Recorded>> {
    let before = Position(position.0.saturating_sub(1));
    Ok(log
        .read(before, Some(position), Filter::default())
        .next()
        .await
        .transpose()?)
}
