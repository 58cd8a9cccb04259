//! The containers: where in each the tags and the audio are, and how the audio is coded.

pub(crate) mod adts;
mod ape;
mod flac;
mod flac_frames;
mod iff;
mod lead;
pub(crate) mod mp4;
pub(crate) mod mpeg;
mod musepack;
pub(crate) mod ogg;
mod wav;
mod wavpack;

use std::io;

pub(crate) use lead::Lead;

use crate::sheet::Sheet;
use crate::source::Source;

/// A container, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Flac,
    Ogg,
    Mp4,
    Wav,
    Aiff,
    WavPack,
    Ape,
    Musepack,
    Mpeg,
    Adts,
}

/// Reads a container whose own bytes begin after `lead`. Gives `None` where it holds no audio
/// that is known.
///
/// # Errors
/// What the origin said.
pub(crate) fn read(
    container: Container,
    source: &mut Source<'_>,
    lead: &Lead,
) -> io::Result<Option<Sheet>> {
    match container {
        Container::Flac => flac::read(source, lead).map(Some),
        Container::Ogg => ogg::read(source, lead),
        Container::Mp4 => mp4::read(source, lead).map(Some),
        Container::Wav => wav::read(source, lead).map(Some),
        Container::Aiff => iff::read_aiff(source, lead).map(Some),
        Container::WavPack => wavpack::read(source, lead).map(Some),
        Container::Ape => ape::read(source, lead).map(Some),
        Container::Musepack => musepack::read(source, lead).map(Some),
        Container::Mpeg => mpeg::read(source, lead),
        Container::Adts => adts::read(source, lead),
    }
}
