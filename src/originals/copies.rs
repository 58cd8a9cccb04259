//! The copies of one file, on several origins: the best is read, and the next where it fails (ORG-7).

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use content::{Purpose, Source};
use eventlog::decide::is_telling;
use eventlog::tags::ByteRange;
use eventlog::{Locator, OriginId, TrackId};
use origins::{Checksum, ErrorKind, Health, Origin, OriginError, OriginFile};
use parking_lot::Mutex;
use projections::CatalogReader;

use super::{Sources, Wanted, readable};

/// How long one copy may take where there is another (ORG-9).
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a copy that was waited for in vain comes last.
const LATE: Duration = Duration::from_secs(30);

/// Where a file's bytes can be had.
pub(crate) struct Copies {
    wanted: Wanted,
    sources: Sources,
    /// What they are read for: who listens goes first.
    purpose: Purpose,
    /// The file itself.
    first: Copy,
    /// Others with the same sound; looked up when they are needed.
    others: OnceLock<Vec<Copy>>,
}

/// One of them.
struct Copy {
    track: Option<TrackId>,
    /// As the library knows it, and as it is read.
    found: Locator,
    locator: Locator,
    /// Where the sound is in it.
    audio: ByteRange,
    /// True where it is also as long, and has the same tags: it can stand in for all of the file.
    whole: bool,
    /// When it was given up last, though its origin answers otherwise.
    late: Mutex<Option<Instant>>,
    open: Mutex<Option<Arc<dyn OriginFile>>>,
}

impl Copy {
    fn of(wanted: &Wanted, whole: bool) -> Self {
        Self {
            track: wanted.track.as_ref().map(|(track, _)| *track),
            found: wanted.locator.clone(),
            locator: Locator {
                revision: readable(&wanted.locator.revision),
                ..wanted.locator.clone()
            },
            audio: wanted.sound(),
            whole,
            late: Mutex::new(None),
            open: Mutex::new(None),
        }
    }

    /// True where it was given up a moment ago: others are asked first.
    fn is_late(&self) -> bool {
        self.late.lock().is_some_and(|at| at.elapsed() < LATE)
    }
}

impl Copies {
    /// The copies of a file.
    pub(crate) fn of(wanted: &Wanted, sources: Sources, purpose: Purpose) -> Self {
        Self {
            purpose,
            first: Copy::of(wanted, true),
            wanted: wanted.clone(),
            sources,
            others: OnceLock::new(),
        }
    }

    /// True where its own origin is there.
    pub(crate) fn is_at_home(&self) -> bool {
        self.answers(&self.first)
    }

    /// True where an origin is there that has it.
    pub(crate) fn can_be_reached(&self) -> bool {
        self.answers(&self.first) || self.others().iter().any(|copy| self.answers(copy))
    }

    /// Another file that can be read in place of one whose origin does not answer: all of it, since
    /// pictures and padding may differ where tags do not.
    pub(crate) fn stand_in(&self) -> Option<Wanted> {
        let others = self.others().iter();
        let copy = others
            .filter(|copy| copy.whole)
            .find(|copy| self.answers(copy))?;
        let catalog = &self.sources.catalog;
        let row = catalog.track(copy.track?).ok().flatten()?;
        (row.living && row.locator == copy.found).then(|| row.into())
    }

    /// What is said where nobody has it.
    pub(crate) fn gone(&self) -> OriginError {
        gone(&self.first)
    }

    /// Blocks the first time, unless they were [looked up](Self::look_up).
    fn others(&self) -> &[Copy] {
        self.others
            .get_or_init(|| others(&self.sources.catalog, &self.wanted))
    }

    /// Has the others known, without a thread that serves waiting for the catalog.
    async fn look_up(&self) {
        if self.others.get().is_some() {
            return;
        }
        let (catalog, wanted) = (self.sources.catalog.clone(), self.wanted.clone());
        let found = tokio::task::spawn_blocking(move || others(&catalog, &wanted)).await;
        if let Ok(found) = found {
            // Whoever else looked meanwhile found the same.
            self.others.get_or_init(|| found);
        }
    }

    /// Reads a stretch that lies in the sound, or outside of it.
    async fn read_part(&self, part: Range<u64>) -> Result<Bytes, OriginError> {
        let sound = self.wanted.sound();
        let is_sound = sound.offset <= part.start && part.end <= sound.offset + sound.len;
        let ranked = self.ranked(is_sound);
        let mut failed = None;
        for (number, copy) in ranked.iter().enumerate() {
            let at = if is_sound {
                part.start - sound.offset + copy.audio.offset
            } else {
                part.start
            };
            let len = usize::try_from(part.end - part.start).unwrap_or(usize::MAX);
            let read = self.read_copy(copy, at, len);
            let read = if number + 1 < ranked.len() {
                let limited = tokio::time::timeout(PATIENCE, read).await;
                limited.unwrap_or_else(|_| {
                    *copy.late.lock() = Some(Instant::now());
                    Err(late(copy))
                })
            } else {
                read.await
            };
            match read {
                Ok(bytes) if bytes.len() == len => return Ok(bytes),
                Ok(_) => {
                    failed.get_or_insert_with(|| changed(copy));
                }
                Err(error) => {
                    *copy.open.lock() = None;
                    if matches!(error.kind, ErrorKind::Changed | ErrorKind::NotFound) {
                        let Locator { origin, path, .. } = &copy.locator;
                        self.sources.library.suspect(origin, path.parent());
                    }
                    tracing::debug!(origin = %copy.locator.origin, "{error}");
                    failed.get_or_insert(error);
                }
            }
        }
        Err(failed.unwrap_or_else(|| gone(&self.first)))
    }

    /// The copies that have a stretch, the best first: of what is no sound, the file alone. An origin
    /// that is known not to answer is not waited for: its own checks tell when it is back.
    fn ranked(&self, is_sound: bool) -> Vec<&Copy> {
        let others = if is_sound { self.others() } else { &[] };
        let all = std::iter::once(&self.first).chain(others);
        let fit: Vec<&Copy> = all.filter(|copy| self.answers(copy)).collect();
        let origins: Vec<OriginId> = fit.iter().map(|copy| copy.locator.origin.clone()).collect();
        let order = self.sources.registry.rank(&origins).into_iter();
        let mut ranked: Vec<&Copy> = order.filter_map(|at| fit.get(at).copied()).collect();
        ranked.sort_by_key(|copy| copy.is_late());
        ranked
    }

    fn answers(&self, copy: &Copy) -> bool {
        let standing = self.sources.registry.standing(&copy.locator.origin);
        standing.is_some_and(|standing| standing.health != Health::Unhealthy)
    }

    async fn read_copy(&self, copy: &Copy, at: u64, len: usize) -> Result<Bytes, OriginError> {
        self.opened(copy).await?.read_at(at, len).await
    }

    async fn opened(&self, copy: &Copy) -> Result<Arc<dyn OriginFile>, OriginError> {
        if let Some(file) = &*copy.open.lock() {
            return Ok(Arc::clone(file));
        }
        let Locator {
            origin,
            path,
            revision,
        } = &copy.locator;
        let origin = self.sources.registry.get(origin);
        let mut origin = origin.ok_or_else(|| gone(copy))?;
        if self.purpose != Purpose::Listening {
            origin = origin.for_scans();
        }
        let file = origin.open(path, revision).await?;
        *copy.open.lock() = Some(Arc::clone(&file));
        Ok(file)
    }
}

#[async_trait]
impl Source for Copies {
    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        let size = self.wanted.locator.revision.size;
        let end = offset.saturating_add(len as u64).min(size);
        let sound = self.wanted.sound();
        let borders = [sound.offset, sound.offset.saturating_add(sound.len)];
        let inside = |border: &u64| offset < *border && *border < end;
        self.look_up().await;
        if self.others().is_empty() || !borders.iter().any(inside) {
            return self.read_part(offset..end.max(offset)).await;
        }
        let mut bytes = BytesMut::with_capacity(len);
        let mut at = offset;
        for border in borders.into_iter().filter(inside).chain([end]) {
            bytes.extend_from_slice(&self.read_part(at..border).await?);
            at = border;
        }
        Ok(bytes.freeze())
    }

    async fn read_original(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        self.read_copy(&self.first, offset, len).await
    }

    async fn checksum(&self) -> Result<Option<Checksum>, OriginError> {
        self.opened(&self.first).await?.checksum().await
    }
}

/// The other files that have the same sound.
fn others(catalog: &CatalogReader, wanted: &Wanted) -> Vec<Copy> {
    let Wanted { locator, track } = wanted;
    let Some((id, media)) = track.as_ref().filter(|(_, media)| is_telling(media)) else {
        return Vec::new();
    };
    let alike = catalog.living_by_content(media.content);
    let is_other = |other: &TrackId| other != id;
    let rows = alike.unwrap_or_default().into_iter().filter(is_other);
    let rows = rows.filter_map(|track| catalog.track(track).ok().flatten());
    rows.filter(|row| row.living && row.media.audio_range.len == media.audio_range.len)
        .map(|row| {
            let whole = row.media.tags == media.tags
                && row.media.audio_range == media.audio_range
                && row.locator.revision.size == locator.revision.size;
            Copy::of(&row.into(), whole)
        })
        .collect()
}

fn late(copy: &Copy) -> OriginError {
    OriginError {
        kind: ErrorKind::Offline,
        message: format!(
            "{} of the origin {}: no answer within {PATIENCE:?}",
            copy.locator.path, copy.locator.origin
        ),
    }
}

fn changed(copy: &Copy) -> OriginError {
    OriginError {
        kind: ErrorKind::Changed,
        message: format!(
            "{} of the origin {} is shorter than it was",
            copy.locator.path, copy.locator.origin
        ),
    }
}

fn gone(copy: &Copy) -> OriginError {
    OriginError {
        kind: ErrorKind::Offline,
        message: format!(
            "cannot read {}: the origin {} is not reachable, and what is wanted of it is not in the \
             content store",
            copy.locator.path, copy.locator.origin
        ),
    }
}
