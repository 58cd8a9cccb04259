//! A mount of a [`World`], and what tests ask of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fuse::{Change, Filesystem, MountOptions, Mounted, Unmounted};
use tempfile::TempDir;

use super::World;

/// A world in a mount.
pub(crate) struct Mount {
    pub(crate) filesystem: Arc<Filesystem>,
    mounted: Option<Mounted>,
    dir: TempDir,
}

impl Mount {
    /// Mounted so that every read comes to us.
    pub(crate) fn plain(world: &Arc<World>) -> Self {
        Self::with(
            world,
            &MountOptions {
                passthrough: false,
                ..MountOptions::default()
            },
        )
    }

    pub(crate) fn with(world: &Arc<World>, options: &MountOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let filesystem = world.filesystem_with(options);
        let mounted = fuse::mount(Arc::clone(&filesystem), dir.path(), options).unwrap();
        Self {
            filesystem,
            mounted: Some(mounted),
            dir,
        }
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn mounted(&self) -> &Mounted {
        self.mounted.as_ref().unwrap()
    }

    pub(crate) fn notify(&self, changes: Vec<Change>) {
        self.mounted().notifier().notify(changes);
    }

    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        names(&self.path(path))
    }

    pub(crate) fn unmount(mut self) -> Unmounted {
        self.mounted
            .take()
            .unwrap()
            .unmount(Duration::from_secs(10))
            .unwrap()
    }
}

/// The sorted names in a directory.
pub(crate) fn names(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Waits until `condition` holds, `limit` at most.
pub(crate) fn within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Bytes that differ everywhere.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(step).collect()
}

/// The number of the error that a call gave.
pub(crate) fn errno<T: std::fmt::Debug>(result: std::io::Result<T>) -> Option<i32> {
    result.unwrap_err().raw_os_error()
}
