//! `musicfs layout`.

mod hypothetical;

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use eventlog::event::{LayoutSpec, NameProfile};
use eventlog::{EventStore, TrackId};
use projections::layout::{Layout, Template};
use projections::{CatalogReader, Ino, TreeReader, Views};
use proto::v1;
use serde_json::json;
use tokio::runtime::Handle;

use self::hypothetical::Hypothetical;
use super::context::Context;
use super::library::Opened;
use super::output::counted;
use super::progress::Progress;
use crate::control::received;
use crate::report::{Kind, Report, Result};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Show the rule by which names are made
    Show,
    /// Show which names another rule would change; changes nothing
    Preview(Preview),
    /// Have names made by another rule from now on; see `preview` first
    Set(Set),
}

#[derive(Debug, Args)]
pub(super) struct Preview {
    /// The template, such as '$genre/$artist - $title.$format', or `default`
    template: String,
    /// Which names are allowed [default: as now; with `default`, posix]
    #[arg(long)]
    names: Option<Names>,
    /// How many changes to show
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The template, or `default` [default: as now]
    #[arg(required_unless_present = "names")]
    template: Option<String>,
    /// Which names are allowed [default: as now; with `default`, posix]
    #[arg(long)]
    names: Option<Names>,
}

/// Which names are allowed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Names {
    Posix,
    Windows,
}

impl Action {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(async {
            match self {
                Self::Show => show(context, &Opened::at(&context.state()?).await?),
                Self::Preview(preview) => {
                    let library = Opened::at(&context.state()?).await?;
                    preview.run(context, library).await
                }
                Self::Set(set) => set.run(context).await,
            }
        })
    }
}

fn show(context: &Context, library: &Opened) -> Result<()> {
    let LayoutSpec { template, names } = library.catalog.layout()?;
    let names = profile(names);
    let mut out = context.output();
    if context.json() {
        out.json(&json!({ "template": template, "names": names }))?;
    } else {
        out.table(&rows(template, names))?;
    }
    out.end()
}

/// A layout for people.
fn rows(template: String, names: &str) -> [[String; 2]; 2] {
    [
        ["template".to_owned(), template],
        ["names".to_owned(), names.to_owned()],
    ]
}

/// What a TEMPLATE and `--names` ask for; what they leave as it is is absent. `default` is the
/// layout that a new library has, names included.
fn asked(template: Option<&str>, names: Option<Names>) -> (Option<&str>, Option<NameProfile>) {
    let names = names.map(|names| match names {
        Names::Posix => NameProfile::Posix,
        Names::Windows => NameProfile::Windows,
    });
    match template {
        Some("default") => (
            Some(Template::DEFAULT),
            Some(names.unwrap_or(NameProfile::Posix)),
        ),
        other => (other, names),
    }
}

impl Set {
    async fn run(self, context: &Context) -> Result<()> {
        let client = context.connect().await?;
        let (template, names) = asked(self.template.as_deref(), self.names);
        let template = template.unwrap_or_default().to_owned();
        let names = match names {
            None => v1::NameProfile::Unspecified,
            Some(NameProfile::Posix) => v1::NameProfile::Posix,
            Some(NameProfile::Windows) => v1::NameProfile::Windows,
        };
        let layout = Some(v1::Layout {
            template,
            names: names.into(),
        });
        let request = v1::SetLayoutRequest { layout };
        let answer = client.layout().set_layout(request).await;
        let answer = answer.map_err(|status| received(&status))?.into_inner();
        let now = client.layout().get_layout(v1::GetLayoutRequest {}).await;
        let now = now.map_err(|status| received(&status))?.into_inner();
        let now = now.layout.unwrap_or_default();
        let names = profile(match now.names() {
            v1::NameProfile::Windows => NameProfile::Windows,
            _ => NameProfile::Posix,
        });
        let mut out = context.output();
        if context.json() {
            let position = answer.position;
            out.json(&json!({ "position": position, "template": now.template, "names": names }))?;
        } else {
            out.line("the tree follows the layout now")?;
            out.table(&rows(now.template, names))?;
        }
        out.end()
    }
}

/// A track whose name would change.
struct Move {
    track: TrackId,
    from: String,
    to: String,
}

impl Preview {
    async fn run(self, context: &Context, library: Opened) -> Result<()> {
        let (template, names) = asked(Some(&self.template), self.names);
        let now = library.catalog.layout()?;
        let layout = LayoutSpec {
            template: template.map_or(now.template, str::to_owned),
            names: names.unwrap_or(now.names),
        };
        Layout::of(&layout).map_err(|error| Report::new(Kind::Input, error.to_string()))?;
        let progress = Progress::new(context, "preview");
        let (moves, tracks) = moves(library, layout, progress).await?;
        let mut out = context.output();
        if context.json() {
            let shown = moves.iter().take(self.limit);
            let shown =
                shown.map(|it| json!({ "track": it.track.0, "from": it.from, "to": it.to }));
            out.json(&json!({
                "tracks": tracks,
                "moved": moves.len(),
                "moves": shown.collect::<Vec<_>>(),
            }))?;
        } else {
            for Move { from, to, .. } in moves.iter().take(self.limit) {
                out.line(from)?;
                out.line(format!("  → {to}"))?;
            }
            let tracks = counted(tracks, "track", "tracks");
            out.line(format!(
                "{} of {tracks} would have another name",
                moves.len()
            ))?;
        }
        out.end()
    }
}

/// The tracks whose names differ, and how many tracks there are. The other tree is computed by the
/// very fold that would compute it, from the log and one more event, in a directory that is then
/// thrown away.
async fn moves(
    library: Opened,
    layout: LayoutSpec,
    progress: Progress,
) -> Result<(Vec<Move>, u64)> {
    let Opened { log, catalog, tree } = library;
    let log = Arc::new(Hypothetical::new(log, layout));
    let runtime = Handle::current();
    let compared = tokio::task::spawn_blocking(move || {
        let scratch = scratch()?;
        let mut told = |at: eventlog::Position, end: eventlog::Position| progress.at(at.0, end.0);
        Views::replay_to(scratch.path(), &*log, &runtime, log.head(), &mut told)?;
        let (_, other) = Views::open_read_only(scratch.path())?;
        let moves = differences(&catalog, &tree, &other)?;
        progress.end();
        Ok((moves, tree.stats()?.files))
    });
    compared
        .await
        .map_err(|error| Report::new(Kind::Bug, error.to_string()))?
}

fn scratch() -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("musicfs-preview")
        .tempdir()
        .map_err(|error| Report::io("make a directory in", &std::env::temp_dir(), &error))
}

fn differences(catalog: &CatalogReader, now: &TreeReader, then: &TreeReader) -> Result<Vec<Move>> {
    let last = catalog.max_track_id()?.map_or(0, |track| track.0);
    let mut moves = Vec::new();
    for track in (1..=last).map(TrackId) {
        let ino = Ino::of_track(track);
        let (from, to) = (now.path_of(ino)?, then.path_of(ino)?);
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            moves.push(Move { track, from, to });
        }
    }
    Ok(moves)
}

/// The name of a profile, as configured.
pub(super) const fn profile(names: NameProfile) -> &'static str {
    match names {
        NameProfile::Posix => "posix",
        NameProfile::Windows => "windows",
    }
}
