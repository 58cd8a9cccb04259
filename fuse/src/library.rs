//! What the filesystem shows, and where the bytes come from: the two contracts that the rest of
//! the house keeps for it.

use std::fmt;
use std::fs::File;
use std::time::Duration;

use eventlog::{Revision, SidecarId, TrackId};

use crate::errno::FsError;

/// An inode number. Comes out of the log, and is never used for anything else (FS-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ino(pub u64);

impl Ino {
    /// The root directory.
    pub const ROOT: Self = Self(1);
    /// From here on numbers belong to [`crate::special`] and live as long as the session.
    pub const FIRST_SPECIAL: Self = Self(1 << 48);

    /// True for generated files and directories, which the log knows nothing of.
    #[must_use]
    pub const fn is_special(self) -> bool {
        self.0 >= Self::FIRST_SPECIAL.0
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
    /// Its number.
    pub ino: Ino,
    /// The directory it is in; the root is its own parent.
    pub parent: Ino,
    /// Its name there; empty for the root.
    pub name: Box<str>,
    /// What it is.
    pub kind: NodeKind,
    /// Last modification, nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A directory.
    Directory {
        /// Directories directly in it: programs derive the link count, and from that whether to
        /// descend, from this.
        subdirectories: u32,
    },
    /// A file.
    File {
        /// What it shows.
        file: FileId,
        /// Bytes served, exact before the first open.
        size: u64,
    },
}

/// What a file of the tree shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileId {
    /// A track.
    Track(TrackId),
    /// A file that an origin has beside tracks (FS-11).
    Sidecar(SidecarId),
    /// The picture that stands for a directory (FIND-4).
    Cover {
        /// The directory that it is in.
        directory: Ino,
        /// How large it is shown.
        size: CoverSize,
    },
}

impl FileId {
    /// The track that is shown, where it is one.
    #[must_use]
    pub const fn track(self) -> Option<TrackId> {
        match self {
            Self::Track(track) => Some(track),
            Self::Sidecar(_) | Self::Cover { .. } => None,
        }
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Track(track) => write!(f, "track {track}"),
            Self::Sidecar(sidecar) => write!(f, "sidecar {sidecar}"),
            Self::Cover { directory, .. } => write!(f, "the cover of directory {directory}"),
        }
    }
}

/// How large a cover is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoverSize {
    /// As it is, in the bytes of its own.
    Original,
    /// At most 300 by 300 pixels.
    Medium,
    /// At most 150 by 150 pixels.
    Thumb,
}

/// The size of the whole library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Files and directories, the root included.
    pub nodes: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// The tree. Every call is answered from this machine at once; none touches an origin (FS-5).
pub trait Library: Send + Sync + 'static {
    /// The node with this number, if there is one now.
    ///
    /// # Errors
    /// Where the view cannot be read.
    fn node(&self, ino: Ino) -> Result<Option<Node>, FsError>;

    /// The node of this name in a directory.
    ///
    /// # Errors
    /// Where the view cannot be read.
    fn lookup(&self, parent: Ino, name: &str) -> Result<Option<Node>, FsError>;

    /// Nodes in a directory with numbers above `after`, ascending, at most `limit`. Fewer than
    /// `limit` means that there are no more.
    ///
    /// # Errors
    /// Where the view cannot be read.
    fn list(&self, directory: Ino, after: Ino, limit: usize) -> Result<Vec<Node>, FsError>;

    /// The library's size.
    ///
    /// # Errors
    /// Where the view cannot be read.
    fn totals(&self) -> Result<Totals, FsError>;
}

/// What stops answering together, such as all files of one disk. Requests of one lane never hold up
/// those of another, and each ends within the lane's limit (UP-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Which.
    pub id: u64,
    /// How long a request may take before it is answered with EIO (ORG-9).
    pub limit: Duration,
}

impl Lane {
    /// What needs no origin: the lane of one of the special directories.
    pub(crate) const fn generated(index: usize) -> Self {
        Self {
            id: index as u64,
            limit: Duration::from_secs(5),
        }
    }
}

/// The bytes behind the files.
pub trait Originals: Send + Sync + 'static {
    /// Finds where a file's bytes come from. Answered at once, without touching an origin.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] where the library has no such file any more,
    /// [`crate::ErrorKind::Io`] where no origin that has it is reachable.
    fn locate(&self, file: FileId) -> Result<Box<dyn Located>, FsError>;

    /// The value of an extended attribute; `None` where the file has none. Answered at once,
    /// without touching an origin.
    ///
    /// # Errors
    /// Where the views cannot be read.
    fn attribute(&self, file: FileId, attribute: Attribute) -> Result<Option<Vec<u8>>, FsError>;

    /// Told when a reader met a file that is not in the state that the library expects: a hint to
    /// look at it again. Returns at once.
    fn changed(&self, file: FileId);
}

/// A file found where its bytes are, and not touched yet.
pub trait Located: Send + 'static {
    /// What it hangs with.
    fn lane(&self) -> Lane;

    /// Opens it at the revision that the library expects. May take as long as the origin does; comes
    /// from threads on which nothing else waits.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Stale`] where the file is in another state than expected,
    /// [`crate::ErrorKind::Denied`] where this process may not read it,
    /// [`crate::ErrorKind::Io`] where no origin that has it answers.
    fn open(self: Box<Self>) -> Result<Box<dyn Original>, FsError>;
}

/// A file opened at one revision. Dropping it closes it, which may wait for its origin.
pub trait Original: Send + Sync + 'static {
    /// The state of the bytes served, and their number: opens with equal revisions serve equal
    /// bytes.
    fn revision(&self) -> &Revision;

    /// Fills `buffer` from `offset`; returns the bytes read, fewer than asked only at the end. May
    /// take as long as the origin does.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Stale`] once the file has left its revision: bytes of two states are
    /// never mixed (FS-6). [`crate::ErrorKind::Io`] where no origin answers in time.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, FsError>;

    /// The open file, where the bytes served are exactly those of a file on a disk of this machine:
    /// the kernel may then read it without asking (CAS-8), and no time limit is kept.
    fn file(&self) -> Option<&File>;
}

/// Extended attributes that files have (FS-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// The track's id.
    TrackId,
    /// The origin that serves it.
    Origin,
    /// The original's path there, bytes as the origin has them.
    Path,
    /// The identity of the content.
    ContentHash,
    /// The share of bytes present on this machine, `0` to `1`.
    Cached,
    /// Which fields are overlaid.
    Overlay,
}

impl Attribute {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::TrackId,
        Self::Origin,
        Self::Path,
        Self::ContentHash,
        Self::Cached,
        Self::Overlay,
    ];

    /// The name that programs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TrackId => "user.musicfs.track_id",
            Self::Origin => "user.musicfs.origin",
            Self::Path => "user.musicfs.path",
            Self::ContentHash => "user.musicfs.content_hash",
            Self::Cached => "user.musicfs.cached",
            Self::Overlay => "user.musicfs.overlay",
        }
    }

    /// The attribute of that name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|attribute| attribute.name().as_bytes() == name)
    }
}
