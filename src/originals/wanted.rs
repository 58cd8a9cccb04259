//! A file whose bytes are wanted.

use std::fmt::{self, Display, Formatter};

use content::Shape;
use eventlog::tags::ByteRange;
use eventlog::{ContentId, Locator, Media, SidecarId, TrackId};
use projections::{CatalogReader, Ino, Node, NodeKind, SidecarRow, TrackRow, ViewError};

use super::shape;

/// A file of the library, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileRef {
    /// A track's.
    Track(TrackId),
    /// One beside tracks.
    Sidecar(SidecarId),
}

impl FileRef {
    /// The file that a node of the tree is; `None` where it is a directory.
    pub(crate) const fn of(node: &Node) -> Option<Self> {
        match node.kind {
            NodeKind::File { track, .. } => Some(Self::Track(track)),
            NodeKind::Sidecar { sidecar, .. } => Some(Self::Sidecar(sidecar)),
            NodeKind::Directory { .. } => None,
        }
    }

    /// Its number in the tree.
    pub(crate) fn ino(self) -> Ino {
        match self {
            Self::Track(track) => Ino::of_track(track),
            Self::Sidecar(sidecar) => Ino::of_sidecar(sidecar),
        }
    }

    /// Where it is; `None` where the library has it no more.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub(crate) fn locator(self, catalog: &CatalogReader) -> Result<Option<Locator>, ViewError> {
        match self {
            Self::Track(track) => catalog.locator(track),
            Self::Sidecar(sidecar) => Ok(catalog.sidecar(sidecar)?.map(|row| row.locator)),
        }
    }

    /// All that is known of it; `None` where the library has it no more.
    ///
    /// # Errors
    /// Where the catalog cannot be read.
    pub(crate) fn wanted(self, catalog: &CatalogReader) -> Result<Option<Wanted>, ViewError> {
        Ok(match self {
            Self::Track(track) => {
                let row = catalog.track(track)?;
                row.filter(|row| row.living).map(Into::into)
            }
            Self::Sidecar(sidecar) => catalog.sidecar(sidecar)?.map(Into::into),
        })
    }
}

impl Display for FileRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Track(track) => write!(f, "{track}"),
            Self::Sidecar(sidecar) => write!(f, "{sidecar}"),
        }
    }
}

/// A file, as the library knows it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Where it is, and in which state.
    pub(crate) locator: Locator,
    /// The track that it is of, and what is in it, where it is one's: only of those there are copies.
    pub(super) track: Option<(TrackId, Media)>,
}

impl Wanted {
    /// Where the sound is in it.
    pub(super) fn sound(&self) -> ByteRange {
        self.media()
            .map(|media| media.audio_range)
            .unwrap_or_default()
    }

    /// What the content store is told of its inside.
    pub(super) fn shape(&self) -> Shape {
        self.media().map_or(NO_SHAPE, shape)
    }

    /// A number that tells one from another that stands in for it.
    pub(super) fn number(&self) -> u64 {
        self.track.as_ref().map_or(0, |(track, _)| track.0)
    }

    fn media(&self) -> Option<&Media> {
        self.track.as_ref().map(|(_, media)| media)
    }
}

/// The shape of a file without sound.
pub(super) const NO_SHAPE: Shape = Shape {
    audio: ByteRange { offset: 0, len: 0 },
    content: ContentId([0; 16]),
    checksummed: false,
};

impl From<TrackRow> for Wanted {
    fn from(row: TrackRow) -> Self {
        Self {
            locator: row.locator,
            track: Some((row.id, row.media)),
        }
    }
}

impl From<SidecarRow> for Wanted {
    fn from(row: SidecarRow) -> Self {
        Self {
            locator: row.locator,
            track: None,
        }
    }
}
