//! Files beside tracks, shown where the tracks are (FS-11).
//!
//! One that is named like a track beside it goes with that track, and is named like it. All others go
//! to the directory that shows most of the tracks of their folder; where there are none in it, of the
//! folders in it (an album's, of several discs), and where there are none either, of the folder that
//! it is in (an album's, whose scans it holds). Where none shows more than half of those tracks, nobody
//! can tell whose the file is, and it is not shown.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::{Locator, OriginId, Revision, SidecarId, TrackId};

use super::beside::{Beside, Folder};
use super::cover::cover_rank;
use super::directories::Edit;
use super::node::Ino;
use super::rows::{Entry, EntryKind, TreeRows};
use super::sidecar_rows::{Home, SidecarEntry};
use crate::layout::names;
use crate::view::Change;

/// What of one event sidecars may follow.
#[derive(Default)]
pub(super) struct Stirred {
    /// Folders whose tracks, or those of the folders beside them, are shown elsewhere than before, and the
    /// folders above them.
    folders: BTreeMap<Folder, Option<Folder>>,
    /// Tracks that came, went or moved, by folder and stem.
    stems: BTreeSet<(Folder, u64)>,
    sidecars: BTreeSet<SidecarId>,
}

impl<R: TreeRows> Edit<'_, R> {
    pub(super) fn sidecar_found(&mut self, sidecar: SidecarId, locator: &Locator) {
        let name = String::from_utf8_lossy(locator.path.name());
        let entry = SidecarEntry {
            origin: locator.origin.clone(),
            beside: Beside::of(&locator.origin, &locator.path),
            name: name.into(),
            size: locator.revision.size,
            mtime_ns: locator.revision.mtime_ns,
        };
        self.put_sidecar(sidecar, Some(&entry));
        self.changed(Ino::of_sidecar(sidecar));
    }

    pub(super) fn sidecar_changed(&mut self, sidecar: SidecarId, revision: &Revision) {
        let Some(mut entry) = self.rows.sidecar(sidecar) else {
            return;
        };
        entry.size = revision.size;
        entry.mtime_ns = revision.mtime_ns;
        self.put_sidecar(sidecar, Some(&entry));
        self.changed(Ino::of_sidecar(sidecar));
    }

    pub(super) fn sidecar_vanished(&mut self, sidecar: SidecarId) {
        self.put_sidecar(sidecar, None);
    }

    pub(super) fn sidecars_vanished(&mut self, origin: &OriginId) {
        for sidecar in self.rows.sidecars_of_origin(origin) {
            self.put_sidecar(sidecar, None);
        }
    }

    fn put_sidecar(&mut self, sidecar: SidecarId, entry: Option<&SidecarEntry>) {
        let known = u64::from(self.rows.sidecar(sidecar).is_some());
        let knows = u64::from(entry.is_some());
        let count = &mut self.rows.library().known_sidecars;
        *count = (*count + knows).saturating_sub(known);
        match entry {
            Some(entry) => self.rows.put_sidecar(sidecar, entry),
            None => self.rows.remove_sidecar(sidecar),
        }
        self.stirred.sidecars.insert(sidecar);
    }

    /// A track's file came to a directory, or left it.
    pub(super) fn stir(&mut self, beside: Beside, directory: Ino, by: i64) {
        let Beside {
            folder,
            above,
            stem,
        } = beside;
        if self.rows.library().known_sidecars == 0 {
            self.rows.count_home(beside, directory, by);
            return;
        }
        let before = self.rows.homes_about(beside, directory);
        self.rows.count_home(beside, directory, by);
        if self.rows.homes_about(beside, directory) != before {
            self.stirred.folders.insert(folder, above);
        }
        self.stirred.stems.insert((folder, stem));
    }

    /// All sidecars are to be looked at again.
    pub(super) fn stir_all(&mut self) {
        let mut last = None;
        while let Some(sidecar) = self.rows.next_sidecar(last) {
            last = Some(sidecar);
            self.stirred.sidecars.insert(sidecar);
        }
    }

    /// Has the sidecars follow, at the end of an event.
    pub(super) fn follow(&mut self) {
        let stirred = std::mem::take(&mut self.stirred);
        let mut sidecars = stirred.sidecars;
        for (folder, above) in stirred.folders {
            sidecars.extend(self.rows.sidecars_near(folder, above));
        }
        for (folder, stem) in stirred.stems {
            sidecars.extend(self.rows.sidecars_named(folder, stem));
        }
        for sidecar in sidecars {
            self.seat_sidecar(sidecar);
        }
    }

    /// Puts a sidecar where it belongs now.
    fn seat_sidecar(&mut self, sidecar: SidecarId) {
        let ino = Ino::of_sidecar(sidecar);
        let file = self.rows.entry(ino);
        let entry = self.rows.sidecar(sidecar);
        let seat = entry.and_then(|entry| Some((self.seat_of(&entry)?, entry)));
        match (file, seat) {
            (Some(file), Some(((parent, name), entry)))
                if file.parent == parent && *file.claim().0 == *name =>
            {
                if cover_rank(&file.name).is_some() {
                    self.changes.push(Change::DirectoryChanged { ino: parent });
                }
                self.refresh(file, entry.size, entry.mtime_ns);
            }
            (file, seat) => {
                let left = file.map(|file| self.unseat_sidecar(&file));
                if let Some(((parent, name), entry)) = seat {
                    let file = Entry {
                        ino,
                        parent,
                        name: name.into(),
                        mtime_ns: entry.mtime_ns,
                        first: None,
                        kind: EntryKind::File {
                            size: entry.size,
                            numbered: None,
                        },
                    };
                    self.count_file(&file, 1);
                    self.seat(file);
                }
                if let Some(left) = left {
                    self.left(&left, None);
                }
            }
        }
    }

    /// Takes a sidecar out of the tree. Returns the directory it was in, and those above.
    fn unseat_sidecar(&mut self, file: &Entry) -> Vec<Ino> {
        self.unseat(file);
        self.count_file(file, -1);
        self.vacate(file.parent, file.name.clone());
        self.and_above(file.parent)
    }

    /// The directory and name of a sidecar, if it is to be shown.
    fn seat_of(&mut self, entry: &SidecarEntry) -> Option<(Ino, String)> {
        let profile = self.layout.profile();
        let Beside { folder, stem, .. } = entry.beside;
        if let Some((parent, stem)) = self.companion(folder, stem) {
            let extension = names::split_extension(&entry.name).1;
            let name = extension.map_or(stem.clone(), |extension| format!("{stem}.{extension}"));
            return Some((parent, names::file(&name, profile)));
        }
        let mut home = self.rows.home(folder);
        if home == Home::None {
            home = self.rows.home_below(folder);
        }
        if let (Home::None, Some(above)) = (home, entry.beside.above) {
            home = self.rows.home(above);
        }
        match home {
            Home::One(directory) => Some((directory, names::file(&entry.name, profile))),
            Home::None | Home::Several => None,
        }
    }

    /// Of the tracks in a folder that have that stem, the first that is shown: where, and the stem of
    /// the name it wants.
    fn companion(&mut self, folder: Folder, stem: u64) -> Option<(Ino, String)> {
        let tracks: Vec<TrackId> = self.rows.tracks_named(folder, stem);
        tracks.into_iter().find_map(|track| {
            let file = self.rows.entry(Ino::of_track(track))?;
            let stem = names::split_extension(file.claim().0).0.to_owned();
            Some((file.parent, stem))
        })
    }
}
