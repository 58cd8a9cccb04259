//! What is pinned, track by track, and what is missing of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use content::{Key, Store};
use eventlog::{OriginId, PinTarget, Timestamp, TrackId, TreePath};
use origins::{Origin, Registry};
use projections::{CatalogReader, Ino, NodeKind, PinRow, TreeReader, ViewError};
use search::{Query, SearchError};

use crate::collections::Collections;
use crate::config::OriginKind;
use crate::finding::Finder;
use crate::originals::key;

/// Entries of a directory that are asked for together.
const PAGE: usize = 1_000;

/// Finds out what is pinned. Remembers which files are whole, since no pinned one leaves.
pub(crate) struct Surveyor {
    catalog: CatalogReader,
    tree: TreeReader,
    store: Store,
    registry: Arc<Registry>,
    finder: Finder,
    collections: Collections,
    whole: HashSet<Key>,
    /// How often the store had found damage when that was looked at.
    damage: u64,
}

/// What is pinned.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Pin by pin, in the order in which they were made.
    pub(crate) pins: Vec<Pinned>,
    /// Every track of which something is missing, once.
    pub(crate) missing: Vec<Missing>,
    pub(crate) counts: Counts,
    /// Bytes that may be fetched before what is pinned takes more than may be kept.
    pub(crate) room: u64,
}

/// What is pinned, in figures; each track counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) pins: u64,
    pub(crate) tracks: u64,
    pub(crate) bytes: u64,
    pub(crate) missing_bytes: u64,
}

/// What one pin holds.
#[derive(Debug)]
pub(crate) struct Pinned {
    pub(crate) row: PinRow,
    pub(crate) tracks: u64,
    pub(crate) bytes: u64,
    pub(crate) missing: Vec<Missing>,
}

/// A track of which something is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) track: TrackId,
    pub(crate) key: Arc<Key>,
    /// How many bytes that is.
    pub(crate) bytes: u64,
}

/// A track's file.
struct File {
    key: Arc<Key>,
    /// True where it is on a disk of this machine, and needs no copy.
    is_here: bool,
}

impl Surveyor {
    pub(crate) fn new(
        catalog: CatalogReader,
        tree: TreeReader,
        store: Store,
        registry: Arc<Registry>,
        finder: Finder,
        collections: Collections,
    ) -> Self {
        Self {
            catalog,
            tree,
            store,
            registry,
            finder,
            collections,
            whole: HashSet::new(),
            damage: 0,
        }
    }

    /// Forgets what it knows to be whole.
    pub(crate) fn forget(&mut self) {
        self.whole.clear();
    }

    /// Looks up what is pinned, tells the store, and finds out what is missing. Blocks.
    ///
    /// # Errors
    /// Where a view or the search index cannot be read.
    pub(crate) fn look(&mut self) -> Result<Survey, SearchError> {
        let rows = self.catalog.pins()?;
        let mut files: HashMap<TrackId, File> = HashMap::new();
        let mut pins = Vec::with_capacity(rows.len());
        let here = here(&self.catalog, &self.registry)?;
        for row in rows {
            let tracks = self.held_by(&row.target)?;
            let mut living = Vec::with_capacity(tracks.len());
            for track in tracks {
                let known = files.contains_key(&track);
                let file = if known {
                    None
                } else {
                    self.file(track, &here)?
                };
                if known || file.is_some() {
                    living.push(track);
                }
                files.extend(file.map(|file| (track, file)));
            }
            pins.push((row, living));
        }
        let elsewhere = files.values().filter(|file| !file.is_here);
        let keys: HashSet<Key> = elsewhere.map(|file| Key::clone(&file.key)).collect();
        self.whole.retain(|key| keys.contains(key));
        // From here on, what is there stays.
        self.store.pin(keys);
        Ok(self.measure(pins, &files))
    }

    fn measure(
        &mut self,
        pins: Vec<(PinRow, Vec<TrackId>)>,
        files: &HashMap<TrackId, File>,
    ) -> Survey {
        let figures = self.store.figures();
        if self.damage != figures.damaged + figures.refuted {
            self.damage = figures.damaged + figures.refuted;
            self.whole.clear();
        }
        let mut lacking: HashMap<TrackId, Missing> = HashMap::new();
        let (mut counts, mut kept) = (Counts::default(), 0_u64);
        counts.pins = pins.len() as u64;
        for (track, file) in files {
            let size = file.key.revision.size;
            let missing = self.missing_of(file);
            counts.tracks += 1;
            counts.bytes = counts.bytes.saturating_add(size);
            counts.missing_bytes = counts.missing_bytes.saturating_add(missing);
            if !file.is_here {
                kept = kept.saturating_add(size - missing);
            }
            if missing > 0 {
                let missing = Missing {
                    track: *track,
                    key: Arc::clone(&file.key),
                    bytes: missing,
                };
                lacking.insert(*track, missing);
            }
        }
        let pins = pins.into_iter().map(|(row, tracks)| {
            let sizes = tracks.iter().filter_map(|track| files.get(track));
            Pinned {
                row,
                bytes: sizes.map(|file| file.key.revision.size).sum(),
                missing: (tracks.iter().filter_map(|track| lacking.get(track)))
                    .cloned()
                    .collect(),
                tracks: tracks.len() as u64,
            }
        });
        let pins: Vec<Pinned> = pins.collect();
        // As they were pinned: what was wanted first comes first.
        let in_order = pins.iter().flat_map(|pin| &pin.missing);
        let missing = in_order
            .filter_map(|it| lacking.remove(&it.track))
            .collect();
        Survey {
            missing,
            pins,
            counts,
            room: self.store.limit().saturating_sub(kept),
        }
    }

    fn missing_of(&mut self, file: &File) -> u64 {
        if file.is_here || self.whole.contains(&*file.key) {
            return 0;
        }
        let size = file.key.revision.size;
        let missing = size.saturating_sub(self.store.kept(&file.key));
        if missing == 0 {
            self.whole.insert(Key::clone(&file.key));
        }
        missing
    }

    fn file(&self, track: TrackId, here: &HashSet<OriginId>) -> Result<Option<File>, ViewError> {
        let locator = self.catalog.locator(track)?;
        Ok(locator.map(|locator| File {
            is_here: here.contains(&locator.origin),
            key: Arc::new(key(&locator)),
        }))
    }

    /// The tracks that a pin holds now, by directory.
    fn held_by(&self, target: &PinTarget) -> Result<Vec<TrackId>, SearchError> {
        let mut found = match target {
            PinTarget::Path(path) => self.below(path)?,
            PinTarget::Collection(name) => self.collections.tracks(name, Timestamp::now())?,
            PinTarget::Search(query) => match Query::parse(query) {
                Ok(query) => self.finder.tracks(&query)?,
                // It was one to the version that pinned it.
                Err(error) => {
                    tracing::warn!("what {target} pins is not known: {error}");
                    Vec::new()
                }
            },
        };
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The tracks at a path or below it.
    fn below(&self, path: &TreePath) -> Result<Vec<TrackId>, ViewError> {
        let top = self.tree.resolve(path.as_str())?;
        let mut found = Vec::new();
        let mut todo: Vec<_> = top.into_iter().collect();
        while let Some(node) = todo.pop() {
            if let NodeKind::File { track, .. } = node.kind {
                found.push(track);
                continue;
            }
            let mut after = Ino(0);
            loop {
                let page = self.tree.list(node.ino, after, PAGE)?;
                let Some(last) = page.last() else { break };
                after = last.ino;
                todo.extend(page);
            }
        }
        Ok(found)
    }
}

/// Origins whose files are on disks of this machine; also such as are away at the moment.
///
/// # Errors
/// Where the catalog cannot be read.
pub(crate) fn here(
    catalog: &CatalogReader,
    registry: &Registry,
) -> Result<HashSet<OriginId>, ViewError> {
    let here = catalog.origins()?.into_iter();
    let here = here.filter(|row| match registry.get(&row.id) {
        Some(origin) => origin.is_here(),
        None => OriginKind::from_name(&row.spec.kind) == Some(OriginKind::Local),
    });
    Ok(here.map(|row| row.id).collect())
}
