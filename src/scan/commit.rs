//! Decides on what was read, and appends what follows, in batches.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use eventlog::decide::{self, Elsewhere, Here, Presence, RemovalLimit, Sighting};
use eventlog::event::{ScanReason, ScanSummary};
use eventlog::{
    CauseId, Event, Locator, Media, NewEvent, OriginPath, Revision, SidecarId, Subject, Timestamp,
    TrackId,
};
use futures::future::join_all;
use origins::{ErrorKind, Origin, OriginError};
use projections::{SidecarRow, TrackRow, Views};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{Progress, Running, ScanError};
use crate::writer::LogWriter;

/// Events in a batch: large enough for the log's rate, small enough to show up soon.
const BATCH: usize = 1_000;

/// How long a decided event waits for a batch to fill.
const PATIENCE: Duration = Duration::from_millis(200);

/// How many tracks may be waiting for the catalog: what bounds a scan's memory.
const UNDECIDABLE: usize = 10 * BATCH;

/// How many tracks that sound like a new file are asked after on the origin.
const SUSPECTS: usize = 8;

/// How many files that are missing are asked after at the same time.
const AT_ONCE: usize = 32;

/// What a scan has found so far, on its way into the log.
pub(super) struct Committer<'a> {
    origin: &'a dyn Origin,
    views: &'a Views,
    writer: &'a LogWriter,
    runtime: &'a Handle,
    progress: &'a Progress,
    cause: CauseId,
    reason: ScanReason,
    pub(super) summary: ScanSummary,
    /// Cancelled once nobody waits for the scan any more: what its origin was may have changed hands.
    dropped: &'a CancellationToken,
    stop: &'a CancellationToken,
    batch: Vec<NewEvent>,
    /// When the batch began.
    since: Instant,
    /// Tracks decided on since the catalog last caught up: nothing more may be decided on them
    /// until it has.
    undecidable: HashSet<TrackId>,
    started: bool,
    /// Tracks that are missing with the disk they were on, by the folder that lacks it.
    unmounted: BTreeMap<OriginPath, u64>,
    /// Directories of files that were not read, and are to be looked at again.
    left: BTreeSet<OriginPath>,
    /// Why a known file could not be read; the first of them.
    unread: Option<String>,
}

impl<'a> Committer<'a> {
    /// Nothing found yet by this scan.
    pub(super) fn new(scan: &'a Running<'a>) -> Self {
        Self {
            origin: scan.origin,
            views: &scan.scanner.views,
            writer: &scan.scanner.writer,
            runtime: &scan.runtime,
            progress: &scan.progress,
            cause: CauseId::generate(),
            reason: scan.request.reason,
            summary: ScanSummary::default(),
            dropped: &scan.dropped,
            stop: &scan.stop,
            batch: Vec::with_capacity(BATCH),
            since: Instant::now(),
            undecidable: HashSet::new(),
            started: false,
            unmounted: BTreeMap::new(),
            left: BTreeSet::new(),
            unread: None,
        }
    }

    /// Decides on a file that was read. `known` is the track that the catalog had there when the
    /// file was listed; nobody but this scan could have changed that.
    pub(super) fn sighted(
        &mut self,
        path: OriginPath,
        known: Option<TrackId>,
        revision: Revision,
        media: Media,
    ) -> Result<(), ScanError> {
        let (here, elsewhere) = loop {
            let here = self.here(&path, known)?;
            let elsewhere = self.elsewhere(&path, &revision, &media)?;
            let mut involved = here
                .iter()
                .map(|here| here.track)
                .chain(elsewhere.iter().map(|other| other.track));
            if involved.any(|track| self.undecidable.contains(&track)) {
                self.catch_up()?;
            } else {
                break (here, elsewhere);
            }
        };
        let locator = Locator {
            origin: self.origin.id().clone(),
            path,
            revision,
        };
        let sighting = Sighting { locator, media };
        let events = decide::sighted(sighting, here, elsewhere, || self.writer.fresh_track());
        events.into_iter().try_for_each(|event| self.push(event))
    }

    /// Decides on a file beside tracks.
    pub(super) fn sidecar(
        &mut self,
        path: OriginPath,
        revision: Revision,
        known: Option<&(SidecarId, Revision)>,
    ) -> Result<(), ScanError> {
        let locator = Locator {
            origin: self.origin.id().clone(),
            path,
            revision,
        };
        let known = known.map(|(sidecar, revision)| (*sidecar, revision));
        let event = decide::sidecar_sighted(locator, known, || self.writer.fresh_sidecar());
        event.map_or(Ok(()), |event| self.push(event))
    }

    /// Ends the sidecars whose files a complete listing lacked, unless their disk is away, and those
    /// that are not to be shown any more.
    pub(super) fn missing_sidecars(
        &mut self,
        missing: &[SidecarRow],
        unwanted: &[SidecarRow],
        accepted: bool,
    ) -> Result<(), ScanError> {
        let mut gone: Vec<_> = unwanted.iter().map(|row| row.id).collect();
        for some in missing.chunks(AT_ONCE) {
            let asked = some.iter().map(|row| self.origin.stat(&row.locator.path));
            let found = self.runtime.block_on(join_all(asked));
            for (row, found) in some.iter().zip(found) {
                let missing = found.is_err_and(|error| error.kind == ErrorKind::NotFound);
                let is_away = || {
                    let away = self.lacking(&row.locator.path, row.changed_at)?;
                    Ok::<_, ScanError>(away.is_some())
                };
                if missing && (accepted || !is_away()?) {
                    gone.push(row.id);
                }
            }
            if self.stop.is_cancelled() {
                return Err(ScanError::Stopped);
            }
            self.progress.alive();
        }
        for sidecar in gone {
            self.push(Event::SidecarVanished { sidecar })?;
        }
        Ok(())
    }

    fn here(&self, path: &OriginPath, known: Option<TrackId>) -> Result<Option<Here>, ScanError> {
        let Some(track) = known else {
            return Ok(None);
        };
        let row = self.views.catalog().track(track)?;
        // It may have been found to have moved since.
        let row = row.filter(|row| row.living && row.locator.path == *path);
        Ok(row.map(|row| Here {
            track,
            revision: row.locator.revision,
            media: row.media,
        }))
    }

    fn elsewhere(
        &self,
        path: &OriginPath,
        revision: &Revision,
        media: &Media,
    ) -> Result<Vec<Elsewhere>, ScanError> {
        if !decide::is_telling(media) {
            return Ok(Vec::new());
        }
        let mut alike = self
            .views
            .catalog()
            .by_content(self.origin.id(), media.content)?;
        alike.retain(|(_, at, _, living)| !living || at != path);
        alike.sort_by_key(|(track, _, known, _)| (known != revision, *track));
        alike.truncate(SUSPECTS);
        let presence = |track: TrackId, living: bool, path: &OriginPath| {
            if !living {
                return Ok(Presence::Vanished);
            }
            match self.runtime.block_on(self.origin.stat(path)) {
                Err(error) if error.kind == ErrorKind::NotFound => {
                    let row = self.views.catalog().track(track)?;
                    let away = match row {
                        Some(row) => self.lacking(path, row.changed_at)?.is_some(),
                        None => false,
                    };
                    Ok(if away {
                        Presence::Present
                    } else {
                        Presence::Gone
                    })
                }
                Err(error) if error.kind == ErrorKind::Offline => Err(ScanError::Origin(error)),
                Ok(_) | Err(_) => Ok(Presence::Present),
            }
        };
        alike
            .into_iter()
            .map(|(track, path, revision, living)| {
                let presence = presence(track, living, &path)?;
                Ok(Elsewhere {
                    track,
                    path,
                    revision,
                    presence,
                })
            })
            .collect()
    }

    /// Ends the tracks whose files a complete listing lacked, or holds that for the user's word.
    /// Returns whether it did hold it.
    pub(super) fn missing(
        &mut self,
        missing: &[TrackId],
        limit: RemovalLimit,
        accepted: bool,
    ) -> Result<bool, ScanError> {
        self.catch_up()?;
        let catalog = self.views.catalog();
        let mut gone = Vec::new();
        for some in missing.chunks(AT_ONCE) {
            let rows: Result<Vec<_>, _> = some.iter().map(|track| catalog.track(*track)).collect();
            // It may have moved since it was missed.
            let rows = rows?.into_iter().flatten().filter(|row| row.living);
            let rows: Vec<TrackRow> = rows.collect();
            let asked = rows.iter().map(|row| self.origin.stat(&row.locator.path));
            let found = self.runtime.block_on(join_all(asked));
            for (row, found) in rows.iter().zip(found) {
                let missing = found.is_err_and(|error| error.kind == ErrorKind::NotFound);
                if missing && (accepted || !self.is_away(row)?) {
                    gone.push(row.id);
                }
            }
            if self.stop.is_cancelled() {
                return Err(ScanError::Stopped);
            }
            self.progress.alive();
        }
        let origins = catalog.origins()?;
        let origin = origins.into_iter().find(|row| row.id == *self.origin.id());
        let known = origin.as_ref().map_or(0, |row| row.tracks);
        let count = gone.len() as u64;
        if limit.holds(count, known) && !accepted {
            tracing::warn!(
                origin = %self.origin.id(),
                "{count} of {known} tracks are missing from a complete listing; they stay until \
                 `musicfs origin rescan {} --accept-removals`",
                self.origin.id()
            );
            let held = origin.and_then(|row| row.held_removals);
            // The end of a scan that found something else would settle what is held.
            if held != Some((count, known)) || self.started {
                let origin = self.origin.id().clone();
                self.push(Event::RemovalsHeld {
                    origin,
                    missing: count,
                    known,
                })?;
            }
            return Ok(true);
        }
        for track in gone {
            self.push(Event::TrackVanished { track })?;
        }
        Ok(false)
    }

    /// True where a track's file is missing since the disk is away that it is on.
    fn is_away(&mut self, row: &TrackRow) -> Result<bool, ScanError> {
        let Some(folder) = self.lacking(&row.locator.path, row.changed_at)? else {
            return Ok(false);
        };
        *self.unmounted.entry(folder).or_default() += 1;
        Ok(true)
    }

    /// The folder whose disk is away, where that is why a file is not found.
    fn lacking(
        &self,
        path: &OriginPath,
        known: Timestamp,
    ) -> Result<Option<OriginPath>, ScanError> {
        let lacking = self.origin.unmounted(path, known);
        self.runtime.block_on(lacking).map_err(ScanError::Origin)
    }

    /// True for an error that will not be another a moment later: of a disk, or of rights.
    pub(super) fn is_sure_of(&self, error: &OriginError) -> bool {
        self.origin.is_here() || error.kind == ErrorKind::Denied
    }

    /// A file was not read: what is known of it stays. Where it `failed`, and was not just changed
    /// at that moment, people are told.
    pub(super) fn left(&mut self, path: &OriginPath, failed: Option<OriginError>) {
        self.summary.errors += 1;
        // A right that is given is noticed.
        if failed
            .as_ref()
            .is_none_or(|error| error.kind != ErrorKind::Denied)
        {
            self.left.insert(path.parent());
        }
        if let Some(error) = failed {
            tracing::warn!(origin = %self.origin.id(), "{error}; what is known of it stays");
            self.unread.get_or_insert(error.message);
        }
    }

    /// The directories of files that are to be looked at again soon.
    pub(super) fn take_left(&mut self) -> Vec<OriginPath> {
        std::mem::take(&mut self.left).into_iter().collect()
    }

    /// What could not be read of known files, or keeps tracks in the library whose files are missing.
    pub(super) fn trouble(&self) -> Option<String> {
        if self.unread.is_some() {
            return self.unread.clone();
        }
        let (folder, count) = self.unmounted.iter().next()?;
        Some(format!(
            "nothing is mounted on the folder {folder}, where {count} tracks were, which stay; mount \
             its disk, or if they are to go: musicfs origin rescan {} --accept-removals",
            self.origin.id()
        ))
    }

    fn push(&mut self, event: Event) -> Result<(), ScanError> {
        match &event {
            Event::TrackDiscovered { .. } | Event::TrackReturned { .. } => self.summary.added += 1,
            Event::TrackContentChanged { .. } | Event::TrackTagsRead { .. } => {
                self.summary.changed += 1;
            }
            Event::TrackMoved { .. } => self.summary.moved += 1,
            Event::TrackVanished { .. } => self.summary.vanished += 1,
            _ => {}
        }
        // A track discovered just now is in no view yet, so that no decision can rest on it.
        if let (Subject::Track(track), false) = (
            event.subject(),
            matches!(event, Event::TrackDiscovered { .. }),
        ) {
            self.undecidable.insert(track);
        }
        if !self.started {
            self.started = true;
            let origin = self.origin.id().clone();
            self.batch(Event::ScanStarted {
                origin,
                reason: self.reason,
            });
        }
        self.batch(event);
        match self.undecidable.len() {
            UNDECIDABLE.. => self.catch_up(),
            _ if self.batch.len() >= BATCH || self.since.elapsed() > PATIENCE => self.flush(),
            _ => Ok(()),
        }
    }

    fn batch(&mut self, event: Event) {
        if self.batch.is_empty() {
            self.since = Instant::now();
        }
        self.batch.push(NewEvent::now(event, Some(self.cause)));
    }

    /// Appends what is waiting.
    pub(super) fn flush(&mut self) -> Result<(), ScanError> {
        if self.dropped.is_cancelled() {
            return Err(ScanError::Stopped);
        }
        if !self.batch.is_empty() {
            self.runtime.block_on(self.writer.append(&self.batch))?;
            self.batch.clear();
        }
        self.progress.found(&self.summary);
        Ok(())
    }

    /// Appends what is waiting, and waits until the catalog knows.
    fn catch_up(&mut self) -> Result<(), ScanError> {
        self.flush()?;
        self.runtime
            .block_on(self.views.wait_for(self.writer.store().head()))?;
        self.undecidable.clear();
        Ok(())
    }

    /// Ends the scan in the log, where it found something, or where its mere completeness is news.
    pub(super) fn finish(mut self, news: bool) -> Result<ScanSummary, ScanError> {
        let summary = self.summary;
        if self.started || (news && summary.complete && summary.whole) {
            let origin = self.origin.id().clone();
            self.batch(Event::ScanFinished { origin, summary });
        }
        self.flush()?;
        Ok(summary)
    }
}
