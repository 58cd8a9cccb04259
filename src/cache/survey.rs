//! What is pinned, file by file, and what is missing of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use content::{Key, Store};
use eventlog::{OriginId, PinTarget, Timestamp, TrackId, TreePath};
use origins::{Origin, Registry};
use projections::{CatalogReader, Ino, PinRow, TreeReader, ViewError};
use search::{Query, SearchError};

use crate::collections::Collections;
use crate::config::OriginKind;
use crate::finding::Finder;
use crate::originals::{FileRef, key};
use crate::report::{Kind, Report};

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
    /// Every file of which something is missing, once.
    pub(crate) missing: Vec<Missing>,
    pub(crate) counts: Counts,
    /// Bytes that may be fetched before what is pinned takes more than may be kept.
    pub(crate) room: u64,
}

/// What is pinned, in figures; each file counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) pins: u64,
    pub(crate) tracks: u64,
    pub(crate) sidecars: u64,
    pub(crate) bytes: u64,
    pub(crate) missing_bytes: u64,
}

/// What one pin holds.
#[derive(Debug)]
pub(crate) struct Pinned {
    pub(crate) row: PinRow,
    pub(crate) tracks: u64,
    pub(crate) sidecars: u64,
    pub(crate) bytes: u64,
    pub(crate) missing: Vec<Missing>,
    /// Why it is not known what it holds, where that is so: then it is told to hold nothing.
    pub(crate) problem: Option<String>,
}

/// A file of which something is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) file: FileRef,
    pub(crate) key: Arc<Key>,
    /// How many bytes that is.
    pub(crate) bytes: u64,
}

/// What was found of a pin.
struct Held {
    row: PinRow,
    files: Vec<FileRef>,
    problem: Option<String>,
}

/// A file that is pinned.
struct File {
    key: Arc<Key>,
    /// True where it is on a disk of this machine, and needs no copy.
    is_here: bool,
}

impl Survey {
    /// Whether it is known what every pin holds.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn told(&self) -> Result<(), Report> {
        let mut unknown = self.pins.iter();
        let unknown = unknown.find_map(|pin| Some((&pin.row.target, pin.problem.as_ref()?)));
        let Some((target, problem)) = unknown else {
            return Ok(());
        };
        let message = format!("what {target} pins is not known: {problem}");
        Err(Report::new(Kind::Busy, message).hint("see `musicfs status`, and ask again later"))
    }
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

    /// Looks up what is pinned, and what is missing of it. Blocks.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub(crate) fn look(&mut self) -> Result<Survey, ViewError> {
        let (pins, files) = self.pinned()?;
        Ok(self.measure(pins, &files))
    }

    /// As [`look`](Self::look), and has the store keep what is pinned, and nothing else, from leaving.
    /// Only for views that know all that the log says.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub(crate) fn hold(&mut self) -> Result<Survey, ViewError> {
        let (pins, files) = self.pinned()?;
        let elsewhere = files.values().filter(|file| !file.is_here);
        let keys: HashSet<Key> = elsewhere.map(|file| Key::clone(&file.key)).collect();
        // From here on, what is there stays.
        if pins.iter().any(|pin| pin.problem.is_some()) {
            self.store.pin_more(keys);
        } else {
            self.whole.retain(|key| keys.contains(key));
            self.store.pin(keys);
        }
        Ok(self.measure(pins, &files))
    }

    /// The pins, and all of their files.
    fn pinned(&self) -> Result<(Vec<Held>, HashMap<FileRef, File>), ViewError> {
        let rows = self.catalog.pins()?;
        let mut files: HashMap<FileRef, File> = HashMap::new();
        let mut pins = Vec::with_capacity(rows.len());
        let here = here(&self.catalog, &self.registry)?;
        for row in rows {
            let (held, problem) = match self.held_by(&row.target) {
                Ok(held) => (held, None),
                Err(error) => (Vec::new(), Some(error.to_string())),
            };
            let mut living = Vec::with_capacity(held.len());
            for file in held {
                let known = files.contains_key(&file);
                let found = if known { None } else { self.file(file, &here)? };
                if known || found.is_some() {
                    living.push(file);
                }
                files.extend(found.map(|found| (file, found)));
            }
            pins.push(Held {
                row,
                files: living,
                problem,
            });
        }
        Ok((pins, files))
    }

    fn measure(&mut self, pins: Vec<Held>, files: &HashMap<FileRef, File>) -> Survey {
        let figures = self.store.figures();
        if self.damage != figures.damaged + figures.refuted {
            self.damage = figures.damaged + figures.refuted;
            self.whole.clear();
        }
        let mut lacking: HashMap<FileRef, Missing> = HashMap::new();
        let (mut counts, mut kept) = (Counts::default(), 0_u64);
        counts.pins = pins.len() as u64;
        (counts.tracks, counts.sidecars) = count(files.keys());
        for (file_ref, file) in files {
            let size = file.key.revision.size;
            let missing = self.missing_of(file);
            counts.bytes = counts.bytes.saturating_add(size);
            counts.missing_bytes = counts.missing_bytes.saturating_add(missing);
            if !file.is_here {
                kept = kept.saturating_add(size - missing);
            }
            if missing > 0 {
                let missing = Missing {
                    file: *file_ref,
                    key: Arc::clone(&file.key),
                    bytes: missing,
                };
                lacking.insert(*file_ref, missing);
            }
        }
        let pins = pins.into_iter().map(|pin| {
            let sizes = pin.files.iter().filter_map(|file| files.get(file));
            let (tracks, sidecars) = count(&pin.files);
            Pinned {
                row: pin.row,
                bytes: sizes.map(|file| file.key.revision.size).sum(),
                missing: (pin.files.iter().filter_map(|file| lacking.get(file)))
                    .cloned()
                    .collect(),
                tracks,
                sidecars,
                problem: pin.problem,
            }
        });
        let pins: Vec<Pinned> = pins.collect();
        // As they were pinned: what was wanted first comes first.
        let in_order = pins.iter().flat_map(|pin| &pin.missing);
        let missing = in_order.filter_map(|it| lacking.remove(&it.file)).collect();
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

    fn file(&self, file: FileRef, here: &HashSet<OriginId>) -> Result<Option<File>, ViewError> {
        let locator = file.locator(&self.catalog)?;
        Ok(locator.map(|locator| File {
            is_here: here.contains(&locator.origin),
            key: Arc::new(key(&locator)),
        }))
    }

    /// The files that a pin holds now: what is shown at a path or below it, or tracks.
    fn held_by(&self, target: &PinTarget) -> Result<Vec<FileRef>, SearchError> {
        let tracks = |found: Vec<TrackId>| found.into_iter().map(FileRef::Track).collect();
        let mut found = match target {
            PinTarget::Path(path) => self.below(path)?,
            PinTarget::Collection(name) => tracks(self.collections.tracks(name, Timestamp::now())?),
            PinTarget::Search(query) => match Query::parse(query) {
                Ok(query) => tracks(self.finder.tracks(&query)?),
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

    /// The files at a path or below it.
    fn below(&self, path: &TreePath) -> Result<Vec<FileRef>, ViewError> {
        let top = self.tree.resolve(path.as_str())?;
        let mut found = Vec::new();
        let mut todo: Vec<_> = top.into_iter().collect();
        while let Some(node) = todo.pop() {
            if let Some(file) = FileRef::of(&node) {
                found.push(file);
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

/// How many tracks there are among files, and how many others.
fn count<'f>(files: impl IntoIterator<Item = &'f FileRef>) -> (u64, u64) {
    let count = |(tracks, sidecars), file: &FileRef| match file {
        FileRef::Track(_) => (tracks + 1, sidecars),
        FileRef::Sidecar(_) => (tracks, sidecars + 1),
    };
    files.into_iter().fold((0, 0), count)
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
