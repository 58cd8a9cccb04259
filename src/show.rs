//! What the filesystem shows: the tree view, in its words.

use fuse::{FsError, Ino, Library as Shown, Node, NodeKind, Totals};
use projections::{TreeReader, ViewError, tree};

/// The tree view, in the filesystem's words.
pub(crate) struct Tree(pub(crate) TreeReader);

impl Shown for Tree {
    fn node(&self, ino: Ino) -> Result<Option<Node>, FsError> {
        Ok(self
            .0
            .node(tree::Ino(ino.0))
            .map_err(|error| unreadable(&error))?
            .map(node))
    }

    fn lookup(&self, parent: Ino, name: &str) -> Result<Option<Node>, FsError> {
        Ok(self
            .0
            .lookup(tree::Ino(parent.0), name)
            .map_err(|error| unreadable(&error))?
            .map(node))
    }

    fn list(&self, directory: Ino, after: Ino, limit: usize) -> Result<Vec<Node>, FsError> {
        let nodes = self
            .0
            .list(tree::Ino(directory.0), tree::Ino(after.0), limit);
        Ok(nodes
            .map_err(|error| unreadable(&error))?
            .into_iter()
            .map(node)
            .collect())
    }

    fn totals(&self) -> Result<Totals, FsError> {
        let stats = self.0.stats().map_err(|error| unreadable(&error))?;
        Ok(Totals {
            nodes: stats.files + stats.directories + 1,
            bytes: stats.bytes,
        })
    }
}

fn node(node: tree::Node) -> Node {
    let kind = match node.kind {
        tree::NodeKind::Directory { subdirectories } => NodeKind::Directory {
            subdirectories: u32::try_from(subdirectories).unwrap_or(u32::MAX),
        },
        tree::NodeKind::File { track, size } => NodeKind::File { track, size },
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

/// A change of the tree, in the filesystem's words.
pub(crate) fn change(change: &projections::Change) -> fuse::Change {
    use projections::Change;
    match change {
        Change::EntryAdded { parent, name } => fuse::Change::EntryAdded {
            parent: Ino(parent.0),
            name: name.clone(),
        },
        Change::EntryRemoved { parent, name, .. } => fuse::Change::EntryRemoved {
            parent: Ino(parent.0),
            name: name.clone(),
        },
        Change::DirectoryChanged { ino } => fuse::Change::DirectoryChanged { ino: Ino(ino.0) },
        Change::FileChanged { ino } => fuse::Change::FileChanged { ino: Ino(ino.0) },
        Change::Everything => fuse::Change::Everything,
    }
}
