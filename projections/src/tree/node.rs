//! Inodes, and what is told of them.

use std::fmt;

use eventlog::{SidecarId, TrackId};

/// An inode number, the same after restart, remount and rebuild (FS-7): the root is 1, a track's file
/// is 2 · track + 1, a sidecar 2⁴⁴ + 2 · sidecar + 1, a directory an even number that is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ino(pub u64);

impl Ino {
    /// The root of the tree.
    pub const ROOT: Self = Self(1);

    /// Not before any other that a view holds.
    pub(super) const LAST: Self = Self(i64::MAX.cast_unsigned());

    /// What the inode of every sidecar has, and no other.
    const SIDECAR: u64 = 1 << 44;

    /// The inode of a track's file.
    #[must_use]
    pub const fn of_track(track: TrackId) -> Self {
        Self(track.0.wrapping_mul(2).wrapping_add(1))
    }

    /// The track whose file this is, if it is one's.
    #[must_use]
    pub const fn track(self) -> Option<TrackId> {
        if self.0 % 2 == 1 && self.0 > 1 && self.0 < Self::SIDECAR {
            Some(TrackId(self.0 / 2))
        } else {
            None
        }
    }

    /// The inode of a sidecar.
    #[must_use]
    pub const fn of_sidecar(sidecar: SidecarId) -> Self {
        Self(Self::SIDECAR.wrapping_add(sidecar.0.wrapping_mul(2).wrapping_add(1)))
    }

    /// The sidecar that this is, if it is one.
    #[must_use]
    pub const fn sidecar(self) -> Option<SidecarId> {
        if self.0 % 2 == 1 && self.0 > Self::SIDECAR {
            Some(SidecarId((self.0 - Self::SIDECAR) / 2))
        } else {
            None
        }
    }

    /// True for a file.
    pub(super) const fn is_file(self) -> bool {
        self.0 % 2 == 1 && self.0 > 1
    }

    /// The lowest inode that a sidecar can have.
    pub(super) const FIRST_SIDECAR: Self = Self(Self::SIDECAR);

    pub(super) const fn to_sql(self) -> i64 {
        self.0.cast_signed()
    }

    pub(super) const fn from_sql(number: i64) -> Self {
        Self(number.cast_unsigned())
    }
}

impl fmt::Display for Ino {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A file or directory of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its inode.
    pub ino: Ino,
    /// The directory it is in; the root is in itself.
    pub parent: Ino,
    /// Its name there; the root has none.
    pub name: Box<str>,
    /// What it is.
    pub kind: NodeKind,
    /// Last modification, nanoseconds since the Unix epoch: of a file its original's, of a directory
    /// the time of the event that last changed its entries.
    pub mtime_ns: i64,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A directory.
    Directory {
        /// How many directories are directly in it: its link count is two more.
        subdirectories: u64,
    },
    /// A track's file.
    File {
        /// The track.
        track: TrackId,
        /// Bytes.
        size: u64,
    },
    /// A file beside tracks.
    Sidecar {
        /// The sidecar.
        sidecar: SidecarId,
        /// Bytes.
        size: u64,
    },
}

/// The tree in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TreeStats {
    /// Files of tracks.
    pub files: u64,
    /// Files beside them.
    pub sidecars: u64,
    /// Directories, with the root.
    pub directories: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}
