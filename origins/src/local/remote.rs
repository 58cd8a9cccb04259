//! Filesystems whose changes the kernel is not told of.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;

/// Types of filesystems that others change behind the kernel's back: other machines, or, with FUSE,
/// whatever is behind it (`statfs(2)`, and the sources of those that are not part of Linux).
const REMOTE: [(u32, &str); 20] = [
    (0x0000_6969, "nfs"),
    (0x0000_517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x0000_564c, "ncp"),
    (0x0bd0_0bd0, "lustre"),
    (0x0116_1970, "gfs2"),
    (0x7461_636f, "ocfs2"),
    (0x4750_4653, "gpfs"),
    (0xaad7_aaea, "panfs"),
    (0x1983_0326, "beegfs"),
    (0x2003_0528, "orangefs"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
];

/// The name of the type of filesystem that `folder` is on, where watching it would miss changes.
pub(super) fn remote(folder: impl AsFd) -> Result<Option<&'static str>, Errno> {
    Ok(named(fs::fstatfs(folder)?.f_type as u32))
}

/// Opens a folder for listing, and tells the name of the type of filesystem that it is on where an
/// origin there is listed at intervals, since changes are not told.
///
/// # Errors
/// Where there is no such folder, or it may not be listed.
pub fn unwatched(folder: &Path) -> io::Result<Option<&'static str>> {
    let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = fs::open(folder, open, Mode::empty())?;
    Ok(remote(folder)?)
}

fn named(kind: u32) -> Option<&'static str> {
    let found = REMOTE.iter().find(|(known, _)| *known == kind);
    found.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_from_disks() {
        assert_eq!(named(0x6969), Some("nfs"));
        assert_eq!(named(0xff53_4d42), Some("cifs"));
        // ext4, btrfs, xfs, tmpfs, overlay
        for disk in [0xef53, 0x9123_683e, 0x5846_5342, 0x0102_1994, 0x794c_7630] {
            assert_eq!(named(disk), None, "{disk:x}");
        }
    }
}
