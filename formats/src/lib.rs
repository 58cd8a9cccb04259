//! Audio files to tags: what a file is, says and sounds like, from its headers and footers.
//!
//! [`read`] is all there is to call. Inside, a file is known by its content (`sniff`), its
//! container is walked (`containers`) through bounded ranged reads that step over pictures and
//! audio (`source`), each tag in it (`tags`) becomes a `layer` of fields, and the layers are laid
//! over one another on a `sheet`, the format's own kind of tag on top.
//!
//! Everything read here is hostile (SEC-1): no parser trusts a length, allocates what a file
//! claims, or loops further than a fixed limit.

mod bytes;
mod containers;
mod fields;
mod genres;
mod identity;
mod layer;
mod numbers;
mod reading;
mod sheet;
mod sniff;
mod source;
mod stream;
mod tags;
mod text;

use std::io;

use eventlog::Media;

use crate::source::Source;

pub use sniff::is_audio_name;

/// Bytes that can be read at any offset; what tags are read through (TAG-3).
pub trait ReadAt {
    /// The file's length in bytes.
    fn len(&self) -> u64;

    /// Reads into `buf` from `offset`; returns how many bytes, fewer only at the end.
    ///
    /// # Errors
    /// What the origin said.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// True for a file of no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads what a file says about itself (TAG-1 to TAG-4). Never fails on content, whatever it is:
/// what is wrong with it is listed in [`Media::defects`].
///
/// `name` is the file's own name, for its extension where the content leaves a doubt.
///
/// Costs one or two reads of 64 KiB for most files, and never more than 16 MiB in all.
///
/// # Errors
/// Only where `file` could not be read.
pub fn read(file: &dyn ReadAt, name: &[u8]) -> io::Result<Media> {
    reading::read(Source::new(file), name)
}

/// As [`read`], of a file that was read before, and had so many bytes of tags before its sound:
/// fetches little more than the tags that it has now, in more reads where they grew.
///
/// # Errors
/// Only where `file` could not be read.
pub fn read_again(file: &dyn ReadAt, name: &[u8], head: u64) -> io::Result<Media> {
    reading::read(Source::expecting(file, head), name)
}

/// The format that a file's name promises, where its content cannot be asked.
#[must_use]
pub fn format_by_name(name: &[u8]) -> Option<eventlog::AudioFormat> {
    sniff::promised(name)?.first().copied()
}
