//! What the filesystem shows: the tree view, in its words, and the covers of its directories.

use fuse::{CoverSize, FileId, FsError, Ino, Library as Shown, Node, NodeKind, Totals};
use projections::tree;
use projections::{TreeReader, ViewError};

use crate::originals::{MEDIUM, THUMB};

/// The tree view, in the filesystem's words.
pub(crate) struct Tree(pub(crate) TreeReader);

/// What the inode of every cover has, and no other: beside it, four times that of its directory, and
/// which of its sizes it is.
const COVER: u64 = 1 << 45;

/// Every cover of a directory, by name, and which of its sizes it is.
const COVERS: [(&str, CoverSize); 3] = [
    ("cover.jpg", CoverSize::Original),
    ("cover_medium.jpg", CoverSize::Medium),
    ("cover_thumb.jpg", CoverSize::Thumb),
];

/// True for the name of a cover.
pub(crate) fn is_cover(name: &str) -> bool {
    COVERS.iter().any(|(known, _)| *known == name)
}

impl Shown for Tree {
    fn node(&self, ino: Ino) -> Result<Option<Node>, FsError> {
        if let Some((directory, number)) = covered(ino) {
            let covers = self.covers(directory)?;
            return Ok(covers
                .into_iter()
                .find(|node| node.ino == cover(directory, number)));
        }
        Ok(self
            .0
            .node(tree::Ino(ino.0))
            .map_err(|error| unreadable(&error))?
            .map(node))
    }

    fn lookup(&self, parent: Ino, name: &str) -> Result<Option<Node>, FsError> {
        let found = self.entry(parent, name)?;
        if found.is_some() || !is_cover(name) {
            return Ok(found);
        }
        let mut covers = self.covers(parent)?.into_iter();
        Ok(covers.find(|node| *node.name == *name))
    }

    fn list(&self, directory: Ino, after: Ino, limit: usize) -> Result<Vec<Node>, FsError> {
        let nodes = self
            .0
            .list(tree::Ino(directory.0), tree::Ino(after.0), limit);
        let nodes = nodes.map_err(|error| unreadable(&error))?;
        let mut nodes: Vec<Node> = nodes.into_iter().map(node).collect();
        if nodes.len() < limit {
            let covers = self.covers(directory)?.into_iter();
            let room = limit - nodes.len();
            nodes.extend(covers.filter(|node| node.ino > after).take(room));
        }
        Ok(nodes)
    }

    fn totals(&self) -> Result<Totals, FsError> {
        let stats = self.0.stats().map_err(|error| unreadable(&error))?;
        Ok(Totals {
            nodes: stats.files + stats.sidecars + stats.directories + 1,
            bytes: stats.bytes,
        })
    }
}

impl Tree {
    fn entry(&self, parent: Ino, name: &str) -> Result<Option<Node>, FsError> {
        Ok(self
            .0
            .lookup(tree::Ino(parent.0), name)
            .map_err(|error| unreadable(&error))?
            .map(node))
    }

    /// The covers of a directory (FIND-4), by inode: none where it has no picture, and none under a
    /// name that something in it has.
    fn covers(&self, directory: Ino) -> Result<Vec<Node>, FsError> {
        let source = self.0.cover(tree::Ino(directory.0));
        let Some(source) = source.map_err(|error| unreadable(&error))? else {
            return Ok(Vec::new());
        };
        let mut covers = Vec::with_capacity(COVERS.len());
        for (number, (name, size)) in (0..).zip(COVERS) {
            let taken = || self.0.is_taken(tree::Ino(directory.0), name);
            if source.among_sidecars && taken().map_err(|error| unreadable(&error))? {
                continue;
            }
            let bytes = match size {
                CoverSize::Original => source.size,
                CoverSize::Medium => MEDIUM.bytes as u64,
                CoverSize::Thumb => THUMB.bytes as u64,
            };
            let file = FileId::Cover { directory, size };
            covers.push(Node {
                ino: cover(directory, number),
                parent: directory,
                name: name.into(),
                kind: NodeKind::File { file, size: bytes },
                mtime_ns: source.mtime_ns,
            });
        }
        Ok(covers)
    }
}

const fn cover(directory: Ino, number: u64) -> Ino {
    Ino(COVER + directory.0 * 4 + number)
}

/// The directory whose cover that is, and which.
fn covered(ino: Ino) -> Option<(Ino, u64)> {
    let rest = ino.0.checked_sub(COVER)?;
    (!ino.is_special()).then_some((Ino(rest / 4), rest % 4))
}

fn node(node: tree::Node) -> Node {
    let kind = match node.kind {
        tree::NodeKind::Directory { subdirectories } => NodeKind::Directory {
            subdirectories: u32::try_from(subdirectories).unwrap_or(u32::MAX),
        },
        tree::NodeKind::File { track, size } => NodeKind::File {
            file: FileId::Track(track),
            size,
        },
        tree::NodeKind::Sidecar { sidecar, size } => NodeKind::File {
            file: FileId::Sidecar(sidecar),
            size,
        },
    };
    let (ino, parent) = (Ino(node.ino.0), Ino(node.parent.0));
    Node {
        ino,
        parent,
        name: node.name,
        kind,
        mtime_ns: node.mtime_ns,
    }
}

pub(crate) fn unreadable(error: &ViewError) -> FsError {
    FsError::new(fuse::ErrorKind::Io, error.to_string())
}

/// What the kernel is told of a change of the tree.
pub(crate) fn told_of(change: &projections::Change) -> Vec<fuse::Change> {
    use projections::Change;
    match change {
        Change::EntryAdded { parent, name } => vec![fuse::Change::EntryAdded {
            parent: Ino(parent.0),
            name: name.clone(),
        }],
        Change::EntryRemoved { parent, name, .. } => vec![fuse::Change::EntryRemoved {
            parent: Ino(parent.0),
            name: name.clone(),
        }],
        Change::DirectoryChanged { ino } => directory_changed(Ino(ino.0)),
        Change::FileChanged { ino } => vec![fuse::Change::FileChanged { ino: Ino(ino.0) }],
        Change::Everything => vec![fuse::Change::Everything],
    }
}

/// Its covers may be others.
fn directory_changed(directory: Ino) -> Vec<fuse::Change> {
    let covers = COVERS.iter().map(|(name, _)| fuse::Change::EntryRemoved {
        parent: directory,
        name: (*name).into(),
    });
    let itself = fuse::Change::DirectoryChanged { ino: directory };
    std::iter::once(itself).chain(covers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_have_inodes_of_their_own() {
        for directory in [Ino::ROOT, Ino(2), Ino(1 << 42)] {
            for number in 0..3 {
                let ino = cover(directory, number);
                assert!(!ino.is_special());
                assert_eq!(covered(ino), Some((directory, number)));
            }
        }
        let sidecar = tree::Ino::of_sidecar(eventlog::SidecarId((1 << 43) - 1));
        assert_eq!(covered(Ino(sidecar.0)), None);
        assert_eq!(covered(Ino(1 << 48)), None);
    }
}
