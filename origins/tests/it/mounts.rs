//! Disks that come and go. Mounting takes root; without, these tests have nothing to look at.

use origins::{ErrorKind, LocalOrigin, Origin};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::support::{Folder, files, path, put, walk};

/// A tmpfs on a folder, unmounted when dropped; `None` without the right to mount.
struct Disk<'a>(&'a Folder);

impl<'a> Disk<'a> {
    fn mount(folder: &'a Folder) -> Option<Self> {
        mount("disk", folder.root(), "tmpfs", MountFlags::empty(), None).ok()?;
        Some(Self(folder))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Busy, where something holds it open: the test must fail then.
        unmount(self.0.root(), UnmountFlags::empty()).unwrap();
    }
}

#[tokio::test]
async fn an_unmounted_disk_is_offline_and_back_once_mounted() {
    let folder = Folder::new();
    let Some(disk) = Disk::mount(&folder) else {
        return;
    };
    put(&folder.at("1.flac"), b"1");
    let origin = LocalOrigin::new("disk".parse().unwrap(), folder.root()).unwrap();
    let revision = origin.stat(&path("1.flac")).await.unwrap();
    let mut watch = origin.watch().unwrap().unwrap();

    // An origin that is not being read does not hold its disk.
    drop(disk);
    assert_eq!(watch.events.recv().await, None, "the watch is lost");
    for error in [
        origin.stat(&path("1.flac")).await.err(),
        origin.open(&path("1.flac"), &revision).await.err(),
        origin.check().await.err(),
        walk(&origin, "").remove(0).err().map(|error| error.error),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind, ErrorKind::Offline, "{error}");
        assert!(error.message.contains("is its disk mounted?"), "{error}");
    }

    // Mounted again, it comes under another device number.
    let again = Disk::mount(&folder).unwrap();
    put(&folder.at("2.flac"), b"2");
    assert_eq!(files(&origin), ["2.flac"]);
    drop(again);
}
