//! What is put into the index, and when: following the log, building it from the catalog, comparing the
//! two.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{EventId, EventStore, Filter, Position, TrackId};
use futures::StreamExt;
use projections::{CatalogReader, OnProgress, ReplayReport, Views, Wanted};
use tokio::runtime::Handle;

use crate::error::SearchError;
use crate::follow::Touched;
use crate::index::{Mark, Writable, directory};
use crate::meaning::{Over, digest, each};
use crate::searcher::{Searcher, Served};

/// Events that are looked at together.
const BATCH: u64 = 5_000;

/// How often is asked, while the catalog is waited for, whether it is to end.
const LOOK: Duration = Duration::from_millis(200);

/// How often a comparison is begun again because an origin left meanwhile.
const ATTEMPTS: u32 = 5;

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
        }
    }

    /// Up to where the log was looked at.
    pub(crate) const fn seen(&self) -> Position {
        self.seen.position
    }

    /// How far others wait for it to get.
    pub(crate) const fn wanted(&self) -> &Wanted {
        &self.searcher.wanted
    }

    /// Puts in all that the log has by now.
    pub(crate) fn catch_up(&mut self, over: Over<'_>) -> Result<(), SearchError> {
        if self.index.is_none() {
            let index = match self.open()? {
                Some(index) => index,
                None => self.build(over, &mut |_, _| {}, None)?,
            };
            self.serve(index);
        }
        let head = self.log.head();
        while self.seen.position < head {
            if over() {
                return Err(SearchError::Closed);
            }
            self.step(over)?;
        }
        Ok(())
    }

    /// Gives back memory that is not needed now.
    pub(crate) fn rest(&mut self) {
        if let Some(index) = &mut self.index {
            index.rest();
        }
    }

    /// Leaves the index as far as it got, so that nothing is looked at twice.
    pub(crate) fn end(&mut self) {
        if let Some(index) = &mut self.index
            && index.mark != self.seen
            && let Err(error) = index.commit(self.seen)
        {
            tracing::debug!("some events are looked at again: {error}");
        }
        self.rest();
    }

    /// True where what is on the disk is as it was written.
    pub(crate) fn is_sound(&self) -> Result<bool, SearchError> {
        self.index.as_ref().map_or(Ok(true), Writable::is_sound)
    }

    /// Builds an index from the catalog, and serves that.
    pub(crate) fn rebuild(&mut self, over: Over<'_>) -> Result<(), SearchError> {
        let index = self.build(over, &mut |_, _| {}, None)?;
        self.replace(index);
        Ok(())
    }

    /// Something failed: what was not committed is put in again. With `damage`, the index is not gone on
    /// with.
    pub(crate) fn distrust(&mut self, damage: bool) {
        self.rest();
        if let Some(index) = self.index.take_if(|_| damage) {
            let path = index.path.clone();
            drop(index);
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
        for attempt in 1.. {
            self.catch_up(over)?;
            let from = self.catalog.position()?;
            while self.seen.position < from {
                self.step(over)?;
            }
            let was = match &self.index {
                Some(index) => index.prints()?,
                None => Vec::new(),
            };
            let mut is = Vec::new();
            let rebuilt = if rebuild {
                Some(self.build(over, progress, Some(&mut is))?)
            } else {
                let fields = Arc::clone(&self.searcher.fields);
                each(&self.catalog, over, progress, |row| {
                    is.push((row.id, fields.document(row).print));
                    Ok(())
                })?;
                None
            };
            // What the log said meanwhile is in one and maybe not in the other.
            let (mut meanwhile, mut at) = (Touched::default(), from);
            let until = self.catalog.position()?.max(self.seen.position);
            while at < until {
                at = self.read(at, until, &mut meanwhile)?.position;
            }
            if let Some(index) = rebuilt {
                self.replace(index);
                self.catch_up(over)?;
            }
            // With an origin, any of them may have gone.
            if !meanwhile.removed.is_empty() && !rebuild && attempt < ATTEMPTS {
                continue;
            }
            let settled = |print: &&(TrackId, u64)| !meanwhile.tracks.contains(&print.0);
            let equal = was.iter().filter(settled).eq(is.iter().filter(settled));
            return Ok(ReplayReport {
                name: "search",
                position: from,
                events: is.len() as u64,
                elapsed: began.elapsed(),
                digest: digest(&is),
                equal: Some(equal),
            });
        }
        Err(SearchError::Closed)
    }

    /// Looks at some of the log's events that were not looked at yet.
    fn step(&mut self, over: Over<'_>) -> Result<(), SearchError> {
        let mut touched = Touched::default();
        let seen = self.read(self.seen.position, self.log.head(), &mut touched)?;
        if !touched.is_empty() {
            // The rows that the events led to; what came later is in them, too, and is put in again.
            self.await_catalog(seen.position, over)?;
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
            if found.is_none()
                && let Some(index) = Writable::open(&path, &self.searcher.fields)?
                && self.belongs(index.mark)?
                && index.answers()?
            {
                found = Some(index);
            } else {
                delete(&path);
            }
        }
        Ok(found)
    }

    /// True where the log holds the event that an index was made up to.
    fn belongs(&self, mark: Mark) -> Result<bool, SearchError> {
        Ok(mark.position <= self.log.head() && self.event_at(mark.position)? == mark.event)
    }

    fn event_at(&self, position: Position) -> Result<Option<EventId>, SearchError> {
        if position == Position::START {
            return Ok(None);
        }
        let before = Position(position.0.saturating_sub(1));
        Ok(self.read(before, position, &mut Touched::default())?.event)
    }

    /// Waits until the catalog has got as far as that.
    fn await_catalog(&self, position: Position, over: Over<'_>) -> Result<(), SearchError> {
        loop {
            let reached = self.runtime.block_on(async {
                let reached = self.views.wait_for_catalog(position);
                tokio::time::timeout(LOOK, reached).await
            });
            match reached {
                Ok(reached) => return Ok(reached?),
                Err(_) if over() => return Err(SearchError::Closed),
                Err(_) => {}
            }
        }
    }

    /// Builds an index from the catalog, in a directory of its own; `prints` takes what is in it.
    fn build(
        &self,
        over: Over<'_>,
        progress: OnProgress<'_>,
        mut prints: Option<&mut Vec<(TrackId, u64)>>,
    ) -> Result<Writable, SearchError> {
        // Until then, its rows may be those of another log, or too few.
        self.await_catalog(self.log.head(), over)?;
        let next = generations(&self.directory)?
            .last()
            .map_or(1, |last| last.saturating_add(1));
        let path = self.path(next);
        let mut build = || {
            let mut index = Writable::create(&path, &self.searcher.fields)?;
            let position = self.catalog.position()?;
            let event = self.event_at(position)?;
            each(&self.catalog, over, progress, |row| {
                let print = index.put(row, true)?;
                if let Some(prints) = &mut prints {
                    prints.push((row.id, print));
                }
                Ok(())
            })?;
            index.commit(Mark { position, event })?;
            Ok(index)
        };
        build().inspect_err(|_| delete(&path))
    }

    /// Serves another index, and deletes the one before.
    fn replace(&mut self, index: Writable) {
        let before = self.index.take().map(|index| index.path.clone());
        self.serve(index);
        before.iter().for_each(|before| delete(before));
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
