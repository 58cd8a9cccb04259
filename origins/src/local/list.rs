//! One directory: its files with their states, and the directories in it.

use std::ffi::CStr;
use std::os::fd::AsFd;

use eventlog::{OriginPath, Revision};
use rustix::fs::{self, AtFlags, FileType, RawDir, Stat};
use rustix::io::Errno;

use super::beneath::{Beneath, Folder, type_of};
use crate::origin::{Directory, Entry};

/// Bytes of directory entries taken from the kernel at a time: about 1,000 names.
const BATCH: usize = 64 * 1024;

/// What a listing is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Files with their states, and directories.
    Everything,
    /// Directories alone, without a look at files.
    Directories,
}

/// Lists directories, one after another; keeps its buffer.
#[derive(Debug, Default)]
pub(super) struct Lister {
    buffer: Vec<u8>,
}

impl Lister {
    /// Lists `folder`, which is at `path`, in full or fails.
    ///
    /// Regular files and directories only, and of these none that is [hidden](is_left_out). A link within the root is taken for what it leads to;
    /// all others are left out, as is a link to a directory that holds it. Behind a link to a
    /// directory no further links to directories are followed: what they lead to is within the
    /// root, and listed in its own place; following would list it as often as there are ways.
    pub(super) fn list(
        &mut self,
        root: &Beneath<'_>,
        folder: &Folder,
        path: &OriginPath,
        want: Want,
    ) -> Result<Directory, Errno> {
        self.buffer.reserve(BATCH);
        let mut listing = Listing {
            root,
            folder,
            path,
            want,
            files: vec![],
            directories: vec![],
        };
        let mut entries = RawDir::new(&folder.fd, self.buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            if !is_left_out(entry.file_name().to_bytes()) {
                listing.take(entry.file_name(), entry.file_type())?;
            }
        }
        let Listing {
            mut files,
            mut directories,
            ..
        } = listing;
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        directories.sort_unstable();
        Ok(Directory {
            path: path.clone(),
            files,
            directories,
        })
    }
}

/// Names that hold no music of the library: hidden ones, among them macOS's `._` doubles and Linux's
/// waste baskets, and what systems and file servers keep for themselves. Names that begin with
/// several dots are of albums (*...And Justice for All*).
pub(crate) fn is_left_out(name: &[u8]) -> bool {
    const SYSTEM: [&[u8]; 5] = [
        b"$RECYCLE.BIN",
        b"System Volume Information",
        b"lost+found",
        b"@eaDir",
        b"#recycle",
    ];
    let is_hidden = name.starts_with(b".") && !name.starts_with(b"..");
    is_hidden || matches!(name, b"..") || SYSTEM.contains(&name)
}

struct Listing<'a> {
    root: &'a Beneath<'a>,
    folder: &'a Folder,
    path: &'a OriginPath,
    want: Want,
    files: Vec<Entry>,
    directories: Vec<Box<[u8]>>,
}

impl Listing<'_> {
    fn take(&mut self, name: &CStr, kind: FileType) -> Result<(), Errno> {
        match kind {
            FileType::Directory => self.directories.push(name.to_bytes().into()),
            FileType::Symlink => self.follow(name)?,
            FileType::RegularFile if self.want == Want::Directories => {}
            FileType::RegularFile | FileType::Unknown => self.look(name)?,
            _ => {}
        }
        Ok(())
    }

    fn look(&mut self, name: &CStr) -> Result<(), Errno> {
        let stat = match fs::statat(&self.folder.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // Removed since it was read: the listing is right without it.
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(errno),
        };
        match type_of(&stat) {
            FileType::RegularFile => self.add(name, &stat),
            FileType::Directory => self.directories.push(name.to_bytes().into()),
            FileType::Symlink => self.follow(name)?,
            _ => {}
        }
        Ok(())
    }

    fn follow(&mut self, name: &CStr) -> Result<(), Errno> {
        let Ok(path) = self.path.join(name.to_bytes()) else {
            return Ok(());
        };
        match self.root.stat(&path) {
            Ok(stat) if type_of(&stat) == FileType::RegularFile => self.add(name, &stat),
            Ok(stat) if type_of(&stat) == FileType::Directory => {
                if self.folder.linked || self.root.holds(&stat, self.folder.fd.as_fd())? {
                    tracing::debug!(%path, "not followed: a link back, or behind another link");
                } else {
                    self.directories.push(name.to_bytes().into());
                }
            }
            Ok(_) => tracing::debug!(%path, "not followed: a link to neither file nor folder"),
            Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::IO)) => {
                return Err(errno);
            }
            Err(errno) => {
                tracing::debug!(%path, %errno, "not followed: a broken link, or one out of the origin");
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &CStr, stat: &Stat) {
        if self.want == Want::Everything {
            self.files.push(Entry {
                name: name.to_bytes().into(),
                revision: revision(stat),
            });
        }
    }
}

/// The revision that a file's state stands for.
#[expect(
    clippy::unnecessary_cast,
    reason = "the widths of these fields differ by platform"
)]
pub(super) fn revision(stat: &Stat) -> Revision {
    let mtime_ns = (stat.st_mtime as i64)
        .saturating_mul(1_000_000_000)
        .saturating_add(stat.st_mtime_nsec as i64);
    Revision {
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime_ns,
        tag: None,
    }
}
