//! Histories, made into events, on views in memory; held against the model at each step.

use std::collections::BTreeMap;
use std::fmt::Debug;

use eventlog::event::{FoldedPlays, ScanReason, ScanSummary};
use eventlog::{Body, Event, Locator, PinTarget, Recorded, SidecarId, TrackId, TreePath};
use projections::Change;
use projections::catalog::{self, memory::MemoryCatalog};
use projections::collections::{self, memory::MemoryCollections};
use projections::patterns::{self, memory::MemoryPatterns};
use projections::tree::{self, Entry, Ino, memory::MemoryTree};
use projections::view::Changes;

use super::catalog::CatalogModel;
use super::collections::CollectionModel;
use super::ops::Op;
use super::plays::PlayModel;
use super::tree::TreeModel;
use crate::facts;

/// The events that an operation stands for, at the next positions of the log.
#[derive(Default)]
pub(super) struct Log {
    pub(super) events: Vec<Recorded>,
    tracks: u64,
}

impl Log {
    /// Drops what reads say, but for the last ones, and returns what stands for them.
    fn fold(&mut self, but: usize) -> Vec<Event> {
        let is_read =
            |event: &&mut Recorded| matches!(event.event(), Some(Event::TrackRead { .. }));
        let mut reads: Vec<&mut Recorded> = self.events.iter_mut().filter(is_read).collect();
        reads.truncate(reads.len().saturating_sub(but));
        let Some(through) = reads.last().map(|last| last.position) else {
            return vec![];
        };
        let mut sums: BTreeMap<TrackId, FoldedPlays> = BTreeMap::new();
        for read in reads {
            let Some(Event::TrackRead { track, .. }) = read.event().cloned() else {
                continue;
            };
            let last = read.recorded_at;
            let sum = sums.entry(track).or_insert(FoldedPlays {
                track,
                reads: 0,
                bytes: 0,
                last,
            });
            sum.reads += 1;
            sum.bytes += 1;
            sum.last = sum.last.max(last);
            read.body = Body::Folded;
        }
        let sums: Vec<_> = sums.into_values().collect();
        let folded = |plays: &[FoldedPlays]| Event::AccessFolded {
            through,
            plays: plays.to_vec(),
        };
        sums.chunks(2).map(folded).collect()
    }

    /// Appends an operation's events and returns where they begin.
    pub(super) fn append(&mut self, op: Op) -> usize {
        let from = self.events.len();
        // Another size each time, so that a change is never a repetition; of sparse files too, of
        // which a few are more than 64 bits can count.
        let sparse = [0, 0, 0, 7 << 60, 1 << 62, u64::MAX - 10_000][from % 6];
        let revision = facts::revision(1000 + sparse + from as u64);
        let named = |track: u64| TrackId(1 + track % (self.tracks + 2));
        let locator = |origin, path| Locator {
            origin: facts::origin(origin),
            path: facts::path(path),
            revision: revision.clone(),
        };
        let events = match op {
            Op::AddFile { origin, path, song } => {
                self.tracks += 1;
                let (track, locator) = (TrackId(self.tracks), locator(origin, path));
                vec![Event::TrackDiscovered {
                    track,
                    locator,
                    media: song.media(),
                }]
            }
            Op::Retag { track, song } => {
                let (track, media) = (named(track), song.media());
                vec![Event::TrackTagsRead {
                    track,
                    revision,
                    media,
                }]
            }
            Op::Replace { track, song } => {
                let (track, media) = (named(track), song.media());
                vec![Event::TrackContentChanged {
                    track,
                    revision,
                    media,
                }]
            }
            Op::Move { track, path, song } => vec![Event::TrackMoved {
                track: named(track),
                from: facts::path("whence"),
                to: facts::path(path),
                revision,
                media: song.map(facts::Song::media),
            }],
            Op::Remove { track } => vec![Event::TrackVanished {
                track: named(track),
            }],
            Op::Return {
                track,
                origin,
                path,
                song,
            } => {
                let (track, locator) = (named(track), locator(origin, path));
                vec![Event::TrackReturned {
                    track,
                    locator,
                    media: song.media(),
                }]
            }
            Op::FindSidecar {
                sidecar,
                origin,
                path,
            } => vec![Event::SidecarFound {
                sidecar: SidecarId(sidecar + 1),
                locator: locator(origin, path),
            }],
            Op::ChangeSidecar { sidecar } => vec![Event::SidecarChanged {
                sidecar: SidecarId(sidecar + 1),
                revision,
            }],
            Op::LoseSidecar { sidecar } => vec![Event::SidecarVanished {
                sidecar: SidecarId(sidecar + 1),
            }],
            Op::OriginAdd { origin } => {
                vec![Event::OriginAdded {
                    origin: facts::origin(origin),
                    spec: facts::spec("/a"),
                }]
            }
            Op::OriginChange { origin } => {
                vec![Event::OriginChanged {
                    origin: facts::origin(origin),
                    spec: facts::spec("/b"),
                }]
            }
            Op::OriginRemove { origin } => {
                vec![Event::OriginRemoved {
                    origin: facts::origin(origin),
                }]
            }
            Op::Scan {
                origin,
                whole,
                held,
                complete,
            } => {
                let origin = facts::origin(origin);
                let (reason, listed) = (ScanReason::Asked, from as u64);
                let summary = ScanSummary {
                    complete,
                    whole,
                    listed,
                    ..Default::default()
                };
                let held = held.then(|| Event::RemovalsHeld {
                    origin: origin.clone(),
                    missing: 21,
                    known: 40,
                });
                let begun = Event::ScanStarted {
                    origin: origin.clone(),
                    reason,
                };
                let ended = Event::ScanFinished { origin, summary };
                [Some(begun), held, Some(ended)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            Op::Read {
                track,
                reader,
                seconds,
                ..
            } => vec![Event::TrackRead {
                track: named(track),
                bytes: Some(1),
                duration_ms: seconds * 1000,
                reader: reader.map(str::to_owned),
            }],
            Op::Fold { but } => self.fold(but),
            Op::Define { name, definition } => {
                let name = name.parse().unwrap();
                vec![match definition {
                    Some(definition) => Event::CollectionDefined {
                        name,
                        definition: definition.to_owned(),
                    },
                    None => Event::CollectionRemoved { name },
                }]
            }
            Op::LayoutChange {
                template,
                windows,
                duplicates,
            } => {
                let mut layout = facts::layout(template, windows);
                layout.duplicates = duplicates;
                vec![Event::LayoutChanged { layout }]
            }
            Op::Pin { path, added } => {
                let target = PinTarget::Path(TreePath::new(path).unwrap());
                vec![if added {
                    Event::PinAdded { target }
                } else {
                    Event::PinRemoved { target }
                }]
            }
            Op::Unread { track, .. } => vec![Event::TrackVanished {
                track: named(track),
            }],
            Op::Rebuild | Op::Restart | Op::CrashBeforeCommit | Op::CrashAfterCommit => vec![],
        };
        for event in events {
            let position = self.events.len() as u64 + 1;
            let mut recorded = facts::recorded(position, event);
            if let Op::Read { minute, .. } = op {
                recorded.recorded_at.0 += minute * 60_000_000;
            }
            if let Op::Unread { folded, .. } = op {
                recorded.body = if folded { Body::Folded } else { Body::Unknown };
            }
            // Scans differ from each other, events of one do not.
            recorded.cause = recorded.cause.map(|mut cause| {
                cause.0.0[0] = u8::try_from(from % 256).unwrap();
                cause
            });
            self.events.push(recorded);
        }
        from
    }
}

/// Runs a history on views in memory.
pub(super) fn run(ops: &[Op]) -> Result<(), String> {
    let mut log = Log::default();
    let mut tree = MemoryTree::default();
    let mut catalog = MemoryCatalog::default();
    let mut tree_model = TreeModel::default();
    let mut catalog_model = CatalogModel::default();
    let (mut patterns, mut play_model) = (MemoryPatterns::default(), PlayModel::default());
    let mut collections = MemoryCollections::default();
    let mut collection_model = CollectionModel::default();
    let (mut before, mut changes, mut is_settled) = (BTreeMap::new(), Changes::none(), true);
    for op in ops {
        let from = log.append(*op);
        for event in &log.events[from..] {
            if is_settled {
                before = tree.entries.clone();
            }
            if let Some(Event::TrackDiscovered { track, .. }) = event.event() {
                // No log discovers a track anew that it had before: nobody can know its attributes.
                let ino = Ino::of_track(*track);
                if !tree.entries.contains_key(&ino) {
                    before.remove(&ino);
                }
            }
            changes.append(tree::apply(&mut tree, event));
            // Some batches are of one event, some of several.
            is_settled = event.position.0 % 5 != 2 && event.position.0 % 7 != 3;
            if is_settled {
                changes.append(tree::settle(&mut tree));
            }
            catalog::apply(&mut catalog, event);
            tree_model.observe(event);
            catalog_model.observe(event);
            patterns::apply(&mut patterns, event);
            play_model.observe(event);
            collections::apply(&mut collections, event);
            collection_model.observe(event);
            // Now and then, since it takes long.
            if event.position.0 % 16 == 1 {
                play_model
                    .compare(&patterns.plays)
                    .map_err(|why| format!("patterns after {op:?}: {why}"))?;
                collection_model
                    .compare(&collections)
                    .map_err(|why| format!("collections after {op:?}: {why}"))?;
            }
            catalog_model
                .compare(&catalog)
                .map_err(|why| format!("catalog after {op:?}: {why}"))?;
            if is_settled {
                tree_model
                    .compare(&tree)
                    .map_err(|why| format!("tree after {op:?}: {why}"))?;
                let changes = std::mem::take(&mut changes).distinct();
                caches_are_right(&before, &tree.entries, &changes)
                    .map_err(|why| format!("changes of {op:?}: {why}"))?;
            }
        }
    }
    play_model.compare(&patterns.plays)?;
    collection_model.compare(&collections)?;
    tree::settle(&mut tree);
    let mut again = MemoryTree::default();
    let mut patterns_again = MemoryPatterns::default();
    let mut collections_again = MemoryCollections::default();
    for event in &log.events {
        tree::apply(&mut again, event);
        patterns::apply(&mut patterns_again, event);
        collections::apply(&mut collections_again, event);
    }
    tree::settle(&mut again);
    let different = |what: &str, one: &dyn Debug, other: &dyn Debug| {
        Err(format!("rebuilt {what} differ: {one:#?} {other:#?}"))
    };
    if again != tree {
        return different("trees", &again, &tree);
    }
    if patterns_again != patterns {
        return different("patterns", &patterns_again, &patterns);
    }
    if collections_again != collections {
        return different("collections", &collections_again, &collections);
    }
    Ok(())
}

/// A kernel that cached everything before an event, and dropped what the changes name, has nothing
/// wrong left.
fn caches_are_right(
    before: &BTreeMap<Ino, Entry>,
    after: &BTreeMap<Ino, Entry>,
    changes: &[Change],
) -> Result<(), String> {
    if changes.contains(&Change::Everything) {
        return Ok(());
    }
    let named = |entry: &Entry| {
        changes.iter().any(|change| match change {
            Change::EntryAdded { parent, name } | Change::EntryRemoved { parent, name, .. } => {
                *parent == entry.parent && *name == entry.name
            }
            _ => false,
        })
    };
    let touched = |wanted: Ino| {
        changes.iter().any(|change| match change {
            Change::DirectoryChanged { ino } | Change::FileChanged { ino } => *ino == wanted,
            _ => false,
        })
    };
    for (one, other) in [(before, after), (after, before)] {
        for (ino, entry) in one {
            let now = other.get(ino);
            let moved = now.is_none_or(|now| now.parent != entry.parent || now.name != entry.name);
            if moved && !named(entry) {
                return Err(format!("{entry:?} is not named by {changes:?}"));
            }
            if moved && other.contains_key(&entry.parent) && !touched(entry.parent) {
                return Err(format!(
                    "the directory of {entry:?} is not named by {changes:?}"
                ));
            }
            let attributes = |entry: &Entry| {
                let size = match entry.kind {
                    tree::EntryKind::File { size, .. } => size,
                    tree::EntryKind::Directory { subdirectories } => subdirectories,
                };
                (size, entry.mtime_ns)
            };
            if now.is_some_and(|now| attributes(now) != attributes(entry)) && !touched(*ino) {
                return Err(format!(
                    "the attributes of {entry:?} are not named by {changes:?}"
                ));
            }
        }
    }
    Ok(())
}
