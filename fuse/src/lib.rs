//! The adapter between the library and the kernel: a read-only FUSE filesystem.
//!
//! [`Filesystem`] answers every operation and knows nothing of the kernel's protocol; it is driven
//! by tests directly. [`mount()`] joins it to a mount point, [`Notifier`] tells the kernel what it
//! must no longer believe. Where the tree and the bytes come from is behind [`Library`] and
//! [`Originals`].

mod attr;
mod audience;
mod errno;
mod fs;
mod handles;
mod inodes;
mod known;
mod library;
mod mount;
pub mod mountpoint;
mod notify;
pub mod operations;
pub mod options;
mod pool;
mod readdir;
pub mod special;

pub use attr::{Attr, Entry, FileKind, Owner};
pub use audience::{Access, Audience, Reader, Reading};
pub use errno::{ErrorKind, FsError};
pub use fs::{Closed, Filesystem, Opened, Opening, Statfs};
pub use inodes::{Backing, Caching};
pub use library::{
    Attribute, CoverSize, FileId, Ino, Lane, Library, Located, Node, NodeKind, Original, Originals,
    Totals,
};
pub use mount::{Ended, Ending, MountError, Mounted, QUIET, Unmounted, mount};
pub use notify::{Change, Notifier};
pub use options::MountOptions;
pub use readdir::DirEntry;
