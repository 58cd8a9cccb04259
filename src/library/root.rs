//! Which folders can be origins.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use eventlog::event::OriginSpec;
use futures::future::join_all;
use projections::OriginRow;

use super::kinds;
use crate::config::{OriginConfig, PLACE};
use crate::patience;

/// Why a root will not do.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// What is told of it cannot be used.
    #[error("{0}")]
    Told(String),
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

/// The root for people: a path, or an address.
pub(super) fn shown(spec: &OriginSpec) -> &Path {
    Path::new(OsStr::from_bytes(&spec.root))
}

/// Refuses a root that cannot be one. One that does not answer may be one, and of other machines none
/// is asked.
pub(super) async fn check(spec: &OriginSpec, mountpoint: &Path) -> Result<(), RootError> {
    let origin = OriginConfig::of_spec(spec).map_err(RootError::Told)?;
    let Some(root) = origin.root.folder().map(Path::to_owned) else {
        return Ok(());
    };
    if !root.is_absolute() {
        return Err(RootError::Relative(root));
    }
    apart_by_name(spec, mountpoint)?;
    let (asked, mountpoint) = (root.clone(), mountpoint.to_owned());
    let answer = patience::ask(move || look(&asked, &mountpoint)).await;
    answer.unwrap_or_else(|| {
        let root = root.display();
        tracing::warn!("{root} does not answer; it is an origin from now on nevertheless");
        Ok(())
    })
}

fn look(root: &Path, mountpoint: &Path) -> Result<(), RootError> {
    let unreadable = |error| RootError::Unreadable {
        path: root.to_owned(),
        error,
    };
    if !std::fs::metadata(root).map_err(unreadable)?.is_dir() {
        return Err(RootError::NotAFolder(root.to_owned()));
    }
    std::fs::read_dir(root).map_err(unreadable)?;
    apart(root, mountpoint)
}

/// Refuses a mount point within a root, and a root within a mount point: the library would show
/// its own view. A root that is not there is in nobody's way.
pub(crate) fn apart(root: &Path, mountpoint: &Path) -> Result<(), RootError> {
    let Ok(root) = root.canonicalize() else {
        return Ok(());
    };
    // What a dead daemon left there cannot be resolved.
    let at = mountpoint.canonicalize();
    disjoint(&root, &at.unwrap_or_else(|_| mountpoint.to_owned()))
}

/// As [`apart`], by the names alone: a start waits for no disk and no share. What only links hide,
/// the origin's own task finds.
pub(crate) fn apart_by_name(spec: &OriginSpec, mountpoint: &Path) -> Result<(), RootError> {
    match kinds::folder(spec) {
        Some(root) => disjoint(&root, mountpoint),
        None => Ok(()),
    }
}

fn disjoint(root: &Path, mountpoint: &Path) -> Result<(), RootError> {
    if mountpoint.starts_with(root) || root.starts_with(mountpoint) {
        return Err(RootError::Overlap {
            root: root.to_owned(),
            mountpoint: mountpoint.to_owned(),
        });
    }
    Ok(())
}

/// The first of `others` that is the same place as `spec`, or within it, or holds it.
pub(super) async fn overlapping<'a>(
    spec: &OriginSpec,
    others: impl Iterator<Item = &'a OriginRow>,
) -> Option<&'a OriginRow> {
    let others: Vec<&OriginRow> = others.collect();
    let specs = others.iter().map(|row| &row.spec);
    let resolved = join_all(specs.chain([spec]).map(resolved)).await;
    let (root, roots) = resolved.split_last()?;
    let mut both = others.into_iter().zip(roots);
    let found = both.find(|(_, other)| root.starts_with(other) || other.starts_with(root));
    found.map(|(row, _)| row)
}

/// A root without links; as it is named where it is not there, or does not answer. An address is one
/// by its parts, after what else tells which place it is.
async fn resolved(spec: &OriginSpec) -> PathBuf {
    let Some(root) = kinds::folder(spec) else {
        let told = PLACE.map(|key| spec.options.get(key).map_or("", String::as_str));
        return Path::new(&told.join("@").replace('/', " ")).join(shown(spec));
    };
    let asked = root.clone();
    let resolved = patience::ask(move || asked.canonicalize()).await;
    resolved.and_then(Result::ok).unwrap_or(root)
}
