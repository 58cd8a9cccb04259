//! What the errors of the rooms mean for people: who must act, and how.

use std::io;
use std::path::Path;

use eventlog::StoreError;
use fuse::MountError;
use fuse::mountpoint::MountPointError;
use origins::OriginError;
use projections::ViewError;

use super::{Kind, Report};
use crate::library::{LibraryError, RootError};
use crate::scan::ScanError;

/// What to do where a log is damaged from its beginning on.
pub(crate) const NOTHING_HOLDS: &str = "put a backup in its place; without one, move the state directory aside and mount anew; see \
     docs/RECOVERY.md";

impl From<StoreError> for Report {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Damaged { position, .. } if position.0 <= 1 => {
                Self::new(Kind::Damaged, message).hint(NOTHING_HOLDS)
            }
            StoreError::Damaged { .. } | StoreError::Poisoned(_) => {
                Self::new(Kind::Damaged, message).hint(
                    "`musicfs log verify` tells how far it holds, docs/RECOVERY.md what to do",
                )
            }
            StoreError::DiskFull { .. } | StoreError::Backend { .. } => {
                Self::new(Kind::Disk, message)
            }
            StoreError::Unwritable { path, source } => {
                Self::unwritable("file", Path::new(&path), &source)
            }
            StoreError::InUse { .. } => Self::new(Kind::Busy, message),
            StoreError::WrongPosition { .. } => Self::new(Kind::Busy, message)
                .hint("another process writes to this log; stop it, then restart the daemon"),
            StoreError::BelowHorizon { horizon } => Self::new(Kind::Input, message).hint(format!(
                "later ones: --from {}; `--type access.folded --json` has the sums of those before",
                horizon.next()
            )),
            StoreError::Exists { .. } => Self::new(Kind::Input, message),
            StoreError::BadLine { line, .. } => {
                let report = Self::new(Kind::Input, message);
                match line {
                    1 => report.hint(
                        "name a file that `musicfs log export FILE` has written; one of `musicfs log \
                         backup` is put in place of the log itself, as docs/RECOVERY.md tells",
                    ),
                    _ => report,
                }
            }
            _ => Self::new(Kind::Bug, message),
        }
    }
}

impl From<ViewError> for Report {
    fn from(error: ViewError) -> Self {
        let message = error.to_string();
        match error {
            ViewError::Log(error) => error.into(),
            ViewError::Unreadable { .. } => Self::new(Kind::Damaged, message),
            ViewError::Directory { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Self::new(Kind::Disk, message)
                    .hint("`musicfs mount` rebuilds the views from the log")
            }
            ViewError::Unwritable { .. } | ViewError::Directory { .. } => {
                Self::new(Kind::Disk, message)
            }
            ViewError::Missing { .. } | ViewError::BeyondHead { .. } => {
                Self::new(Kind::Input, message)
            }
            ViewError::Busy(_) => Self::new(Kind::Busy, message),
            _ => Self::new(Kind::Bug, message),
        }
    }
}

impl From<OriginError> for Report {
    fn from(error: OriginError) -> Self {
        Self::new(Kind::Origin, error.message)
    }
}

impl From<RootError> for Report {
    fn from(error: RootError) -> Self {
        let kind = match error {
            RootError::Unreadable { .. } => Kind::Origin,
            _ => Kind::Input,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<LibraryError> for Report {
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::Root(error) => error.into(),
            LibraryError::Log(error) => error.into(),
            LibraryError::Behind => Self::new(Kind::Busy, error.to_string()),
            LibraryError::View(error) => error.into(),
            LibraryError::Configured => Self::new(Kind::Config, error.to_string()),
            LibraryError::Exists(_)
            | LibraryError::Overlaps { .. }
            | LibraryError::Unknown(_)
            | LibraryError::Layout(_) => Self::new(Kind::Input, error.to_string()),
            LibraryError::NotInTree(_) => Self::new(Kind::Input, error.to_string()).hint(
                "give a path in the mount, or one from the root of the tree, such as Artist/Album",
            ),
            LibraryError::NotPinned(_) => Self::new(Kind::Input, error.to_string())
                .hint("`musicfs cache list` shows what is pinned"),
            LibraryError::BuiltIn(_) => {
                Self::new(Kind::Input, error.to_string()).hint("take another name")
            }
            LibraryError::NotACollection(_) => Self::new(Kind::Input, error.to_string())
                .hint("`musicfs collection list` shows those that there are"),
            LibraryError::Stopping => Self::new(Kind::NotRunning, error.to_string()),
        }
    }
}

impl From<ScanError> for Report {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Origin(error) => error.into(),
            ScanError::Log(error) => error.into(),
            ScanError::View(error) => error.into(),
            ScanError::Empty(_) | ScanError::Stalled(_) => {
                Self::new(Kind::Origin, error.to_string())
            }
            ScanError::Stopped => Self::new(Kind::NotRunning, error.to_string()),
            ScanError::Panicked => Self::new(Kind::Bug, error.to_string()),
        }
    }
}

impl From<MountError> for Report {
    fn from(error: MountError) -> Self {
        Self::new(Kind::Machine, error.to_string())
            .hint("`musicfs doctor` looks at what mounting needs")
    }
}

impl From<MountPointError> for Report {
    fn from(error: MountPointError) -> Self {
        let message = format!(
            "cannot {} {}: {}",
            error.action,
            error.path.display(),
            error.reason
        );
        Self::new(Kind::Input, message).hint(error.next)
    }
}
