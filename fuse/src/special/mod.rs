//! Generated files and directories at the root, such as `.status`.
//!
//! They are reached by name and left out of listings, so that `cp -r`, `rsync` and media servers
//! see the library and nothing else.

mod inodes;
mod listing;
pub mod status;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(crate) use inodes::Place;
use inodes::SpecialInodes;
pub(crate) use listing::{Cookie, Listing, Listings};

use crate::attr::{Attr, Entry, Owner};
use crate::errno::{ErrorKind, FsError};
use crate::inodes::Caching;
use crate::library::{Ino, Lane};

/// What is at a path of a special directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A directory.
    Directory,
    /// A file with this content, as it is now.
    File(Arc<[u8]>),
    /// A symbolic link to this path.
    Link(Box<str>),
}

/// A directory at the root whose content is made when it is looked at. Paths are relative to it,
/// parts joined by `/`; the empty path is the directory itself.
pub trait SpecialDir: Send + Sync + 'static {
    /// Its name in the root, which begins with a dot.
    fn name(&self) -> &'static str;

    /// What is at a path; answered within moments, without touching an origin.
    ///
    /// # Errors
    /// Where it cannot be told.
    fn item(&self, path: &str) -> Result<Option<Item>, FsError>;

    /// What is in the directory at a path, in the order of the listing.
    ///
    /// # Errors
    /// Where it cannot be told.
    fn list(&self, path: &str) -> Result<Vec<(String, Item)>, FsError>;

    /// True where files stay what they are from one look to the next, unless the library changes: the
    /// kernel then reads them by its pages. Others are asked for anew with every read, which programs that
    /// read by io_uring cannot stand: Linux repeats to them what comes short of what they asked for.
    fn is_steady(&self) -> bool {
        false
    }

    /// Told that a program has opened the file at a path for reading, or followed the link there. Returns
    /// at once.
    fn opened(&self, _path: &str) {}
}

/// All special directories, and the numbers of what was looked up in them.
pub(crate) struct Specials {
    directories: Vec<Box<dyn SpecialDir>>,
    inodes: Arc<SpecialInodes>,
}

impl Specials {
    pub(crate) fn new(directories: Vec<Box<dyn SpecialDir>>) -> Self {
        Self {
            directories,
            inodes: Arc::new(SpecialInodes::new()),
        }
    }

    /// A special directory by its name in the root.
    pub(crate) fn at_root(&self, owner: &Owner, name: &str) -> Result<Option<Entry>, FsError> {
        let found = self
            .directories
            .iter()
            .position(|directory| directory.name() == name);
        let Some(index) = found else { return Ok(None) };
        let path = "".into();
        self.give(owner, Place { index, path })
    }

    pub(crate) fn lookup(
        &self,
        owner: &Owner,
        parent: Ino,
        name: &str,
    ) -> Result<Option<Entry>, FsError> {
        let parent = self.inodes.place(parent).ok_or(ErrorKind::NotFound)?;
        self.give(owner, parent.child(name))
    }

    pub(crate) fn attr(&self, owner: &Owner, ino: Ino) -> Result<Attr, FsError> {
        let item = self.item(&self.place(ino)?)?.ok_or(ErrorKind::NotFound)?;
        Ok(attr(owner, ino, &item))
    }

    /// The number of a special directory's parent, the root's where it lies there, or where nobody holds
    /// the parent.
    pub(crate) fn parent(&self, ino: Ino) -> Result<Ino, FsError> {
        let parent = self.place(ino)?.parent();
        let number = parent.and_then(|parent| self.inodes.number(&parent));
        Ok(number.unwrap_or(Ino::ROOT))
    }

    /// What is above a directory, which the kernel then holds; `None` where that is the root.
    pub(crate) fn above(&self, owner: &Owner, ino: Ino) -> Result<Option<Entry>, FsError> {
        let Some(parent) = self.place(ino)?.parent() else {
            return Ok(None);
        };
        let above = self.give(owner, parent)?;
        above.map(Some).ok_or(ErrorKind::NotFound.into())
    }

    /// What answers requests about a number, or a name in it: no directory holds up another.
    pub(crate) fn lane(&self, ino: Ino) -> Lane {
        let index = self.inodes.place(ino).map_or(0, |place| place.index);
        Lane::generated(index)
    }

    /// How the kernel serves a file.
    pub(crate) fn caching(&self, ino: Ino) -> Result<Caching, FsError> {
        let is_steady = self.directory(&self.place(ino)?)?.is_steady();
        Ok(if is_steady {
            Caching::Pages { keep: false }
        } else {
            Caching::Direct
        })
    }

    /// The content of a file, as it is now.
    pub(crate) fn open(&self, ino: Ino) -> Result<Arc<[u8]>, FsError> {
        let place = self.place(ino)?;
        match self.item(&place)?.ok_or(ErrorKind::NotFound)? {
            Item::Directory => Err(ErrorKind::IsADirectory.into()),
            Item::Link(_) => Err(ErrorKind::Invalid.into()),
            Item::File(content) => {
                self.directory(&place)?.opened(&place.path);
                Ok(content)
            }
        }
    }

    /// Where a symbolic link leads.
    pub(crate) fn target(&self, ino: Ino) -> Result<Box<str>, FsError> {
        let place = self.place(ino)?;
        match self.item(&place)?.ok_or(ErrorKind::NotFound)? {
            Item::Link(target) => {
                self.directory(&place)?.opened(&place.path);
                Ok(target)
            }
            Item::Directory | Item::File(_) => Err(ErrorKind::Invalid.into()),
        }
    }

    /// What a directory holds now; `above` is the directory that it is in.
    pub(crate) fn list(&self, owner: &Owner, ino: Ino, above: Attr) -> Result<Listing, FsError> {
        let place = self.place(ino)?;
        let own = self.item(&place)?.ok_or(ErrorKind::NotFound)?;
        let items = self.directory(&place)?.list(&place.path)?.into_iter();
        let numbered = items.map(|(name, item)| {
            let ino = self.inodes.give(place.child(&name));
            (name, attr(owner, ino, &item))
        });
        let links = [attr(owner, ino, &own), above];
        let inodes = Arc::clone(&self.inodes);
        Ok(Listing::new(links, numbered.collect(), inodes))
    }

    /// Counts that the kernel holds a number, as a listing with attributes gives it.
    pub(crate) fn gave(&self, ino: Ino) {
        self.inodes.gave(ino);
    }

    pub(crate) fn forgot(&self, ino: Ino, times: u64) {
        self.inodes.forgot(ino, times);
    }

    fn give(&self, owner: &Owner, place: Place) -> Result<Option<Entry>, FsError> {
        let Some(item) = self.item(&place)? else {
            return Ok(None);
        };
        let ino = self.inodes.give(place);
        Ok(Some(Entry {
            attr: attr(owner, ino, &item),
            lifetime: Duration::ZERO,
        }))
    }

    fn place(&self, ino: Ino) -> Result<Place, FsError> {
        self.inodes
            .place(ino)
            .ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn item(&self, place: &Place) -> Result<Option<Item>, FsError> {
        self.directory(place)?.item(&place.path)
    }

    fn directory(&self, place: &Place) -> Result<&dyn SpecialDir, FsError> {
        let directory = self.directories.get(place.index);
        directory
            .map(AsRef::as_ref)
            .ok_or_else(|| ErrorKind::NotFound.into())
    }
}

fn attr(owner: &Owner, ino: Ino, item: &Item) -> Attr {
    let now = SystemTime::now();
    match item {
        Item::Directory => owner.directory(ino, now, 0),
        Item::File(content) => owner.file(ino, now, content.len() as u64),
        Item::Link(target) => owner.link(ino, now, target.len() as u64),
    }
}
