//! What the store did since it was opened, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters, and a copy of them at one moment.
macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts since the store was opened.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Figures {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn now(&self) -> Figures {
                Figures { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

figures! {
    /// Reads that were answered without asking an origin.
    hits,
    /// Reads that had to wait for an origin.
    misses,
    /// Bytes that were read from the store.
    read_bytes,
    /// Bytes that came from origins.
    fetched_bytes,
    /// Requests to origins.
    fetches,
    /// Pieces whose bytes were not what they should be, or missing; each was fetched again when
    /// needed.
    damaged,
    /// Files that left to make room.
    evicted,
    /// Fetched bytes that could not be kept, and were passed through.
    passed_bytes,
    /// Bytes that were met again in another file, and are kept once.
    shared_bytes,
    /// Files whose sound was taken over from their last revision.
    adopted,
    /// Of those, the ones that were compared in full since, and were right.
    confirmed,
    /// Of those, the ones that were wrong, and were dropped.
    refuted,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}
