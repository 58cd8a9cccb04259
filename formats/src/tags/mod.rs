//! The kinds of tags, each read into a [`Layer`](crate::layer::Layer).

pub(crate) mod apev2;
pub(crate) mod id3v1;
pub(crate) mod id3v2;
mod id3v2_frames;
mod id3v2_links;
pub(crate) mod ilst;
pub(crate) mod trailer;
pub(crate) mod vorbis;
