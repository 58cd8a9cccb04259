//! A file of messages that does not grow without end.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::report::Result;
use crate::state::append_to;

/// A file that is put aside once it is full: `FILE` becomes `FILE.1`, that `FILE.2`, and so on.
#[derive(Debug)]
pub(super) struct Rotating {
    path: PathBuf,
    file: File,
    /// Bytes in the file.
    size: u64,
    /// Bytes after which it is full; 0 for never.
    limit: u64,
    /// How many full ones are kept.
    keep: u32,
}

impl Rotating {
    /// Opens the file to append to it.
    ///
    /// # Errors
    /// What the disk said.
    pub(super) fn open(path: &Path, limit: u64, keep: u32) -> Result<Self> {
        let file = append_to(path)?;
        Ok(Self {
            size: file.metadata().map_or(0, |it| it.len()),
            path: path.to_owned(),
            file,
            limit,
            keep,
        })
    }

    /// Appends a line, whole.
    pub(super) fn write(&mut self, line: &str) -> io::Result<()> {
        let length = line.len() as u64;
        if self.limit > 0 && self.size > 0 && self.size + length > self.limit {
            // One that cannot be put aside grows on, and is tried again once as much has been added:
            // better than to lose what is said.
            if self.put_aside().and_then(|()| self.reopen()).is_err() {
                self.size = 0;
            }
        }
        self.size += length;
        self.file.write_all(line.as_bytes())
    }

    /// Moves the file away, unless it has been already: by somebody else, or by us where it could
    /// not be opened anew after that.
    fn put_aside(&self) -> io::Result<()> {
        if !self.is_in_place()? {
            return Ok(());
        }
        for number in (1..self.keep).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        match self.keep {
            0 => fs::remove_file(&self.path),
            _ => fs::rename(&self.path, self.numbered(1)),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = append_to(&self.path).map_err(io::Error::other)?;
        self.size = self.file.metadata()?.len();
        Ok(())
    }

    /// True where the file of that name is the one that is written.
    fn is_in_place(&self) -> io::Result<bool> {
        let written = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(named) => Ok((named.dev(), named.ino()) == (written.dev(), written.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_put_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = Rotating::open(&path, 10, 2).unwrap();
        for line in [
            "first\n",
            "second\n",
            "3\n",
            "fourth\n",
            "a line longer than a file\n",
            "6\n",
        ] {
            file.write(line).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("log"), "6\n");
        assert_eq!(read("log.1"), "a line longer than a file\n");
        assert_eq!(read("log.2"), "fourth\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);

        // Opened again, it knows how full it is; none are kept where none are to be.
        let mut file = Rotating::open(&path, 3, 0).unwrap();
        file.write("7\n").unwrap();
        assert_eq!(read("log"), "7\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_opened_anew_and_nothing_else_moves() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = Rotating::open(&path, 10, 3).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        file.write("first\n").unwrap();
        file.write("second\n").unwrap();
        fs::rename(&path, dir.path().join("by another")).unwrap();
        // One that cannot be opened anew: what is said goes on to the file that was moved.
        fs::create_dir(&path).unwrap();
        file.write("third\n").unwrap();
        assert_eq!(read("by another"), "second\nthird\n");
        fs::remove_dir(&path).unwrap();
        file.write("fourth\n").unwrap();
        assert_eq!(
            (read("log"), read("log.1")),
            ("fourth\n".into(), "first\n".into())
        );
        assert!(!dir.path().join("log.2").exists());

        // One that stands in the place of ours is not ours to move.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "of another\n").unwrap();
        file.write("fifth\n").unwrap();
        assert_eq!(read("log"), "of another\nfifth\n");
        assert_eq!(read("log.1"), "first\n");
    }
}
