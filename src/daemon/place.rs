//! The mount point before a mount.

use std::path::Path;

use fuse::mountpoint;

use crate::report::{Kind, Report, Result, shell};

/// Makes sure that the mount point is an empty directory; clears what a dead daemon left there.
pub(super) fn vacate(path: &Path) -> Result<()> {
    use mountpoint::State;
    let refuse = |kind: Kind, what: &str, hint: &str| {
        let message = format!("cannot mount at {}: {what}", path.display());
        Err(Report::new(kind, message).hint(hint))
    };
    match mountpoint::state(path)? {
        State::Empty => Ok(()),
        State::Stale(mount) if !mount.by_us() => refuse(
            Kind::Busy,
            &format!("a {} whose process is gone is mounted there", mount.fstype),
            "it is not ours to clear: unmount it with `fusermount3 -u` or `umount`",
        ),
        State::Stale(_) => {
            tracing::info!(mountpoint = %path.display(), "clearing what a killed daemon left");
            mountpoint::clear_stale(path)?;
            vacate(path)
        }
        State::Absent => refuse(
            Kind::Input,
            "there is no such directory",
            &format!("make it: mkdir -p {}", shell(path)),
        ),
        State::NotADirectory => refuse(Kind::Input, "it is not a directory", "choose a directory"),
        State::NotEmpty => refuse(
            Kind::Input,
            "it is not empty",
            "choose an empty directory, or make a new one",
        ),
        State::Mounted(mount) => refuse(
            Kind::Busy,
            &format!(
                "{} ({}) is mounted there",
                mount.source.display(),
                mount.fstype
            ),
            "unmount it with `fusermount3 -u` or `umount`, or choose another directory",
        ),
    }
}
