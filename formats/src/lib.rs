//! Audio files to tags: what a file is, says and sounds like, from its headers and footers.

use std::io;

use eventlog::Media;

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
/// # Errors
/// Only where `file` could not be read.
pub fn read(file: &dyn ReadAt, name: &[u8]) -> io::Result<Media> {
    let _ = (file, name);
    Err(io::ErrorKind::Unsupported.into())
}

/// True where a file of that name is worth reading as audio.
#[must_use]
pub fn is_audio_name(name: &[u8]) -> bool {
    let _ = name;
    false
}
