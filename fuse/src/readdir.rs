//! Listing a directory of the tree piece by piece. No directory is ever open here: the kernel asks for what
//! comes after a cookie, which tells all that there is to know.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;

use crate::attr::{Attr, LASTING, Owner};
use crate::errno::{ErrorKind, FsError};
use crate::library::{Ino, Library, Node, NodeKind};

/// Nodes fetched at once: a page of the kernel's takes about 25, a large one 6,000.
const BATCH: usize = 512;

/// Listings whose next nodes are kept; those of more are fetched again with every piece.
const KEPT: usize = 32;

/// Cookies tell where to go on: after `.`, after `..`, after the node with number `cookie - 2`.
const AFTER_DOT: u64 = 1;
const AFTER_DOTS: u64 = 2;

/// One name in a listing.
#[derive(Debug, Clone, Copy)]
pub struct DirEntry<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is; for `.` and `..` only the number and the kind count.
    pub attr: Attr,
    /// How long the kernel may keep its name and attributes.
    pub lifetime: Duration,
    /// The offset from which the listing goes on after it.
    pub next: u64,
}

/// Gets the entries of a listing, until it returns false.
pub(crate) type Take<'t> = dyn FnMut(&Node, DirEntry<'_>) -> bool + 't;

/// What was fetched for listings that are under way.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    /// The latest comes last.
    kept: Mutex<VecDeque<Ahead>>,
}

/// Nodes fetched and not yet taken, valid while nothing in the tree has changed: a reply made of
/// old nodes after the kernel was told of the change would be believed for ever.
#[derive(Debug)]
struct Ahead {
    place: Place,
    nodes: VecDeque<Node>,
    complete: bool,
}

/// How far a listing is, and of which state of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    directory: Ino,
    epoch: u64,
    offset: u64,
}

impl Listings {
    /// Gives a directory's entries from `offset` on to `take` until it returns false. `epoch` is the
    /// present state of the tree, read before this call.
    pub(crate) fn read(
        &self,
        library: &dyn Library,
        owner: &Owner,
        (directory, offset): (Ino, u64),
        epoch: u64,
        take: &mut Take<'_>,
    ) -> Result<(), FsError> {
        if offset < AFTER_DOTS && !read_dots(library, owner, directory, offset, take)? {
            return Ok(());
        }
        let place = Place {
            directory,
            epoch,
            offset: offset.max(AFTER_DOTS),
        };
        let mut ahead = self.take(place).unwrap_or(Ahead {
            place,
            nodes: VecDeque::new(),
            complete: false,
        });
        ahead.read(library, owner, take)?;
        // Where it gave nothing more, it is over.
        if ahead.place != place {
            self.keep(ahead);
        }
        Ok(())
    }

    fn take(&self, place: Place) -> Option<Ahead> {
        let mut kept = self.kept.lock();
        let at = kept.iter().position(|ahead| ahead.place == place)?;
        kept.remove(at)
    }

    fn keep(&self, ahead: Ahead) {
        let mut kept = self.kept.lock();
        let gone = (kept.len() == KEPT).then(|| kept.pop_front());
        kept.push_back(ahead);
        drop(kept);
        drop(gone);
    }

    /// Lets go of all that was fetched.
    pub(crate) fn clear(&self) {
        self.kept.lock().clear();
    }
}

impl Ahead {
    fn read(
        &mut self,
        library: &dyn Library,
        owner: &Owner,
        take: &mut Take<'_>,
    ) -> Result<(), FsError> {
        loop {
            while let Some(node) = self.nodes.front() {
                let next = node.ino.0 + AFTER_DOTS;
                if !take(node, entry(&node.name, owner.attr(node), next)) {
                    return Ok(());
                }
                self.place.offset = next;
                self.nodes.pop_front();
            }
            if self.complete {
                return Ok(());
            }
            let after = Ino(self.place.offset - AFTER_DOTS);
            let nodes = library.list(self.place.directory, after, BATCH)?;
            self.complete = nodes.len() < BATCH;
            self.nodes = nodes.into();
        }
    }
}

fn read_dots(
    library: &dyn Library,
    owner: &Owner,
    directory: Ino,
    offset: u64,
    take: &mut Take<'_>,
) -> Result<bool, FsError> {
    let node = library.node(directory)?.ok_or(ErrorKind::NotFound)?;
    if !matches!(node.kind, NodeKind::Directory { .. }) {
        return Err(ErrorKind::NotADirectory.into());
    }
    let attr = owner.attr(&node);
    if offset < AFTER_DOT && !take(&node, entry(".", attr, AFTER_DOT)) {
        return Ok(false);
    }
    let attr = Attr {
        ino: node.parent,
        ..attr
    };
    Ok(take(&node, entry("..", attr, AFTER_DOTS)))
}

fn entry(name: &str, attr: Attr, next: u64) -> DirEntry<'_> {
    DirEntry {
        name,
        attr,
        lifetime: LASTING,
        next,
    }
}
