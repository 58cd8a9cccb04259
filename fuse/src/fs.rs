//! Every operation of the filesystem, without the kernel's protocol.

mod attributes;
mod directories;
mod files;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use eventlog::TrackId;

pub use attributes::Statfs;
pub use files::{Closed, Opened, Opening};

use crate::attr::{Entry, LASTING, Owner};
use crate::audience::{Audience, Reading};
use crate::errno::{ErrorKind, FsError};
use crate::handles::Handles;
use crate::inodes::Inodes;
use crate::known::Known;
use crate::library::{FileId, Ino, Lane, Library, Node, NodeKind, Originals};
use crate::operations::{Operation, Operations, Timings};
use crate::special::{SpecialDir, Specials};
use crate::{readdir, special};
use files::OpenFile;

/// Longest name, in bytes.
const NAME_MAX: usize = 255;

/// A read-only filesystem that shows a library.
///
/// Each open handle on a file on this machine takes one file descriptor, unless the kernel reads
/// that file by itself (CAS-8); no other operation keeps one.
pub struct Filesystem {
    library: Arc<dyn Library>,
    originals: Arc<dyn Originals>,
    audiences: Vec<Arc<dyn Audience>>,
    specials: Specials,
    owner: Owner,
    files: Handles<OpenFile>,
    listings: readdir::Listings,
    generated: special::Listings,
    inodes: Inodes,
    known: Known,
    /// Counts changes of the tree; see [`readdir::Listings`].
    epoch: AtomicU64,
    operations: Operations,
}

impl Filesystem {
    /// A filesystem of this library.
    #[must_use]
    pub fn new(
        library: Arc<dyn Library>,
        originals: Arc<dyn Originals>,
        specials: Vec<Box<dyn SpecialDir>>,
        owner: Owner,
    ) -> Self {
        Self {
            library,
            originals,
            audiences: Vec::new(),
            specials: Specials::new(specials),
            owner,
            files: Handles::new(),
            listings: readdir::Listings::default(),
            generated: special::Listings::default(),
            inodes: Inodes::default(),
            known: Known::default(),
            epoch: AtomicU64::new(0),
            operations: Operations::default(),
        }
    }

    /// The same, with one more who is told of reads (CTL-4).
    #[must_use]
    pub fn with_audience(mut self, audience: Arc<dyn Audience>) -> Self {
        self.audiences.push(audience);
        self
    }

    /// What a directory has under a name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], also for names that are not UTF-8, since none is given.
    pub fn lookup(&self, parent: Ino, name: &OsStr) -> Result<Entry, FsError> {
        let _running = self.operations.begin(Operation::Lookup);
        // What is generated may be named by what somebody looks for.
        if name.len() > NAME_MAX && !parent.is_special() {
            return Err(ErrorKind::NameTooLong.into());
        }
        let name = name.to_str().ok_or(ErrorKind::NotFound)?;
        match name {
            // Asked by the NFS server, which comes back with nothing but a number.
            "." => self.give(parent),
            ".." if parent.is_special() => match self.specials.above(&self.owner, parent)? {
                Some(above) => Ok(above),
                None => self.give(Ino::ROOT),
            },
            ".." => self.give(self.parent(parent)?),
            _ if parent.is_special() => self
                .specials
                .lookup(&self.owner, parent, name)?
                .ok_or(ErrorKind::NotFound.into()),
            _ => {
                if parent == Ino::ROOT
                    && let Some(entry) = self.specials.at_root(&self.owner, name)?
                {
                    return Ok(entry);
                }
                let node = self
                    .library
                    .lookup(parent, name)?
                    .ok_or(ErrorKind::NotFound)?;
                self.known.gave(&node);
                Ok(self.lasting(&node))
            }
        }
    }

    /// What a number stands for.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where it stands for nothing any more.
    pub fn getattr(&self, ino: Ino) -> Result<Entry, FsError> {
        let _running = self.operations.begin(Operation::Getattr);
        self.entry(ino)
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where it is none: the tree has none.
    pub fn readlink(&self, ino: Ino) -> Result<Box<str>, FsError> {
        let _running = self.operations.begin(Operation::Readlink);
        if ino.is_special() {
            self.specials.target(ino)
        } else {
            Err(ErrorKind::Invalid.into())
        }
    }

    fn entry(&self, ino: Ino) -> Result<Entry, FsError> {
        if ino.is_special() {
            let attr = self.specials.attr(&self.owner, ino)?;
            return Ok(Entry {
                attr,
                lifetime: Duration::ZERO,
            });
        }
        self.node(ino).map(|node| self.lasting(&node))
    }

    /// What answers requests about a generated file or directory.
    pub(crate) fn special_lane(&self, ino: Ino) -> Lane {
        self.specials.lane(ino)
    }

    /// Tells that the kernel let go of a number it was given `times` times.
    pub fn forget(&self, ino: Ino, times: u64) {
        if ino.is_special() {
            self.specials.forgot(ino, times);
        } else {
            self.known.forgot(ino, times);
        }
    }

    /// What was answered so far, and how fast.
    #[must_use]
    pub fn timings(&self) -> Vec<Timings> {
        self.operations.timings()
    }

    /// The tracks that are open now, by the process that opened them; all opens of one by the same
    /// process are one. Known only where somebody is told of reads.
    #[must_use]
    pub fn being_read(&self) -> HashMap<(u32, TrackId), Reading> {
        let mut open: HashMap<(u32, TrackId), Reading> = HashMap::new();
        let files = self.files.values();
        for visit in files.iter().filter_map(|file| file.visit.as_ref()) {
            let (key, more) = ((visit.reader.process, visit.track), visit.reading());
            open.entry(key)
                .and_modify(|reading| {
                    reading.since = reading.since.min(more.since);
                    reading.bytes = reading.bytes.saturating_add(more.bytes);
                })
                .or_insert(more);
        }
        open
    }

    /// Tells that the tree has changed; comes before the kernel is told.
    pub(crate) fn tree_changed(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Directories and open files that the kernel may hold, and the names in the root it knows.
    pub(crate) fn known(&self) -> (Vec<Ino>, Vec<Box<str>>) {
        let mut inodes = self.known.directories();
        inodes.extend(self.files.values().iter().map(|file| file.ino));
        inodes.push(Ino::ROOT);
        inodes.sort_unstable();
        inodes.dedup();
        (inodes, self.known.root_names())
    }

    /// Closes whatever a session left open; its reads end here. Also for a mount that was detached
    /// while in use, once nothing is served any more.
    pub fn session_ended(&self) -> Vec<Closed> {
        let files = self.files.take();
        files.iter().for_each(|file| self.tell(file));
        self.listings.clear();
        self.generated.clear();
        self.inodes.clear();
        self.known.clear();
        files.into_iter().map(Closed::from).collect()
    }

    /// What a number stands for, which the kernel then holds once more.
    fn give(&self, ino: Ino) -> Result<Entry, FsError> {
        if ino.is_special() {
            self.specials.gave(ino);
        } else {
            self.known.gave(&self.node(ino)?);
        }
        self.entry(ino)
    }

    fn parent(&self, ino: Ino) -> Result<Ino, FsError> {
        if ino.is_special() {
            self.specials.parent(ino)
        } else {
            Ok(self.node(ino)?.parent)
        }
    }

    fn node(&self, ino: Ino) -> Result<Node, FsError> {
        self.library
            .node(ino)?
            .ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn lasting(&self, node: &Node) -> Entry {
        Entry {
            attr: self.owner.attr(node),
            lifetime: LASTING,
        }
    }

    fn file(&self, ino: Ino) -> Result<(FileId, u64), FsError> {
        if ino.is_special() {
            return Err(ErrorKind::Invalid.into());
        }
        match self.node(ino)?.kind {
            NodeKind::File { file, size } => Ok((file, size)),
            NodeKind::Directory { .. } => Err(ErrorKind::IsADirectory.into()),
        }
    }
}
