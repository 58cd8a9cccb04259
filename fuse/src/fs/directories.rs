//! Listing directories.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Filesystem;
use crate::attr::Attr;
use crate::errno::{ErrorKind, FsError};
use crate::library::{Ino, NodeKind};
use crate::operations::Operation;
use crate::readdir::{DirEntry, Listing};

/// `.` and `..`, which come first.
const LINKS: usize = 2;

pub(super) enum OpenDirectory {
    Tree(Listing),
    Special(Vec<(String, Attr)>),
}

impl Filesystem {
    /// Opens a directory; the flag tells whether the kernel may keep its listing until told
    /// otherwise.
    ///
    /// # Errors
    /// [`ErrorKind::NotADirectory`].
    pub fn opendir(&self, ino: Ino) -> Result<(u64, bool), FsError> {
        let _running = self.operations.begin(Operation::Opendir);
        if ino.is_special() {
            let mut entries = vec![
                (".".to_owned(), self.specials.attr(&self.owner, ino)?),
                ("..".to_owned(), self.getattr(self.parent(ino)?)?.attr),
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
        let _running = self.operations.begin(Operation::Readdir);
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
        let closed = self.directories.remove(handle);
        if let Some(OpenDirectory::Special(entries)) = closed.as_deref() {
            let listed = entries.iter().skip(LINKS);
            listed.for_each(|(_, attr)| self.specials.forgot(attr.ino, 1));
        }
    }
}
