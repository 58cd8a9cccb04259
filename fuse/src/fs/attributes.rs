//! Extended attributes, and the size of it all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::{Filesystem, NAME_MAX};
use crate::errno::{ErrorKind, FsError};
use crate::library::{Attribute, Ino};
use crate::operations::Operation;

/// The unit in which `statfs` counts.
const BLOCK: u64 = 4096;

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
    /// The size of the library, in which the root counts as one block (FS-7).
    ///
    /// # Errors
    /// Where the views cannot be read.
    pub fn statfs(&self) -> Result<Statfs, FsError> {
        let _running = self.operations.begin(Operation::Statfs);
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
        let _running = self.operations.begin(Operation::Getxattr);
        // File managers ask for many names that nothing here has: answered without a lookup.
        let attribute = Attribute::from_name(name.as_bytes()).ok_or(ErrorKind::NoAttribute)?;
        let (file, _) = self.file(ino).map_err(|_| ErrorKind::NoAttribute)?;
        self.originals
            .attribute(file, attribute)?
            .ok_or_else(|| ErrorKind::NoAttribute.into())
    }

    /// The names of a file's extended attributes, each ended by NUL.
    ///
    /// # Errors
    /// Where the views cannot be read.
    pub fn listxattr(&self, ino: Ino) -> Result<Vec<u8>, FsError> {
        let _running = self.operations.begin(Operation::Listxattr);
        let mut names = Vec::new();
        let Ok((file, _)) = self.file(ino) else {
            return Ok(names);
        };
        for attribute in Attribute::ALL {
            if self.originals.attribute(file, attribute)?.is_some() {
                names.extend_from_slice(attribute.name().as_bytes());
                names.push(0);
            }
        }
        Ok(names)
    }
}
