//! What the filesystem shows: the tree view, and the originals behind its files.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use eventlog::{Locator, OriginId, Revision, TrackId};
use fuse::{
    Attribute, FsError, Ino, Lane, Library as Shown, Located, Node, NodeKind, Original, Originals,
    Totals,
};
use origins::local::read_checked;
use origins::{Origin, OriginError, OriginFile, Registry};
use projections::{CatalogReader, TreeReader, ViewError, tree};
use tokio::runtime::Handle;

use crate::library::Library;

/// How long an origin on this machine may take to open or to read (ORG-9).
const LIMIT: Duration = Duration::from_secs(5);

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

fn unreadable(error: &ViewError) -> FsError {
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

/// Opens originals where the catalog says they are.
pub(crate) struct Sources {
    pub(crate) catalog: CatalogReader,
    pub(crate) registry: Arc<Registry>,
    pub(crate) library: Arc<Library>,
    pub(crate) runtime: Handle,
}

impl Sources {
    fn locator(&self, track: TrackId) -> Result<Locator, FsError> {
        let row = self
            .catalog
            .track(track)
            .map_err(|error| unreadable(&error))?;
        let row = row
            .filter(|row| row.living)
            .ok_or(fuse::ErrorKind::NotFound)?;
        Ok(row.locator)
    }
}

/// What a file of an origin on this machine hangs with: all others of that origin.
fn lane(origin: &OriginId) -> Lane {
    let mut hasher = DefaultHasher::new();
    origin.hash(&mut hasher);
    Lane {
        id: hasher.finish(),
        limit: LIMIT,
    }
}

impl Originals for Sources {
    fn locate(&self, track: TrackId) -> Result<Box<dyn Located>, FsError> {
        let locator = self.locator(track)?;
        let Some(origin) = self.registry.get(&locator.origin) else {
            let Locator { origin, path, .. } = locator;
            return Err(FsError::new(
                fuse::ErrorKind::Io,
                format!("cannot open {path}: the origin {origin} is not reachable"),
            ));
        };
        Ok(Box::new(Place {
            origin,
            locator,
            runtime: self.runtime.clone(),
        }))
    }

    fn attribute(&self, track: TrackId, attribute: Attribute) -> Result<Option<Vec<u8>>, FsError> {
        if attribute == Attribute::TrackId {
            return Ok(Some(track.to_string().into_bytes()));
        }
        let row = self
            .catalog
            .track(track)
            .map_err(|error| unreadable(&error))?;
        let row = row.ok_or(fuse::ErrorKind::NotFound)?;
        Ok(match attribute {
            Attribute::Origin => Some(row.locator.origin.to_string().into_bytes()),
            Attribute::Path => Some(row.locator.path.as_bytes().to_vec()),
            Attribute::ContentHash => Some(row.media.content.to_string().into_bytes()),
            Attribute::Cached => Some(b"1".to_vec()),
            Attribute::TrackId | Attribute::Overlay => None,
        })
    }

    fn changed(&self, track: TrackId) {
        if let Ok(locator) = self.locator(track) {
            self.library.suspect(&locator.origin, locator.path.parent());
        }
    }
}

/// Where one original is.
struct Place {
    origin: Arc<dyn Origin>,
    locator: Locator,
    runtime: Handle,
}

impl Located for Place {
    fn lane(&self) -> Lane {
        lane(&self.locator.origin)
    }

    fn open(self: Box<Self>) -> Result<Box<dyn Original>, FsError> {
        let Locator { path, revision, .. } = self.locator;
        // What the library could not read may be readable by now: the open decides.
        let revision = Revision {
            tag: None,
            ..revision
        };
        let opened = self
            .origin
            .open_here(&path, &revision)
            .unwrap_or_else(|| self.runtime.block_on(self.origin.open(&path, &revision)));
        let file = opened.map_err(|error| refused(&error))?;
        Ok(Box::new(Source {
            file,
            runtime: self.runtime,
        }))
    }
}

/// One original, open.
struct Source {
    file: Arc<dyn OriginFile>,
    runtime: Handle,
}

impl Original for Source {
    fn revision(&self) -> &Revision {
        self.file.revision()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, FsError> {
        if let Some(file) = self.file.local() {
            return read_checked(file, self.file.revision(), buffer, offset)
                .map_err(|error| refused(&error));
        }
        let bytes = self
            .runtime
            .block_on(self.file.read_at(offset, buffer.len()))
            .map_err(|error| refused(&error))?;
        let len = bytes.len().min(buffer.len());
        buffer
            .iter_mut()
            .zip(&bytes)
            .for_each(|(to, from)| *to = *from);
        Ok(len)
    }

    fn file(&self) -> Option<&File> {
        self.file.disk()
    }
}

/// An origin's refusal, in the filesystem's words.
fn refused(error: &OriginError) -> FsError {
    let kind = match error.kind {
        // The library has it: it went away a moment ago, and the watcher will say so.
        origins::ErrorKind::NotFound | origins::ErrorKind::Changed => fuse::ErrorKind::Stale,
        origins::ErrorKind::Denied => fuse::ErrorKind::Denied,
        origins::ErrorKind::Exhausted => fuse::ErrorKind::TooManyFiles,
        _ => fuse::ErrorKind::Io,
    };
    FsError::new(kind, error.message.clone())
}
