//! The same histories on SQLite files, with restarts, crashes and rebuilds; held against the views
//! in memory.

use std::path::Path;

use eventlog::conformance::samples;
use eventlog::{Event, Field, OriginPath, Recorded, TrackId};
use projections::Views;
use projections::catalog::Catalog;
use projections::collections::Collections;
use projections::file::ViewFile;
use projections::patterns::Patterns;
use projections::tree::Tree;
use projections::view::View;

use super::ops::Op;
use super::readers::compare;
use super::world::Log;
use crate::facts;

/// A view's file, and how far the log was folded in.
struct Kept<V: View>(ViewFile<V>);

impl<V: View> Kept<V> {
    fn create(directory: &Path) -> Self {
        Self(ViewFile::create(&directory.join(format!("{}.1.db", V::NAME))).unwrap())
    }

    fn apply(&mut self, events: &[Recorded]) {
        self.0.apply(events).unwrap().commit().unwrap();
    }

    fn restart(self) -> Self {
        let path = self.0.path().to_owned();
        drop(self);
        Self(ViewFile::open(&path).unwrap().0)
    }

    fn crash(mut self, events: &[Recorded], committed: bool) -> Self {
        let before = self.0.digest().unwrap();
        if committed {
            self.apply(events);
        } else {
            drop(self.0.apply(events).unwrap());
        }
        let reopened = self.restart();
        assert!(
            committed || reopened.0.digest().unwrap() == before,
            "half a batch was kept"
        );
        reopened
    }

    fn rebuilt_is_equal(&self, events: &[Recorded], directory: &Path) -> Result<(), String> {
        let path = directory.join("rebuilt.db");
        let _ = std::fs::remove_file(&path);
        let mut rebuilt = ViewFile::<V>::create_unsealed(&path).unwrap();
        for batch in events.chunks(7) {
            rebuilt.apply(batch).unwrap().commit().unwrap();
        }
        let is_equal = rebuilt.digest().unwrap() == self.0.digest().unwrap();
        if is_equal {
            Ok(())
        } else {
            Err(format!("a rebuilt {} differs", V::NAME))
        }
    }
}

/// Every view's file.
struct All {
    tree: Kept<Tree>,
    catalog: Kept<Catalog>,
    patterns: Kept<Patterns>,
    collections: Kept<Collections>,
}

impl All {
    fn create(at: &Path) -> Self {
        Self {
            tree: Kept::create(at),
            catalog: Kept::create(at),
            patterns: Kept::create(at),
            collections: Kept::create(at),
        }
    }

    fn apply(&mut self, events: &[Recorded]) {
        self.tree.apply(events);
        self.catalog.apply(events);
        self.patterns.apply(events);
        self.collections.apply(events);
    }

    fn restart(self) -> Self {
        Self {
            tree: self.tree.restart(),
            catalog: self.catalog.restart(),
            patterns: self.patterns.restart(),
            collections: self.collections.restart(),
        }
    }

    fn crash(self, events: &[Recorded], committed: bool) -> Self {
        Self {
            tree: self.tree.crash(events, committed),
            catalog: self.catalog.crash(events, committed),
            patterns: self.patterns.crash(events, committed),
            collections: self.collections.crash(events, committed),
        }
    }

    fn rebuilt_are_equal(&self, events: &[Recorded], directory: &Path) -> Result<(), String> {
        self.tree.rebuilt_is_equal(events, directory)?;
        self.catalog.rebuilt_is_equal(events, directory)?;
        self.patterns.rebuilt_is_equal(events, directory)?;
        self.collections.rebuilt_is_equal(events, directory)
    }
}

/// Runs a history on files.
pub(super) fn run(ops: &[Op]) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let mut log = Log::default();
    let mut views = All::create(at);
    for op in ops {
        let from = log.append(*op);
        // Events wait until something else happens, so that batches are of several.
        let events = &log.events[..from];
        match op {
            Op::CrashBeforeCommit => views = views.crash(events, false),
            Op::CrashAfterCommit => views = views.crash(events, true),
            Op::Restart => views = views.restart(),
            Op::Rebuild => {
                views.apply(events);
                views.rebuilt_are_equal(events, at)?;
            }
            _ if from % 3 == 0 => views.apply(events),
            _ => {}
        }
    }
    views.apply(&log.events);
    // Once more changes nothing.
    views.apply(&log.events);
    views.rebuilt_are_equal(&log.events, at)?;
    compare(&log.events, at)
}

/// Every kind of event, and such as no MusicFS should have written, one by one and all at once.
#[test]
fn folds_take_whatever_the_log_holds() {
    let odd_path = OriginPath::root();
    let mut events = samples::every_kind();
    for track in [0, 1, 7, (1 << 62) - 1, 1 << 62, u64::MAX] {
        for event in samples::every_kind() {
            events.extend([about(track, None, event.clone())]);
            events.extend([about(track, Some(&odd_path), event)]);
        }
        events.push(about(track, None, samples::discovery(1)));
    }
    let found = samples::every_kind().into_iter().filter_map(|event| {
        let event = about(7, None, event);
        matches!(event, Event::TrackDiscovered { .. }).then_some(event)
    });
    events.extend(found);
    let events: Vec<_> = (1..)
        .zip(events)
        .map(|(position, event)| facts::recorded(position, event))
        .collect();
    for size in [1, events.len()] {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let mut views = All::create(at);
        for batch in events.chunks(size) {
            views.apply(batch);
        }
        views.rebuilt_are_equal(&events, at).unwrap();
        compare(&events, at).unwrap();
        let (catalog, tree) = Views::open_read_only(at).unwrap();
        assert_eq!(
            catalog.counts().unwrap().tracks,
            tree.stats().unwrap().files
        );
        let rich = catalog.track(TrackId(7)).unwrap().unwrap().media;
        let named_as_a_field = Field::Custom("title".into());
        assert_eq!(
            rich.tags.all(&named_as_a_field),
            ["no field but a custom tag"]
        );
        assert_eq!(rich.cover, Some(123_456));
    }
}

/// The same fact about another track, and at another path.
fn about(id: u64, at: Option<&OriginPath>, mut event: Event) -> Event {
    match &mut event {
        Event::TrackDiscovered { track, locator, .. }
        | Event::TrackReturned { track, locator, .. } => {
            *track = TrackId(id);
            locator.path = at.unwrap_or(&locator.path).clone();
        }
        Event::TrackMoved { track, to, .. } => {
            *track = TrackId(id);
            *to = at.unwrap_or(to).clone();
        }
        Event::TrackContentChanged { track, .. }
        | Event::TrackTagsRead { track, .. }
        | Event::TrackVanished { track }
        | Event::TrackRead { track, .. } => *track = TrackId(id),
        _ => {}
    }
    event
}
