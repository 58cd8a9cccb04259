//! Paths that cannot leave the root, whatever links say and whoever moves folders meanwhile.
//!
//! The kernel does it where it can: `openat2` (Linux 5.6) with `RESOLVE_BENEATH` and
//! `RESOLVE_NO_SYMLINKS`, one call for nearly every path. The rest (links, paths beyond `PATH_MAX`,
//! older kernels, sandboxes that forbid the call) is resolved here, part by part, each part opened
//! relative to the one before without following links. The text of a link is taken apart likewise;
//! `..` goes back over parts already passed, so nothing above the root has a name here.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use eventlog::OriginPath;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// As many links in one path as Linux follows (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);
/// Never waits for the other end of a FIFO put in a file's place, never takes a terminal.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// The root, reached: what lies beneath it can be opened, read-only.
#[derive(Debug)]
pub(super) struct Beneath<'a> {
    folder: OwnedFd,
    identity: (u64, u64),
    prefixes: &'a [PathBuf],
}

/// A directory, open for listing.
#[derive(Debug)]
pub(super) struct Folder {
    /// The open directory.
    pub(super) fd: OwnedFd,
    /// True where the way to it led through a link.
    pub(super) linked: bool,
}

/// Where a path ends: a name in an open directory, and no link.
struct Place {
    parent: Option<OwnedFd>,
    name: Vec<u8>,
    stat: Stat,
    linked: bool,
}

/// Device and inode: what makes two names one file.
pub(super) fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

/// The type of what was found.
pub(super) fn type_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

impl<'a> Beneath<'a> {
    /// `folder` is the open root; absolute links that begin with one of `prefixes` stay within it.
    pub(super) fn new(folder: OwnedFd, stat: &Stat, prefixes: &'a [PathBuf]) -> Self {
        Self {
            folder,
            identity: identity(stat),
            prefixes,
        }
    }

    /// Device and inode of the root.
    pub(super) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Opens a directory for listing.
    pub(super) fn open_folder(&self, path: &OriginPath) -> Result<Folder, Errno> {
        match self.open_plain(path.as_bytes(), FOLDER | OFlags::RDONLY) {
            Ok(fd) => Ok(Folder { fd, linked: false }),
            Err(errno) if needs_care(errno) => {
                let place = self.resolve(path.as_bytes())?;
                let flags = FOLDER | OFlags::RDONLY | OFlags::NOFOLLOW;
                let fd = fs::openat(self.at(&place.parent), &place.name, flags, Mode::empty())?;
                Ok(Folder {
                    fd,
                    linked: place.linked,
                })
            }
            Err(errno) => Err(errno),
        }
    }

    /// Opens a regular file for reading. What is none is never opened: opening a FIFO would wait,
    /// opening a device may act. ENOENT where there is no such file.
    pub(super) fn open_file(&self, path: &OriginPath) -> Result<(OwnedFd, Stat), Errno> {
        let place = self.find(path)?;
        if type_of(&place.stat) != FileType::RegularFile {
            return Err(Errno::NOENT);
        }
        let flags = FILE | OFlags::NOFOLLOW;
        let fd = fs::openat(self.at(&place.parent), &place.name, flags, Mode::empty())?;
        let stat = fs::fstat(&fd)?;
        // It may have been replaced since it was looked at.
        if type_of(&stat) == FileType::RegularFile {
            Ok((fd, stat))
        } else {
            Err(Errno::NOENT)
        }
    }

    /// What a path leads to, links followed.
    pub(super) fn stat(&self, path: &OriginPath) -> Result<Stat, Errno> {
        self.find(path).map(|place| place.stat)
    }

    /// True where `target` is `folder` or holds it. `folder` must have been reached without links.
    pub(super) fn holds(&self, target: &Stat, folder: BorrowedFd<'_>) -> Result<bool, Errno> {
        let target = identity(target);
        let mut current = identity(&fs::fstat(folder)?);
        let mut above: Option<OwnedFd> = None;
        while current != target {
            if current == self.identity {
                return Ok(false);
            }
            let from = above.as_ref().map_or(folder, AsFd::as_fd);
            let next = fs::openat(from, c"..", FOLDER | OFlags::PATH, Mode::empty())?;
            let parent = identity(&fs::fstat(&next)?);
            // The top of the machine: the folder was moved out of the root meanwhile.
            if parent == current {
                return Ok(false);
            }
            (current, above) = (parent, Some(next));
        }
        Ok(true)
    }

    fn find(&self, path: &OriginPath) -> Result<Place, Errno> {
        let parent = match self.open_plain(path.parent().as_bytes(), FOLDER | OFlags::PATH) {
            Ok(parent) => parent,
            Err(errno) if needs_care(errno) => return self.resolve(path.as_bytes()),
            Err(errno) => return Err(errno),
        };
        let name = if path.is_root() { b"." } else { path.name() };
        let stat = fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if type_of(&stat) == FileType::Symlink {
            return self.resolve(path.as_bytes());
        }
        Ok(Place {
            parent: Some(parent),
            name: name.to_vec(),
            stat,
            linked: false,
        })
    }

    /// One call of the kernel: beneath the root and no links on the way.
    fn open_plain(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { b"." } else { path };
        let rules = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        fs::openat2(&self.folder, path, flags, Mode::empty(), rules)
    }

    /// Resolves a path part by part.
    fn resolve(&self, path: &[u8]) -> Result<Place, Errno> {
        let mut todo = Vec::new();
        push_parts(&mut todo, path);
        let mut passed: Vec<Vec<u8>> = Vec::new();
        let mut at: Option<OwnedFd> = None;
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == b".." {
                passed.pop().ok_or(Errno::XDEV)?;
                at = self.reopen(&passed)?;
                continue;
            }
            let stat = fs::statat(self.at(&at), &part, AtFlags::SYMLINK_NOFOLLOW)?;
            if type_of(&stat) == FileType::Symlink {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::LOOP);
                }
                let text = fs::readlinkat(self.at(&at), &part, Vec::new())?.into_bytes();
                if text.first() == Some(&b'/') {
                    push_parts(&mut todo, self.within(&text).ok_or(Errno::XDEV)?);
                    passed.clear();
                    at = None;
                } else {
                    push_parts(&mut todo, &text);
                }
            } else if todo.is_empty() {
                return Ok(Place {
                    parent: at,
                    name: part,
                    stat,
                    linked: links > 0,
                });
            } else {
                at = Some(self.step(&at, &part)?);
                passed.push(part);
            }
        }
        let stat = fs::fstat(self.at(&at))?;
        Ok(Place {
            parent: at,
            name: b".".to_vec(),
            stat,
            linked: links > 0,
        })
    }

    fn step(&self, at: &Option<OwnedFd>, part: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = FOLDER | OFlags::PATH | OFlags::NOFOLLOW;
        fs::openat(self.at(at), part, flags, Mode::empty())
    }

    /// Walks again over parts that were directories a moment ago.
    fn reopen(&self, parts: &[Vec<u8>]) -> Result<Option<OwnedFd>, Errno> {
        parts
            .iter()
            .try_fold(None, |at, part| self.step(&at, part).map(Some))
    }

    fn at<'b>(&'b self, fd: &'b Option<OwnedFd>) -> BorrowedFd<'b> {
        fd.as_ref().unwrap_or(&self.folder).as_fd()
    }

    /// What of an absolute path lies within the root.
    fn within<'b>(&self, text: &'b [u8]) -> Option<&'b [u8]> {
        self.prefixes.iter().find_map(|prefix| {
            let rest = text.strip_prefix(prefix.as_os_str().as_bytes())?;
            matches!(rest, [] | [b'/', ..]).then_some(rest)
        })
    }
}

/// Errors of the one-call way after which the careful way may still succeed.
fn needs_care(errno: Errno) -> bool {
    matches!(
        errno,
        // A link on the way; a rename at the same time.
        Errno::LOOP | Errno::XDEV | Errno::AGAIN
        // Longer than PATH_MAX.
        | Errno::NAMETOOLONG
        // No such call, or forbidden by a sandbox.
        | Errno::NOSYS | Errno::PERM
    )
}

/// Puts the parts of `path` on top of the stack, the first topmost.
fn push_parts(todo: &mut Vec<Vec<u8>>, path: &[u8]) {
    let parts = path.rsplit(|byte| *byte == b'/');
    todo.extend(
        parts
            .filter(|part| !matches!(*part, b"" | b"."))
            .map(<[u8]>::to_vec),
    );
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    use super::*;

    /// What older kernels are given is the careful way alone: it has to agree with the other.
    #[test]
    fn the_careful_way_leads_where_the_kernel_s_leads() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        create_dir_all(root.join("a/b")).unwrap();
        write(root.join("a/b/file"), b"").unwrap();
        write(outer.path().join("secret"), b"").unwrap();
        for (target, name) in [
            ("a/b/file", "file"),
            ("../../a/./b//", "a/b/folder"),
            ("../secret", "out"),
            ("a/b/../../../secret", "far-out"),
            ("loop", "loop"),
            ("/", "top"),
            ("a/b/..", "up"),
            ("file/", "not-a-folder"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        let folder = fs::open(&root, FOLDER | OFlags::PATH, Mode::empty()).unwrap();
        let beneath = Beneath::new(folder, &fs::stat(&root).unwrap(), &[]);
        let rules = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        for path in [
            "a",
            "a/b",
            "a/b/file",
            "a/b/nothing",
            "a/b/file/x",
            "file",
            "file/x",
            "a/b/folder",
            "a/b/folder/file",
            "out",
            "far-out",
            "loop",
            "top",
            "top/etc",
            "up",
            "up/b/file",
            "a/../../root/a",
        ] {
            let opened = fs::openat2(&beneath.folder, path, OFlags::PATH, Mode::empty(), rules);
            let kernel = opened.and_then(fs::fstat).map(|stat| identity(&stat));
            let careful = beneath
                .resolve(path.as_bytes())
                .map(|place| identity(&place.stat));
            assert_eq!(careful, kernel, "{path}");
        }
    }
}
