//! Listing a directory piece by piece.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;

use crate::attr::{Attr, LASTING, Owner};
use crate::errno::{ErrorKind, FsError};
use crate::library::{Ino, Library, Node};

/// Nodes fetched at once: a page of the kernel's takes about 25, a large one 6,000.
const BATCH: usize = 512;

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

/// An open directory.
#[derive(Debug)]
pub(crate) struct Listing {
    directory: Ino,
    ahead: Mutex<Ahead>,
}

/// Nodes fetched and not yet taken, valid while nothing in the tree has changed: a reply made of
/// old nodes after the kernel was told of the change would be believed for ever.
#[derive(Debug, Default)]
struct Ahead {
    epoch: u64,
    offset: u64,
    nodes: VecDeque<Node>,
    complete: bool,
}

impl Listing {
    pub(crate) fn new(directory: Ino) -> Self {
        Self {
            directory,
            ahead: Mutex::default(),
        }
    }

    /// Gives entries from `offset` on to `take` until it returns false. `epoch` is the present
    /// state of the tree, read before this call.
    pub(crate) fn read(
        &self,
        library: &dyn Library,
        owner: &Owner,
        offset: u64,
        epoch: u64,
        take: &mut dyn FnMut(&Node, DirEntry<'_>) -> bool,
    ) -> Result<(), FsError> {
        if offset < AFTER_DOTS && !self.read_dots(library, owner, offset, take)? {
            return Ok(());
        }
        let mut ahead = self.ahead.lock();
        let offset = offset.max(AFTER_DOTS);
        if ahead.epoch != epoch || ahead.offset != offset {
            *ahead = Ahead {
                epoch,
                offset,
                ..Ahead::default()
            };
        }
        loop {
            while let Some(node) = ahead.nodes.front() {
                let next = node.ino.0 + AFTER_DOTS;
                if !take(node, entry(&node.name, owner.attr(node), next)) {
                    return Ok(());
                }
                ahead.offset = next;
                ahead.nodes.pop_front();
            }
            if ahead.complete {
                return Ok(());
            }
            let after = Ino(ahead.offset - AFTER_DOTS);
            let nodes = library.list(self.directory, after, BATCH)?;
            ahead.complete = nodes.len() < BATCH;
            ahead.nodes = nodes.into();
        }
    }

    fn read_dots(
        &self,
        library: &dyn Library,
        owner: &Owner,
        offset: u64,
        take: &mut dyn FnMut(&Node, DirEntry<'_>) -> bool,
    ) -> Result<bool, FsError> {
        let node = library.node(self.directory)?.ok_or(ErrorKind::NotFound)?;
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
}

fn entry(name: &str, attr: Attr, next: u64) -> DirEntry<'_> {
    DirEntry {
        name,
        attr,
        lifetime: LASTING,
        next,
    }
}
