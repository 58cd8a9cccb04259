//! A file that is to be fetched.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::cache::survey::Missing;

/// A file that is to be fetched, or was.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) file: Missing,
    state: Mutex<State>,
}

/// How far a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits for its turn.
    Waiting,
    /// It is being fetched.
    Fetching {
        /// Bytes of it that are on this machine.
        done: u64,
    },
    /// All of it is on this machine.
    Here,
    /// It was given up; why.
    Left(String),
}

impl State {
    /// True where nothing more becomes of it.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self, Self::Here | Self::Left(_))
    }
}

impl Job {
    /// One that waits.
    pub(super) fn new(file: Missing) -> Arc<Self> {
        Self::that_is(file, State::Waiting)
    }

    /// One in that state.
    pub(super) fn that_is(file: Missing, state: State) -> Arc<Self> {
        Arc::new(Self {
            file,
            state: Mutex::new(state),
        })
    }

    /// How far it is.
    pub(crate) fn state(&self) -> State {
        self.state.lock().clone()
    }

    pub(super) fn set(&self, state: State) {
        *self.state.lock() = state;
    }

    /// Bytes of the whole file.
    pub(crate) fn size(&self) -> u64 {
        self.file.key.revision.size
    }

    /// Bytes of it that are on this machine.
    pub(crate) fn done(&self) -> u64 {
        match *self.state.lock() {
            State::Fetching { done } => done,
            State::Here => self.size(),
            State::Waiting | State::Left(_) => self.size().saturating_sub(self.file.bytes),
        }
    }
}
