//! Directories come with the first track below them, and go with the last.

use std::sync::Arc;

use eventlog::TrackId;
use eventlog::event::NameProfile;

use super::node::Ino;
use super::rows::{Entry, EntryKind, TreeRows};
use super::sidecars::Stirred;
use crate::layout::Layout;
use crate::view::{Change, Changes};

/// One event's work on the tree.
pub(super) struct Edit<'r, R> {
    pub(super) rows: &'r mut R,
    pub(super) changes: Changes,
    pub(super) layout: Arc<Layout>,
    /// When the event was recorded, nanoseconds since the Unix epoch.
    pub(super) now_ns: i64,
    /// What sidecars are to follow.
    pub(super) stirred: Stirred,
}

impl<R: TreeRows> Edit<'_, R> {
    /// Tells that a directory's list of entries changed.
    pub(super) fn touch(&mut self, directory: Ino) {
        self.rows.touch(directory, self.now_ns);
        self.changes
            .push(Change::DirectoryChanged { ino: directory });
    }

    /// The directory of that path, made where it is missing, on behalf of a track.
    pub(super) fn enter(&mut self, path: &[String], track: TrackId) -> Ino {
        if self.spelling_differs() {
            return self.walk(path, track);
        }
        let remembered = self.rows.remembered(path);
        remembered.unwrap_or_else(|| {
            let directory = self.walk(path, track);
            self.rows.remember(path, directory);
            directory
        })
    }

    fn walk(&mut self, path: &[String], track: TrackId) -> Ino {
        path.iter().fold(Ino::ROOT, |parent, name| {
            match self.rows.find(parent, name) {
                Some(directory) if directory.is_directory() => {
                    let ino = directory.ino;
                    if self.spelling_differs() && directory.first.is_none_or(|first| track <= first)
                    {
                        self.spell(directory, Some(track), name);
                    }
                    ino
                }
                Some(file) => {
                    self.unseat(&file);
                    let ino = self.make(parent, name, track);
                    self.reseat(file);
                    ino
                }
                None => self.make(parent, name, track),
            }
        })
    }

    /// A directory and those above it, but for the root.
    pub(super) fn and_above(&mut self, mut directory: Ino) -> Vec<Ino> {
        let mut directories = Vec::new();
        while directory != Ino::ROOT
            && let Some(entry) = self.rows.entry(directory)
        {
            directories.push(directory);
            directory = entry.parent;
        }
        directories
    }

    /// After a file left a directory, given with those above it: deletes it if nothing is left in it,
    /// and so on upwards; what a track spelt is spelt by the next.
    pub(super) fn left(&mut self, directories: &[Ino], track: Option<TrackId>) {
        for directory in directories {
            // Whoever else left it may have been the last; what is above may be this one's to tell.
            let Some(entry) = self.rows.entry(*directory) else {
                continue;
            };
            if self.rows.is_empty(entry.ino) {
                self.delete(&entry);
            } else if track.is_some() && entry.first == track {
                let first = self.rows.lowest(entry.ino);
                let spelling = first.and_then(|first| self.spelling(&entry, first));
                let name = spelling.unwrap_or_else(|| entry.name.clone());
                self.spell(entry, first, &name);
            } else {
                return;
            }
        }
    }

    /// True where names that differ can be equal.
    pub(super) fn spelling_differs(&self) -> bool {
        self.layout.profile() == NameProfile::Windows
    }

    fn make(&mut self, parent: Ino, name: &str, track: TrackId) -> Ino {
        let library = self.rows.library();
        let ino = library.next_directory;
        library.next_directory = Ino(ino.0.saturating_add(2));
        library.stats.directories += 1;
        let entry = Entry {
            ino,
            parent,
            name: name.into(),
            mtime_ns: self.now_ns,
            first: self.spelling_differs().then_some(track),
            kind: EntryKind::Directory { subdirectories: 0 },
        };
        self.rows.insert(&entry);
        self.changes.push(Change::EntryAdded {
            parent,
            name: entry.name,
        });
        self.count_subdirectory(parent, 1);
        ino
    }

    fn delete(&mut self, directory: &Entry) {
        self.unseat(directory);
        let library = self.rows.library();
        library.stats.directories = library.stats.directories.saturating_sub(1);
        self.count_subdirectory(directory.parent, -1);
        self.vacate(directory.parent, directory.name.clone());
    }

    fn count_subdirectory(&mut self, parent: Ino, by: i64) {
        let Some(mut entry) = self.rows.entry(parent) else {
            return;
        };
        if let EntryKind::Directory { subdirectories } = &mut entry.kind {
            *subdirectories = subdirectories.saturating_add_signed(by);
        }
        entry.mtime_ns = self.now_ns;
        self.rows.update(&entry);
        self.changes.push(Change::DirectoryChanged { ino: parent });
    }

    /// How a track spells a directory that it is in.
    fn spelling(&mut self, directory: &Entry, track: TrackId) -> Option<Box<str>> {
        let mut depth = 0;
        let mut above = directory.parent;
        while above != Ino::ROOT {
            above = self.rows.entry(above)?.parent;
            depth += 1;
        }
        let entry = self.rows.track(track)?;
        let name = self.place(&entry).directories.into_iter().nth(depth)?;
        // A track on its way out may already want to be elsewhere.
        let key = |name: &str| crate::layout::names::key(name, self.layout.profile()).into_owned();
        (key(&name) == key(&directory.name)).then(|| name.into())
    }

    fn spell(&mut self, mut directory: Entry, first: Option<TrackId>, name: &str) {
        directory.first = first;
        if *directory.name == *name {
            return self.rows.update(&directory);
        }
        let Entry { ino, parent, .. } = directory;
        let old = std::mem::replace(&mut directory.name, name.into());
        self.rows.update(&directory);
        self.changes.push(Change::EntryRemoved {
            parent,
            name: old,
            ino,
        });
        self.changes.push(Change::EntryAdded {
            parent,
            name: name.into(),
        });
        self.touch(parent);
    }
}
