//! Every operation of the filesystem, without the kernel's protocol.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use eventlog::TrackId;

use crate::attr::{Attr, Entry, LASTING, Owner};
use crate::errno::{ErrorKind, FsError};
use crate::handles::Handles;
use crate::inodes::{Backing, Caching, Inodes};
use crate::known::Known;
use crate::library::{Attribute, Ino, Library, Node, NodeKind, Original, Originals};
use crate::readdir::{DirEntry, Listing};
use crate::special::{SpecialDir, Specials};

/// Longest name, in bytes.
pub(crate) const NAME_MAX: usize = 255;
/// The unit in which `statfs` counts.
const BLOCK: u64 = 4096;

/// A read-only filesystem that shows a library.
///
/// Each open handle on a file on this machine takes one file descriptor, unless the kernel reads
/// that file by itself (CAS-8); no other operation keeps one.
pub struct Filesystem {
    library: Arc<dyn Library>,
    originals: Arc<dyn Originals>,
    specials: Specials,
    owner: Owner,
    files: Handles<OpenFile>,
    directories: Handles<OpenDirectory>,
    inodes: Inodes,
    known: Known,
    /// Counts changes of the tree; see [`Listing`].
    epoch: AtomicU64,
    operations: AtomicU64,
}

struct OpenFile {
    ino: Ino,
    caching: Caching,
    bytes: Bytes,
}

enum Bytes {
    Original {
        track: TrackId,
        original: Box<dyn Original>,
    },
    Generated(Arc<[u8]>),
    /// The kernel has them.
    Passed,
}

enum OpenDirectory {
    Tree(Listing),
    Special(Vec<(String, Attr)>),
}

/// What an open gives.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub handle: u64,
    /// How the kernel serves it.
    pub caching: Caching,
}

/// What `statfs` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statfs {
    /// Blocks in all, all of them used.
    pub blocks: u64,
    /// Bytes a block.
    pub block_size: u32,
    /// Files and directories.
    pub files: u64,
    /// Longest name, in bytes.
    pub name_max: u32,
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
            specials: Specials::new(specials),
            owner,
            files: Handles::new(),
            directories: Handles::new(),
            inodes: Inodes::default(),
            known: Known::default(),
            epoch: AtomicU64::new(0),
            operations: AtomicU64::new(0),
        }
    }

    /// What a directory has under a name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], also for names that are not UTF-8, since none is given.
    pub fn lookup(&self, parent: Ino, name: &OsStr) -> Result<Entry, FsError> {
        self.count();
        if name.len() > NAME_MAX {
            return Err(ErrorKind::NameTooLong.into());
        }
        let name = name.to_str().ok_or(ErrorKind::NotFound)?;
        match name {
            // Asked by the NFS server, which comes back with nothing but a number.
            "." => self.entry(parent),
            ".." => self.entry(self.parent(parent)?),
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
        self.count();
        if ino.is_special() {
            let attr = self.specials.attr(&self.owner, ino)?;
            return Ok(Entry {
                attr,
                lifetime: Duration::ZERO,
            });
        }
        self.node(ino).map(|node| self.lasting(&node))
    }

    /// Tells that the kernel let go of a number it was given `times` times.
    pub fn forget(&self, ino: Ino, times: u64) {
        if ino.is_special() {
            self.specials.forgot(ino, times);
        } else {
            self.known.forgot(ino, times);
        }
    }

    /// Opens a file for reading. May take as long as the origin does.
    ///
    /// `register` asks the session for passthrough of a file, and answers at once.
    ///
    /// # Errors
    /// [`ErrorKind::Stale`] where the original is not what the library knows: the owner of the
    /// originals is told. [`ErrorKind::Busy`] while the kernel reads an earlier state by itself.
    pub fn open(
        &self,
        ino: Ino,
        register: &dyn Fn(&File) -> Option<Backing>,
    ) -> Result<Opened, FsError> {
        self.count();
        if ino.is_special() {
            let bytes = Bytes::Generated(self.specials.open(ino)?);
            return Ok(self.opened(OpenFile {
                ino,
                caching: Caching::Direct,
                bytes,
            }));
        }
        let (track, size) = self.track(ino)?;
        let original = self
            .originals
            .open(track)
            .inspect_err(|error| self.report(track, error))?;
        let actual = original.revision().size;
        if actual != size {
            self.originals.changed(track);
            return Err(FsError::new(
                ErrorKind::Stale,
                format!("track {track} has {actual} bytes, {size} were expected; rescanning it"),
            ));
        }
        let caching = self.inodes.open(ino, original.as_ref(), register)?;
        let bytes = match caching {
            Caching::Passthrough(_) => Bytes::Passed,
            Caching::Pages { .. } | Caching::Direct => Bytes::Original { track, original },
        };
        Ok(self.opened(OpenFile {
            ino,
            caching,
            bytes,
        }))
    }

    /// Reads into `buffer`; fewer bytes than it takes only at the file's end. May take as long as
    /// the origin does.
    ///
    /// # Errors
    /// [`ErrorKind::Stale`] once the original has changed.
    pub fn read(&self, handle: u64, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        self.count();
        let file = self.files.get(handle).ok_or(ErrorKind::BadHandle)?;
        match &file.bytes {
            Bytes::Original { track, original } => original
                .read_at(buffer, offset)
                .inspect_err(|error| self.report(*track, error)),
            Bytes::Generated(content) => {
                let rest = usize::try_from(offset)
                    .ok()
                    .and_then(|start| content.get(start..));
                let piece = rest.unwrap_or_default();
                let len = piece.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..len), piece.get(..len)) {
                    to.copy_from_slice(from);
                }
                Ok(len)
            }
            Bytes::Passed => Err(FsError::new(
                ErrorKind::Bug,
                format!(
                    "inode {} is passed through and was read nevertheless",
                    file.ino
                ),
            )),
        }
    }

    /// Closes a file.
    pub fn release(&self, handle: u64) {
        if let Some(file) = self.files.remove(handle) {
            self.inodes.close(file.ino, &file.caching);
        }
    }

    /// Opens a directory; the flag tells whether the kernel may keep its listing until told
    /// otherwise.
    ///
    /// # Errors
    /// [`ErrorKind::NotADirectory`].
    pub fn opendir(&self, ino: Ino) -> Result<(u64, bool), FsError> {
        self.count();
        if ino.is_special() {
            let mut entries = vec![
                (".".to_owned(), self.specials.attr(&self.owner, ino)?),
                ("..".to_owned(), self.entry(self.parent(ino)?)?.attr),
            ];
            entries.extend(self.specials.list(&self.owner, ino)?);
            return Ok((
                self.directories.insert(OpenDirectory::Special(entries)),
                false,
            ));
        }
        match self.node(ino)?.kind {
            NodeKind::File { .. } => Err(ErrorKind::NotADirectory.into()),
            NodeKind::Directory { .. } => Ok((
                self.directories
                    .insert(OpenDirectory::Tree(Listing::new(ino))),
                true,
            )),
        }
    }

    /// Gives the entries of an open directory from `offset` on to `take` until that returns false.
    /// With `held` the kernel keeps each entry taken as if it had looked it up.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`], or where the tree cannot be read.
    pub fn readdir(
        &self,
        handle: u64,
        offset: u64,
        held: bool,
        take: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<(), FsError> {
        self.count();
        let directory = self.directories.get(handle).ok_or(ErrorKind::BadHandle)?;
        match &*directory {
            OpenDirectory::Tree(listing) => {
                let epoch = self.epoch.load(Ordering::Acquire);
                let owner = &self.owner;
                listing.read(
                    self.library.as_ref(),
                    owner,
                    offset,
                    epoch,
                    &mut |node, entry| {
                        let taken = take(entry);
                        if taken && held && !matches!(entry.name, "." | "..") {
                            self.known.gave(node);
                        }
                        taken
                    },
                )
            }
            OpenDirectory::Special(entries) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                for (next, (name, attr)) in (1..).zip(entries).skip(start) {
                    if !take(DirEntry {
                        name,
                        attr: *attr,
                        lifetime: Duration::ZERO,
                        next,
                    }) {
                        break;
                    }
                    if held && !matches!(name.as_str(), "." | "..") {
                        self.specials.gave(attr.ino);
                    }
                }
                Ok(())
            }
        }
    }

    /// Closes a directory.
    pub fn releasedir(&self, handle: u64) {
        self.directories.remove(handle);
    }

    /// The size of the library, in which the root counts as one block (FS-7).
    ///
    /// # Errors
    /// Where the views cannot be read.
    pub fn statfs(&self) -> Result<Statfs, FsError> {
        self.count();
        let totals = self.library.totals()?;
        Ok(Statfs {
            blocks: totals.bytes.div_ceil(BLOCK) + 1,
            block_size: BLOCK as u32,
            files: totals.nodes.max(1),
            name_max: NAME_MAX as u32,
        })
    }

    /// The value of an extended attribute.
    ///
    /// # Errors
    /// [`ErrorKind::NoAttribute`].
    pub fn getxattr(&self, ino: Ino, name: &OsStr) -> Result<Vec<u8>, FsError> {
        self.count();
        // File managers ask for many names that nothing here has: answered without a lookup.
        let attribute = Attribute::from_name(name.as_bytes()).ok_or(ErrorKind::NoAttribute)?;
        let (track, _) = self.track(ino).map_err(|_| ErrorKind::NoAttribute)?;
        self.originals
            .attribute(track, attribute)?
            .ok_or_else(|| ErrorKind::NoAttribute.into())
    }

    /// The names of a file's extended attributes, each ended by NUL.
    ///
    /// # Errors
    /// Where the views cannot be read.
    pub fn listxattr(&self, ino: Ino) -> Result<Vec<u8>, FsError> {
        self.count();
        let mut names = Vec::new();
        let Ok((track, _)) = self.track(ino) else {
            return Ok(names);
        };
        for attribute in Attribute::ALL {
            if self.originals.attribute(track, attribute)?.is_some() {
                names.extend_from_slice(attribute.name().as_bytes());
                names.push(0);
            }
        }
        Ok(names)
    }

    /// Open handles on files.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.files.len()
    }

    /// Operations answered so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
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

    /// Closes whatever a session left open.
    pub(crate) fn session_ended(&self) {
        self.files.clear();
        self.directories.clear();
        self.inodes.clear();
        self.known.clear();
    }

    fn opened(&self, file: OpenFile) -> Opened {
        let caching = file.caching.clone();
        Opened {
            handle: self.files.insert(file),
            caching,
        }
    }

    fn report(&self, track: TrackId, error: &FsError) {
        if error.kind == ErrorKind::Stale {
            self.originals.changed(track);
        }
    }

    fn entry(&self, ino: Ino) -> Result<Entry, FsError> {
        self.getattr(ino)
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

    fn track(&self, ino: Ino) -> Result<(TrackId, u64), FsError> {
        if ino.is_special() {
            return Err(ErrorKind::Invalid.into());
        }
        match self.node(ino)?.kind {
            NodeKind::File { track, size } => Ok((track, size)),
            NodeKind::Directory { .. } => Err(ErrorKind::IsADirectory.into()),
        }
    }
}
