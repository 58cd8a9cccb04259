//! `musicfs cache verify` and `repair`.

use futures::{Stream, StreamExt, TryStreamExt};
use proto::v1;
use proto::v1::VerifyMode;
use proto::v1::verify_cache_response::Update;

use super::AtRest;
use crate::cache::size::rough;
use crate::cli::context::Context;
use crate::cli::output::{Output, counted};
use crate::cli::progress::Progress;
use crate::control::{cache, json, received};
use crate::report::{Kind, Report, Result};

/// Verifies within the daemon where one runs, else here. To fetch anything takes the daemon.
pub(super) async fn run(context: &Context, mode: VerifyMode) -> Result<()> {
    let client = match mode {
        VerifyMode::Repair => Some(context.connect().await?),
        _ => context.connect_if_running().await?,
    };
    let report = match client {
        Some(client) => {
            let request = v1::VerifyCacheRequest { mode: mode.into() };
            let answer = client.cache().verify_cache(request).await;
            let updates = answer.map_err(|status| received(&status))?.into_inner();
            follow(context, updates.map_err(|status| received(&status))).await?
        }
        None => {
            let rest = AtRest::open(context).await?;
            let updates = cache::verify(rest.store.clone(), None, || ());
            follow(context, updates).await?
        }
    };
    let mut out = context.output();
    if context.json() {
        out.json(&json::verified(&report))?;
    } else {
        print(&mut out, &report, mode)?;
    }
    out.end()?;
    verdict(&report, mode)
}

/// Shows progress until the report comes.
async fn follow(
    context: &Context,
    updates: impl Stream<Item = Result<v1::VerifyCacheResponse>>,
) -> Result<v1::VerifyReport> {
    let mut updates = std::pin::pin!(updates);
    let progress = Progress::of_bytes(context, "verify");
    let mut report = None;
    while let Some(message) = updates.next().await.transpose()? {
        match message.update {
            Some(Update::Progress(now)) => {
                if now.repairing {
                    progress.doing("fetch".to_owned());
                }
                progress.at(now.current, now.total.max(now.current));
            }
            Some(Update::Report(last)) => report = Some(last),
            None => {}
        }
    }
    progress.end();
    report.ok_or_else(|| {
        let message = "the daemon stopped before the cache was verified";
        Report::new(Kind::NotRunning, message)
    })
}

fn print(out: &mut Output, report: &v1::VerifyReport, mode: VerifyMode) -> Result<()> {
    let v1::VerifyReport {
        pieces,
        bytes,
        damaged,
        lost_bytes,
        repaired_bytes,
        ..
    } = report;
    let looked = format!(
        "{}, {}",
        rough(*bytes),
        counted(*pieces, "stretch", "stretches")
    );
    if *damaged == 0 {
        return out.line(format!("{looked}: all sound"));
    }
    out.line(format!("{looked}: {damaged} damaged, and dropped"))?;
    out.line(match mode {
        VerifyMode::Repair => format!(
            "{} of {} were fetched again",
            rough(*repaired_bytes),
            rough(*lost_bytes)
        ),
        _ => format!("{} are fetched again when needed", rough(*lost_bytes)),
    })
}

fn verdict(report: &v1::VerifyReport, mode: VerifyMode) -> Result<()> {
    if let Some(problem) = report.problems.first() {
        let message = format!("not all could be fetched again: {problem}");
        return Err(Report::new(Kind::Origin, message).hint(
            "`musicfs status` tells which origins answer; what is missing is fetched when needed",
        ));
    }
    if report.damaged > 0 && mode != VerifyMode::Repair {
        let damaged = counted(report.damaged, "stretch was", "stretches were");
        return Err(
            Report::new(Kind::Failed, format!("{damaged} damaged")).hint(
                "it was dropped, and is fetched again when it is needed, what is pinned at once \
                 (`musicfs cache repair` would have fetched all of it); if there is more each time, look \
                 after the disk",
            ),
        );
    }
    Ok(())
}
