//! Where the tracks that events are about were before, and where they are now.
//!
//! Now is the tree's to tell. Before is computed from the log by the layout itself, so that it is
//! known however long ago it was, and after any restart. Where a track comes or goes, one of its copies
//! may go or come: those that are like what it was or is are told of, too.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::{
    Event, EventStore, Filter, Locator, Media, OriginPath, Position, Recorded, Subject, TrackId,
};
use futures::StreamExt;
use projections::layout::{Layout, NameInputs};
use projections::{Ino, NodeKind, TreeReader, Views};

use super::folder::{self, Folder, Step};
use crate::report::Result;

/// More tracks than these are told as one change of the whole tree.
const MOST_TRACKS: usize = 2_000;

/// The kinds of events that say where a track is.
const PLACING: [&str; 6] = [
    "track.discovered",
    "track.content_changed",
    "track.tags_read",
    "track.moved",
    "track.vanished",
    "track.returned",
];

/// What some events of the log, in order, change in the tree.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Possibly every name.
    everything: bool,
    /// Tracks, and where each was first told of; `None` where it was not known before.
    tracks: BTreeMap<TrackId, Option<Position>>,
}

impl Changes {
    /// True for an event that may change the names of any origin's tracks.
    pub(super) fn concerns_all(&self, recorded: &Recorded) -> bool {
        matches!(recorded.event(), Some(Event::LayoutChanged { .. }))
    }

    /// Takes an event in.
    pub(super) fn add(&mut self, recorded: &Recorded) {
        let position = recorded.position;
        let (track, known_since) = match recorded.event() {
            Some(Event::LayoutChanged { .. } | Event::OriginRemoved { .. }) => {
                self.everything = true;
                return;
            }
            Some(Event::TrackDiscovered { track, .. }) => (*track, None),
            Some(
                Event::TrackContentChanged { track, .. }
                | Event::TrackTagsRead { track, .. }
                | Event::TrackMoved { track, .. }
                | Event::TrackVanished { track }
                | Event::TrackReturned { track, .. },
            ) => (*track, Some(position)),
            _ => return,
        };
        if self.tracks.len() < MOST_TRACKS {
            self.tracks.entry(track).or_insert(known_since);
        } else {
            self.everything = true;
        }
    }

    /// The folders that are different now.
    ///
    /// # Errors
    /// Where the log or a view cannot be read.
    pub(super) async fn folders(self, log: &dyn EventStore, views: &Views) -> Result<Vec<Folder>> {
        if self.everything {
            return Ok(vec![Folder::root()]);
        }
        let layout = Layout::of_or_default(&views.catalog().layout()?);
        let tree = Shown(views.tree());
        let mut steps = Vec::with_capacity(self.tracks.len());
        let mut copies = BTreeSet::new();
        for (track, since) in &self.tracks {
            let former = match since {
                Some(position) => described(log, *track, *position).await?,
                None => None,
            };
            let now = Description::now(views, *track)?;
            for description in former.iter().chain(&now) {
                copies.extend(tree.0.alike(&description.media, &description.inputs)?);
            }
            steps.push(Step {
                before: former.map_or_else(Vec::new, |former| former.folders(&layout)),
                after: tree.folder_of(*track)?,
            });
        }
        copies.retain(|copy| !self.tracks.contains_key(copy));
        for copy in copies {
            let after = tree.folder_of(copy)?;
            let description = Description::now(views, copy)?.filter(|_| after.is_none());
            let before = description.map_or_else(
                || after.iter().cloned().collect(),
                |copy| copy.folders(&layout),
            );
            steps.push(Step { before, after });
        }
        Ok(folder::folders(&steps, &tree))
    }
}

/// What decides on where a track is shown.
struct Description {
    inputs: NameInputs,
    media: Media,
}

impl Description {
    fn of(locator: &Locator, media: &Media) -> Self {
        Self {
            inputs: NameInputs::of(media, &locator.origin, &locator.path),
            media: media.clone(),
        }
    }

    /// As the catalog has it, of a living track.
    fn now(views: &Views, track: TrackId) -> Result<Option<Self>> {
        let row = views.catalog().track(track)?;
        let row = row.filter(|row| row.living);
        Ok(row.map(|row| Self::of(&row.locator, &row.media)))
    }

    fn change(&mut self, media: Option<&Media>, path: Option<&OriginPath>) {
        self.inputs = self.inputs.updated(media, path);
        if let Some(media) = media {
            self.media = media.clone();
        }
    }

    /// The folders that it may be in: two where that depends on whether its album has several discs.
    fn folders(&self, layout: &Layout) -> Vec<String> {
        let places = [false, true].map(|several| layout.place(&self.inputs, several));
        let mut folders = places.map(|place| place.directories.join("/")).to_vec();
        folders.dedup();
        folders
    }
}

/// What a track was before an event; `None` where it did not live.
async fn described(
    log: &dyn EventStore,
    track: TrackId,
    position: Position,
) -> Result<Option<Description>> {
    let filter = Filter {
        kinds: PLACING.map(str::to_owned).to_vec(),
        subject: Some(Subject::Track(track).to_string()),
    };
    let until = Position(position.0.saturating_sub(1));
    let mut events = log.read(Position::START, Some(until), filter);
    let mut described: Option<Description> = None;
    while let Some(recorded) = events.next().await {
        let recorded = recorded?;
        match recorded.event() {
            Some(
                Event::TrackDiscovered { locator, media, .. }
                | Event::TrackReturned { locator, media, .. },
            ) => described = Some(Description::of(locator, media)),
            Some(Event::TrackContentChanged { media, .. } | Event::TrackTagsRead { media, .. }) => {
                if let Some(known) = &mut described {
                    known.change(Some(media), None);
                }
            }
            Some(Event::TrackMoved { to, media, .. }) => {
                if let Some(known) = &mut described {
                    known.change(media.as_ref(), Some(to));
                }
            }
            Some(Event::TrackVanished { .. }) => described = None,
            _ => {}
        }
    }
    Ok(described)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

struct Shown(TreeReader);

impl Shown {
    fn folder_of(&self, track: TrackId) -> Result<Option<String>> {
        let path = self.0.path_of(Ino::of_track(track))?;
        Ok(path.map(|path| parent(&path).to_owned()))
    }
}

/// What cannot be read is taken to be there: to scan it is the safe side.
impl folder::Tree for Shown {
    fn has(&self, folder: &str) -> bool {
        let node = self.0.resolve(folder);
        node.map_or(true, |node| {
            node.is_some_and(|node| matches!(node.kind, NodeKind::Directory { .. }))
        })
    }

    fn has_only(&self, folder: &str, entries: usize) -> bool {
        let Ok(Some(node)) = self.0.resolve(folder) else {
            return false;
        };
        let listed = self.0.list(node.ino, Ino::ROOT, entries.saturating_add(1));
        listed.is_ok_and(|listed| listed.len() == entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_that_place_a_track_are_kinds() {
        let kinds = eventlog::wire::kinds();
        for kind in PLACING {
            assert!(kinds.iter().any(|known| known.kind == kind), "{kind}");
        }
    }

    #[test]
    fn a_track_of_the_root_is_in_the_root() {
        assert_eq!(parent("a.flac"), "");
        assert_eq!(parent("a/b/c.flac"), "a/b");
    }
}
