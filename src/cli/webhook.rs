//! `musicfs webhook`.

use clap::{ArgGroup, Subcommand};
use proto::v1;
use serde_json::json as object;

use super::context::Context;
use super::output::{Output, counted};
use super::status::behind;
use crate::control::{json, received};
use crate::report::{Kind, Report, Result};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List the webhooks, and what could not be delivered
    List {
        /// Only this one
        name: Option<String>,
        /// How many dead letters to list
        #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
    /// Ask a receiver whether it would take what it is sent
    Test {
        /// The webhook
        name: String,
    },
    /// Send dead letters again, now
    Retry {
        /// The webhook [default: every webhook]
        name: Option<String>,
        /// The letters' numbers [default: all of them]
        #[arg(value_name = "NUMBER")]
        ids: Vec<i64>,
    },
    /// Throw dead letters away
    #[command(
        group = ArgGroup::new("which").required(true).args(["ids", "all"]),
        override_usage = "musicfs webhook drop [OPTIONS] <NAME> <NUMBER...|--all>"
    )]
    Drop {
        /// The webhook
        name: String,
        /// The letters' numbers
        #[arg(value_name = "NUMBER")]
        ids: Vec<i64>,
        /// All of them; a webhook that is not configured any more is forgotten
        #[arg(long)]
        all: bool,
    },
}

impl Action {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(async {
            match self {
                Self::List { name, limit } => list(context, name.unwrap_or_default(), limit).await,
                Self::Test { name } => test(context, name).await,
                Self::Retry { name, ids } => retry(context, name.unwrap_or_default(), ids).await,
                Self::Drop { name, ids, all: _ } => throw_away(context, name, ids).await,
            }
        })
    }
}

async fn list(context: &Context, name: String, limit: u32) -> Result<()> {
    let mut client = context.connect().await?.webhooks();
    let webhooks = client.list_webhooks(v1::ListWebhooksRequest {}).await;
    let mut webhooks = webhooks
        .map_err(|status| received(&status))?
        .into_inner()
        .webhooks;
    if !name.is_empty() {
        webhooks.retain(|webhook| webhook.name == name);
        if webhooks.is_empty() {
            return Err(Report::new(
                Kind::Input,
                format!("nothing is known of a webhook {name:?}"),
            )
            .hint("`musicfs webhook list` shows those that there are"));
        }
    }
    let asked = v1::ListDeadLettersRequest {
        webhook: name,
        after: 0,
        limit,
    };
    let letters = client.list_dead_letters(asked).await;
    let letters = letters
        .map_err(|status| received(&status))?
        .into_inner()
        .dead_letters;
    let mut out = context.output();
    if context.json() {
        let webhooks: Vec<_> = webhooks.iter().map(json::webhook).collect();
        let letters: Vec<_> = letters.iter().map(json::dead_letter).collect();
        out.json(&object!({ "webhooks": webhooks, "dead_letters": letters }))?;
    } else {
        print(&mut out, &webhooks, &letters)?;
    }
    out.end()
}

fn print(out: &mut Output, webhooks: &[v1::Webhook], letters: &[v1::DeadLetter]) -> Result<()> {
    if webhooks.is_empty() {
        return out.line("no webhooks; docs/WEBHOOKS.md tells how to make one");
    }
    let rows: Vec<[String; 5]> = webhooks.iter().map(row).collect();
    out.table(&rows)?;
    for webhook in webhooks.iter().filter(|it| !it.problem.is_empty()) {
        out.line(format!("{} failed: {}", webhook.name, webhook.problem))?;
    }
    if letters.is_empty() {
        return Ok(());
    }
    out.line("")?;
    out.line("could not be delivered:")?;
    let rows: Vec<[String; 5]> = letters
        .iter()
        .map(|letter| {
            let what = match letter.folders.as_slice() {
                [] => format!("event {}", letter.position),
                [one] => format!("folder {one:?}"),
                more => counted(more.len() as u64, "folder", "folders"),
            };
            [
                format!("  {}", letter.id),
                letter.webhook.clone(),
                what,
                counted(letter.attempts.into(), "try", "tries"),
                letter.problem.clone(),
            ]
        })
        .collect();
    out.table(&rows)?;
    let lying: u64 = webhooks.iter().map(|webhook| webhook.dead_letters).sum();
    let shown = letters.len() as u64;
    if lying > shown {
        out.line(format!("  … and {} more; see --limit", lying - shown))?;
    }
    Ok(())
}

fn row(webhook: &v1::Webhook) -> [String; 5] {
    let state = if webhook.configured {
        json::webhook_state(webhook.state())
    } else {
        "not configured"
    };
    let lying = match webhook.dead_letters {
        0 => String::new(),
        letters => counted(letters, "dead letter", "dead letters"),
    };
    [
        webhook.name.clone(),
        state.to_owned(),
        behind(webhook.lag),
        lying,
        webhook.url.clone(),
    ]
}

async fn test(context: &Context, name: String) -> Result<()> {
    let client = context.connect().await?;
    let asked = v1::TestWebhookRequest { name: name.clone() };
    let answer = client.webhooks().test_webhook(asked).await;
    let tested = answer.map_err(|status| received(&status))?.into_inner();
    let took = tested.elapsed.as_ref().map(json::secs).unwrap_or_default();
    let mut out = context.output();
    if context.json() {
        let problem = (!tested.ok).then_some(&tested.problem);
        out.json(&object!({ "name": name, "ok": tested.ok, "problem": problem, "seconds": took }))?;
    } else if tested.ok {
        out.line(format!("{name} took it, within {took:.3} s"))?;
    }
    out.end()?;
    if tested.ok {
        return Ok(());
    }
    let hint = if tested.problem.contains("answered 401") || tested.problem.contains("answered 403")
    {
        "look whether it was given the same secret or token, and at its own messages"
    } else {
        "look whether the receiver runs at that address, and at its own messages"
    };
    let message = format!("webhook {name}: {}", tested.problem);
    Err(Report::new(Kind::Failed, message).hint(hint))
}

async fn retry(context: &Context, webhook: String, ids: Vec<i64>) -> Result<()> {
    let client = context.connect().await?;
    let asked = v1::RetryDeadLettersRequest { webhook, ids };
    let answer = client.webhooks().retry_dead_letters(asked).await;
    let v1::RetryDeadLettersResponse {
        delivered,
        failed,
        left,
    } = answer.map_err(|status| received(&status))?.into_inner();
    let mut out = context.output();
    if context.json() {
        out.json(&object!({ "delivered": delivered, "failed": failed, "left": left }))?;
    } else {
        let letters = |count| counted(count, "dead letter", "dead letters");
        out.line(format!("{} delivered", letters(delivered)))?;
    }
    out.end()?;
    if failed + left == 0 {
        return Ok(());
    }
    let message = format!("{failed} failed again, {left} were not tried");
    Err(Report::new(Kind::Failed, message).hint("`musicfs webhook list` tells why"))
}

async fn throw_away(context: &Context, webhook: String, ids: Vec<i64>) -> Result<()> {
    let client = context.connect().await?;
    let asked = v1::DropDeadLettersRequest { webhook, ids };
    let answer = client.webhooks().drop_dead_letters(asked).await;
    let dropped = answer
        .map_err(|status| received(&status))?
        .into_inner()
        .dropped;
    let mut out = context.output();
    if context.json() {
        out.json(&object!({ "dropped": dropped }))?;
    } else {
        let letters = counted(dropped, "dead letter", "dead letters");
        out.line(format!("{letters} thrown away"))?;
    }
    out.end()
}
