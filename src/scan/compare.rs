//! Compares a listing with what the library knows.

use std::collections::{HashMap, HashSet};

use eventlog::{OriginPath, Revision, SidecarId, TrackId};
use origins::{Depth, Directory, ErrorKind, Origin, OriginError, WalkError};
use projections::{CatalogReader, KnownFile, SidecarRow, ViewError};
use tokio::runtime::Handle;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use super::beside::{Sidecars, Waiting};
use super::{Progress, ScanError, Scope};

/// A file that the origin shows in a state which the library does not have.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Where it is.
    pub(super) path: OriginPath,
    /// Its state in the listing.
    pub(super) revision: Revision,
    /// What the catalog has there.
    pub(super) known: Known,
}

/// What the catalog has at a file's path.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// For an audio file, the living track.
    Track(Option<TrackId>),
    /// For a file beside tracks, the sidecar, in which state.
    Sidecar(Option<(SidecarId, Revision)>),
}

/// What a listing lacks, and how far it can be believed.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Audio files listed.
    pub(super) listed: u64,
    /// Directories that could not be listed.
    pub(super) errors: u64,
    /// True where every directory in scope was listed, or refused to us for good reason.
    pub(super) complete: bool,
    /// Living tracks whose files the listing does not have.
    pub(super) missing: Vec<TrackId>,
    /// Sidecars whose files the listing does not have.
    pub(super) missing_sidecars: Vec<SidecarRow>,
    /// Sidecars that are not to be shown any more, whether their files are there or not.
    pub(super) unwanted: Vec<SidecarRow>,
    /// True where all of the origin was listed, and there is nothing in it.
    pub(super) is_empty: bool,
    /// What could not be listed, and why; the first of it.
    pub(super) trouble: Option<String>,
}

/// Walks the scope of a scan, hands on what is new or changed, and collects what is missing.
pub(super) struct Comparer<'a> {
    pub(super) origin: &'a dyn Origin,
    pub(super) catalog: &'a CatalogReader,
    pub(super) runtime: &'a Handle,
    pub(super) progress: &'a Progress,
    pub(super) stop: &'a CancellationToken,
    /// Hand on every audio file, whether it looks changed or not.
    pub(super) verify: bool,
    /// Which files beside tracks are handed on, too.
    pub(super) sidecars: &'a Sidecars,
}

/// The state of one walk over a scope.
#[derive(Default)]
struct Walked {
    listing: Listing,
    visited: HashSet<OriginPath>,
    /// Subtrees of which nothing is known: refused, or failed.
    opaque: Vec<OriginPath>,
    failed: bool,
    /// Files and directories that were named, whatever they are.
    entries: usize,
    /// Sidecars that may not be the library's.
    waiting: Waiting,
}

impl Comparer<'_> {
    /// Walks `scope`; `hand_on` is given what is new or changed in a directory, and returns false
    /// to end the walk early.
    pub(super) fn run(
        &self,
        scope: &Scope,
        mut hand_on: impl FnMut(Vec<Candidate>) -> bool,
    ) -> Result<Listing, ScanError> {
        let mut walked = Walked::default();
        match scope {
            Scope::Whole => {
                self.walk(&OriginPath::root(), Depth::All, &mut walked, &mut hand_on)?;
                walked.listing.is_empty =
                    !walked.failed && walked.opaque.is_empty() && walked.entries == 0;
                self.miss_unvisited(&OriginPath::root(), &mut walked)?;
            }
            Scope::Directories(directories) => {
                for directory in directories {
                    self.relist(directory, &mut walked, &mut hand_on)?;
                }
            }
        }
        let waiting = std::mem::take(&mut walked.waiting);
        for found in waiting.settled(self.origin.id()) {
            if !hand_on(found) {
                return Err(ScanError::Stopped);
            }
        }
        // A directory and one above it may both have been suspected, and be gone.
        walked.listing.missing.sort_unstable();
        walked.listing.missing.dedup();
        walked
            .listing
            .missing_sidecars
            .sort_unstable_by_key(|row| row.id);
        walked.listing.missing_sidecars.dedup();
        walked.listing.complete = !walked.failed;
        Ok(walked.listing)
    }

    /// Lists one directory again, and all that is new or gone below it.
    fn relist(
        &self,
        directory: &OriginPath,
        walked: &mut Walked,
        hand_on: &mut impl FnMut(Vec<Candidate>) -> bool,
    ) -> Result<(), ScanError> {
        if walked.visited.contains(directory) {
            return Ok(());
        }
        let id = self.origin.id();
        let known = self.catalog.directories_within(id, directory)?;
        let had_tracks = !self.catalog.files_in(id, directory)?.is_empty();
        let Some(listed) = self.walk(directory, Depth::One, walked, hand_on)? else {
            // It is gone itself: so is what was below it.
            return self.miss_unvisited(directory, walked);
        };
        // What is beside it may have become the library's with its first track.
        if !had_tracks && !directory.is_root() && walked.waiting.has_tracks_in(directory) {
            self.walk(&directory.parent(), Depth::One, walked, hand_on)?;
        }
        let held: HashSet<&[u8]> = known
            .iter()
            .filter_map(|path| path.part_below(directory))
            .collect();
        let mut present = HashSet::new();
        for name in &listed.directories {
            if !held.contains(&**name)
                && let Ok(path) = directory.join(name)
            {
                self.walk(&path, Depth::All, walked, hand_on)?;
            }
            present.insert(&**name);
        }
        for path in &known {
            let branch = path.part_below(directory);
            if branch.is_some_and(|branch| !present.contains(branch)) {
                self.miss_directory(path, walked)?;
            }
        }
        Ok(())
    }

    /// Walks from a directory. Returns the directory itself where `depth` is one and it is there.
    fn walk(
        &self,
        from: &OriginPath,
        depth: Depth,
        walked: &mut Walked,
        hand_on: &mut impl FnMut(Vec<Candidate>) -> bool,
    ) -> Result<Option<Directory>, ScanError> {
        let mut stream = self.origin.walk(from, depth);
        let mut first = None;
        loop {
            let next = self.stop.run_until_cancelled(stream.next());
            let Some(next) = self.runtime.block_on(next) else {
                return Err(ScanError::Stopped);
            };
            let Some(item) = next else { break };
            match item {
                Ok(directory) => {
                    if !self.compare(&directory, walked, hand_on)? {
                        return Err(ScanError::Stopped);
                    }
                    if depth == Depth::One {
                        first = Some(directory);
                    }
                }
                Err(WalkError { error, .. }) if error.kind == ErrorKind::Offline => {
                    return Err(ScanError::Origin(error));
                }
                // The root has no parent that was listed: the origin itself is not there.
                Err(WalkError { path, error })
                    if error.kind == ErrorKind::NotFound && path.is_root() =>
                {
                    return Err(ScanError::Origin(OriginError {
                        kind: ErrorKind::Offline,
                        ..error
                    }));
                }
                // Gone since its parent was listed, or since the watcher saw it.
                Err(WalkError { error, .. }) if error.kind == ErrorKind::NotFound => {}
                Err(failure) => {
                    tracing::warn!(origin = %self.origin.id(), "{failure}");
                    walked.listing.errors += 1;
                    walked.listing.trouble.get_or_insert(failure.to_string());
                    walked.failed |= failure.error.kind != ErrorKind::Denied;
                    walked.opaque.push(failure.path);
                }
            }
        }
        Ok(first)
    }

    /// Compares one directory's files; false where the receiver wants no more. A directory that was
    /// compared already is left: its new files are not in the catalog yet, and must not be found
    /// twice.
    fn compare(
        &self,
        directory: &Directory,
        walked: &mut Walked,
        hand_on: &mut impl FnMut(Vec<Candidate>) -> bool,
    ) -> Result<bool, ViewError> {
        if !walked.visited.insert(directory.path.clone()) {
            return Ok(true);
        }
        walked.entries += directory.files.len() + directory.directories.len();
        let known = self.catalog.files_in(self.origin.id(), &directory.path)?;
        let mut known: HashMap<&[u8], &KnownFile> =
            known.iter().map(|file| (&*file.name, file)).collect();
        let mut candidates = Vec::new();
        let mut listed = 0;
        for entry in directory
            .files
            .iter()
            .filter(|entry| formats::is_audio_name(&entry.name))
        {
            listed += 1;
            let known = known.remove(&*entry.name);
            let unchanged = known.is_some_and(|known| known.revision == entry.revision);
            if unchanged && !self.verify {
                continue;
            }
            let Ok(path) = directory.path.join(&entry.name) else {
                continue;
            };
            candidates.push(Candidate {
                path,
                revision: entry.revision.clone(),
                known: Known::Track(known.map(|known| known.track)),
            });
        }
        walked.listing.listed += listed;
        walked
            .listing
            .missing
            .extend(known.values().map(|file| file.track));
        let beside = self.compare_sidecars(directory, walked)?;
        if listed > 0 {
            walked.waiting.tracks_in(&directory.path);
        }
        let path = &directory.path;
        let is_new = |found: &Candidate| matches!(found.known, Known::Sidecar(None));
        if listed > 0 || !beside.iter().any(is_new) || self.has_tracks_about(path, walked)? {
            candidates.extend(beside);
        } else {
            let (new, known) = beside.into_iter().partition(is_new);
            let known: Vec<Candidate> = known;
            candidates.extend(known);
            // Nothing is below it that could have tracks.
            if !directory.directories.is_empty() {
                walked.waiting.wait(path, new);
            }
        }
        if !candidates.is_empty() && !hand_on(candidates) {
            return Ok(false);
        }
        self.progress.listed(&directory.path, walked.listing.listed);
        Ok(true)
    }

    /// True where tracks are in the directory above one, or directly below it, as far as is known by now.
    fn has_tracks_about(&self, path: &OriginPath, walked: &Walked) -> Result<bool, ViewError> {
        Ok(walked.waiting.has_tracks_about(path)
            || self.catalog.has_tracks_about(self.origin.id(), path)?)
    }

    /// The sidecars of a directory that are new or changed.
    fn compare_sidecars(
        &self,
        directory: &Directory,
        walked: &mut Walked,
    ) -> Result<Vec<Candidate>, ViewError> {
        let known = self
            .catalog
            .sidecars_in(self.origin.id(), &directory.path)?;
        let (known, unwanted): (Vec<_>, Vec<_>) = known
            .into_iter()
            .partition(|row| self.sidecars.show(row.locator.path.name()));
        walked.listing.unwanted.extend(unwanted);
        let mut known: HashMap<Vec<u8>, SidecarRow> = known
            .into_iter()
            .map(|row| (row.locator.path.name().to_vec(), row))
            .collect();
        let mut found = Vec::new();
        let files = directory.files.iter();
        for entry in files.filter(|entry| self.sidecars.show(&entry.name)) {
            let known = known.remove(&*entry.name);
            let revision = entry.revision.clone();
            if known
                .as_ref()
                .is_some_and(|row| row.locator.revision == revision)
            {
                continue;
            }
            let Ok(path) = directory.path.join(&entry.name) else {
                continue;
            };
            found.push(Candidate {
                path,
                revision,
                known: Known::Sidecar(known.map(|row| (row.id, row.locator.revision))),
            });
        }
        walked.listing.missing_sidecars.extend(known.into_values());
        Ok(found)
    }

    /// Everything known within `top` that the walk did not come by is missing.
    fn miss_unvisited(&self, top: &OriginPath, walked: &mut Walked) -> Result<(), ScanError> {
        for path in self.catalog.directories_within(self.origin.id(), top)? {
            let opaque = walked.opaque.iter().any(|opaque| path.is_within(opaque));
            if !opaque && !walked.visited.contains(&path) {
                self.miss_directory(&path, walked)?;
            }
        }
        Ok(())
    }

    fn miss_directory(&self, path: &OriginPath, walked: &mut Walked) -> Result<(), ScanError> {
        let files = self.catalog.files_in(self.origin.id(), path)?;
        walked
            .listing
            .missing
            .extend(files.iter().map(|file| file.track));
        let sidecars = self.catalog.sidecars_in(self.origin.id(), path)?;
        walked.listing.missing_sidecars.extend(sidecars);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eventlog::MemoryStore;
    use origins::LocalOrigin;
    use projections::Views;

    use super::*;

    #[test]
    fn a_file_below_two_suspected_directories_is_found_once() {
        let music = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(music.path().join("a/b")).unwrap();
        std::fs::write(music.path().join("a/b/song.flac"), b"").unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let state = tempfile::tempdir().unwrap();
        let log = Arc::new(MemoryStore::default());
        let views = Views::open(state.path(), log, runtime.handle()).unwrap();
        let origin = LocalOrigin::new("music".parse().unwrap(), music.path()).unwrap();
        let _inside = runtime.enter();
        let comparer = Comparer {
            origin: &origin,
            catalog: &views.catalog(),
            runtime: runtime.handle(),
            progress: &Progress::begin(0),
            stop: &CancellationToken::new(),
            verify: false,
            sidecars: &Sidecars::default(),
        };
        let path = |text: &str| OriginPath::new(text.as_bytes()).unwrap();
        for order in [["a/b", "a"], ["a", "a/b"], ["a", "a"]] {
            let mut found = Vec::new();
            let scope = Scope::Directories(order.map(path).into());
            let listing = comparer.run(&scope, |candidates| {
                found.extend(candidates.into_iter().map(|candidate| candidate.path));
                true
            });
            assert_eq!(found, [path("a/b/song.flac")], "{order:?}");
            assert!(listing.unwrap().complete);
        }
    }
}
