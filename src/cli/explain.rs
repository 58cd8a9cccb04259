//! `musicfs explain`.

mod copies;
mod naming;
mod plays;

use std::ffi::OsString;

use clap::Args;
use eventlog::{Event, EventStore, Filter, Position, Recorded, Subject, Timestamp};
use futures::StreamExt;
use projections::{Ino, TrackRow};
use serde_json::{Value, json};

use self::copies::Copies;
use self::naming::Naming;
use self::plays::Plays;
use super::context::Context;
use super::library::Opened;
use super::output::Output;
use super::track::{self, Found};
use crate::report::Result;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Paths in the mount or on an origin (ORIGIN:PATH), also such as are gone, or track:NUMBER
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
}

/// All that there is to say about a track.
struct Explanation {
    row: TrackRow,
    /// Where the tree shows it.
    path: Option<String>,
    /// True where it was found by a path that it had earlier.
    formerly: bool,
    naming: Naming,
    copies: Copies,
    plays: Plays,
    /// The event that took it out of the tree.
    gone: Option<Recorded>,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(track::each(
            context,
            &self.paths,
            async |library, found, out| {
                let explanation = Explanation::of(library, found).await?;
                if context.json() {
                    out.json(&explanation.to_json())
                } else {
                    explanation.print(out)
                }
            },
        ))
    }
}

/// The event that took a track out of the tree: its own vanishing, or its origin's removal.
async fn departure(library: &Opened, row: &TrackRow) -> Result<Option<Recorded>> {
    let mut last = None;
    for (kind, subject) in [
        ("track.vanished", Subject::Track(row.id)),
        (
            "origin.removed",
            Subject::Origin(row.locator.origin.clone()),
        ),
    ] {
        let filter = Filter {
            kinds: vec![kind.to_owned()],
            subject: Some(subject.to_string()),
        };
        let mut events = library.log.read(Position::START, None, filter);
        while let Some(event) = events.next().await.transpose()? {
            if event.position >= row.last_position {
                last = Some(event);
            }
        }
        if last.is_some() {
            break;
        }
    }
    Ok(last)
}

impl Explanation {
    async fn of(library: &Opened, found: Found) -> Result<Self> {
        let row = library.catalog.track(found.track)?;
        let row = row.ok_or_else(|| track::absent::unknown(found.track))?;
        let path = library.tree.path_of(Ino::of_track(row.id))?;
        Ok(Self {
            copies: Copies::of(library, &row)?,
            plays: Plays::of(library, row.id)?,
            naming: Naming::of(&row, library.catalog.layout()?, path.as_deref()),
            gone: if row.living {
                None
            } else {
                departure(library, &row).await?
            },
            formerly: found.formerly,
            path,
            row,
        })
    }

    const fn state(&self) -> &'static str {
        match (&self.path, self.row.living) {
            (Some(_), _) => "shown",
            (None, true) => "hidden",
            (None, false) => "gone",
        }
    }

    fn gone(&self) -> Option<(&Recorded, &'static str)> {
        let recorded = self.gone.as_ref()?;
        Some((
            recorded,
            match recorded.event() {
                Some(Event::OriginRemoved { .. }) => "its origin was removed",
                _ => "a listing of its origin no longer had the file",
            },
        ))
    }

    fn to_json(&self) -> Value {
        let TrackRow {
            id, locator, media, ..
        } = &self.row;
        let defects = media
            .defects
            .iter()
            .map(|defect| json!({ "kind": defect.kind.name(), "detail": defect.detail }));
        json!({
            "track": id.0,
            "state": self.state(),
            "path": self.path,
            "shown_as": self.copies.shown_as(*id),
            "formerly": self.formerly,
            "origin": locator.origin.as_str(),
            "origin_path": locator.path.to_string(),
            "revision": {
                "size": locator.revision.size,
                "mtime_ns": locator.revision.mtime_ns,
                "tag": locator.revision.tag,
            },
            "format": media.format.map(eventlog::AudioFormat::name),
            "content": media.content.to_string(),
            "copies": self.copies.to_json(),
            "naming": self.naming.to_json(),
            "plays": self.plays.to_json(),
            "defects": defects.collect::<Vec<_>>(),
            "discovered": { "position": self.row.first_position.0, "at": self.row.discovered_at.to_string() },
            "changed": { "position": self.row.last_position.0, "at": self.row.changed_at.to_string() },
            "gone": self.gone().map(|(recorded, why)| json!({
                "position": recorded.position.0,
                "at": recorded.recorded_at.to_string(),
                "cause": recorded.cause.map(|cause| cause.to_string()),
                "why": why,
            })),
        })
    }

    fn print(&self, out: &mut Output) -> Result<()> {
        let TrackRow {
            id, locator, media, ..
        } = &self.row;
        let path = self.path.as_deref().unwrap_or("(not in the tree)");
        out.line(format!("track:{id}  {path}"))?;
        if let Some(other) = self.copies.shown_as(*id) {
            out.line(format!("a copy of what is shown as {other}"))?;
        }
        if self.formerly {
            out.line("found by a name that it had earlier")?;
        }
        if let Some((recorded, why)) = self.gone() {
            let scan = match (recorded.event(), recorded.cause) {
                (Some(Event::TrackVanished { .. }), Some(cause)) => format!(", by scan {cause}"),
                _ => String::new(),
            };
            let (at, position) = (recorded.recorded_at, recorded.position);
            out.line(format!(
                "gone since {at} (position {position}){scan}: {why}"
            ))?;
        }
        out.line("")?;
        let mtime = Timestamp(locator.revision.mtime_ns.div_euclid(1_000));
        let format = media.format.map_or("unknown", eventlog::AudioFormat::name);
        let format = if naming::told_by_name(media) {
            format!("{format}, by the file's name only")
        } else {
            format.to_owned()
        };
        let mut rows = vec![
            [
                "file".to_owned(),
                format!("{}: {}", locator.origin, locator.path),
            ],
            [
                "state".to_owned(),
                format!("{} bytes, modified {mtime}", locator.revision.size),
            ],
            ["format".to_owned(), format],
            [
                "first seen".to_owned(),
                format!(
                    "{} (position {})",
                    self.row.discovered_at, self.row.first_position
                ),
            ],
            [
                "last change".to_owned(),
                format!(
                    "{} (position {})",
                    self.row.changed_at, self.row.last_position
                ),
            ],
        ];
        // Where there is no sound, the identity is that of whatever bytes there are.
        if media.audio_range.len > 0 {
            rows.insert(3, ["sound".to_owned(), media.content.to_string()]);
        }
        rows.extend(self.plays.rows());
        out.table(&rows)?;
        out.line("")?;
        self.copies.print(out)?;
        self.naming.print(out)?;
        for defect in &media.defects {
            out.line(format!("defect: {}: {}", defect.kind.name(), defect.detail))?;
        }
        Ok(())
    }
}
