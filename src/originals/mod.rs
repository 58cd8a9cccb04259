//! The originals behind the files of the tree: found, opened, read.
//!
//! What is on a disk of this machine is read there. All else is read through the content store, and
//! fetched from the best copy that the library has where it is not kept.

mod copies;
mod here;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use content::{Key, Purpose, Reader, Shape, Store};
use eventlog::{Locator, Media, OriginId, Revision, TrackId};
use fuse::{Attribute, FsError, Lane, Located, Original, Originals};
use origins::{Origin, OriginError, Registry};
use projections::{CatalogReader, TrackRow};
use tokio::runtime::Handle;

pub(crate) use self::copies::Copies;
use self::here::Here;
use crate::library::Library;
use crate::scan::is_unread;
use crate::show::unreadable;

/// How long an origin on this machine may take to open or to read, and any other (ORG-9).
const LIMIT: Duration = Duration::from_secs(5);
const REMOTE_LIMIT: Duration = Duration::from_secs(30);

/// Opens originals where the catalog says they are.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) catalog: CatalogReader,
    pub(crate) registry: Arc<Registry>,
    pub(crate) library: Arc<Library>,
    pub(crate) store: Store,
    pub(crate) runtime: Handle,
}

impl Sources {
    fn row(&self, track: TrackId) -> Result<TrackRow, FsError> {
        let row = self.catalog.track(track);
        let row = row.map_err(|error| unreadable(&error))?;
        Ok(row
            .filter(|row| row.living)
            .ok_or(fuse::ErrorKind::NotFound)?)
    }

    /// A track's file through the content store.
    pub(crate) fn reader(&self, row: &TrackRow, purpose: Purpose) -> Reader {
        let copies = Arc::new(Copies::of(row, self.clone(), purpose));
        let (key, shape) = (key(&row.locator), shape(&row.media));
        self.store
            .reader(key, shape, copies, self.runtime.clone(), purpose)
    }
}

/// What a file's bytes are kept under.
pub(crate) fn key(locator: &Locator) -> Key {
    Locator {
        revision: readable(&locator.revision),
        ..locator.clone()
    }
}

/// What the library could not read may be readable by now: the open decides.
fn readable(revision: &Revision) -> Revision {
    Revision {
        tag: revision.tag.clone().filter(|_| !is_unread(revision)),
        ..revision.clone()
    }
}

/// What the content store is told of a file's inside.
pub(crate) fn shape(media: &Media) -> Shape {
    Shape {
        audio: media.audio_range,
        content: media.content,
        checksummed: media.audio.audio_md5.is_some(),
    }
}

/// The revision of which the kernel caches pages: another one where another file stands in, and once
/// bytes were refuted that it may have.
fn for_pages(row: &TrackRow, stand_in: Option<&TrackRow>, refutations: u32) -> Revision {
    let mut revision = readable(&stand_in.unwrap_or(row).locator.revision);
    if stand_in.is_some() || refutations > 0 {
        let tag = revision.tag.as_deref().unwrap_or_default();
        let file = stand_in.map_or(row.id, |row| row.id);
        revision.tag = Some(format!("{tag} {file} {refutations}").into());
    }
    revision
}

/// What a file of an origin hangs with: all others of that origin.
fn lane(origin: &OriginId, limit: Duration) -> Lane {
    let mut hasher = DefaultHasher::new();
    origin.hash(&mut hasher);
    Lane {
        id: hasher.finish(),
        limit,
    }
}

impl Originals for Sources {
    fn locate(&self, track: TrackId) -> Result<Box<dyn Located>, FsError> {
        let row = self.row(track)?;
        let origin = self.registry.get(&row.locator.origin);
        Ok(match origin.filter(Origin::is_here) {
            Some(origin) => Box::new(Here {
                origin,
                row,
                sources: self.clone(),
            }),
            None => Box::new(Elsewhere {
                row,
                sources: self.clone(),
            }),
        })
    }

    fn attribute(&self, track: TrackId, attribute: Attribute) -> Result<Option<Vec<u8>>, FsError> {
        if attribute == Attribute::TrackId {
            return Ok(Some(track.to_string().into_bytes()));
        }
        let row = self.catalog.track(track);
        let row = row
            .map_err(|error| unreadable(&error))?
            .ok_or(fuse::ErrorKind::NotFound)?;
        Ok(match attribute {
            Attribute::Origin => Some(row.locator.origin.to_string().into_bytes()),
            Attribute::Path => Some(row.locator.path.as_bytes().to_vec()),
            Attribute::ContentHash => Some(row.media.content.to_string().into_bytes()),
            Attribute::Cached => Some(self.cached(&row).into_bytes()),
            Attribute::TrackId | Attribute::Overlay => None,
        })
    }

    fn changed(&self, track: TrackId) {
        if let Ok(row) = self.row(track) {
            self.library
                .suspect(&row.locator.origin, row.locator.path.parent());
        }
    }
}

impl Sources {
    /// The share of a file that is on this machine: `1`, `0`, or with two decimals, never rounded up.
    fn cached(&self, row: &TrackRow) -> String {
        let origin = self.registry.get(&row.locator.origin);
        if origin.is_some_and(|origin| origin.is_here()) {
            return "1".to_owned();
        }
        let share = self.store.share(&key(&row.locator));
        match share {
            share if share >= 1.0 => "1".to_owned(),
            share if share < 0.01 => "0".to_owned(),
            share => format!("{:.2}", (share * 100.0).floor() / 100.0),
        }
    }
}

/// A track whose file is on another machine, or on one of ours that is not there now.
struct Elsewhere {
    row: TrackRow,
    sources: Sources,
}

impl Located for Elsewhere {
    fn lane(&self) -> Lane {
        lane(&self.row.locator.origin, REMOTE_LIMIT)
    }

    fn open(self: Box<Self>) -> Result<Box<dyn Original>, FsError> {
        let Self { row, sources } = &*self;
        let kept = || sources.store.share(&key(&row.locator)) > 0.0;
        let copies = Copies::of(row, sources.clone(), Purpose::Listening);
        if !copies.can_be_reached() && !kept() {
            return Err(refused(&copies.gone()));
        }
        let away = !copies.is_at_home() && sources.store.share(&key(&row.locator)) < 1.0;
        let stand_in = copies.stand_in().filter(|_| away);
        let reader = sources.reader(stand_in.as_ref().unwrap_or(row), Purpose::Listening);
        let revision = for_pages(row, stand_in.as_ref(), reader.refutations());
        Ok(Box::new(Kept { revision, reader }))
    }
}

/// A track that is read through the content store, open.
struct Kept {
    revision: Revision,
    reader: Reader,
}

impl Original for Kept {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, FsError> {
        self.reader
            .read_at(buffer, offset)
            .map_err(|error| refused(&error))
    }

    fn file(&self) -> Option<&std::fs::File> {
        None
    }
}

/// An origin's refusal, in the filesystem's words.
fn refused(error: &OriginError) -> FsError {
    let kind = match error.kind {
        // The library has it: it went away a moment ago, and the watcher will say so.
        origins::ErrorKind::NotFound | origins::ErrorKind::Changed => fuse::ErrorKind::Stale,
        origins::ErrorKind::Denied => fuse::ErrorKind::Denied,
        origins::ErrorKind::Exhausted => fuse::ErrorKind::TooManyFiles,
        _ => fuse::ErrorKind::Io,
    };
    FsError::new(kind, error.message.clone())
}
