//! Events into the tree's rows.

use eventlog::event::LayoutSpec;
use eventlog::{Event, Locator, Media, OriginPath, Recorded, Revision, TrackId};

use super::alike;
use super::beside::Beside;
use super::directories::Edit;
use super::moves::{Move, Target};
use super::node::{Ino, TreeStats};
use super::rows::{Entry, TrackEntry, TreeRows};
use super::sidecars::Stirred;
use crate::fact;
use crate::layout::{NameInputs, Place};
use crate::view::{Change, Changes};

/// Folds one event in. Events about the file of a track that is not living change nothing, except
/// those that bring it back. Who has which number may be put off until [`settle`].
pub fn apply(rows: &mut impl TreeRows, event: &Recorded) -> Changes {
    let Some(fact) = fact::of(event) else {
        return Changes::none();
    };
    let layout = rows.layout();
    let now_ns = event.recorded_at.0.saturating_mul(1000);
    let mut edit = Edit {
        rows,
        changes: Changes::none(),
        layout,
        now_ns,
        stirred: Stirred::default(),
    };
    match fact {
        Event::TrackDiscovered {
            track,
            locator,
            media,
        } => edit.appear(*track, locator, media),
        Event::TrackReturned {
            track,
            locator,
            media,
        } => {
            edit.appear(*track, locator, media);
            edit.changed(Ino::of_track(*track));
        }
        Event::TrackContentChanged {
            track,
            revision,
            media,
        }
        | Event::TrackTagsRead {
            track,
            revision,
            media,
        } => {
            edit.change(*track, None, revision, Some(media));
        }
        Event::TrackMoved {
            track,
            from: _,
            to,
            revision,
            media,
        } => {
            edit.change(*track, Some(to), revision, media.as_ref());
        }
        Event::TrackVanished { track } => edit.put(*track, None),
        // The highest first: then no track is left that tried the name in vain.
        Event::OriginRemoved { origin } => {
            for track in edit.rows.tracks_of_origin(origin).into_iter().rev() {
                edit.put(track, None);
            }
            edit.sidecars_vanished(origin);
        }
        Event::SidecarFound { sidecar, locator } => edit.sidecar_found(*sidecar, locator),
        Event::SidecarChanged { sidecar, revision } => edit.sidecar_changed(*sidecar, revision),
        Event::SidecarVanished { sidecar } => edit.sidecar_vanished(*sidecar),
        Event::LayoutChanged { layout } => edit.lay_out(layout),
        Event::OriginAdded { .. }
        | Event::OriginChanged { .. }
        | Event::PinAdded { .. }
        | Event::PinRemoved { .. }
        | Event::CollectionDefined { .. }
        | Event::CollectionRemoved { .. }
        | Event::ScanStarted { .. }
        | Event::ScanFinished { .. }
        | Event::RemovalsHeld { .. }
        | Event::TrackRead { .. }
        | Event::AccessScanned { .. }
        | Event::AccessFolded { .. } => {}
    }
    edit.follow();
    edit.changes
}

/// Does what was put off, at the end of any number of events: where the end comes makes no difference
/// to the tree.
pub fn settle(rows: &mut impl TreeRows) -> Changes {
    let layout = rows.layout();
    let mut edit = Edit {
        rows,
        changes: Changes::none(),
        layout,
        now_ns: 0,
        stirred: Stirred::default(),
    };
    edit.settle();
    edit.changes
}

impl<R: TreeRows> Edit<'_, R> {
    fn appear(&mut self, track: TrackId, locator: &Locator, media: &Media) {
        let entry = TrackEntry {
            origin: locator.origin.clone(),
            inputs: NameInputs::of(media, &locator.origin, &locator.path),
            beside: Beside::of(&locator.origin, &locator.path),
            cover: media.cover,
            sound: alike::sound(media),
            size: locator.revision.size,
            mtime_ns: locator.revision.mtime_ns,
        };
        self.put(track, Some(&entry));
    }

    fn change(
        &mut self,
        track: TrackId,
        path: Option<&OriginPath>,
        revision: &Revision,
        media: Option<&Media>,
    ) {
        let Some(mut entry) = self.rows.track(track) else {
            return;
        };
        entry.size = revision.size;
        entry.mtime_ns = revision.mtime_ns;
        entry.inputs = entry.inputs.updated(media, path);
        entry.beside = path.map_or(entry.beside, |path| Beside::of(&entry.origin, path));
        entry.cover = media.map_or(entry.cover, |media| media.cover);
        entry.sound = media.map_or(entry.sound, alike::sound);
        self.put(track, Some(&entry));
        // The bytes may differ even where size, time and name do not.
        self.changed(Ino::of_track(track));
    }

    /// Tells that a file's bytes may be others.
    pub(super) fn changed(&mut self, ino: Ino) {
        self.changes.push(Change::FileChanged { ino });
    }

    /// Makes a track's row what is given, and the tree what follows from it.
    fn put(&mut self, track: TrackId, entry: Option<&TrackEntry>) {
        let before = self.rows.track(track);
        if before.as_ref() == entry {
            return;
        }
        let ino = Ino::of_track(track);
        let file = before.as_ref().and_then(|_| self.rows.entry(ino));
        let from = before.as_ref().filter(|_| file.is_some());
        let from = from.map(|entry| self.place(entry));
        let turned = self.count_discs(before.as_ref(), entry);
        match entry {
            Some(entry) => self.rows.put_track(track, entry),
            None => self.rows.remove_track(track),
        }
        let (is_shown, mut moves) = self.regroup(track, before.as_ref(), entry);
        let to = entry.filter(|_| is_shown);
        let to = to.map(|entry| Target::of(self.place(entry), entry));
        match (file, to) {
            (Some(file), Some(to)) if from.as_ref() == Some(&to.place) => {
                if let (Some(before), Some(entry)) = (&before, entry) {
                    self.stay(&file, before, entry);
                    self.refresh(file, entry.size, entry.mtime_ns);
                }
            }
            (None, None) => {}
            (file, to) => moves.push(Move {
                track,
                from: file.and(before.as_ref()).map(|before| before.beside),
                to,
            }),
        }
        self.relocate(moves);
        if before.is_some() && entry.is_some() {
            self.changed(ino);
        }
        for album in turned {
            self.replace_album(album, track);
        }
    }

    /// What follows where a file stays in its place, and its track is another.
    fn stay(&mut self, file: &Entry, before: &TrackEntry, now: &TrackEntry) {
        if before.beside != now.beside {
            self.stir(before.beside, file.parent, -1);
            self.stir(now.beside, file.parent, 1);
        }
        // The covers made of it have its time, too.
        if before.cover.is_some() || now.cover.is_some() {
            self.changes
                .push(Change::DirectoryChanged { ino: file.parent });
        }
    }

    /// Where a track is to be shown.
    pub(super) fn place(&mut self, entry: &TrackEntry) -> Place {
        let several = entry
            .disc_of()
            .is_some_and(|album| self.rows.album(album) > 0);
        self.layout.place(&entry.inputs, several)
    }

    /// Counts tracks that tell of several discs. Returns the albums that turned into, or from, one
    /// of several discs.
    fn count_discs(&mut self, old: Option<&TrackEntry>, new: Option<&TrackEntry>) -> Vec<u64> {
        let telling = |entry: Option<&TrackEntry>| {
            entry
                .filter(|entry| entry.inputs.is_multi_disc_hint())
                .and_then(TrackEntry::album)
        };
        let (old, new) = (telling(old), telling(new));
        let mut turned = Vec::new();
        if old == new {
            return turned;
        }
        for (album, by) in [(old, -1), (new, 1)] {
            let Some(album) = album else { continue };
            let before = self.rows.album(album);
            let after = before.saturating_add_signed(by);
            self.rows.put_album(album, after);
            if (before == 0) != (after == 0) {
                turned.push(album);
            }
        }
        turned
    }

    /// Moves all but one of an album's tracks, after it turned into, or from, one of several discs.
    fn replace_album(&mut self, album: u64, except: TrackId) {
        let several = self.rows.album(album) > 0;
        for track in self.rows.tracks_of_album(album) {
            let Some(entry) = self.rows.track(track).filter(|_| track != except) else {
                continue;
            };
            let [from, to] = [!several, several].map(|is| self.layout.place(&entry.inputs, is));
            if from != to && self.rows.entry(Ino::of_track(track)).is_some() {
                self.relocate(vec![Move {
                    track,
                    from: Some(entry.beside),
                    to: Some(Target::of(to, &entry)),
                }]);
            }
        }
    }

    fn lay_out(&mut self, layout: &LayoutSpec) {
        let old = self.layout.clone();
        if old.spec() == *layout {
            return;
        }
        self.changes.push(Change::Everything);
        self.rows.put_layout(layout);
        self.layout = self.rows.layout();
        // What collides under one profile may not under the other: nothing can stay where it is.
        let anew = old.profile() != self.layout.profile();
        if anew {
            self.rows.clear();
            self.rows.noted().clear();
            let stats = &mut self.rows.library().stats;
            *stats = TreeStats {
                directories: 1,
                ..TreeStats::default()
            };
        }
        let regrouped = old.duplicates() != self.layout.duplicates();
        if regrouped {
            self.each_track(|edit, track, entry| edit.rows.put_track(track, &entry));
        }
        self.each_track(|edit, track, entry| {
            let several = entry
                .disc_of()
                .is_some_and(|album| edit.rows.album(album) > 0);
            let is_shown = !anew && edit.rows.entry(Ino::of_track(track)).is_some();
            let from = is_shown.then(|| old.place(&entry.inputs, several));
            // Which tracks are shown does not depend on their names.
            let shows = if anew || regrouped {
                edit.is_to_be_shown(track, &entry)
            } else {
                is_shown
            };
            let to = shows.then(|| edit.layout.place(&entry.inputs, several));
            if from != to {
                let to = to.map(|place| Target::of(place, &entry));
                edit.relocate(vec![Move {
                    track,
                    from: is_shown.then_some(entry.beside),
                    to,
                }]);
            }
        });
        if anew {
            self.stir_all();
        }
    }

    fn each_track(&mut self, mut work: impl FnMut(&mut Self, TrackId, TrackEntry)) {
        let mut last = None;
        while let Some(track) = self.rows.next_track(last) {
            last = Some(track);
            if let Some(entry) = self.rows.track(track) {
                work(self, track, entry);
            }
        }
    }
}
