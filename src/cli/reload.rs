//! `musicfs reload`.

use proto::v1;

use super::context::Context;
use super::output;
use crate::control::{json, received};
use crate::report::{Kind, Report, Result};

/// Has the daemon read its configuration anew. Fails where part of it was refused.
pub(super) fn run(context: &Context) -> Result<()> {
    let answer = context.block_on(async {
        let client = context.connect().await?;
        let answer = client.control().reload(v1::ReloadRequest {}).await;
        Ok(answer.map_err(|status| received(&status))?.into_inner())
    })?;
    let mut out = context.output();
    if context.json() {
        out.json(&json::reload(&answer))?;
    } else if !context.is_quiet() {
        for line in lines(&answer) {
            out.line(line)?;
        }
    }
    out.end()?;
    if !context.json() {
        answer
            .refused
            .iter()
            .map(report)
            .for_each(|it| output::warning(&it));
    }
    match answer.refused.len() {
        0 => Ok(()),
        1 => Err(Report::new(
            Kind::Failed,
            "a part of the configuration was refused, and stays as it was",
        )),
        count => {
            let message =
                format!("{count} parts of the configuration were refused, and stay as they were");
            Err(Report::new(Kind::Failed, message))
        }
    }
}

fn report(refusal: &v1::Refusal) -> Report {
    let report = Report::new(Kind::Failed, refusal.message.clone());
    match refusal.hint.as_str() {
        "" => report,
        hint => report.hint(hint),
    }
}

/// What a reload did, for people.
fn lines(answer: &v1::ReloadResponse) -> Vec<String> {
    let mut lines = Vec::new();
    for (what, keys) in [
        ("now in force", &answer.applied),
        ("takes a restart", &answer.restart),
    ] {
        if !keys.is_empty() {
            lines.push(format!("{what}: {}", keys.join(", ")));
        }
    }
    lines.extend(answer.notes.iter().map(|note| format!("note: {note}")));
    if lines.is_empty() && answer.refused.is_empty() {
        lines.push("the configuration is as it was".to_owned());
    }
    lines
}
