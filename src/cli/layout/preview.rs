//! `musicfs layout preview`.

use std::sync::Arc;

use clap::Args;
use eventlog::event::LayoutSpec;
use eventlog::{EventStore, TrackId};
use projections::layout::Layout;
use projections::{CatalogReader, Ino, TreeReader, ViewName, Views};
use serde_json::json;
use tokio::runtime::Handle;

use super::Asked;
use super::hypothetical::Hypothetical;
use crate::cli::context::Context;
use crate::cli::library::Opened;
use crate::cli::output::counted;
use crate::cli::progress::Progress;
use crate::report::{Kind, Report, Result};

#[derive(Debug, Args)]
pub(in crate::cli) struct Preview {
    #[command(flatten)]
    asked: Asked,
    /// How many changes to show
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
}

/// A track whose name would change, or that would come or go as a copy of another: then one of both
/// is missing.
struct Move {
    track: TrackId,
    from: Option<String>,
    to: Option<String>,
}

impl Preview {
    pub(super) async fn run(self, context: &Context, library: Opened) -> Result<()> {
        let (template, names, duplicates) = self.asked.wanted();
        let now = library.catalog.layout()?;
        let layout = LayoutSpec {
            template: template.map_or(now.template, str::to_owned),
            names: names.unwrap_or(now.names),
            duplicates: duplicates.unwrap_or(now.duplicates),
        };
        Layout::of(&layout).map_err(|error| Report::new(Kind::Input, error.to_string()))?;
        let progress = Progress::new(context, "preview");
        let (moves, tracks) = moves(library, layout, progress).await?;
        let count = |is: fn(&Move) -> bool| moves.iter().filter(|it| is(it)).count();
        let (hidden, revealed) = (count(|it| it.to.is_none()), count(|it| it.from.is_none()));
        let moved = moves.len() - hidden - revealed;
        let mut out = context.output();
        if context.json() {
            let shown = moves.iter().take(self.limit);
            let shown =
                shown.map(|it| json!({ "track": it.track.0, "from": it.from, "to": it.to }));
            out.json(&json!({
                "tracks": tracks,
                "moved": moved,
                "hidden": hidden,
                "revealed": revealed,
                "moves": shown.collect::<Vec<_>>(),
            }))?;
            return out.end();
        }
        let told = |path: &Option<String>| path.clone().unwrap_or_else(|| "(not shown)".to_owned());
        for Move { from, to, .. } in moves.iter().take(self.limit) {
            out.line(told(from))?;
            out.line(format!("  → {}", told(to)))?;
        }
        let tracks = counted(tracks, "track", "tracks");
        out.line(format!("{moved} of {tracks} would have another name"))?;
        if hidden + revealed > 0 {
            out.line(format!(
                "{hidden} would be hidden as copies of others, {revealed} shown beside them"
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
    let Opened {
        log, catalog, tree, ..
    } = library;
    let log = Arc::new(Hypothetical::new(log, layout));
    let runtime = Handle::current();
    let compared = tokio::task::spawn_blocking(move || {
        let scratch = scratch()?;
        let mut told = |at: eventlog::Position, end: eventlog::Position| progress.at(at.0, end.0);
        let (named, head) = ([ViewName::Catalog, ViewName::Tree], log.head());
        Views::replay_to(&named, scratch.path(), &*log, &runtime, head, &mut told)?;
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
        if from != to {
            moves.push(Move { track, from, to });
        }
    }
    Ok(moves)
}
