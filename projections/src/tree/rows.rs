//! What the tree's fold asks of its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventlog::event::{Duplicates, LayoutSpec};
use eventlog::{OriginId, TrackId};

use super::beside::Beside;
use super::node::{Ino, TreeStats};
use super::sidecar_rows::SidecarRows;
use crate::layout::{Layout, NameInputs, names};

/// Rows of the tree. No operation can fail in the fold's eyes.
pub trait TreeRows: SidecarRows {
    /// A node's row.
    fn entry(&mut self, ino: Ino) -> Option<Entry>;

    /// The row of the node in a directory whose name collides with that one.
    fn find(&mut self, parent: Ino, name: &str) -> Option<Entry>;

    /// The directory of a path, if it happens to be at hand. Told of by [`remember`](Self::remember)
    /// and true until a directory goes.
    fn remembered(&mut self, path: &[String]) -> Option<Ino>;

    /// Tells the directory of a path.
    fn remember(&mut self, path: &[String], directory: Ino);

    /// Writes a new node's row.
    fn insert(&mut self, entry: &Entry);

    /// Writes a node's row anew.
    fn update(&mut self, entry: &Entry);

    /// Deletes a node's row.
    fn remove(&mut self, entry: &Entry);

    /// Writes a directory's time of last modification.
    fn touch(&mut self, directory: Ino, mtime_ns: i64);

    /// True where nothing is in a directory.
    fn is_empty(&mut self, directory: Ino) -> bool;

    /// The lowest [`first`](Entry::first) in a directory.
    fn lowest(&mut self, directory: Ino) -> Option<TrackId>;

    /// The first name after `after` that numbered files of that class want in a directory.
    fn next_wanted(&mut self, parent: Ino, kin: u64, after: &str) -> Option<Box<str>>;

    /// Among the files numbered for want of that name, the one with the lowest number above `above`.
    fn next_numbered(&mut self, parent: Ino, wanted: &str, above: u32) -> Option<Entry>;

    /// Among the files numbered for want of that name, the highest number of one before `before`.
    fn last_numbered(&mut self, parent: Ino, wanted: &str, before: Ino) -> Option<u32>;

    /// Deletes all nodes but the root, which becomes empty.
    fn clear(&mut self);

    /// A living track's row.
    fn track(&mut self, track: TrackId) -> Option<TrackEntry>;

    /// Writes a living track's row.
    fn put_track(&mut self, track: TrackId, entry: &TrackEntry);

    /// Deletes a track's row.
    fn remove_track(&mut self, track: TrackId);

    /// The living tracks of an album that have a disc number, by id.
    fn tracks_of_album(&mut self, album: u64) -> Vec<TrackId>;

    /// The living tracks of an origin, by id.
    fn tracks_of_origin(&mut self, origin: &OriginId) -> Vec<TrackId>;

    /// True where a living track of another origin is [alike](TrackEntry::alike).
    fn is_elsewhere(&mut self, alike: u64, origin: &OriginId) -> bool;

    /// Living tracks that are alike, as many as there are up to `limit`, in any order.
    fn tracks_alike(&mut self, alike: u64, limit: usize) -> Vec<TrackId>;

    /// The first living track after that one.
    fn next_track(&mut self, after: Option<TrackId>) -> Option<TrackId>;

    /// How many living tracks tell that the album has several discs.
    fn album(&mut self, album: u64) -> u64;

    /// Writes that.
    fn put_album(&mut self, album: u64, tracks: u64);

    /// Names that fell free, for those who tried them in vain. Empty at the end of a batch.
    fn noted(&mut self) -> &mut Noted;

    /// The figures of the whole, to be read and written.
    fn library(&mut self) -> &mut Library;

    /// The layout in force.
    fn layout(&mut self) -> Arc<Layout>;

    /// Puts another layout in force. Which tracks are alike follows once each is [put](Self::put_track)
    /// again.
    fn put_layout(&mut self, layout: &LayoutSpec);
}

/// Names that fell free in a directory, by their [class](names::conflict_class).
pub type Noted = BTreeMap<(Ino, u64), Vec<Box<str>>>;

/// Figures of the whole tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Library {
    /// The inode of the next new directory.
    pub next_directory: Ino,
    /// Counts.
    pub stats: TreeStats,
    /// Sidecars that are known, shown or not.
    pub known_sidecars: u64,
}

impl Default for Library {
    fn default() -> Self {
        let stats = TreeStats {
            files: 0,
            sidecars: 0,
            directories: 1,
            bytes: 0,
        };
        Self {
            next_directory: Ino(2),
            stats,
            known_sidecars: 0,
        }
    }
}

/// A node's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its inode.
    pub ino: Ino,
    /// The directory it is in.
    pub parent: Ino,
    /// Its name there.
    pub name: Box<str>,
    /// Last modification, nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
    /// The lowest living track at or below it, which spells a directory. Kept only where names that
    /// differ can be equal.
    pub first: Option<TrackId>,
    /// What it is.
    pub kind: EntryKind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory {
        /// How many directories are directly in it.
        subdirectories: u64,
    },
    /// A track's file, or a sidecar.
    File {
        /// Bytes.
        size: u64,
        /// How its name was found, unless it has the one it wanted.
        numbered: Option<Numbered>,
    },
}

/// How a file came by a name that it did not want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// The name it wanted.
    pub wanted: Box<str>,
    /// The number it got, 2 or more.
    pub number: u32,
}

impl Entry {
    /// True for a directory.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        matches!(self.kind, EntryKind::Directory { .. })
    }

    /// The name that it wants, and which of the names made from it it has: 1 for itself.
    #[must_use]
    pub fn claim(&self) -> (&str, u32) {
        match &self.kind {
            EntryKind::File {
                numbered: Some(numbered),
                ..
            } => (&numbered.wanted, numbered.number),
            _ => (&self.name, 1),
        }
    }
}

/// A living track's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackEntry {
    /// The origin that has it.
    pub origin: OriginId,
    /// What its name is made of.
    pub inputs: NameInputs,
    /// Where its file is.
    pub beside: Beside,
    /// Bytes of the picture that its file carries, if any.
    pub cover: Option<u64>,
    /// What it [sounds](super::alike::sound) like.
    pub sound: Option<u64>,
    /// Bytes of its file.
    pub size: u64,
    /// Last modification of its file, nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
}

impl TrackEntry {
    /// What it has in common with those that are [alike](super::alike) by a rule, if any.
    #[must_use]
    pub fn alike(&self, rule: Duplicates) -> Option<u64> {
        super::alike::key(self.sound, &self.inputs, rule)
    }

    /// The album it is of, by a hash, if any.
    #[must_use]
    pub fn album(&self) -> Option<u64> {
        let key = self.inputs.album_key()?;
        Some(u64::from_le_bytes(*key.0.first_chunk()?))
    }

    /// The album whose number of discs its name may depend on.
    #[must_use]
    pub fn disc_of(&self) -> Option<u64> {
        let has_disc = self
            .inputs
            .value(&crate::layout::Variable::Disc, true)
            .is_some();
        self.album().filter(|_| has_disc)
    }
}

/// The name that a file gets at its `number`th try for `wanted`.
pub(super) fn nth_name(wanted: &str, number: u32) -> Box<str> {
    if number < 2 {
        wanted.into()
    } else {
        names::numbered(wanted, number).into()
    }
}
