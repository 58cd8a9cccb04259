//! `musicfs events`.

use std::sync::Arc;

use clap::Args;
use eventlog::{OriginId, SqliteStore};
use futures::StreamExt;
use projections::Views;
use proto::v1;
use proto::v1::subscribe_events_request::From as Start;

use super::context::Context;
use super::output::{Output, counted, length};
use super::place::Place;
use crate::config::event_type;
use crate::control::{self, Client, feed, json, received};
use crate::report::{Kind, Report, Result};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The first event: its position, a time (RFC 3339, or a date), or `now` [default: 1]
    #[arg(long, value_name = "POSITION|TIME")]
    from: Option<Place>,
    /// Go on with new events as they come; needs the daemon
    #[arg(long, short)]
    follow: bool,
    /// Only events of this type, such as `track.moved` or `track.*`; can be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events of this origin and its tracks
    #[arg(long, value_name = "ID")]
    origin: Option<OriginId>,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        self.types.iter().try_for_each(|kind| check(kind))?;
        context.block_on(async {
            let mut out = context.output();
            match context.connect().await {
                Ok(client) => self.ask(context, &client, &mut out).await?,
                Err(report) if context.is_absent(&report) && !self.follow => {
                    self.read(context, &mut out).await?;
                }
                Err(report) => return Err(report),
            }
            out.end()
        })
    }

    fn request(&self) -> v1::SubscribeEventsRequest {
        v1::SubscribeEventsRequest {
            from: self.from.map(|from| match from {
                Place::Position(position) => Start::Position(position.0),
                Place::Time(time) => Start::Time(control::time(time)),
                Place::Now => Start::Now(true),
            }),
            types: self.types.clone(),
            origin: self
                .origin
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            follow: self.follow,
        }
    }

    /// Events from the daemon, until there are no more or nobody reads them.
    async fn ask(&self, context: &Context, client: &Client, out: &mut Output) -> Result<()> {
        let answer = client.events().subscribe_events(self.request()).await;
        let mut events = answer.map_err(|status| received(&status))?.into_inner();
        while !out.is_closed() {
            let next = events.message().await.map_err(|status| received(&status))?;
            let Some(event) = next.map(|message| message.event.unwrap_or_default()) else {
                break;
            };
            print(context, out, &event)?;
            if self.follow {
                out.flush()?;
            }
        }
        Ok(())
    }

    /// Events from the log itself.
    async fn read(&self, context: &Context, out: &mut Output) -> Result<()> {
        let state = context.state()?;
        let log = SqliteStore::open_read_only(state.log_file()).await?;
        let views = Views::open_read_only(&state.views_dir()).ok();
        let catalog = views.map(|(catalog, _)| catalog);
        let mut events = feed::events(Arc::new(log), catalog, self.request()).await?;
        while let Some(event) = events.next().await {
            print(context, out, &event?)?;
            if out.is_closed() {
                break;
            }
        }
        Ok(())
    }
}

/// Refuses a type that no event can have.
fn check(pattern: &str) -> Result<()> {
    event_type(pattern).map_err(|hint| {
        Report::new(Kind::Usage, format!("no event is of type {pattern:?}")).hint(hint)
    })
}

/// Prints an event on a line.
pub(super) fn print(context: &Context, out: &mut Output, event: &v1::Event) -> Result<()> {
    if context.json() {
        return out.json(&json::event(event));
    }
    let time = event
        .recorded_at
        .as_ref()
        .map(json::time)
        .unwrap_or_default();
    let time = time.get(..19).unwrap_or(&time);
    out.line(
        format!(
            "{:>6}  {time}Z  {:<22} {:<12} {}",
            event.position,
            event.kind,
            event.subject,
            brief(event)
        )
        .trim_end(),
    )
}

/// What an event says, in a few words.
fn brief(event: &v1::Event) -> String {
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
    let text = |key: &str| {
        data.get(key)
            .and_then(|value| value.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let count = |key: &str| {
        data.get(key)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or_default()
    };
    let file = || {
        let path = String::from_utf8_lossy(&event.path);
        format!("{}: {path}", event.origin)
    };
    match event.kind.as_str() {
        "track.moved" => format!("{} → {}", text("from"), text("to")),
        "origin.added" | "origin.changed" => data
            .get("spec")
            .and_then(|spec| spec.get("root")?.as_str())
            .unwrap_or_default()
            .to_owned(),
        "scan.started" => text("reason"),
        "scan.finished" => ["listed", "added", "changed", "moved", "vanished", "errors"]
            .iter()
            .filter(|key| count(key) > 0)
            .map(|key| match (count(key), *key) {
                (1, "errors") => "1 error".to_owned(),
                (number, key) => format!("{number} {key}"),
            })
            .collect::<Vec<_>>()
            .join(", "),
        "scan.removals_held" => format!("{} of {} missing", count("missing"), count("known")),
        "layout.changed" => text("template"),
        "pin.added" | "pin.removed" => match text("target").as_str() {
            "path" => format!("/{}", text("value")),
            target => format!("{target}: {}", text("value")),
        },
        "collection.defined" => format!("{}: {}", text("name"), text("definition")),
        "collection.removed" => text("name"),
        _ if event.folded => "folded".to_owned(),
        "track.read" => {
            let length = length(count("duration_ms") / 1_000);
            let parts = [text("reader"), length, file()];
            let told = parts
                .into_iter()
                .filter(|part| !matches!(&**part, "" | ": "));
            told.collect::<Vec<_>>().join(", ")
        }
        "access.scanned" => format!(
            "{} {}",
            text("reader"),
            counted(count("tracks"), "track", "tracks")
        )
        .trim_start()
        .to_owned(),
        "access.folded" => format!("up to position {}", count("through")),
        kind if kind.starts_with("track.") && !event.path.is_empty() => file(),
        _ => String::new(),
    }
}
