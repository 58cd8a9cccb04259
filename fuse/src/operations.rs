//! How many requests were answered, and how long each took (CTL-5).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

macro_rules! operations {
    ($($variant:ident = $name:literal,)*) => {
        /// A request of the kernel that is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "named as in the protocol, see fuse(4)")]
        pub enum Operation { $($variant,)* }

        impl Operation {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

operations! {
    Lookup = "lookup",
    Getattr = "getattr",
    Open = "open",
    Read = "read",
    Readdir = "readdir",
    Readlink = "readlink",
    Statfs = "statfs",
    Getxattr = "getxattr",
    Listxattr = "listxattr",
}

/// Upper bounds of the buckets of [`Timings`], in seconds; the last bucket has none.
pub const BOUNDS: [f64; 10] = [
    10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 1e-3, 10e-3, 100e-3, 1.0, 5.0,
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// What was answered since the start. Counting takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Operations([Histogram; Operation::ALL.len()]);

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

/// How long the requests of one kind took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// Which kind.
    pub operation: Operation,
    /// How many took no longer than each of [`BOUNDS`], but longer than the one before; and last,
    /// how many took longer than all.
    pub buckets: [u64; BUCKETS],
    /// All of them together.
    pub total: Duration,
}

impl Timings {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl Operations {
    /// Counts a request that begins now and ends when the answer is dropped.
    pub(crate) fn begin(&self, operation: Operation) -> Running<'_> {
        Running {
            histogram: self.0.get(operation as usize),
            began: Instant::now(),
        }
    }

    /// What was counted, kind by kind.
    pub(crate) fn timings(&self) -> Vec<Timings> {
        let timings = |(operation, histogram): (&Operation, &Histogram)| Timings {
            operation: *operation,
            buckets: histogram
                .buckets
                .each_ref()
                .map(|bucket| bucket.load(Ordering::Relaxed)),
            total: Duration::from_nanos(histogram.nanos.load(Ordering::Relaxed)),
        };
        Operation::ALL.iter().zip(&self.0).map(timings).collect()
    }
}

/// A request being answered.
pub(crate) struct Running<'o> {
    histogram: Option<&'o Histogram>,
    began: Instant,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let taken = self.began.elapsed();
        let index = BOUNDS.partition_point(|bound| *bound < taken.as_secs_f64());
        if let Some(histogram) = self.histogram
            && let Some(bucket) = histogram.buckets.get(index)
        {
            bucket.fetch_add(1, Ordering::Relaxed);
            let nanos = u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX);
            histogram.nanos.fetch_add(nanos, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_where_it_belongs() {
        let operations = Operations::default();
        drop(operations.begin(Operation::Read));
        let mut slow = operations.begin(Operation::Read);
        slow.began -= Duration::from_secs(60);
        drop(slow);
        let timings = operations.timings();
        let read = timings.iter().find(|it| it.operation == Operation::Read);
        let read = read.unwrap();
        assert_eq!((read.count(), read.buckets[BUCKETS - 1]), (2, 1));
        assert!(read.total >= Duration::from_secs(60));
        assert_eq!(timings.iter().map(Timings::count).sum::<u64>(), 2);
    }
}
