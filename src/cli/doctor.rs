//! `musicfs doctor`: looks at what usually is to blame, and says what to do about it.

mod checks;

use serde_json::json;

use self::checks::Finding;
use super::context::Context;
use super::output::counted;
use crate::report::{Kind, Report, Result};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Prints a line for each check. [`Kind::Failed`] where any found that MusicFS cannot work.
pub(super) fn run(context: &Context) -> Result<()> {
    context.only_here()?;
    let findings = context.block_on(checks::all(context))?;
    let failures = findings
        .iter()
        .filter(|finding| finding.level == Level::Fail)
        .count();
    let mut out = context.output();
    if context.json() {
        let checks: Vec<_> = findings.iter().map(as_json).collect();
        out.json(&json!({ "ok": failures == 0, "checks": checks }))?;
    } else {
        for finding in &findings {
            let level = finding.level.name().to_uppercase();
            out.line(format!(
                "{level:<4}  {:<12} {}",
                finding.check, finding.found
            ))?;
            if let Some(next) = &finding.next {
                out.line(format!("      {:<12} → {next}", ""))?;
            }
        }
    }
    out.end()?;
    if failures == 0 {
        return Ok(());
    }
    let failures = u64::try_from(failures).unwrap_or(u64::MAX);
    Err(Report::new(
        Kind::Failed,
        format!("{} failed", counted(failures, "check", "checks")),
    )
    .hint("do what the lines with FAIL say, then try again"))
}

fn as_json(finding: &Finding) -> serde_json::Value {
    json!({
        "check": finding.check,
        "level": finding.level.name(),
        "found": finding.found,
        "next": finding.next,
    })
}
