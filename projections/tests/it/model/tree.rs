//! What the tree must be: rebuilt as a whole from the raw facts, the slow and plain way.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::{Event, Locator, Media, OriginId, OriginPath, Recorded, SidecarId, TrackId};
use projections::TreeStats;
use projections::layout::{AlbumKey, Layout, NameInputs, Place, names};
use projections::tree::{Entry, EntryKind, Ino, memory::MemoryTree};

use super::copies::{self, Recording};

/// A living track, as the facts have it.
struct Fact {
    origin: OriginId,
    path: OriginPath,
    media: Media,
    size: u64,
}

/// The raw facts.
#[derive(Default)]
pub(super) struct TreeModel {
    living: BTreeMap<TrackId, Fact>,
    sidecars: BTreeMap<SidecarId, Locator>,
    layout: Layout,
}

/// A file that is shown: where, how many bytes, and where it is on its origin.
struct Seat<'f> {
    ino: Ino,
    place: Place,
    size: u64,
    origin: &'f OriginId,
    path: &'f OriginPath,
}

/// Path → what is there: a file's inode and size, or a directory's number of subdirectories.
type Shape = BTreeMap<String, (Option<Ino>, u64)>;

impl TreeModel {
    pub(super) fn observe(&mut self, event: &Recorded) {
        let Some(fact) = event.event() else { return };
        match fact {
            Event::TrackDiscovered {
                track,
                locator,
                media,
            }
            | Event::TrackReturned {
                track,
                locator,
                media,
            } => {
                let fact = Fact {
                    origin: locator.origin.clone(),
                    path: locator.path.clone(),
                    media: media.clone(),
                    size: locator.revision.size,
                };
                self.living.insert(*track, fact);
            }
            Event::TrackTagsRead {
                track,
                revision,
                media,
            }
            | Event::TrackContentChanged {
                track,
                revision,
                media,
            } => {
                if let Some(fact) = self.living.get_mut(track) {
                    fact.media = media.clone();
                    fact.size = revision.size;
                }
            }
            Event::TrackMoved {
                track,
                to,
                revision,
                media,
                ..
            } => {
                if let Some(fact) = self.living.get_mut(track) {
                    fact.path = to.clone();
                    fact.size = revision.size;
                    if let Some(media) = media {
                        fact.media = media.clone();
                    }
                }
            }
            Event::TrackVanished { track } => {
                self.living.remove(track);
            }
            Event::OriginRemoved { origin } => {
                self.living.retain(|_, fact| fact.origin != *origin);
                self.sidecars.retain(|_, locator| locator.origin != *origin);
            }
            Event::SidecarFound { sidecar, locator } => {
                self.sidecars.insert(*sidecar, locator.clone());
            }
            Event::SidecarChanged { sidecar, revision } => {
                if let Some(locator) = self.sidecars.get_mut(sidecar) {
                    locator.revision = revision.clone();
                }
            }
            Event::SidecarVanished { sidecar } => drop(self.sidecars.remove(sidecar)),
            Event::LayoutChanged { layout } => self.layout = Layout::of(layout).unwrap(),
            _ => {}
        }
    }

    /// Where each track that is shown wants to be.
    fn places(&self) -> Vec<Seat<'_>> {
        let shown = self.shown();
        let inputs: Vec<_> = self
            .living
            .iter()
            .map(|(track, fact)| {
                (
                    track,
                    NameInputs::of(&fact.media, &fact.origin, &fact.path),
                    fact,
                )
            })
            .collect();
        let several: BTreeSet<AlbumKey> = inputs
            .iter()
            .filter(|(_, inputs, _)| inputs.is_multi_disc_hint())
            .filter_map(|(_, inputs, _)| inputs.album_key())
            .collect();
        inputs
            .iter()
            .filter(|(track, ..)| shown.contains(track))
            .map(|(track, inputs, fact)| {
                let multi = inputs
                    .album_key()
                    .is_some_and(|album| several.contains(&album));
                Seat {
                    ino: Ino::of_track(**track),
                    place: self.layout.place(inputs, multi),
                    size: fact.size,
                    origin: &fact.origin,
                    path: &fact.path,
                }
            })
            .collect()
    }

    /// Where a sidecar wants to be, beside tracks that are shown.
    fn seat_of(&self, locator: &Locator, tracks: &[Seat<'_>]) -> Option<Place> {
        let key = |name: &String| names::key(name, self.layout.profile()).into_owned();
        let Locator { origin, path, .. } = locator;
        let parent = path.parent();
        let of_origin = || tracks.iter().filter(|track| track.origin == origin);
        let beside = || of_origin().filter(|track| track.path.parent() == parent);
        let file = String::from_utf8_lossy(path.name());
        if let Some(track) = beside().find(|track| stem(track.path.name()) == stem(path.name())) {
            let own = track.place.file.strip_suffix(".flac").unwrap();
            let extension = file.rsplit_once('.').unwrap().1;
            return Some(Place {
                directories: track.place.directories.clone(),
                file: names::file(&format!("{own}.{extension}"), self.layout.profile()),
            });
        }
        let is_in = |directory: &OriginPath, folder: &OriginPath| {
            !directory.is_root() && directory.parent() == *folder
        };
        let mut homes: Vec<&Seat<'_>> = beside().collect();
        if homes.is_empty() {
            homes = of_origin()
                .filter(|track| is_in(&track.path.parent(), &parent))
                .collect();
        }
        if homes.is_empty() && !parent.is_root() {
            homes = of_origin()
                .filter(|track| track.path.parent() == parent.parent())
                .collect();
        }
        let directories =
            |seat: &&Seat<'_>| -> Vec<String> { seat.place.directories.iter().map(key).collect() };
        let share = |of: &Seat<'_>| {
            let same = |home: &&&Seat<'_>| directories(home) == directories(&of);
            homes.iter().filter(same).count()
        };
        let most = homes.iter().find(|home| share(home) * 2 > homes.len())?;
        Some(Place {
            directories: most.place.directories.clone(),
            file: names::file(&file, self.layout.profile()),
        })
    }

    /// The sidecars that are shown.
    fn seats(&self, tracks: &[Seat<'_>]) -> Vec<(Ino, Place, u64)> {
        let seats = self.sidecars.iter().filter_map(|(sidecar, locator)| {
            let place = self.seat_of(locator, tracks)?;
            Some((Ino::of_sidecar(*sidecar), place, locator.revision.size))
        });
        seats.collect()
    }

    /// The tracks that no copy stands for.
    fn shown(&self) -> BTreeSet<TrackId> {
        let facts = self.living.iter().map(|(track, fact)| Recording {
            track: *track,
            origin: &fact.origin,
            media: &fact.media,
            path: &fact.path,
        });
        copies::shown(&facts.collect::<Vec<_>>(), self.layout.duplicates())
    }

    fn expected(&self) -> Shape {
        let key = |name: &str| names::key(name, self.layout.profile()).into_owned();
        let tracks = self.places();
        let sidecars = self.seats(&tracks);
        let places = tracks
            .iter()
            .map(|seat| (seat.ino, seat.place.clone(), seat.size));
        let places: Vec<_> = places.chain(sidecars).collect();
        // Directories, by what is equal in their paths: as their lowest track spells them.
        let mut spelt: BTreeMap<Vec<String>, String> = BTreeMap::new();
        for (_, place, _) in &places {
            let mut path = Vec::new();
            for directory in &place.directories {
                path.push(key(directory));
                spelt
                    .entry(path.clone())
                    .or_insert_with(|| directory.clone());
            }
        }
        let path_of = |keys: &[String]| -> String {
            let part = |end: usize| spelt[&keys[..end].to_vec()].clone();
            (1..=keys.len()).map(part).collect::<Vec<_>>().join("/")
        };
        let mut shape = Shape::new();
        for keys in spelt.keys() {
            let is_child = |other: &&Vec<String>| {
                other.len() == keys.len() + 1 && other[..keys.len()] == keys[..]
            };
            shape.insert(
                path_of(keys),
                (None, spelt.keys().filter(is_child).count() as u64),
            );
        }
        let mut taken: BTreeSet<Vec<String>> = spelt.keys().cloned().collect();
        for (ino, place, size) in &places {
            let keys: Vec<String> = place.directories.iter().map(|name| key(name)).collect();
            let tries = (1..).map(|n| match n {
                1 => place.file.clone(),
                n => names::numbered(&place.file, n),
            });
            for name in tries {
                if taken.insert(keys.iter().cloned().chain([key(&name)]).collect()) {
                    let directory = path_of(&keys);
                    let path = if keys.is_empty() {
                        name
                    } else {
                        format!("{directory}/{name}")
                    };
                    shape.insert(path, (Some(*ino), *size));
                    break;
                }
            }
        }
        shape
    }

    pub(super) fn compare(&self, tree: &MemoryTree) -> Result<(), String> {
        let expected = self.expected();
        let mut actual = Shape::new();
        for entry in tree.entries.values().filter(|entry| entry.ino != Ino::ROOT) {
            let what = match entry.kind {
                EntryKind::File { size, .. } => (Some(entry.ino), size),
                EntryKind::Directory { subdirectories } => (None, subdirectories),
            };
            actual.insert(path(&tree.entries, entry), what);
        }
        if expected != actual {
            return Err(format!("expected {expected:#?}\nfound {actual:#?}"));
        }
        let files: Vec<(Ino, u64)> = expected
            .values()
            .filter_map(|(ino, size)| Some(((*ino)?, *size)))
            .collect();
        let sidecars = files.iter().filter(|(ino, _)| ino.sidecar().is_some());
        let sidecars = sidecars.count() as u64;
        let stats = TreeStats {
            files: files.len() as u64 - sidecars,
            sidecars,
            directories: (expected.len() - files.len()) as u64 + 1,
            bytes: files
                .iter()
                .fold(0, |bytes, (_, size)| bytes.wrapping_add(*size)),
        };
        if stats == tree.library.stats && actual.len() + 1 == tree.entries.len() {
            Ok(())
        } else {
            Err(format!(
                "expected {stats:?}, found {:?}",
                tree.library.stats
            ))
        }
    }
}

/// A name without its extension.
fn stem(name: &[u8]) -> &[u8] {
    let dot = name.iter().rposition(|byte| *byte == b'.');
    &name[..dot.filter(|dot| *dot > 0).unwrap_or(name.len())]
}

fn path(entries: &BTreeMap<Ino, Entry>, entry: &Entry) -> String {
    if entry.parent == Ino::ROOT {
        return entry.name.to_string();
    }
    format!("{}/{}", path(entries, &entries[&entry.parent]), entry.name)
}
