//! Files that come, go, and move, all those of one event at once.

use eventlog::TrackId;

use super::beside::Beside;
use super::directories::Edit;
use super::node::{Ino, TreeStats};
use super::rows::{Entry, EntryKind, TrackEntry, TreeRows};
use crate::layout::Place;

/// A file on its way.
pub(super) struct Move {
    /// Its track.
    pub(super) track: TrackId,
    /// Where it is on its origin, if it is in the tree.
    pub(super) from: Option<Beside>,
    /// Where it is to be; none where it is to be hidden.
    pub(super) to: Option<Target>,
}

/// What a file is to be like.
pub(super) struct Target {
    pub(super) place: Place,
    beside: Beside,
    size: u64,
    mtime_ns: i64,
}

impl Target {
    pub(super) const fn of(place: Place, entry: &TrackEntry) -> Self {
        Self {
            place,
            beside: entry.beside,
            size: entry.size,
            mtime_ns: entry.mtime_ns,
        }
    }
}

impl<R: TreeRows> Edit<'_, R> {
    /// Moves files. New directories come first, and empty ones go last: what a file leaves and another
    /// takes is not deleted in between.
    pub(super) fn relocate(&mut self, moves: Vec<Move>) {
        let mut entered = Vec::with_capacity(moves.len());
        for Move { track, from, to } in moves {
            let to = to.map(|to| (self.enter(&to.place.directories, track), to));
            entered.push((track, from, to));
        }
        let mut left = Vec::new();
        for (track, from, _) in &entered {
            let Some(from) = from else { continue };
            // Read only now: a directory may have taken its name.
            if let Some(file) = self.rows.entry(Ino::of_track(*track)) {
                self.stir(*from, file.parent, -1);
                self.unseat(&file);
                self.count_file(&file, -1);
                self.vacate(file.parent, file.name);
                left.push((self.and_above(file.parent), *track));
            }
        }
        for (track, _, to) in entered {
            let Some((parent, to)) = to else { continue };
            let file = Entry {
                ino: Ino::of_track(track),
                parent,
                name: to.place.file.into(),
                mtime_ns: to.mtime_ns,
                first: self.spelling_differs().then_some(track),
                kind: EntryKind::File {
                    size: to.size,
                    numbered: None,
                },
            };
            self.count_file(&file, 1);
            self.stir(to.beside, parent, 1);
            self.seat(file);
        }
        for (directories, track) in left {
            self.left(&directories, Some(track));
        }
    }

    /// Gives a file that stays in its place its new size and time.
    pub(super) fn refresh(&mut self, mut file: Entry, size: u64, mtime_ns: i64) {
        self.count_file(&file, -1);
        if let EntryKind::File { size: known, .. } = &mut file.kind {
            *known = size;
        }
        file.mtime_ns = mtime_ns;
        self.count_file(&file, 1);
        self.rows.update(&file);
    }

    pub(super) fn count_file(&mut self, file: &Entry, by: i64) {
        if let EntryKind::File { size, .. } = file.kind {
            let TreeStats {
                files,
                sidecars,
                bytes,
                ..
            } = &mut self.rows.library().stats;
            let of_kind = match file.ino.sidecar() {
                Some(_) => sidecars,
                None => files,
            };
            *of_kind = of_kind.saturating_add_signed(by);
            *bytes = bytes.wrapping_add_signed(size.cast_signed().wrapping_mul(by));
        }
    }
}
