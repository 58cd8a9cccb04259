//! Telling the kernel what it must no longer believe (FS-9).
//!
//! Changes are queued and sent from one thread: a notification waits for requests under way in
//! the same directory or file, so it must never be sent from inside one, nor under a lock that one
//! needs.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use fuser::INodeNo;
use parking_lot::{Condvar, Mutex};
use rustix::io::Errno;

use crate::fs::Filesystem;
use crate::library::Ino;
use crate::pool::guarded;

/// Changes waiting beyond this are sent as [`Change::Everything`].
const QUEUE: usize = 200_000;

/// Something that the kernel may have cached and that is different now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A directory has a new name in it, or a name now stands for something else.
    EntryAdded {
        /// The directory.
        parent: Ino,
        /// The name.
        name: Box<str>,
    },
    /// A directory lost a name.
    EntryRemoved {
        /// The directory.
        parent: Ino,
        /// The name.
        name: Box<str>,
    },
    /// A directory's attributes or list of names.
    DirectoryChanged {
        /// The directory.
        ino: Ino,
    },
    /// A file's attributes or bytes.
    FileChanged {
        /// The file.
        ino: Ino,
    },
    /// Too much to name.
    Everything,
}

/// Where changes are handed in, after the view that holds them has committed. Clones share one
/// queue.
#[derive(Clone)]
pub struct Notifier {
    shared: Arc<Shared>,
}

struct Shared {
    filesystem: Arc<Filesystem>,
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Default)]
struct Queue {
    pending: Pending,
    closed: bool,
}

/// Changes to send, each once.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pending {
    entries: HashSet<(Ino, Box<str>)>,
    inodes: HashSet<Ino>,
    everything: bool,
}

impl Notifier {
    /// Queues changes; returns at once, and may be called anywhere. Does nothing once the session
    /// is over.
    pub fn notify(&self, changes: impl IntoIterator<Item = Change>) {
        // First, so that no listing goes on with nodes read before the change.
        self.shared.filesystem.tree_changed();
        let mut queue = self.shared.queue.lock();
        if queue.closed {
            return;
        }
        changes
            .into_iter()
            .for_each(|change| queue.pending.add(change));
        drop(queue);
        self.shared.filled.notify_one();
    }

    /// Starts the thread that sends, over `channel`.
    pub(crate) fn start(
        filesystem: Arc<Filesystem>,
        channel: fuser::Notifier,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let shared = Arc::new(Shared {
            filesystem,
            queue: Mutex::default(),
            filled: Condvar::new(),
        });
        let sender = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("musicfs-notify".to_owned())
            .spawn(move || guarded("notifying the kernel", || sender.send_all(&channel)))?;
        Ok((Self { shared }, thread))
    }

    /// Ends the thread; what waits is no longer of interest to anybody.
    pub(crate) fn close(&self) {
        let mut queue = self.shared.queue.lock();
        *queue = Queue {
            closed: true,
            ..Queue::default()
        };
        drop(queue);
        self.shared.filled.notify_all();
    }
}

impl Shared {
    fn send_all(&self, channel: &fuser::Notifier) {
        while let Some(pending) = self.wait() {
            let (inodes, names) = match pending.everything {
                true => self.filesystem.known(),
                false => (Vec::new(), Vec::new()),
            };
            let root_names = names.into_iter().map(|name| (Ino::ROOT, name));
            for (parent, name) in pending.entries.into_iter().chain(root_names) {
                report(
                    channel.inval_entry(INodeNo(parent.0), OsStr::new(&*name)),
                    parent,
                );
            }
            for ino in pending.inodes.into_iter().chain(inodes) {
                report(channel.inval_inode(INodeNo(ino.0), 0, 0), ino);
            }
        }
    }

    /// The next changes; `None` once the session is over.
    fn wait(&self) -> Option<Pending> {
        let mut queue = self.queue.lock();
        loop {
            if queue.closed {
                return None;
            }
            if queue.pending != Pending::default() {
                return Some(std::mem::take(&mut queue.pending));
            }
            self.filled.wait(&mut queue);
        }
    }
}

impl Pending {
    fn add(&mut self, change: Change) {
        match change {
            _ if self.everything => return,
            Change::EntryAdded { parent, name } | Change::EntryRemoved { parent, name } => {
                self.inodes.insert(parent);
                self.entries.insert((parent, name));
            }
            Change::DirectoryChanged { ino } | Change::FileChanged { ino } => {
                self.inodes.insert(ino);
            }
            Change::Everything => {
                *self = Self {
                    everything: true,
                    ..Self::default()
                }
            }
        }
        if self.entries.len() + self.inodes.len() > QUEUE {
            *self = Self {
                everything: true,
                ..Self::default()
            };
        }
    }
}

/// What the kernel does not hold needs no invalidation (ENOENT, taken for success by the channel);
/// neither does anything once the mount is gone.
fn report(sent: io::Result<()>, ino: Ino) {
    if let Err(error) = sent {
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        if !matches!(
            errno,
            Some(Errno::NODEV | Errno::NOTCONN | Errno::PERM | Errno::NOENT)
        ) {
            tracing::warn!(%ino, %error, "the kernel did not take an invalidation");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(changes: impl IntoIterator<Item = Change>) -> Pending {
        let mut pending = Pending::default();
        changes.into_iter().for_each(|change| pending.add(change));
        pending
    }

    #[test]
    fn changes_are_sent_once() {
        let removed = Change::EntryRemoved {
            parent: Ino(2),
            name: "a".into(),
        };
        let added = Change::EntryAdded {
            parent: Ino(2),
            name: "a".into(),
        };
        let directory = Change::DirectoryChanged { ino: Ino(2) };
        let file = Change::FileChanged { ino: Ino(3) };
        let pending = pending([removed, added, directory, file.clone(), file]);
        assert_eq!(pending.entries, HashSet::from([(Ino(2), "a".into())]));
        assert_eq!(pending.inodes, HashSet::from([Ino(2), Ino(3)]));
    }

    #[test]
    fn everything_takes_in_the_rest() {
        let file = Change::FileChanged { ino: Ino(3) };
        let all = Pending {
            everything: true,
            ..Pending::default()
        };
        assert_eq!(pending([file.clone(), Change::Everything, file]), all);
        let many = (0..=QUEUE as u64).map(|n| Change::FileChanged { ino: Ino(n) });
        assert_eq!(pending(many), all);
    }
}
