//! The files of a view: `NAME.GENERATION.db`. The highest complete generation is served.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::ViewError;
use crate::file::{Freshness, ViewFile};
use crate::view::View;

/// The directory of the views, and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Generations {
    directory: PathBuf,
}

impl Generations {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Opens the highest usable generation of a view and deletes the others; begins a new one where
    /// there is none.
    pub(crate) fn open<V: View>(&self) -> Result<(ViewFile<V>, Freshness), ViewError> {
        let found = self.list(V::NAME)?;
        let usable = found.iter().rev().find_map(|number| {
            let opened = ViewFile::open(&self.path(V::NAME, *number));
            opened.map(|(file, freshness)| (*number, file, freshness))
        });
        let served = usable
            .as_ref()
            .map(|(number, ..)| self.path(V::NAME, *number));
        self.keep_only(V::NAME, served.as_deref().unwrap_or(Path::new("")))?;
        delete(&self.scratch(V::NAME));
        match usable {
            Some((_, file, freshness)) => Ok((file, freshness)),
            None => {
                let next = found.last().map_or(1, |last| last.saturating_add(1));
                let file = ViewFile::create(&self.path(V::NAME, next))?;
                Ok((file, Freshness::Current))
            }
        }
    }

    /// Deletes all generations of a view but one.
    pub(crate) fn keep_only(&self, view: &str, kept: &Path) -> Result<(), ViewError> {
        for path in self
            .list(view)?
            .into_iter()
            .map(|number| self.path(view, number))
        {
            if path != kept {
                delete(&path);
            }
        }
        Ok(())
    }

    /// The file that the highest generation of a view is in that can be read now.
    pub(crate) fn newest<V: View>(&self) -> Result<PathBuf, ViewError> {
        let found = self
            .list(V::NAME)?
            .into_iter()
            .rev()
            .map(|number| self.path(V::NAME, number));
        found
            .into_iter()
            .find(|path| ViewFile::<V>::can_be_read(path))
            .ok_or_else(|| ViewError::Missing {
                view: V::NAME,
                path: self.directory.clone(),
            })
    }

    /// The file of a generation that does not exist yet.
    pub(crate) fn next(&self, view: &str) -> Result<PathBuf, ViewError> {
        let last = self.list(view)?.last().copied().unwrap_or_default();
        Ok(self.path(view, last.saturating_add(1)))
    }

    /// The file for what is not to be served.
    pub(crate) fn scratch(&self, view: &str) -> PathBuf {
        self.directory.join(format!("{view}.check.db"))
    }

    fn path(&self, view: &str, generation: u64) -> PathBuf {
        self.directory.join(format!("{view}.{generation}.db"))
    }

    /// The generations of a view, ascending.
    fn list(&self, view: &str) -> Result<Vec<u64>, ViewError> {
        let list = || -> io::Result<Vec<u64>> {
            let mut found = Vec::new();
            for entry in fs::read_dir(&self.directory)? {
                let name = entry?.file_name();
                let generation = name.to_str().and_then(|name| {
                    name.strip_prefix(view)?
                        .strip_prefix('.')?
                        .strip_suffix(".db")
                });
                found.extend(generation.and_then(|generation| generation.parse::<u64>().ok()));
            }
            found.sort_unstable();
            Ok(found)
        };
        list().map_err(|source| ViewError::Directory {
            path: self.directory.clone(),
            source,
        })
    }
}

/// Deletes a view's file and what SQLite keeps beside it. What cannot be deleted now is at the next
/// start.
pub(crate) fn delete(path: &Path) {
    for suffix in ["-wal", "-shm", "-journal", ""] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(path = %path.display(), %error, "old view stays"),
        }
    }
}
