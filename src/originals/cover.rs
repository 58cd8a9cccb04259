//! The picture that stands for a directory: as a file has it, and smaller (FIND-4).
//!
//! It is looked for when it is read first, and then kept like the bytes of any other file. How many
//! bytes it has is known before that: the library knows those of the picture itself, and a smaller one
//! is made to have always as many as [`Frame`] says.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use content::{Key, Purpose, Reader, Source};
use eventlog::{Locator, Revision};
use formats::{Frame, ReadAt};
use fuse::{CoverSize, FsError, Ino, Lane, Located, Original};
use origins::{ErrorKind, Origin, OriginError};
use projections::tree::{self, CoverFile, CoverSource};
use tokio::sync::Mutex;

use super::wanted::NO_SHAPE;
use super::{Kept, LIMIT, REMOTE_LIMIT, Sources, Wanted, lane};
use crate::show::unreadable;

/// At most 300 by 300 pixels, in 64 KiB.
pub(crate) const MEDIUM: Frame = Frame {
    side: 300,
    bytes: 64 << 10,
};

/// At most 150 by 150 pixels, in 16 KiB.
pub(crate) const THUMB: Frame = Frame {
    side: 150,
    bytes: 16 << 10,
};

/// A picture, found where its bytes are.
struct Cover {
    sources: Sources,
    from: Wanted,
    source: CoverSource,
    size: CoverSize,
}

impl Sources {
    /// The file that has a directory's picture, and what of it.
    pub(super) fn covered(&self, directory: Ino) -> Result<(Wanted, CoverSource), FsError> {
        let source = self.tree.cover(tree::Ino(directory.0));
        let source = source.map_err(|error| unreadable(&error))?;
        let source = source.ok_or(fuse::ErrorKind::NotFound)?;
        let from = match source.from {
            CoverFile::Track(track) => self.row(track)?.into(),
            CoverFile::Sidecar(sidecar) => self.sidecar(sidecar)?.into(),
        };
        Ok((from, source))
    }

    /// Where a directory's picture is.
    pub(super) fn cover(
        &self,
        directory: Ino,
        size: CoverSize,
    ) -> Result<Box<dyn Located>, FsError> {
        let (from, source) = self.covered(directory)?;
        let is_file = matches!(source.from, CoverFile::Sidecar(_));
        if is_file && size == CoverSize::Original {
            return Ok(self.find(from));
        }
        let sources = self.clone();
        Ok(Box::new(Cover {
            sources,
            from,
            source,
            size,
        }))
    }
}

impl Located for Cover {
    fn lane(&self) -> Lane {
        let origin = &self.from.locator.origin;
        let here = self.sources.registry.get(origin);
        let is_here = here.is_some_and(|origin| origin.is_here());
        lane(origin, if is_here { LIMIT } else { REMOTE_LIMIT })
    }

    fn open(self: Box<Self>) -> Result<Box<dyn Original>, FsError> {
        let Self {
            sources,
            from,
            source,
            size,
        } = *self;
        let locator = from.locator.clone();
        let Revision {
            size: file, tag, ..
        } = &locator.revision;
        let (name, bytes) = match size {
            CoverSize::Original => ("cover", source.size),
            CoverSize::Medium => ("medium", MEDIUM.bytes as u64),
            CoverSize::Thumb => ("thumb", THUMB.bytes as u64),
        };
        let tag = tag.as_deref().unwrap_or_default();
        let of = match source.from {
            CoverFile::Track(track) => format!("track:{track}"),
            CoverFile::Sidecar(sidecar) => format!("sidecar:{sidecar}"),
        };
        let revision = Revision {
            size: bytes,
            mtime_ns: locator.revision.mtime_ns,
            tag: Some(format!("{name} {of} {file} {tag}").into()),
        };
        let key = Locator {
            revision: revision.clone(),
            ..locator
        };
        let (store, runtime) = (sources.store.clone(), sources.runtime.clone());
        let picture = Picture {
            key: key.clone(),
            sources,
            from,
            source,
            size,
            made: Mutex::new(None),
        };
        let picture = Arc::new(picture);
        let reader = store.reader(key, NO_SHAPE, picture, runtime, Purpose::Listening);
        Ok(Box::new(Kept { revision, reader }))
    }
}

/// A picture's bytes, had when they are asked for.
struct Picture {
    /// What they are kept under.
    key: Key,
    sources: Sources,
    from: Wanted,
    source: CoverSource,
    size: CoverSize,
    /// All of them, where they are not kept: a handle that stays open is not to hold a picture.
    made: Mutex<Option<Bytes>>,
}

#[async_trait]
impl Source for Picture {
    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        let mut made = self.made.lock().await;
        let bytes = match &*made {
            Some(bytes) => bytes.clone(),
            None => self.make().await?,
        };
        if made.is_none() && !self.keep(&bytes).await {
            *made = Some(bytes.clone());
        }
        let size = bytes.len();
        let start = usize::try_from(offset).unwrap_or(size).min(size);
        Ok(bytes.slice(start..start.saturating_add(len).min(size)))
    }
}

impl Picture {
    /// Keeps all of it, where the store takes it.
    async fn keep(&self, bytes: &Bytes) -> bool {
        let (store, key) = (self.sources.store.clone(), self.key.clone());
        let parts = [(0, bytes.clone())];
        let keeping = tokio::task::spawn_blocking(move || {
            store.offer(key.clone(), NO_SHAPE, &parts);
            store.kept(&key) >= key.revision.size
        });
        keeping.await.unwrap_or(false)
    }

    async fn make(&self) -> Result<Bytes, OriginError> {
        let (sources, from, source) = (self.sources.clone(), self.from.clone(), self.source);
        let taken = tokio::task::spawn_blocking(move || take_out(&sources, &from, &source));
        let picture = taken.await.map_err(|error| failed(error.into()))??;
        let frame = match self.size {
            CoverSize::Original => return Ok(picture.into()),
            CoverSize::Medium => MEDIUM,
            CoverSize::Thumb => THUMB,
        };
        // Held by who computes, never by who waits for an origin.
        let turn = Arc::clone(&self.sources.shrinking).acquire_owned().await;
        let shrinking = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            formats::shrink(&picture, frame)
        });
        let small = shrinking.await.map_err(|error| failed(error.into()))?;
        small.map(Bytes::from).map_err(|error| OriginError {
            kind: ErrorKind::Io,
            message: format!(
                "cannot show the picture of {} smaller: {error}",
                self.from.locator.path
            ),
        })
    }
}

/// The picture of a file. Blocks, as long as its origin does.
fn take_out(
    sources: &Sources,
    from: &Wanted,
    source: &CoverSource,
) -> Result<Vec<u8>, OriginError> {
    let path = &from.locator.path;
    let changed = || OriginError {
        kind: ErrorKind::Changed,
        message: format!("the picture of {path} is not what it was"),
    };
    let file = Opened {
        bytes: open(sources, from)?,
        len: from.locator.revision.size,
    };
    let picture = match source.from {
        CoverFile::Sidecar(_) => {
            let mut all = vec![0; usize::try_from(source.size).map_err(|_| changed())?];
            let read = file.read_at(&mut all, 0).map_err(failed)?;
            all.truncate(read);
            Some(all)
        }
        CoverFile::Track(_) => formats::cover(&file, path.name()).map_err(failed)?,
    };
    let is_right = |picture: &Vec<u8>| picture.len() as u64 == source.size;
    picture.filter(is_right).ok_or_else(changed)
}

/// A file, open: on this machine as it is, else through the content store.
enum Open {
    Here(Box<dyn Original>),
    Elsewhere(Reader),
}

fn open(sources: &Sources, from: &Wanted) -> Result<Open, OriginError> {
    let origin = sources.registry.get(&from.locator.origin);
    if !origin.is_some_and(|origin| origin.is_here()) {
        return Ok(Open::Elsewhere(sources.reader(from, Purpose::Scanning)));
    }
    let opened = sources.find(from.clone()).open();
    opened
        .map(Open::Here)
        .map_err(|error| of_filesystem(&error))
}

struct Opened {
    bytes: Open,
    len: u64,
}

impl ReadAt for Opened {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(filled as u64);
            let read = match &self.bytes {
                Open::Here(file) => file
                    .read_at(rest, at)
                    .map_err(|error| of_filesystem(&error)),
                Open::Elsewhere(reader) => reader.read_at(rest, at),
            };
            match read.map_err(io::Error::other)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }
}

fn failed(error: io::Error) -> OriginError {
    error.downcast().unwrap_or_else(|error| OriginError {
        kind: ErrorKind::Io,
        message: error.to_string(),
    })
}

/// A refusal of the filesystem's, in an origin's words again.
fn of_filesystem(error: &FsError) -> OriginError {
    let kind = match error.kind {
        fuse::ErrorKind::Stale => ErrorKind::Changed,
        fuse::ErrorKind::Denied => ErrorKind::Denied,
        fuse::ErrorKind::TooManyFiles => ErrorKind::Exhausted,
        _ => ErrorKind::Io,
    };
    OriginError {
        kind,
        message: error.to_string(),
    }
}
