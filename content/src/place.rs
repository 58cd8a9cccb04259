//! The directory that a store is in. What is in it, the store may delete; so nothing else may be.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Marks a directory as a store's, and as one that a backup can leave out
/// (<https://bford.info/cachedir/>).
const TAG: &str = "CACHEDIR.TAG";
const SIGNATURE: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";
const OURS: &str =
    "# The content store of MusicFS: copies of music, which it deletes as it sees fit.\n";

/// What a directory has that nobody put there.
const MADE_BY_THE_SYSTEM: &str = "lost+found";

/// Makes a directory that nobody else can look into; one that is there stays as it is.
///
/// # Errors
/// What the system said.
pub(crate) fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Opens or makes a file that nobody else can read.
///
/// # Errors
/// What the system said.
pub(crate) fn file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// Takes a directory for the store: one that is its own already, or in which there is nothing. False
/// where there is something else.
///
/// # Errors
/// What the system said.
pub(crate) fn take(dir: &Path) -> io::Result<bool> {
    make(dir)?;
    let tag = dir.join(TAG);
    match fs::read_to_string(&tag) {
        Ok(text) if text.starts_with(SIGNATURE) && text.contains(OURS) => return Ok(true),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // One that another program left, or that a crash has cut off.
        _ => {}
    }
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if name != TAG && name != MADE_BY_THE_SYSTEM {
            return Ok(false);
        }
    }
    let mut file = file(&tag)?;
    file.set_len(0)?;
    file.write_all(SIGNATURE.as_bytes())?;
    file.write_all(OURS.as_bytes())?;
    file.sync_all()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_others_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("a/store");
        assert!(take(&store).unwrap());
        assert!(take(&store).unwrap());
        fs::write(store.join("index.db"), "").unwrap();
        assert!(take(&store).unwrap());
        fs::remove_file(store.join(TAG)).unwrap();
        assert!(!take(&store).unwrap());

        let other = dir.path().join("b");
        fs::create_dir_all(other.join(MADE_BY_THE_SYSTEM)).unwrap();
        fs::write(other.join(TAG), SIGNATURE).unwrap();
        assert!(take(&other).unwrap(), "an empty one");
        fs::write(dir.path().join("notes"), "").unwrap();
        assert!(!take(dir.path()).unwrap());
        assert!(!dir.path().join(TAG).exists());
    }
}
