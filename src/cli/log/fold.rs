//! `musicfs log fold`.

use std::sync::Arc;

use clap::Args;
use eventlog::{CauseId, SqliteStore, Timestamp};
use proto::v1;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::access::retention;
use crate::cli::context::Context;
use crate::cli::output::counted;
use crate::control::{self, Client, received};
use crate::lock::Lock;
use crate::report::{Kind, Report, Result};
use crate::writer::LogWriter;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Reads recorded more than so many days ago; 0 for all [default: `access.keep_days` of the
    /// configuration]
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u32>,
}

impl Arguments {
    /// Folds within the daemon where one runs, else here, under the lock.
    pub(super) async fn run(self, context: &Context) -> Result<()> {
        let older_than = retention::days_before(Timestamp::now(), self.days(context)?);
        let (folded, position) = match context.connect_if_running().await? {
            Some(client) => ask(&client, older_than).await?,
            None => work(context, older_than).await?,
        };
        let mut out = context.output();
        if context.json() {
            out.json(&json!({ "folded": folded, "position": position }))?;
        } else if !context.is_quiet() {
            out.line(format!("{} folded", counted(folded, "read", "reads")))?;
        }
        out.end()
    }

    fn days(&self, context: &Context) -> Result<u32> {
        if let Some(days) = self.older_than {
            return Ok(days);
        }
        match context.config()?.config.access.keep_days {
            0 => Err(
                Report::new(Kind::Usage, "it is not said how old the reads are to be")
                    .hint("say it with --older-than DAYS, or set `access.keep_days`"),
            ),
            days => Ok(days),
        }
    }
}

async fn ask(client: &Client, older_than: Timestamp) -> Result<(u64, u64)> {
    let request = v1::FoldReadsRequest {
        older_than: Some(control::time(older_than)),
    };
    let answer = client.events().fold_reads(request).await;
    let answer = answer.map_err(|status| received(&status))?.into_inner();
    Ok((answer.folded, answer.position))
}

async fn work(context: &Context, older_than: Timestamp) -> Result<(u64, u64)> {
    let state = context.state()?;
    let _lock = Lock::acquire(&state)?;
    let log = Arc::new(SqliteStore::open(state.log_file()).await?);
    let writer = LogWriter::new(Arc::clone(&log) as _);
    let (cause, go) = (CauseId::generate(), CancellationToken::new());
    let folding = retention::fold(&writer, older_than, cause, &go).await;
    log.close().await;
    let folding = folding?;
    Ok((folding.folded, folding.head.0))
}
