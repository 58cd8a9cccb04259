//! The tree's rows in a plain map: what the reference model and the fold's tests run on.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use eventlog::event::LayoutSpec;
use eventlog::{OriginId, SidecarId, TrackId};

use super::beside::{Beside, Folder};
use super::node::Ino;
use super::rows::{Entry, EntryKind, Library, Noted, TrackEntry, TreeRows};
use super::sidecar_rows::{Home, SidecarEntry, SidecarRows};
use crate::layout::{Layout, names};

/// A tree in memory. Directories are searched entry by entry: for small libraries only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryTree {
    /// Nodes, the root too.
    pub entries: BTreeMap<Ino, Entry>,
    /// Living tracks.
    pub tracks: BTreeMap<TrackId, TrackEntry>,
    /// Sidecars.
    pub sidecars: BTreeMap<SidecarId, SidecarEntry>,
    /// How many tracks of a folder a directory shows, and the folder above; none with 0.
    pub homes: BTreeMap<(Folder, Ino), (u64, Option<Folder>)>,
    /// Albums, and how many tracks tell that they have several discs; none with 0.
    pub albums: BTreeMap<u64, u64>,
    /// Names to be given to others when the batch ends.
    pub noted: Noted,
    /// Figures of the whole.
    pub library: Library,
    /// The layout in force.
    pub layout: Arc<Layout>,
}

impl Default for MemoryTree {
    fn default() -> Self {
        Self {
            entries: BTreeMap::from([(Ino::ROOT, root())]),
            tracks: BTreeMap::new(),
            sidecars: BTreeMap::new(),
            homes: BTreeMap::new(),
            albums: BTreeMap::new(),
            noted: Noted::new(),
            library: Library::default(),
            layout: Arc::default(),
        }
    }
}

fn root() -> Entry {
    Entry {
        ino: Ino::ROOT,
        parent: Ino::ROOT,
        name: "".into(),
        mtime_ns: 0,
        first: None,
        kind: EntryKind::Directory { subdirectories: 0 },
    }
}

impl MemoryTree {
    fn children(&self, parent: Ino) -> impl Iterator<Item = &Entry> {
        self.entries
            .values()
            .filter(move |entry| entry.parent == parent && entry.ino != Ino::ROOT)
    }

    fn sidecars_where(&self, is: impl Fn(&SidecarEntry) -> bool) -> Vec<SidecarId> {
        let found = self.sidecars.iter().filter(|(_, entry)| is(entry));
        found.map(|(sidecar, _)| *sidecar).collect()
    }

    fn numbered(&self, parent: Ino) -> impl Iterator<Item = &Entry> {
        self.children(parent).filter(|entry| entry.claim().1 > 1)
    }
}

impl SidecarRows for MemoryTree {
    fn sidecar(&mut self, sidecar: SidecarId) -> Option<SidecarEntry> {
        self.sidecars.get(&sidecar).cloned()
    }

    fn put_sidecar(&mut self, sidecar: SidecarId, entry: &SidecarEntry) {
        self.sidecars.insert(sidecar, entry.clone());
    }

    fn remove_sidecar(&mut self, sidecar: SidecarId) {
        self.sidecars.remove(&sidecar);
    }

    fn sidecars_of_origin(&mut self, origin: &OriginId) -> Vec<SidecarId> {
        self.sidecars_where(|entry| entry.origin == *origin)
    }

    fn sidecars_near(&mut self, folder: Folder, above: Option<Folder>) -> Vec<SidecarId> {
        self.sidecars_where(|SidecarEntry { beside, .. }| {
            let is_near = beside.folder == folder
                || beside.above == Some(folder)
                || above == Some(beside.folder);
            let is_like = |track: &TrackEntry| {
                (track.beside.folder, track.beside.stem) == (beside.folder, beside.stem)
            };
            let mut like = self.tracks.iter().filter(|(_, track)| is_like(track));
            is_near && !like.any(|(track, _)| self.entries.contains_key(&Ino::of_track(*track)))
        })
    }

    fn sidecars_named(&mut self, folder: Folder, stem: u64) -> Vec<SidecarId> {
        self.sidecars_where(|entry| (entry.beside.folder, entry.beside.stem) == (folder, stem))
    }

    fn next_sidecar(&mut self, after: Option<SidecarId>) -> Option<SidecarId> {
        let mut later = self.sidecars.keys().filter(|id| Some(**id) > after);
        later.next().copied()
    }

    fn tracks_named(&mut self, folder: Folder, stem: u64) -> Vec<TrackId> {
        let named = |entry: &TrackEntry| (entry.beside.folder, entry.beside.stem) == (folder, stem);
        let tracks = self.tracks.iter().filter(|(_, entry)| named(entry));
        tracks.map(|(track, _)| *track).collect()
    }

    fn count_home(&mut self, beside: Beside, directory: Ino, by: i64) {
        let key = (beside.folder, directory);
        let before = self.homes.get(&key).map_or(0, |home| home.0);
        let now = before.saturating_add_signed(by);
        if now == 0 {
            self.homes.remove(&key);
        } else {
            self.homes.insert(key, (now, beside.above));
        }
    }

    fn homes_about(&mut self, beside: Beside, _: Ino) -> (Home, Home) {
        let above = beside.above.map(|above| self.home_below(above));
        (self.home(beside.folder), above.unwrap_or(Home::None))
    }

    fn home(&mut self, folder: Folder) -> Home {
        let of = self.homes.iter().filter(|(home, _)| home.0 == folder);
        Home::of(of.map(|(home, (tracks, _))| (home.1, *tracks)))
    }

    fn home_below(&mut self, folder: Folder) -> Home {
        let below = self.homes.iter().filter(|(_, home)| home.1 == Some(folder));
        Home::of(below.map(|(home, (tracks, _))| (home.1, *tracks)))
    }
}

impl TreeRows for MemoryTree {
    fn entry(&mut self, ino: Ino) -> Option<Entry> {
        self.entries.get(&ino).cloned()
    }

    fn find(&mut self, parent: Ino, name: &str) -> Option<Entry> {
        let key = |name| names::key(name, self.layout.profile());
        self.children(parent)
            .find(|entry| key(&entry.name) == key(name))
            .cloned()
    }

    fn remembered(&mut self, _: &[String]) -> Option<Ino> {
        None
    }

    fn remember(&mut self, _: &[String], _: Ino) {}

    fn insert(&mut self, entry: &Entry) {
        self.entries.insert(entry.ino, entry.clone());
    }

    fn update(&mut self, entry: &Entry) {
        self.entries.insert(entry.ino, entry.clone());
    }

    fn remove(&mut self, entry: &Entry) {
        self.entries.remove(&entry.ino);
    }

    fn touch(&mut self, directory: Ino, mtime_ns: i64) {
        if let Some(entry) = self.entries.get_mut(&directory) {
            entry.mtime_ns = mtime_ns;
        }
    }

    fn is_empty(&mut self, directory: Ino) -> bool {
        self.children(directory).next().is_none()
    }

    fn lowest(&mut self, directory: Ino) -> Option<TrackId> {
        self.children(directory)
            .filter_map(|entry| entry.first)
            .min()
    }

    fn next_wanted(&mut self, parent: Ino, kin: u64, after: &str) -> Option<Box<str>> {
        let wanted = self.numbered(parent).map(|entry| entry.claim().0);
        wanted
            .filter(|wanted| *wanted > after && names::conflict_class(wanted) == kin)
            .min()
            .map(Box::from)
    }

    fn next_numbered(&mut self, parent: Ino, wanted: &str, above: u32) -> Option<Entry> {
        self.numbered(parent)
            .filter(|entry| entry.claim().0 == wanted && entry.claim().1 > above)
            .min_by_key(|entry| entry.claim().1)
            .cloned()
    }

    fn last_numbered(&mut self, parent: Ino, wanted: &str, before: Ino) -> Option<u32> {
        self.numbered(parent)
            .filter(|entry| entry.claim().0 == wanted && entry.ino < before)
            .map(|entry| entry.claim().1)
            .max()
    }

    fn clear(&mut self) {
        let mtime_ns = self.entries.get(&Ino::ROOT).map_or(0, |root| root.mtime_ns);
        self.entries = BTreeMap::from([(Ino::ROOT, Entry { mtime_ns, ..root() })]);
        self.homes.clear();
    }

    fn track(&mut self, track: TrackId) -> Option<TrackEntry> {
        self.tracks.get(&track).cloned()
    }

    fn put_track(&mut self, track: TrackId, entry: &TrackEntry) {
        self.tracks.insert(track, entry.clone());
    }

    fn remove_track(&mut self, track: TrackId) {
        self.tracks.remove(&track);
    }

    fn tracks_of_album(&mut self, album: u64) -> Vec<TrackId> {
        let of_it = |entry: &TrackEntry| entry.disc_of() == Some(album);
        self.tracks
            .iter()
            .filter(|(_, entry)| of_it(entry))
            .map(|(track, _)| *track)
            .collect()
    }

    fn tracks_of_origin(&mut self, origin: &OriginId) -> Vec<TrackId> {
        let of_it = |entry: &TrackEntry| entry.origin == *origin;
        self.tracks
            .iter()
            .filter(|(_, entry)| of_it(entry))
            .map(|(track, _)| *track)
            .collect()
    }

    fn is_elsewhere(&mut self, alike: u64, origin: &OriginId) -> bool {
        let rule = self.layout.duplicates();
        let mut others = self.tracks.values().filter(|entry| entry.origin != *origin);
        others.any(|entry| entry.alike(rule) == Some(alike))
    }

    fn tracks_alike(&mut self, alike: u64, limit: usize) -> Vec<TrackId> {
        let rule = self.layout.duplicates();
        let is_alike = |entry: &TrackEntry| entry.alike(rule) == Some(alike);
        let tracks = self.tracks.iter().filter(|(_, entry)| is_alike(entry));
        tracks.map(|(track, _)| *track).take(limit).collect()
    }

    fn next_track(&mut self, after: Option<TrackId>) -> Option<TrackId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.tracks
            .range((from, Bound::Unbounded))
            .next()
            .map(|(track, _)| *track)
    }

    fn album(&mut self, album: u64) -> u64 {
        self.albums.get(&album).copied().unwrap_or_default()
    }

    fn put_album(&mut self, album: u64, tracks: u64) {
        if tracks == 0 {
            self.albums.remove(&album);
        } else {
            self.albums.insert(album, tracks);
        }
    }

    fn noted(&mut self) -> &mut Noted {
        &mut self.noted
    }

    fn library(&mut self) -> &mut Library {
        &mut self.library
    }

    fn layout(&mut self) -> Arc<Layout> {
        self.layout.clone()
    }

    fn put_layout(&mut self, layout: &LayoutSpec) {
        self.layout = Arc::new(Layout::of_or_default(layout));
    }
}
