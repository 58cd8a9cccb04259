//! Disks that come and go. Mounting takes root; without, these tests say that they tested nothing.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use eventlog::{OriginPath, Timestamp};
use origins::{Dirty, ErrorKind, LocalOrigin, Origin, Watch};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::support::{Folder, files, not_tested, path, put, walk};

/// The folder `music` shown by FUSE, as a share would be; ended when dropped.
struct Share(PathBuf);

impl Share {
    /// `None` where bindfs or FUSE is not there.
    fn mount(folder: &Folder) -> Option<Self> {
        let at = folder.outer().join("share");
        fs::create_dir(&at).unwrap();
        let mut bindfs = Command::new("bindfs");
        let mounted = bindfs.arg("-r").arg(folder.root()).arg(&at).status();
        mounted.ok()?.success().then_some(Self(at))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let unmounted = Command::new("fusermount3").arg("-uz").arg(&self.0).status();
        assert!(unmounted.unwrap().success());
    }
}

/// A tmpfs on a folder, unmounted when dropped; `None` without the right to mount.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf) -> Option<Self> {
        mount("disk", &at, "tmpfs", MountFlags::empty(), None).ok()?;
        Some(Self(at))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Busy, where something holds it open: the test must fail then.
        unmount(&self.0, UnmountFlags::empty()).unwrap();
    }
}

#[tokio::test]
async fn an_unmounted_disk_is_offline_and_back_once_mounted() {
    let folder = Folder::new();
    let Some(disk) = Disk::mount(folder.root()) else {
        return not_tested("only root may mount");
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
    let again = Disk::mount(folder.root()).unwrap();
    put(&folder.at("2.flac"), b"2");
    assert_eq!(files(&origin), ["2.flac"]);
    drop(again);
}

/// The folder that lacks its disk, if that is why a file is missing that was known a while ago.
async fn lacking(origin: &LocalOrigin, file: &str) -> Option<OriginPath> {
    let long_ago = Timestamp(0);
    origin.unmounted(&path(file), long_ago).await.unwrap()
}

#[tokio::test]
async fn a_disk_below_the_root_is_remembered_while_it_is_away() {
    let folder = Folder::new();
    folder.put("a/1.flac", b"1");
    folder.put("disk/.kept", b"");
    folder.mkdir("gone");
    let Some(disk) = Disk::mount(folder.at("disk")) else {
        return not_tested("only root may mount");
    };
    let removed = Disk::mount(folder.at("gone")).unwrap();
    folder.put("disk/b/2.flac", b"2");
    folder.put("gone/3.flac", b"3");
    let origin = folder.origin();
    assert_eq!(files(&origin), ["a/1.flac", "disk/b/2.flac", "gone/3.flac"]);
    // What is deleted from a mounted disk is gone, as is what is deleted elsewhere.
    fs::remove_file(folder.at("disk/b/2.flac")).unwrap();
    fs::remove_dir_all(folder.at("a")).unwrap();
    for file in ["disk/b/2.flac", "a/1.flac"] {
        assert_eq!(lacking(&origin, file).await, None, "{file}");
    }
    drop((disk, removed));
    fs::remove_dir(folder.at("gone")).unwrap();
    assert_eq!(lacking(&origin, "disk/b/2.flac").await, Some(path("disk")));
    assert_eq!(lacking(&origin, "gone/3.flac").await, Some(path("gone")));
    assert_eq!(lacking(&origin, "a/1.flac").await, None);
    // Mounted again, it is believed again.
    let again = Disk::mount(folder.at("disk")).unwrap();
    assert_eq!(lacking(&origin, "disk/b/2.flac").await, None);
    drop(again);
}

#[tokio::test]
async fn a_disk_that_comes_and_goes_below_the_root_is_noticed() {
    let everything = async |watch: &mut Watch| {
        let soon = tokio::time::timeout(Duration::from_secs(10), async {
            while watch.events.recv().await.expect("the watch stands") != Dirty::Everything {}
        });
        soon.await.expect("everything is to be listed again");
    };
    let folder = Folder::new();
    folder.mkdir("a disk");
    let mut watch = folder.origin().watch().unwrap().unwrap();
    let Some(disk) = Disk::mount(folder.at("a disk")) else {
        return not_tested("only root may mount");
    };
    everything(&mut watch).await;
    folder.put("a disk/1.flac", b"1");
    let dirty = watch.events.recv().await;
    assert_eq!(dirty, Some(Dirty::Directories(vec![path("a disk")])));
    drop(disk);
    everything(&mut watch).await;
}

#[tokio::test]
async fn what_others_can_change_unseen_is_not_watched() {
    let folder = Folder::new();
    folder.put("1.flac", b"1");
    let Some(share) = Share::mount(&folder) else {
        return not_tested("bindfs cannot mount here");
    };
    let origin = LocalOrigin::new("share".parse().unwrap(), &share.0).unwrap();
    assert_eq!(files(&origin), ["1.flac"]);
    assert!(origin.watch().unwrap().is_none());
}
