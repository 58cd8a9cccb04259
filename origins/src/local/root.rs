//! The root folder of a local origin, and whether it is still the one that was added.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use eventlog::OriginPath;
use rustix::fs::{self, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::beneath::Beneath;
use super::error::failed;
use super::mounts::Mounts;
use crate::origin::{ErrorKind, OriginError};

/// The root by name, not by descriptor: a descriptor held for ever would keep a disk from being
/// unmounted. Each call reaches it anew, and so notices when it has gone.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// What absolute symlinks into the root begin with: the path as given and without links.
    prefixes: [PathBuf; 2],
    /// The device of the filesystem on which the root's filesystem is mounted; what appears in its
    /// place when the disk is unmounted. `None` on the machine's first filesystem.
    underneath: Option<u64>,
    /// What is mounted below it.
    mounts: Mounts,
}

impl Root {
    /// A root folder that exists, is a folder, and can be listed now.
    pub(super) fn new(path: &Path) -> Result<Self, OriginError> {
        let path = std::path::absolute(path).map_err(|error| OriginError {
            kind: ErrorKind::NotFound,
            message: format!("{path:?} is no path of a folder: {error}"),
        })?;
        let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = fs::open(&path, open, Mode::empty()).map_err(|errno| refuse(&path, errno))?;
        let device = fs::fstat(&folder)
            .map_err(|errno| refuse(&path, errno))?
            .st_dev;
        let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let underneath = underneath(folder, device).map_err(|errno| refuse(&path, errno))?;
        Ok(Self {
            prefixes: [real, path.clone()],
            path,
            underneath,
            mounts: Mounts::default(),
        })
    }

    /// The root's absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The root's path without links, as it was when the origin was opened.
    pub(super) fn real(&self) -> &Path {
        let [real, _] = &self.prefixes;
        real
    }

    /// What is mounted below the root.
    pub(super) fn mounts(&self) -> &Mounts {
        &self.mounts
    }

    /// Where `path` is on this machine, for messages.
    pub(super) fn place(&self, path: &OriginPath) -> PathBuf {
        let mut bytes = self.path.as_os_str().as_bytes().to_vec();
        if !path.is_root() {
            bytes.push(b'/');
            bytes.extend_from_slice(path.as_bytes());
        }
        PathBuf::from(std::ffi::OsString::from_vec(bytes))
    }

    /// Opens the root, so that paths beneath it can be resolved.
    ///
    /// Fails with [`ErrorKind::Offline`] where the root is not there, or where the filesystem has
    /// appeared on which its own had been mounted: an unmounted disk leaves an empty folder, and
    /// that is not an empty library. Any third filesystem is accepted, for a disk that was plugged
    /// in again or a share that was mounted again comes with another device number. A bind mount
    /// of the filesystem beneath cannot be told from it.
    pub(super) fn reach(&self) -> Result<Beneath<'_>, OriginError> {
        let open = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder =
            fs::open(&self.path, open, Mode::empty()).map_err(|errno| self.unreachable(errno))?;
        let stat = fs::fstat(&folder).map_err(|errno| self.unreachable(errno))?;
        if self.underneath == Some(stat.st_dev) {
            return Err(OriginError {
                kind: ErrorKind::Offline,
                message: format!(
                    "{} is on another filesystem than when MusicFS started; is its disk mounted?",
                    self.path.display()
                ),
            });
        }
        Ok(Beneath::new(folder, &stat, &self.prefixes))
    }

    /// A root that is not there tells nothing of its files: offline, never "not found".
    fn unreachable(&self, errno: Errno) -> OriginError {
        match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => OriginError {
                kind: ErrorKind::Offline,
                message: format!(
                    "the origin's folder {} is not there; is its disk mounted?",
                    self.path.display()
                ),
            },
            errno => failed(format_args!("reach {}", self.path.display()), errno),
        }
    }
}

/// Why a folder cannot become an origin.
fn refuse(path: &Path, errno: Errno) -> OriginError {
    let shown = path.display();
    match errno {
        Errno::NOENT => OriginError {
            kind: ErrorKind::Offline,
            message: format!("there is no folder {shown}; check its name, and mount its disk"),
        },
        Errno::NOTDIR => OriginError {
            kind: ErrorKind::NotFound,
            message: format!("{shown} is not a folder; name the folder that holds the music"),
        },
        errno => failed(format_args!("read the folder {shown}"), errno),
    }
}

/// The device of the nearest ancestor that is on another one.
fn underneath(folder: OwnedFd, device: u64) -> Result<Option<u64>, Errno> {
    let open = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = folder;
    let mut inode = fs::fstat(&at)?.st_ino;
    loop {
        let parent = match fs::openat(&at, c"..", open, Mode::empty()) {
            Ok(parent) => parent,
            // An ancestor that may not be searched: nothing is known of what is further up.
            Err(Errno::ACCESS) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let stat: Stat = fs::fstat(&parent)?;
        if stat.st_dev != device {
            return Ok(Some(stat.st_dev));
        }
        if stat.st_ino == inode {
            return Ok(None);
        }
        (at, inode) = (parent, stat.st_ino);
    }
}
