//! Which folders can be origins.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use eventlog::event::OriginSpec;

/// Why a root will not do.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// Only local folders for now.
    #[error("origin type {0:?} is not known; this version knows: local, nfs, smb")]
    Type(String),
    /// It must not depend on where the daemon was started.
    #[error("{} is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// It cannot be opened.
    #[error("cannot read {}: {error}; check the path and its permissions", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is a file.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// The view would show itself.
    #[error(
        "{} and the mount point {} lie within each other; choose a mount point outside of the music",
        root.display(),
        mountpoint.display()
    )]
    Overlap {
        /// The folder.
        root: PathBuf,
        /// Where the library is mounted.
        mountpoint: PathBuf,
    },
}

/// The root's path.
pub(super) fn path(spec: &OriginSpec) -> &Path {
    Path::new(OsStr::from_bytes(&spec.root))
}

/// Refuses a root that cannot be one.
pub(super) fn check(spec: &OriginSpec, mountpoint: &Path) -> Result<(), RootError> {
    if !matches!(spec.kind.as_str(), "local" | "nfs" | "smb") {
        return Err(RootError::Type(spec.kind.clone()));
    }
    let root = path(spec);
    if !root.is_absolute() {
        return Err(RootError::Relative(root.to_owned()));
    }
    let unreadable = |error| RootError::Unreadable {
        path: root.to_owned(),
        error,
    };
    if !std::fs::metadata(root).map_err(unreadable)?.is_dir() {
        return Err(RootError::NotAFolder(root.to_owned()));
    }
    std::fs::read_dir(root).map_err(unreadable)?;
    let resolved = root.canonicalize().map_err(unreadable)?;
    if mountpoint.starts_with(&resolved) || resolved.starts_with(mountpoint) {
        return Err(RootError::Overlap {
            root: resolved,
            mountpoint: mountpoint.to_owned(),
        });
    }
    Ok(())
}
