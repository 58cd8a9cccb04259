//! What the tree must be: rebuilt as a whole from the raw facts, the slow and plain way.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::{Event, Media, OriginId, OriginPath, Recorded, TrackId};
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
    layout: Layout,
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
            Event::OriginRemoved { origin } => self.living.retain(|_, fact| fact.origin != *origin),
            Event::LayoutChanged { layout } => self.layout = Layout::of(layout).unwrap(),
            _ => {}
        }
    }

    /// Where each track that is shown wants to be.
    fn places(&self) -> Vec<(Ino, Place, u64)> {
        let shown = self.shown();
        let inputs: Vec<_> = self
            .living
            .iter()
            .map(|(track, fact)| {
                (
                    track,
                    NameInputs::of(&fact.media, &fact.origin, &fact.path),
                    fact.size,
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
            .map(|(track, inputs, size)| {
                let multi = inputs
                    .album_key()
                    .is_some_and(|album| several.contains(&album));
                (
                    Ino::of_track(**track),
                    self.layout.place(inputs, multi),
                    *size,
                )
            })
            .collect()
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
        let places = self.places();
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
        let shown = self.shown();
        let files = shown.len() as u64;
        let stats = TreeStats {
            files,
            directories: expected.len() as u64 - files + 1,
            bytes: shown.iter().fold(0, |bytes, track| {
                bytes.wrapping_add(self.living[track].size)
            }),
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

fn path(entries: &BTreeMap<Ino, Entry>, entry: &Entry) -> String {
    if entry.parent == Ino::ROOT {
        return entry.name.to_string();
    }
    format!("{}/{}", path(entries, &entries[&entry.parent]), entry.name)
}
