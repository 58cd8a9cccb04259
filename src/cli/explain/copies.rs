//! The files that a track is shown as one with.

use eventlog::{Locator, TrackId};
use projections::{Ino, TrackRow};
use serde_json::{Value, json};

use crate::cli::library::Opened;
use crate::cli::output::Output;
use crate::report::Result;

/// A track's file, and those of other origins that are the same recording.
pub(super) struct Copies {
    /// All of them, the one that is shown first; none where there is but one.
    all: Vec<(TrackId, Locator)>,
    /// Where the tree shows it.
    path: Option<String>,
}

impl Copies {
    pub(super) fn of(library: &Opened, row: &TrackRow) -> Result<Self> {
        let mut all = Vec::new();
        for track in library.tree.copies(row.id)? {
            if let Some(locator) = library.catalog.locator(track)? {
                all.push((track, locator));
            }
        }
        all.truncate(if all.len() > 1 { all.len() } else { 0 });
        let shown = all.first().map(|(track, _)| Ino::of_track(*track));
        let path = shown.map(|ino| library.tree.path_of(ino)).transpose()?;
        Ok(Self {
            all,
            path: path.flatten(),
        })
    }

    /// Where the recording is shown, if as another file of it.
    pub(super) fn shown_as(&self, track: TrackId) -> Option<&str> {
        let (shown, _) = self.all.first()?;
        self.path.as_deref().filter(|_| *shown != track)
    }

    pub(super) fn to_json(&self) -> Value {
        let copy = |(number, (track, locator)): (usize, &(TrackId, Locator))| {
            json!({
                "track": track.0,
                "origin": locator.origin.as_str(),
                "origin_path": locator.path.to_string(),
                "shown": number == 0,
            })
        };
        self.all.iter().enumerate().map(copy).collect()
    }

    pub(super) fn print(&self, out: &mut Output) -> Result<()> {
        if self.all.is_empty() {
            return Ok(());
        }
        out.line("copies")?;
        let copy = |(number, (track, locator)): (usize, &(TrackId, Locator))| {
            [
                format!("  track:{track}"),
                format!("{}: {}", locator.origin, locator.path),
                if number == 0 { "shown" } else { "" }.to_owned(),
            ]
        };
        out.table(&self.all.iter().enumerate().map(copy).collect::<Vec<_>>())?;
        out.line("")
    }
}
