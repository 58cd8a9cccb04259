//! The kernel's table of mounts, as far as it concerns an origin.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What is mounted below a folder, and notice of changes: the table's file is readable out of
/// band after each change of the table (`proc_pid_mounts(5)`). inotify tells nothing of a disk that
/// is mounted on a watched folder.
#[derive(Debug)]
pub(super) struct Table {
    file: File,
    /// What the paths of mounts below the folder begin with, as the table spells them.
    prefix: Vec<u8>,
    below: BTreeSet<Vec<u8>>,
}

impl Table {
    /// The table as it concerns `folder`, a path without links.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let mut prefix = escaped(folder.as_os_str().as_bytes());
        if prefix.last() != Some(&b'/') {
            prefix.push(b'/');
        }
        let mut table = Self {
            file: File::open("/proc/self/mountinfo")?,
            prefix,
            below: BTreeSet::new(),
        };
        table.has_changed()?;
        Ok(table)
    }

    /// True where something was mounted or unmounted below the folder since the last call.
    pub(super) fn has_changed(&mut self) -> io::Result<bool> {
        let mut text = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut text)?;
        let below = text
            .split(|byte| *byte == b'\n')
            .filter_map(|line| {
                // A mount's number, and the path that it is at.
                let mut fields = line.split(|byte| *byte == b' ');
                let (number, at) = (fields.next()?, fields.nth(3)?);
                let name = || [number, b" ", at].concat();
                at.starts_with(&self.prefix).then(name)
            })
            .collect();
        let before = std::mem::replace(&mut self.below, below);
        Ok(before != self.below)
    }
}

impl AsFd for Table {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A path as the table spells it.
fn escaped(path: &[u8]) -> Vec<u8> {
    path.iter()
        .flat_map(|byte| match byte {
            b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
            byte => vec![*byte],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_spelt_as_in_the_table() {
        assert_eq!(escaped(b"/a b\\c"), b"/a\\040b\\134c");
    }

    #[test]
    fn an_undisturbed_table_has_not_changed() {
        let mut table = Table::open(Path::new("/")).unwrap();
        // Of all tests of this machine, some may be mounting: not always, though.
        assert!((0..1_000).any(|_| !table.has_changed().unwrap()));
        assert!(!table.below.is_empty());
    }
}
