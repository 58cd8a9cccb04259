//! What was asked of an origin, counted (CTL-5).

use std::sync::atomic::{AtomicU64, Ordering};

use crate::origin::{ErrorKind, OriginError};

/// What can be asked of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A directory's listing.
    List,
    /// A file's state.
    Stat,
    /// To open a file.
    Open,
    /// To read of an open file, except where the kernel does it by itself.
    Read,
    /// Whether it answers.
    Check,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::List, Self::Stat, Self::Open, Self::Read, Self::Check];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Stat => "stat",
            Self::Open => "open",
            Self::Read => "read",
            Self::Check => "check",
        }
    }
}

/// Kinds of failures, by their names in metrics.
const KINDS: [&str; 8] = [
    "gone",
    "denied",
    "changed",
    "offline",
    "throttled",
    "exhausted",
    "io",
    "timeout",
];

const TIMEOUT: usize = 7;

const fn index(kind: ErrorKind) -> usize {
    match kind {
        ErrorKind::NotFound => 0,
        ErrorKind::Denied => 1,
        ErrorKind::Changed => 2,
        ErrorKind::Offline => 3,
        ErrorKind::Throttled { .. } => 4,
        ErrorKind::Exhausted => 5,
        ErrorKind::Io => 6,
    }
}

/// What was asked of an origin since the daemon started: each attempt counts.
#[derive(Debug, Default)]
pub struct Figures {
    ops: [Counts; Op::ALL.len()],
    bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    errors: [AtomicU64; KINDS.len()],
}

impl Figures {
    /// Attempts, those that failed included.
    #[must_use]
    pub fn requests(&self, op: Op) -> u64 {
        self.of(op).requests.load(Ordering::Relaxed)
    }

    /// Attempts that failed, by the name of how they did; those that never happened are left out.
    pub fn errors(&self, op: Op) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.of(op).errors.iter();
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        KINDS
            .into_iter()
            .zip(counts)
            .filter(|(_, count)| *count > 0)
    }

    /// Bytes read of files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn count<T>(&self, op: Op, result: &Result<T, OriginError>) {
        let counts = self.of(op);
        counts.requests.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = result {
            counts.fail(index(error.kind));
        }
    }

    pub(super) fn count_timeout(&self, op: Op) {
        let counts = self.of(op);
        counts.requests.fetch_add(1, Ordering::Relaxed);
        counts.fail(TIMEOUT);
    }

    pub(super) fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn of(&self, op: Op) -> &Counts {
        let [list, stat, open, read, check] = &self.ops;
        match op {
            Op::List => list,
            Op::Stat => stat,
            Op::Open => open,
            Op::Read => read,
            Op::Check => check,
        }
    }
}

impl Counts {
    fn fail(&self, index: usize) {
        if let Some(count) = self.errors.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart() {
        let figures = Figures::default();
        figures.count(Op::Stat, &Ok(()));
        let denied: Result<(), _> = Err(OriginError {
            kind: ErrorKind::Denied,
            message: String::new(),
        });
        figures.count(Op::Stat, &denied);
        figures.count_timeout(Op::Stat);
        assert_eq!(figures.requests(Op::Stat), 3);
        let errors: Vec<_> = figures.errors(Op::Stat).collect();
        assert_eq!(errors, [("denied", 1), ("timeout", 1)]);
        assert_eq!(figures.requests(Op::Read), 0);
    }
}
