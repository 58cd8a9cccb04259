//! How each open file is served: one mode an inode, and pages of one revision.
//!
//! The kernel keeps one page cache an inode, shared by all its handles, and lets an inode be
//! served either by passthrough from one file or by us, never both at once. So the first open
//! decides, later ones follow, and an open that cannot follow is served around the cache or, where
//! the kernel would refuse it with EIO, refused with a reason: a track that was replaced can be
//! opened anew once those who read its former file by passthrough have closed it.

use std::any::Any;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use eventlog::Revision;
use parking_lot::Mutex;

use crate::errno::{ErrorKind, FsError};
use crate::library::{Ino, Original};

/// Inodes whose cached revision is remembered after the last close. Beyond this all are
/// forgotten, which costs each one cold read.
const REMEMBERED: usize = 1 << 16;

/// What the kernel needs in order to read a file without asking; kept while any handle uses it.
#[derive(Clone)]
pub struct Backing(Arc<dyn Any + Send + Sync>);

impl Backing {
    /// Wraps what the session registered.
    #[must_use]
    pub fn new(registration: impl Any + Send + Sync) -> Self {
        Self(Arc::new(registration))
    }

    /// What the session registered, if it is a `T`.
    #[must_use]
    pub fn registration<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl std::fmt::Debug for Backing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backing")
    }
}

/// How the kernel serves one handle.
#[derive(Debug, Clone)]
pub enum Caching {
    /// Through its page cache.
    Pages {
        /// The pages it has are of this revision and may stay.
        keep: bool,
    },
    /// Each read is asked for: generated files that change by themselves, and a new revision beside readers of an old one.
    Direct,
    /// By itself, from this file.
    Passthrough(Backing),
}

/// The open inodes and what the kernel has cached of them.
#[derive(Debug, Default)]
pub(crate) struct Inodes {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<Ino, OpenInode>,
    /// The revision of the pages that the kernel may hold.
    cached: HashMap<Ino, Revision>,
}

#[derive(Debug)]
struct OpenInode {
    handles: usize,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    Pages(Revision),
    Passthrough { backing: Backing, file: FileId },
}

/// Which file it is: device and inode number.
type FileId = (u64, u64);

impl Inodes {
    /// Decides how a new handle on `ino` is served, and counts it.
    ///
    /// `register` asks the session for a backing; `None` means that there is no passthrough for
    /// this file. It is called under this table's lock and must not wait.
    pub(crate) fn open(
        &self,
        ino: Ino,
        original: &dyn Original,
        register: &dyn Fn(&File) -> Option<Backing>,
    ) -> Result<Caching, FsError> {
        let file = original
            .file()
            .and_then(|file| Some((file, file_id(file)?)));
        let mut state = self.state.lock();
        if let Some(open) = state.open.get_mut(&ino) {
            return match (&open.mode, file) {
                (Mode::Pages(revision), _) if revision == original.revision() => {
                    open.handles += 1;
                    Ok(Caching::Pages { keep: true })
                }
                (Mode::Pages(_), _) => Ok(Caching::Direct),
                (
                    Mode::Passthrough {
                        backing,
                        file: served,
                    },
                    Some((_, id)),
                ) if *served == id => {
                    open.handles += 1;
                    Ok(Caching::Passthrough(backing.clone()))
                }
                (Mode::Passthrough { .. }, _) => Err(FsError::new(
                    ErrorKind::Busy,
                    format!("inode {ino} is held open in an earlier state; close its readers"),
                )),
            };
        }
        if let Some((file, id)) = file
            && let Some(backing) = register(file)
        {
            let mode = Mode::Passthrough {
                backing: backing.clone(),
                file: id,
            };
            state.open.insert(ino, OpenInode { handles: 1, mode });
            return Ok(Caching::Passthrough(backing));
        }
        let revision = original.revision().clone();
        if state.cached.len() >= REMEMBERED && !state.cached.contains_key(&ino) {
            state.cached.clear();
        }
        let keep = state
            .cached
            .insert(ino, revision.clone())
            .is_some_and(|held| held == revision);
        state.open.insert(
            ino,
            OpenInode {
                handles: 1,
                mode: Mode::Pages(revision),
            },
        );
        Ok(Caching::Pages { keep })
    }

    /// Forgets what the kernel may have cached of an inode: the next open has it start anew.
    pub(crate) fn forget(&self, ino: Ino) {
        self.state.lock().cached.remove(&ino);
    }

    /// Counts a handle out.
    pub(crate) fn close(&self, ino: Ino, caching: &Caching) {
        if matches!(caching, Caching::Direct) {
            return;
        }
        let mut state = self.state.lock();
        if let Some(open) = state.open.get_mut(&ino) {
            open.handles -= 1;
            if open.handles == 0 {
                let last = state.open.remove(&ino);
                drop(state);
                drop(last);
            }
        }
    }

    /// Forgets everything: the session is over.
    pub(crate) fn clear(&self) {
        let state = std::mem::take(&mut *self.state.lock());
        drop(state);
    }
}

fn file_id(file: &File) -> Option<FileId> {
    file.metadata()
        .ok()
        .map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake {
        revision: Revision,
        file: Option<File>,
    }

    impl Original for Fake {
        fn revision(&self) -> &Revision {
            &self.revision
        }
        fn read_at(&self, _: &mut [u8], _: u64) -> Result<usize, FsError> {
            Ok(0)
        }
        fn file(&self) -> Option<&File> {
            self.file.as_ref()
        }
    }

    const INO: Ino = Ino(3);

    fn remote(mtime_ns: i64) -> Fake {
        Fake {
            revision: Revision {
                size: 1,
                mtime_ns,
                tag: None,
            },
            file: None,
        }
    }

    fn local(mtime_ns: i64) -> Fake {
        Fake {
            file: Some(tempfile::tempfile().unwrap()),
            ..remote(mtime_ns)
        }
    }

    fn never(_: &File) -> Option<Backing> {
        None
    }

    fn always(_: &File) -> Option<Backing> {
        Some(Backing::new(()))
    }

    #[test]
    fn an_open_that_nobody_heard_of_leaves_no_revision() {
        let inodes = Inodes::default();
        let caching = inodes.open(INO, &remote(1), &never).unwrap();
        inodes.close(INO, &caching);
        inodes.forget(INO);
        let caching = inodes.open(INO, &remote(1), &never).unwrap();
        assert!(matches!(caching, Caching::Pages { keep: false }));
    }

    #[test]
    fn pages_stay_only_while_the_revision_does() {
        let inodes = Inodes::default();
        let mut kept = Vec::new();
        for mtime in [1, 1, 2, 2, 1] {
            let caching = inodes.open(INO, &remote(mtime), &never).unwrap();
            inodes.close(INO, &caching);
            kept.push(matches!(caching, Caching::Pages { keep: true }));
        }
        assert_eq!(kept, [false, true, false, true, false]);
    }

    #[test]
    fn a_new_revision_goes_around_the_pages_of_an_open_old_one() {
        let inodes = Inodes::default();
        let old = inodes.open(INO, &remote(1), &never).unwrap();
        let new = inodes.open(INO, &remote(2), &never).unwrap();
        assert!(matches!(new, Caching::Direct));
        inodes.close(INO, &new);
        inodes.close(INO, &old);
        let again = inodes.open(INO, &remote(2), &never).unwrap();
        assert!(matches!(again, Caching::Pages { keep: false }));
    }

    #[test]
    fn one_file_has_one_backing() {
        let inodes = Inodes::default();
        let original = local(1);
        let first = inodes.open(INO, &original, &always).unwrap();
        let again = inodes
            .open(INO, &original, &|_| panic!("registered twice"))
            .unwrap();
        let (Caching::Passthrough(a), Caching::Passthrough(b)) = (&first, &again) else {
            panic!("{first:?}, {again:?}");
        };
        assert!(Arc::ptr_eq(&a.0, &b.0));
    }

    #[test]
    fn modes_do_not_mix() {
        let inodes = Inodes::default();
        let (old, new) = (local(1), local(2));
        let passed = inodes.open(INO, &old, &always).unwrap();
        let other = inodes.open(INO, &new, &always).unwrap_err();
        assert_eq!(other.kind, ErrorKind::Busy);
        inodes.close(INO, &passed);
        let plain = inodes.open(INO, &new, &never).unwrap();
        assert!(matches!(plain, Caching::Pages { .. }));
        let follows = inodes.open(INO, &remote(2), &always).unwrap();
        assert!(matches!(follows, Caching::Pages { keep: true }));
    }
}
