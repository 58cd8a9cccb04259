//! What is put into the index, and when: following the log, building it from the catalog, comparing the
//! two.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use eventlog::{EventId, EventStore, Filter, Position, TrackId};
use futures::StreamExt;
use projections::{CatalogReader, Digest, OnProgress, ReplayReport, Views};
use tokio::runtime::Handle;

use crate::error::SearchError;
use crate::follow::Touched;
use crate::index::{Mark, Writable, directory};
use crate::searcher::{Searcher, Served};

/// Events that are looked at together.
const BATCH: u64 = 5_000;

/// Tracks that are read from the catalog together.
const ROWS: usize = 1_000;

/// What tells whether it is to end.
type Over<'o> = &'o dyn Fn() -> bool;

/// The index, as its thread has it.
pub(crate) struct Writing {
    directory: PathBuf,
    log: Arc<dyn EventStore>,
    views: Arc<Views>,
    catalog: CatalogReader,
    runtime: Handle,
    searcher: Searcher,
    index: Option<Writable>,
    /// How far the log was looked at; what changes nothing is not committed by itself.
    seen: Mark,
    /// True once the index failed: it is opened again, and where it fails again, built anew.
    distrusted: bool,
}

impl Writing {
    pub(crate) fn new(
        directory: &Path,
        log: Arc<dyn EventStore>,
        views: Arc<Views>,
        runtime: Handle,
        searcher: Searcher,
    ) -> Self {
        Self {
            directory: directory.to_owned(),
            catalog: views.catalog(),
            log,
            views,
            runtime,
            searcher,
            index: None,
            seen: Mark::START,
            distrusted: false,
        }
    }

    /// Puts in all that the log has.
    pub(crate) fn catch_up(&mut self, over: Over<'_>) -> Result<(), SearchError> {
        if self.index.is_none() {
            let index = match self.open()? {
                Some(index) => index,
                None => self.build(over, &mut |_, _| {})?.0,
            };
            self.serve(index);
        }
        while self.seen.position < self.log.head() {
            if over() {
                return Err(SearchError::Closed);
            }
            self.step()?;
        }
        self.distrusted = false;
        Ok(())
    }

    /// Gives back memory that is not needed now.
    pub(crate) fn rest(&mut self) {
        if let Some(index) = &mut self.index {
            index.rest();
        }
    }

    /// Something failed: goes on with the index as it is on the disk, and the second time without it.
    pub(crate) fn distrust(&mut self) {
        let Some(index) = self.index.take() else {
            return;
        };
        if std::mem::replace(&mut self.distrusted, true) {
            let path = index.path.clone();
            drop(index);
            tracing::warn!(path = %path.display(), "the search index is built anew");
            delete(&path);
        }
    }

    /// Compares the index with the catalog, or builds it anew and compares the one before.
    pub(crate) fn replay(
        &mut self,
        rebuild: bool,
        over: Over<'_>,
        progress: OnProgress<'_>,
    ) -> Result<ReplayReport, SearchError> {
        let began = Instant::now();
        self.catch_up(over)?;
        let from = self.catalog.position()?;
        while self.seen.position < from {
            self.step()?;
        }
        let was = match &self.index {
            Some(index) => index.prints()?,
            None => Vec::new(),
        };
        let (rebuilt, is) = if rebuild {
            let (index, prints) = self.build(over, progress)?;
            (Some(index), prints)
        } else {
            let mut prints = Vec::new();
            let fields = Arc::clone(&self.searcher.fields);
            self.each(over, progress, |row| {
                prints.push((row.id, fields.document(row).print));
                Ok(())
            })?;
            (None, prints)
        };
        // What the log said meanwhile is in one and maybe not in the other.
        let (mut meanwhile, mut at) = (Touched::default(), from);
        let until = self.catalog.position()?.max(self.seen.position);
        while at < until {
            at = self.read(at, until, &mut meanwhile)?.position;
        }
        let settled = |prints: &[(TrackId, u64)]| -> BTreeSet<(TrackId, u64)> {
            let settled = prints.iter().copied();
            settled
                .filter(|(track, _)| !meanwhile.tracks.contains(track))
                .collect()
        };
        let equal = settled(&was) == settled(&is);
        if let Some(index) = rebuilt {
            let before = self.index.take().map(|index| index.path.clone());
            self.serve(index);
            before.iter().for_each(|before| delete(before));
            self.catch_up(over)?;
        }
        Ok(ReplayReport {
            name: "search",
            position: from,
            events: from.0,
            elapsed: began.elapsed(),
            digest: digest(&is),
            equal: Some(equal),
        })
    }

    /// Looks at some of the log's events that were not looked at yet.
    fn step(&mut self) -> Result<(), SearchError> {
        let mut touched = Touched::default();
        let seen = self.read(self.seen.position, self.log.head(), &mut touched)?;
        if !touched.is_empty() {
            // The rows that the events led to; what came later is in them, too, and is put in again.
            self.runtime.block_on(self.views.wait_for(seen.position))?;
            let Some(index) = &mut self.index else {
                return Err(SearchError::NotReady);
            };
            for origin in &touched.removed {
                index.take_out_origin(origin.as_str())?;
            }
            for track in &touched.tracks {
                match self.catalog.track(*track)?.filter(|row| row.living) {
                    Some(row) => index.put(&row, false).map(drop)?,
                    None => index.take_out(*track)?,
                }
            }
            index.commit(seen)?;
        }
        self.seen = seen;
        self.show();
        Ok(())
    }

    /// Notes what events are about, from after a position on; returns the last that was looked at.
    fn read(
        &self,
        after: Position,
        until: Position,
        touched: &mut Touched,
    ) -> Result<Mark, SearchError> {
        let until = until.min(after.plus(BATCH));
        self.runtime.block_on(async {
            let mut mark = Mark {
                position: until,
                event: None,
            };
            let mut events = self.log.read(after, Some(until), Filter::default());
            while let Some(event) = events.next().await {
                let event = event?;
                touched.note(&event);
                mark = Mark {
                    position: event.position,
                    event: Some(event.id),
                };
            }
            Ok(mark)
        })
    }

    /// Opens the newest index that can be gone on with, and deletes the others.
    fn open(&self) -> Result<Option<Writable>, SearchError> {
        let mut found = None;
        for number in generations(&self.directory)?.into_iter().rev() {
            let path = self.path(number);
            let usable = || {
                let index = Writable::open(&path, &self.searcher.fields)?;
                self.belongs(index.mark).then_some(index)
            };
            match found {
                None => found = usable(),
                Some(_) => delete(&path),
            }
            if found.is_none() {
                delete(&path);
            }
        }
        Ok(found)
    }

    /// True where the log holds the event that an index was made up to.
    fn belongs(&self, mark: Mark) -> bool {
        mark.position <= self.log.head() && self.event_at(mark.position).ok() == Some(mark.event)
    }

    fn event_at(&self, position: Position) -> Result<Option<EventId>, SearchError> {
        if position == Position::START {
            return Ok(None);
        }
        let before = Position(position.0.saturating_sub(1));
        Ok(self.read(before, position, &mut Touched::default())?.event)
    }

    /// Builds an index from the catalog, in a directory of its own. Returns what is in it, too.
    fn build(
        &self,
        over: Over<'_>,
        progress: OnProgress<'_>,
    ) -> Result<(Writable, Vec<(TrackId, u64)>), SearchError> {
        let next = generations(&self.directory)?
            .last()
            .map_or(1, |last| last.saturating_add(1));
        let path = self.path(next);
        let mut build = || {
            let mut index = Writable::create(&path, &self.searcher.fields)?;
            let position = self.catalog.position()?;
            let event = self.event_at(position)?;
            let mut prints = Vec::new();
            self.each(over, progress, |row| {
                prints.push((row.id, index.put(row, true)?));
                Ok(())
            })?;
            index.commit(Mark { position, event })?;
            index.rest();
            Ok((index, prints))
        };
        build().inspect_err(|_| delete(&path))
    }

    /// Looks at every living track.
    fn each(
        &self,
        over: Over<'_>,
        progress: OnProgress<'_>,
        mut look: impl FnMut(&projections::TrackRow) -> Result<(), SearchError>,
    ) -> Result<(), SearchError> {
        let (total, mut done) = (self.catalog.counts()?.tracks, 0);
        let mut after = TrackId(0);
        loop {
            let rows = self.catalog.living_after(after, ROWS)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id;
            rows.iter().try_for_each(&mut look)?;
            done += rows.len() as u64;
            progress(Position(done), Position(total.max(done)));
            if over() {
                return Err(SearchError::Closed);
            }
        }
    }

    /// Has an index asked from now on.
    fn serve(&mut self, index: Writable) {
        self.seen = index.mark;
        self.index = Some(index);
        self.show();
    }

    fn show(&self) {
        let Some(index) = &self.index else { return };
        self.searcher.served.store(Some(Arc::new(Served {
            searcher: index.reader.searcher(),
            position: self.seen.position,
            path: index.path.clone(),
        })));
        self.searcher.reached.send_replace(self.seen.position);
    }

    fn path(&self, generation: u64) -> PathBuf {
        self.directory.join(format!("{PREFIX}{generation}"))
    }
}

const PREFIX: &str = "search.";

/// The numbers of the indices that are there, ascending.
fn generations(within: &Path) -> Result<Vec<u64>, SearchError> {
    let list = || -> io::Result<Vec<u64>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(within)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            found.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        found.sort_unstable();
        Ok(found)
    };
    list().map_err(directory(within))
}

/// Deletes an index. What cannot be deleted now is at the next start.
fn delete(path: &Path) {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), "an old search index stays: {error}");
        }
        _ => {}
    }
}

/// What an index means: equal where every track has the same in it.
fn digest(prints: &[(TrackId, u64)]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for (track, print) in prints {
        hasher.update(&track.0.to_le_bytes());
        hasher.update(&print.to_le_bytes());
    }
    Digest(*hasher.finalize().as_bytes())
}
