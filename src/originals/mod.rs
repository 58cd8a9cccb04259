//! The originals behind the files of the tree: found, opened, read.
//!
//! What is on a disk of this machine is read there. All else is read through the content store, and
//! fetched from the best copy that the library has where it is not kept.

mod copies;
mod cover;
mod here;
mod wanted;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use content::{Key, Purpose, Reader, Shape, Store};
use eventlog::{Locator, Media, OriginId, Revision, SidecarId, TrackId};
use fuse::{Attribute, FileId, FsError, Lane, Located, Original, Originals};
use origins::{Origin, OriginError, Registry};
use projections::{CatalogReader, SidecarRow, TrackRow, TreeReader};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

pub(crate) use self::copies::Copies;
pub(crate) use self::cover::{MEDIUM, THUMB};
use self::here::Here;
pub(crate) use self::wanted::{FileRef, Wanted};
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
    pub(crate) tree: TreeReader,
    pub(crate) registry: Arc<Registry>,
    pub(crate) library: Arc<Library>,
    pub(crate) store: Store,
    pub(crate) runtime: Handle,
    /// Held by who makes a picture smaller.
    pub(crate) shrinking: Arc<Semaphore>,
}

impl Sources {
    fn row(&self, track: TrackId) -> Result<TrackRow, FsError> {
        let row = self.catalog.track(track);
        let row = row.map_err(|error| unreadable(&error))?;
        Ok(row
            .filter(|row| row.living)
            .ok_or(fuse::ErrorKind::NotFound)?)
    }

    fn sidecar(&self, sidecar: SidecarId) -> Result<SidecarRow, FsError> {
        let row = self.catalog.sidecar(sidecar);
        Ok(row
            .map_err(|error| unreadable(&error))?
            .ok_or(fuse::ErrorKind::NotFound)?)
    }

    /// A file through the content store.
    pub(crate) fn reader(&self, wanted: &Wanted, purpose: Purpose) -> Reader {
        let copies = Arc::new(Copies::of(wanted, self.clone(), purpose));
        let (key, shape) = (key(&wanted.locator), wanted.shape());
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
fn for_pages(wanted: &Wanted, stand_in: Option<&Wanted>, refutations: u32) -> Revision {
    let mut revision = readable(&stand_in.unwrap_or(wanted).locator.revision);
    if stand_in.is_some() || refutations > 0 {
        let tag = revision.tag.as_deref().unwrap_or_default();
        let file = stand_in.unwrap_or(wanted).number();
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
    fn locate(&self, file: FileId) -> Result<Box<dyn Located>, FsError> {
        match file {
            FileId::Track(track) => Ok(self.find(self.row(track)?.into())),
            FileId::Sidecar(sidecar) => Ok(self.find(self.sidecar(sidecar)?.into())),
            FileId::Cover { directory, size } => self.cover(directory, size),
        }
    }

    fn attribute(&self, file: FileId, attribute: Attribute) -> Result<Option<Vec<u8>>, FsError> {
        let track = match file {
            FileId::Track(track) => track,
            FileId::Sidecar(sidecar) => {
                let locator = self.sidecar(sidecar)?.locator;
                return Ok(match attribute {
                    Attribute::Origin => Some(locator.origin.to_string().into_bytes()),
                    Attribute::Path => Some(locator.path.as_bytes().to_vec()),
                    Attribute::Cached => Some(self.cached(&locator).into_bytes()),
                    Attribute::TrackId | Attribute::ContentHash | Attribute::Overlay => None,
                });
            }
            FileId::Cover { .. } => return Ok(None),
        };
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
            Attribute::Cached => Some(self.cached(&row.locator).into_bytes()),
            Attribute::TrackId | Attribute::Overlay => None,
        })
    }

    fn changed(&self, file: FileId) {
        let locator = match file {
            FileId::Track(track) => self.row(track).map(|row| row.locator),
            FileId::Sidecar(sidecar) => self.sidecar(sidecar).map(|row| row.locator),
            FileId::Cover { directory, .. } => {
                self.covered(directory).map(|(from, _)| from.locator)
            }
        };
        if let Ok(Locator { origin, path, .. }) = locator {
            self.library.suspect(&origin, path.parent());
        }
    }
}

impl Sources {
    /// Where a file is.
    fn find(&self, wanted: Wanted) -> Box<dyn Located> {
        let origin = self.registry.get(&wanted.locator.origin);
        let sources = self.clone();
        match origin.filter(Origin::is_here) {
            Some(origin) => Box::new(Here {
                origin,
                wanted,
                sources,
            }),
            None => Box::new(Elsewhere { wanted, sources }),
        }
    }

    /// The share of a file that is on this machine: `1`, `0`, or with two decimals, never rounded up.
    fn cached(&self, locator: &Locator) -> String {
        let origin = self.registry.get(&locator.origin);
        if origin.is_some_and(|origin| origin.is_here()) {
            return "1".to_owned();
        }
        let share = self.store.share(&key(locator));
        match share {
            share if share >= 1.0 => "1".to_owned(),
            share if share < 0.01 => "0".to_owned(),
            share => format!("{:.2}", (share * 100.0).floor() / 100.0),
        }
    }
}

/// A file on another machine, or on a disk of ours that is not there now.
struct Elsewhere {
    wanted: Wanted,
    sources: Sources,
}

impl Located for Elsewhere {
    fn lane(&self) -> Lane {
        lane(&self.wanted.locator.origin, REMOTE_LIMIT)
    }

    fn open(self: Box<Self>) -> Result<Box<dyn Original>, FsError> {
        let Self { wanted, sources } = &*self;
        let share = || sources.store.share(&key(&wanted.locator));
        let copies = Copies::of(wanted, sources.clone(), Purpose::Listening);
        if !copies.can_be_reached() && share() <= 0.0 {
            return Err(refused(&copies.gone()));
        }
        let away = !copies.is_at_home() && share() < 1.0;
        let stand_in = away.then(|| copies.stand_in()).flatten();
        let reader = sources.reader(stand_in.as_ref().unwrap_or(wanted), Purpose::Listening);
        let revision = for_pages(wanted, stand_in.as_ref(), reader.refutations());
        Ok(Box::new(Kept { revision, reader }))
    }
}

/// A file that is read through the content store, open.
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
