//! Reads what a file says about itself, at one revision.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use content::Store;
use eventlog::tags::{AudioProperties, ByteRange, Defect, DefectKind};
use eventlog::{ContentId, Locator, Media, OriginPath, Revision, Tags, TrackId};
use formats::ReadAt;
use origins::local::read_checked;
use origins::{ErrorKind, Origin, OriginError, OriginFile};
use projections::{CatalogReader, TrackRow};
use tokio::runtime::Handle;

use super::compare::{Candidate, Known};
use crate::originals;

/// How often a file that changes while it is read is tried again before it is left to a later scan.
const ATTEMPTS: usize = 3;

/// How long a file whose origin tells whole seconds is left alone after a change: another one in the
/// same second, and to the same size, would not show. Clocks may differ by as much.
const SETTLED: Duration = Duration::from_secs(2);

/// What reading needs.
pub(super) struct Reading<'a> {
    pub(super) origin: &'a dyn Origin,
    pub(super) catalog: &'a CatalogReader,
    pub(super) store: &'a Store,
    pub(super) runtime: &'a Handle,
}

/// What reading a file came to.
pub(super) enum Outcome {
    /// It is no track's, and need not be read.
    Beside,
    /// It was read in this revision.
    Read(Revision, Media),
    /// It is there and cannot be read: what to record where nothing is known of it, and why.
    Unreadable(Revision, Media, OriginError),
    /// It is gone, or does not stand still: a later scan will see.
    Later,
    /// The origin does not answer.
    Lost(OriginError),
}

const UNREAD: &str = "unread";

/// The revision recorded for a file that could not be read: no listing shows it, so that every
/// scan tries again.
fn unread(revision: &Revision) -> Revision {
    Revision {
        tag: Some(UNREAD.into()),
        ..revision.clone()
    }
}

/// True for the revision of a file that could not be read.
pub(crate) fn is_unread(revision: &Revision) -> bool {
    revision.tag.as_deref() == Some(UNREAD)
}

/// Reads a file that a listing showed in `revision`. Blocks; not for async threads.
pub(super) fn read(reading: &Reading<'_>, candidate: &Candidate) -> Outcome {
    let Reading {
        origin, runtime, ..
    } = *reading;
    let Candidate {
        path,
        revision,
        known,
    } = candidate;
    let Known::Track(known) = *known else {
        return Outcome::Beside;
    };
    let mut revision = revision.clone();
    for _ in 0..ATTEMPTS {
        let read = match settles_in(&revision, SystemTime::now()) {
            None => read_once(reading, path, known, &revision),
            Some(time) => {
                std::thread::sleep(time);
                Err(OriginError {
                    kind: ErrorKind::Changed,
                    message: format!("{path} was changed just now"),
                })
            }
        };
        let error = match read {
            Ok(media) => return Outcome::Read(revision, media),
            Err(error) => error,
        };
        match error.kind {
            ErrorKind::NotFound => return Outcome::Later,
            ErrorKind::Changed => match runtime.block_on(origin.stat(path)) {
                Ok(now) => revision = now,
                Err(error) if error.kind == ErrorKind::Offline => return Outcome::Lost(error),
                Err(_) => return Outcome::Later,
            },
            ErrorKind::Denied | ErrorKind::Io => {
                let media = unreadable(path, &error);
                return Outcome::Unreadable(unread(&revision), media, error);
            }
            _ => return Outcome::Lost(error),
        }
    }
    Outcome::Later
}

/// How long it takes until no change can hide behind this revision; none where none can.
fn settles_in(revision: &Revision, now: SystemTime) -> Option<Duration> {
    let whole_seconds = revision.tag.is_none() && revision.mtime_ns % 1_000_000_000 == 0;
    let changed = u64::try_from(revision.mtime_ns)
        .ok()
        .filter(|_| whole_seconds)?;
    let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(changed))?;
    // What is dated farther ahead is not new, but dated wrongly.
    let ahead = changed.duration_since(now).unwrap_or_default();
    let left = changed.checked_add(SETTLED)?.duration_since(now).ok()?;
    (ahead <= SETTLED && !left.is_zero()).then_some(left)
}

fn read_once(
    reading: &Reading<'_>,
    path: &OriginPath,
    known: Option<TrackId>,
    revision: &Revision,
) -> Result<Media, OriginError> {
    let (origin, runtime) = (reading.origin, reading.runtime);
    let file = origin
        .open_here(path, revision)
        .unwrap_or_else(|| runtime.block_on(origin.open(path, revision)))?;
    let failed = |error: io::Error| match error.downcast::<OriginError>() {
        Ok(error) => error,
        Err(error) => OriginError {
            kind: ErrorKind::Io,
            message: format!("cannot read {path}: {error}"),
        },
    };
    let len = revision.size;
    if let Some(local) = file.local() {
        let media = formats::read(&LocalFile { file: local, len }, path.name()).map_err(failed)?;
        // Plain reads do not notice a change; an empty checked one does.
        read_checked(local, revision, &mut [], 0)?;
        return Ok(media);
    }
    let remote = RemoteFile {
        file: Arc::clone(&file),
        len,
        runtime,
        parts: RefCell::default(),
    };
    let known = known.filter(|_| !origin.is_here());
    let known = known.and_then(|track| reading.catalog.track(track).ok().flatten());
    let media = match &known {
        Some(TrackRow { media, locator, .. }) => {
            let size = locator.revision.size;
            formats::read_again(&remote, path.name(), formats::Known { media, size })
        }
        None => formats::read(&remote, path.name()),
    };
    let media = media.map_err(failed)?;
    if !origin.is_here() {
        // What was read of it is not to be fetched again.
        let locator = Locator {
            origin: origin.id().clone(),
            path: path.clone(),
            revision: revision.clone(),
        };
        let parts = remote.parts.into_inner();
        reading
            .store
            .offer(locator, originals::shape(&media), &parts);
    }
    Ok(media)
}

/// What is known of a file that could not be read: its name.
fn unreadable(path: &OriginPath, error: &OriginError) -> Media {
    Media {
        format: formats::format_by_name(path.name()),
        tags: Tags::new(),
        audio: AudioProperties::default(),
        audio_range: ByteRange::default(),
        content: ContentId([0; 16]),
        cover: None,
        defects: vec![Defect {
            kind: DefectKind::Unreadable,
            detail: error.message.clone(),
        }],
    }
}

struct LocalFile<'a> {
    file: &'a File,
    len: u64,
}

impl ReadAt for LocalFile<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
}

struct RemoteFile<'a> {
    file: Arc<dyn OriginFile>,
    len: u64,
    runtime: &'a Handle,
    /// What was read.
    parts: RefCell<Vec<(u64, Bytes)>>,
}

impl ReadAt for RemoteFile<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self
            .runtime
            .block_on(self.file.read_at(offset, buf.len()))
            .map_err(io::Error::other)?;
        let len = bytes.len().min(buf.len());
        buf.iter_mut()
            .zip(&bytes)
            .for_each(|(to, from)| *to = *from);
        self.parts.borrow_mut().push((offset, bytes));
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_in_this_second_or_the_last_is_left_alone() {
        let settles = |mtime_ns: i64, tag: Option<&str>, now_ms: u64| {
            let tag = tag.map(Into::into);
            let revision = Revision {
                size: 1,
                mtime_ns,
                tag,
            };
            let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms);
            settles_in(&revision, now).map(|left| left.as_millis())
        };
        let second = 1_000_000_000;
        assert_eq!(settles(50 * second, None, 50_000), Some(2_000));
        assert_eq!(settles(50 * second, None, 51_999), Some(1));
        assert_eq!(settles(50 * second, None, 52_000), None);
        assert_eq!(settles(50 * second, None, 48_500), Some(3_500));
        assert_eq!(settles(50 * second, None, 47_000), None);
        assert_eq!(settles(50 * second + 1, None, 50_000), None);
        assert_eq!(settles(50 * second, Some("etag"), 50_000), None);
        assert_eq!(settles(-second, None, 0), None);
        assert_eq!(settles(0, None, 50_000), None);
    }
}
