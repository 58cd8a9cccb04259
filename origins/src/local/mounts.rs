//! Disks and shares that are mounted below the root, and what is left where one is not (ORG-6).
//!
//! An unmounted disk leaves an empty folder, or none; so does a user who deletes. What tells them
//! apart: a folder that was seen with a disk on it; a folder that has not been changed since it is
//! said to have held files; and the places where systems make folders for disks and remove them.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use eventlog::{OriginPath, Timestamp};
use rustix::fs::{self, AtFlags, Mode, OFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;

use super::beneath::{Beneath, Folder};
use super::list::{Lister, Want};

/// How much later than a folder's last change a file must have been known, in microseconds: more
/// than the kernel's clock ticks, and the two seconds to which FAT keeps times.
const APART: i64 = 3_000_000;

/// Folders below the root on which something was mounted when they were met. They are kept as long
/// as the origin is: what was mounted there may be back at any time.
#[derive(Debug, Default)]
pub(super) struct Mounts(Mutex<BTreeSet<OriginPath>>);

impl Mounts {
    /// Remembers the folder at `path` if something is mounted on it; true where that is so.
    pub(super) fn meet(&self, path: &OriginPath, folder: &Folder) -> bool {
        let mounted = !path.is_root() && is_mounted(folder.fd.as_fd()).unwrap_or(false);
        if mounted {
            let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            met.insert(path.clone());
        }
        mounted
    }

    fn met(&self, path: &OriginPath) -> Vec<OriginPath> {
        let met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holding = met.iter().filter(|mount| path.is_within(mount));
        holding.cloned().collect()
    }

    /// The folder that lacks its disk, where the file at `path` is missing for that reason, as far
    /// as can be told; `None` where it was removed since it was `known`. `root` is the root's path
    /// without links.
    pub(super) fn lacking(
        &self,
        beneath: &Beneath<'_>,
        root: &Path,
        path: &OriginPath,
        known: Timestamp,
    ) -> Result<Option<OriginPath>, Errno> {
        for mount in self.met(path) {
            let folder = beneath.open_folder(&mount);
            if !folder.is_ok_and(|folder| is_mounted(folder.fd.as_fd()).unwrap_or(false)) {
                return Ok(Some(mount));
            }
        }
        let mut gone = path.clone();
        let (at, folder) = loop {
            let at = gone.parent();
            match beneath.open_folder(&at) {
                Ok(folder) => break (at, folder),
                Err(Errno::NOENT | Errno::NOTDIR) if !at.is_root() => gone = at,
                Err(errno) => return Err(errno),
            }
        };
        if gone != *path && is_for_disks(&root.join(shown(&at))) {
            return Ok(Some(gone));
        }
        let changed = micros_of_change(folder.fd.as_fd())?;
        if at.is_root() || changed.saturating_add(APART) >= known.0 {
            return Ok(None);
        }
        let listed = Lister::default().list(beneath, &folder, &at, Want::Everything)?;
        let empty = listed.files.is_empty() && listed.directories.is_empty();
        Ok(empty.then_some(at))
    }
}

fn shown(path: &OriginPath) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(path.as_bytes()))
}

/// True where `folder` is the top of what is mounted there.
fn is_mounted(folder: BorrowedFd<'_>) -> Result<bool, Errno> {
    // What a share's server says of it is not asked for.
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let state = fs::statx(folder, c"", flags, StatxFlags::empty())?;
    let told = StatxAttributes::MOUNT_ROOT;
    if state.stx_attributes_mask.contains(told) {
        return Ok(state.stx_attributes.contains(told));
    }
    // Before Linux 5.8: another filesystem than above it.
    let open = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let above = fs::openat(folder, c"..", open, Mode::empty())?;
    Ok(fs::fstat(folder)?.st_dev != fs::fstat(above)?.st_dev)
}

/// When what `folder` lists last changed, in microseconds since the epoch. The time of status
/// change, since tools that copy trees set the other.
fn micros_of_change(folder: BorrowedFd<'_>) -> Result<i64, Errno> {
    let stat = fs::fstat(folder)?;
    let seconds = (stat.st_ctime as i64).saturating_mul(1_000_000);
    Ok(seconds.saturating_add(stat.st_ctime_nsec as i64 / 1_000))
}

/// True for a folder in which systems make a folder for each disk that is plugged in, and remove it
/// with the disk: `/media`, `/media/USER`, `/run/media/USER`.
fn is_for_disks(folder: &Path) -> bool {
    let users = |place: &str| folder.parent() == Some(Path::new(place));
    folder == Path::new("/media") || users("/media") || users("/run/media")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::root::Root;

    #[test]
    fn folders_that_come_and_go_with_disks() {
        for (folder, expected) in [
            ("/media", true),
            ("/media/me", true),
            ("/media/me/DISK", false),
            ("/run/media/me", true),
            ("/run/media", false),
            ("/home/me/Music", false),
            ("/home/media/x", false),
        ] {
            assert_eq!(is_for_disks(Path::new(folder)), expected, "{folder}");
        }
    }

    /// Without a memory of mounts, as after a restart.
    #[test]
    fn an_untouched_empty_folder_lacks_its_disk_and_an_emptied_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |text: &str| OriginPath::new(text.as_bytes()).unwrap();
        std::fs::create_dir_all(folder.path().join("disk")).unwrap();
        std::fs::create_dir_all(folder.path().join("full/album")).unwrap();
        let root = Root::new(folder.path()).unwrap();
        let beneath = root.reach().unwrap();
        let now = Timestamp::now().0;
        let (earlier, later) = (Timestamp(now - 60_000_000), Timestamp(now + 60_000_000));
        let lacking = |at: &str, known| {
            root.mounts()
                .lacking(&beneath, root.real(), &path(at), known)
        };
        for at in ["disk/1.flac", "disk/album/1.flac", "disk/a/b/1.flac"] {
            // The folder was changed since the file was known: it may have been emptied.
            assert_eq!(lacking(at, earlier), Ok(None), "{at}");
            assert_eq!(lacking(at, later), Ok(Some(path("disk"))), "{at}");
        }
        // Something else is there, so that it is the folder that it was.
        assert_eq!(lacking("full/1.flac", later), Ok(None));
        assert_eq!(lacking("full/gone/1.flac", later), Ok(None));
        // Of an empty root others decide.
        let empty = tempfile::tempdir().unwrap();
        let root = Root::new(empty.path()).unwrap();
        let beneath = root.reach().unwrap();
        let found = root
            .mounts()
            .lacking(&beneath, root.real(), &path("1.flac"), later);
        assert_eq!(found, Ok(None));
    }
}
