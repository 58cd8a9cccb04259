//! Audio files to tags: what a file is, says and sounds like, from its headers and footers.
//!
//! [`read`] is all there is to call, and [`cover`] for the picture. Inside, a file is known by its content (`sniff`), its
//! container is walked (`containers`) through bounded ranged reads that step over pictures and
//! audio (`source`), each tag in it (`tags`) becomes a `layer` of fields, and the layers are laid
//! over one another on a `sheet`, the format's own kind of tag on top.
//!
//! Everything read here is hostile (SEC-1): no parser trusts a length, allocates what a file
//! claims, or loops further than a fixed limit.

mod base64;
mod bytes;
mod containers;
mod fields;
mod genres;
mod identity;
mod layer;
mod numbers;
mod picture;
mod reading;
mod sheet;
mod sniff;
mod source;
mod stream;
mod tags;
mod text;
mod thumbnail;

use std::io;

use eventlog::Media;

use crate::source::Source;

pub use sniff::is_audio_name;
pub use thumbnail::{Frame, PictureError, shrink};

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

/// What was found in a file when it was read before.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What it said then.
    pub media: &'a Media,
    /// How many bytes it had then.
    pub size: u64,
}

impl Known<'_> {
    /// How many bytes precede the sound now that the file has `size` bytes, where other tags are
    /// all that is new.
    fn head(&self, size: u64) -> u64 {
        let then = self.media.audio_range;
        let behind = self
            .size
            .saturating_sub(then.offset.saturating_add(then.len));
        // Tags that stood behind the sound have grown there.
        if behind > then.offset {
            then.offset
        } else {
            (then.offset.saturating_add(size)).saturating_sub(self.size)
        }
    }
}

/// As [`read`], of a file that was read before, and finds the same. Where the sound is as it was,
/// little more is fetched than the tags: 8 kB, in more reads where they grew.
///
/// # Errors
/// Only where `file` could not be read.
pub fn read_again(file: &dyn ReadAt, name: &[u8], known: Known<'_>) -> io::Result<Media> {
    reading::read(Source::again(file, known), name)
}

/// The picture that stands for a file, as it is encoded there: the one whose size is
/// [`Media::cover`], which [`read`] finds. None where that is none.
///
/// Costs what [`read`] costs, and what the picture takes in the file: never more than 48 MiB in all.
///
/// # Errors
/// Where `file` could not be read; [`io::ErrorKind::InvalidData`] where the picture is damaged so
/// that not all of its bytes can be told.
pub fn cover(file: &dyn ReadAt, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    reading::cover(file, name)
}

/// The format that a file's name promises, where its content cannot be asked.
#[must_use]
pub fn format_by_name(name: &[u8]) -> Option<eventlog::AudioFormat> {
    sniff::promised(name)?.first().copied()
}
