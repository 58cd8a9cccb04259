//! What the kernel has been told and may still believe, as far as it is needed to make it forget
//! everything at once.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::library::{Ino, Node, NodeKind};

/// Directories that the kernel holds, and the names in the root that it was given.
///
/// Dropping a name in the root drops everything cached below it that is not in use; directories
/// are kept because a process may stand in one. Files are too many to keep, and those in use are
/// the open ones.
#[derive(Debug, Default)]
pub(crate) struct Known {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How often the kernel was given each directory, less what it gave back.
    directories: HashMap<Ino, u64>,
    root_names: HashSet<Box<str>>,
}

impl Known {
    pub(crate) fn gave(&self, node: &Node) {
        let directory = matches!(node.kind, NodeKind::Directory { .. });
        let in_root = node.parent == Ino::ROOT;
        if !directory && !in_root {
            return;
        }
        let mut state = self.state.lock();
        if directory {
            *state.directories.entry(node.ino).or_default() += 1;
        }
        if in_root && !state.root_names.contains(&node.name) {
            state.root_names.insert(node.name.clone());
        }
    }

    pub(crate) fn forgot(&self, ino: Ino, times: u64) {
        let mut state = self.state.lock();
        if let Some(count) = state.directories.get_mut(&ino) {
            *count = count.saturating_sub(times);
            if *count == 0 {
                state.directories.remove(&ino);
            }
        }
    }

    pub(crate) fn directories(&self) -> Vec<Ino> {
        self.state.lock().directories.keys().copied().collect()
    }

    pub(crate) fn root_names(&self) -> Vec<Box<str>> {
        self.state.lock().root_names.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        *self.state.lock() = State::default();
    }
}
