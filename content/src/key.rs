//! What the store keeps bytes under.

use eventlog::tags::ByteRange;
use eventlog::{ContentId, Locator};

/// A file at one revision: its bytes never change.
pub type Key = Locator;

/// What is known of a file's inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Where its sound is; before and after it are tags. Empty where that is not known.
    pub audio: ByteRange,
    /// The identity of its sound.
    pub content: ContentId,
    /// True where that identity is a checksum of all the sound, as FLAC has it, and not of samples.
    pub checksummed: bool,
}

impl Shape {
    /// The stretches to be cut into chunks apart from one another, so that sound whose tags changed
    /// gives the same chunks (CAS-1).
    pub(crate) fn sections(&self, size: u64) -> [std::ops::Range<u64>; 3] {
        let start = self.audio.offset.min(size);
        let end = start.saturating_add(self.audio.len).min(size);
        [0..start, start..end, end..size]
    }
}
