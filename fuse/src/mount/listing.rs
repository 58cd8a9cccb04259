//! Replies that list a directory: with names only, or with what a lookup of each would give.

use fuser::{INodeNo, ReplyDirectory, ReplyDirectoryPlus};

use super::convert::{self, errno};
use crate::errno::FsError;
use crate::pool::TimedOut;
use crate::readdir::DirEntry;

/// One of both.
pub(super) trait ListReply: TimedOut + Sized {
    /// What it answers, as it is logged.
    const OPERATION: &'static str;
    /// True where the kernel keeps each entry as if it had looked it up.
    const HELD: bool;

    /// Adds an entry; false where there is no room for it.
    fn add_entry(&mut self, entry: DirEntry<'_>) -> bool;

    /// Sends what was added.
    fn send(self);

    /// Answers with an error instead.
    fn refuse(self, error: &FsError);

    /// Answers with the entries that `read` gives, as many as fit.
    fn fill(
        mut self,
        read: impl FnOnce(&mut dyn FnMut(DirEntry<'_>) -> bool) -> Result<(), FsError>,
    ) {
        match read(&mut |entry| self.add_entry(entry)) {
            Ok(()) => self.send(),
            Err(error) => self.refuse(&error),
        }
    }
}

impl ListReply for ReplyDirectory {
    const OPERATION: &'static str = "readdir";
    const HELD: bool = false;

    fn add_entry(&mut self, entry: DirEntry<'_>) -> bool {
        let kind = convert::file_type(entry.attr.kind);
        !self.add(INodeNo(entry.attr.ino.0), entry.next, kind, entry.name)
    }

    fn send(self) {
        self.ok();
    }

    fn refuse(self, error: &FsError) {
        self.error(errno(Self::OPERATION, error));
    }
}

impl ListReply for ReplyDirectoryPlus {
    const OPERATION: &'static str = "readdirplus";
    const HELD: bool = true;

    fn add_entry(&mut self, entry: DirEntry<'_>) -> bool {
        let attr = convert::attr(&entry.attr);
        let (next, lifetime) = (entry.next, entry.lifetime);
        !self.add(
            attr.ino,
            next,
            entry.name,
            &lifetime,
            &attr,
            convert::GENERATION,
        )
    }

    fn send(self) {
        self.ok();
    }

    fn refuse(self, error: &FsError) {
        self.error(errno(Self::OPERATION, error));
    }
}
