//! What `stat` tells, and for how long the kernel may believe it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::library::{Ino, Node, NodeKind};

/// How long the kernel keeps what it was told of the tree: until it is told otherwise. Changes
/// are announced, so that this need not end (FS-9).
pub(crate) const LASTING: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The unit in which `stat` counts blocks, whatever the filesystem.
const STAT_BLOCK: u64 = 512;

/// Who owns everything, and what the modes leave out (FS-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits that are taken away from 0555 (directories) and 0444 (files).
    pub umask: u16,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
}

/// What `stat` tells of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attr {
    /// Inode number.
    pub ino: Ino,
    /// Kind.
    pub kind: FileKind,
    /// Bytes; 0 for directories.
    pub size: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// Last modification.
    pub mtime: SystemTime,
    /// Permission bits.
    pub mode: u16,
    /// Number of links: 2 and one for each subdirectory, or 1 for a file.
    pub links: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A node as a lookup gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub attr: Attr,
    /// How long the kernel may keep its name and attributes.
    pub lifetime: Duration,
}

impl Owner {
    /// The attributes of a node of the tree.
    pub(crate) fn attr(&self, node: &Node) -> Attr {
        let mtime = time(node.mtime_ns);
        match node.kind {
            NodeKind::Directory { subdirectories } => {
                self.directory(node.ino, mtime, subdirectories)
            }
            NodeKind::File { size, .. } => self.file(node.ino, mtime, size),
        }
    }

    pub(crate) fn directory(&self, ino: Ino, mtime: SystemTime, subdirectories: u32) -> Attr {
        Attr {
            ino,
            kind: FileKind::Directory,
            size: 0,
            blocks: 0,
            mtime,
            mode: 0o555 & !self.umask,
            links: subdirectories.saturating_add(2),
            uid: self.uid,
            gid: self.gid,
        }
    }

    pub(crate) fn file(&self, ino: Ino, mtime: SystemTime, size: u64) -> Attr {
        Attr {
            ino,
            kind: FileKind::File,
            size,
            blocks: size.div_ceil(STAT_BLOCK),
            mtime,
            mode: 0o444 & !self.umask,
            links: 1,
            uid: self.uid,
            gid: self.gid,
        }
    }

    /// A symbolic link to a path of so many bytes.
    pub(crate) fn link(&self, ino: Ino, mtime: SystemTime, len: u64) -> Attr {
        Attr {
            kind: FileKind::Link,
            blocks: 0,
            // As everywhere: what counts is what it leads to.
            mode: 0o777,
            ..self.file(ino, mtime, len)
        }
    }
}

fn time(ns: i64) -> SystemTime {
    let distance = Duration::from_nanos(ns.unsigned_abs());
    let moved = if ns < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    };
    moved.unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_epoch_are_kept() {
        assert_eq!(
            time(-1_500_000_000),
            UNIX_EPOCH - Duration::from_millis(1500)
        );
        assert_eq!(time(1), UNIX_EPOCH + Duration::from_nanos(1));
    }

    #[test]
    fn a_umask_takes_bits_away() {
        let owner = Owner {
            uid: 1,
            gid: 2,
            umask: 0o027,
        };
        assert_eq!(owner.directory(Ino::ROOT, UNIX_EPOCH, 3).mode, 0o550);
        assert_eq!(owner.directory(Ino::ROOT, UNIX_EPOCH, 3).links, 5);
        let file = owner.file(Ino(3), UNIX_EPOCH, 513);
        assert_eq!((file.mode, file.blocks, file.links), (0o440, 2, 1));
    }
}
