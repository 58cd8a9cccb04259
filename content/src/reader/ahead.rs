//! How far to read ahead: no I/O.

use std::ops::Range;

/// Bytes that are fetched ahead at first, and at most.
const LEAST: u64 = 256 << 10;
pub(super) const MOST: u64 = 4 << 20;

/// The most where what is fetched is held in memory.
pub(super) const MOST_IN_MEMORY: u64 = 1 << 20;

/// How somebody reads: on and on, or here and there.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    expected: u64,
    window: u64,
}

impl Ahead {
    /// Notes a read; returns the stretch that should be under way by now. It doubles as long as what
    /// is read follows on what was, which may be a little out of order, as the kernel's own
    /// read-ahead is.
    pub(super) fn read(
        &mut self,
        start: u64,
        end: u64,
        size: u64,
        most: u64,
    ) -> Option<Range<u64>> {
        let near = start <= self.expected.saturating_add(LEAST)
            && end.saturating_add(LEAST) >= self.expected;
        self.window = match (near && start > 0 || start == 0, self.window) {
            (false, _) => 0,
            (true, 0) => LEAST,
            (true, window) => window.saturating_mul(2).min(most),
        };
        self.expected = if near { self.expected.max(end) } else { end };
        let window = end..end.saturating_add(self.window).min(size);
        (!window.is_empty()).then_some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: u64 = 128 << 10;

    fn windows(reads: &[u64]) -> Vec<u64> {
        let mut ahead = Ahead::default();
        let read = |start: &u64| ahead.read(*start, start + READ, 1 << 30, MOST);
        let lens = reads.iter().map(read);
        lens.map(|window| window.map_or(0, |window| window.end - window.start))
            .collect()
    }

    #[test]
    fn it_grows_with_sequential_reading_and_ends_with_a_seek() {
        let sequence: Vec<u64> = (0..8).map(|read| read * READ).collect();
        let expected = [1, 2, 4, 8, 16, 16, 16, 16].map(|times| times * LEAST);
        assert_eq!(windows(&sequence), expected);
        assert_eq!(windows(&[500 << 20, 9 << 20, 700 << 20]), [0, 0, 0]);
        assert_eq!(windows(&[500 << 20, (500 << 20) + READ]), [0, LEAST]);
    }

    #[test]
    fn the_kernel_may_be_a_little_out_of_order() {
        assert_eq!(windows(&[0, 2 * READ, READ, 3 * READ])[3], 8 * LEAST);
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.read(0, READ, READ, MOST), None);
        assert_eq!(ahead.read(0, READ, READ + 5, MOST), Some(READ..READ + 5));
    }
}
