//! The same histories on SQLite files, with restarts, crashes and rebuilds; held against the views
//! in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use eventlog::conformance::samples;
use eventlog::{Event, Field, OriginPath, Recorded, Timestamp, TrackId};
use projections::catalog::{self, Catalog, memory::MemoryCatalog};
use projections::collections::{self, Collections, Entry, Query, memory::MemoryCollections};
use projections::file::ViewFile;
use projections::patterns::{self, Patterns, memory::MemoryPatterns};
use projections::tree::{self, EntryKind, Ino, Tree, memory::MemoryTree};
use projections::view::View;
use projections::{CatalogReader, CollectionsReader, NodeKind, PatternsReader, TreeReader, Views};

use super::ops::Op;
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

/// Holds the views of a directory against those in memory.
fn compare(events: &[Recorded], at: &Path) -> Result<(), String> {
    let (catalog_reader, tree_reader) = Views::open_read_only(at).unwrap();
    compare_tree(events, &tree_reader)?;
    compare_catalog(events, &catalog_reader)?;
    compare_patterns(events, &Views::open_patterns(at).unwrap());
    compare_collections(events, &Views::open_collections(at).unwrap());
    Ok(())
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
        let rich = catalog.track(TrackId(7)).unwrap().unwrap().media.tags;
        let named_as_a_field = Field::Custom("title".into());
        assert_eq!(rich.all(&named_as_a_field), ["no field but a custom tag"]);
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

fn compare_patterns(events: &[Recorded], reader: &PatternsReader) {
    let mut patterns = MemoryPatterns::default();
    for event in events {
        patterns::apply(&mut patterns, event);
    }
    let (plays, tallies) = (&patterns.plays.plays, &patterns.plays.tallies);
    let mut followers: BTreeMap<TrackId, BTreeMap<TrackId, u64>> = BTreeMap::new();
    for play in plays.values() {
        if let Some(followed) = play.followed {
            let former = followers.entry(plays[&followed].track).or_default();
            *former.entry(play.track).or_default() += 1;
        }
    }
    for (track, tally) in tallies {
        let heard = reader.heard(*track).unwrap();
        assert_eq!(heard.all, tally.all);
        let told = plays.values().filter(|play| play.track == *track).count();
        assert_eq!(heard.hours.iter().sum::<u64>(), told as u64);
        let found = reader.followers(*track).unwrap();
        assert!(found.is_sorted_by(|one, next| one.1 >= next.1) && found.len() <= 8);
        let expected = followers.remove(track).unwrap_or_default();
        if expected.len() <= 8 {
            assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), expected);
        }
    }
    let known = tallies.iter().map(|(track, tally)| (*track, tally.all));
    let most = reader.most_played(1_000).unwrap();
    assert!(most.is_sorted_by(|one, next| one.1.plays >= next.1.plays));
    assert_eq!(
        most.into_iter().collect::<BTreeMap<_, _>>(),
        known.collect()
    );
    let recent = reader.recently_played(1_000).unwrap();
    assert!(recent.is_sorted_by(|one, next| one.1.last >= next.1.last));
    assert_eq!(recent.len(), tallies.len());
    let usual = (0..24).flat_map(|hour| reader.usual_at(hour, 1_000).unwrap());
    let positive = plays.values().filter(|play| play.began.0 >= 0).count();
    assert!(usual.map(|(_, count)| count).sum::<u64>() >= positive as u64);
}

fn compare_collections(events: &[Recorded], reader: &CollectionsReader) {
    let mut collections = MemoryCollections::default();
    for event in events {
        collections::apply(&mut collections, event);
    }
    let find = |query: &str| -> BTreeSet<TrackId> {
        let query = Query::parse(query).unwrap();
        let found = reader.find(&query, Timestamp::now(), 1_000).unwrap();
        found.iter().map(|member| member.track).collect()
    };
    let is = |wanted: &dyn Fn(TrackId, &Entry) -> bool| -> BTreeSet<TrackId> {
        let living = collections.tracks.iter().filter(|(_, it)| it.living);
        let wanted = living.filter(|(track, entry)| wanted(**track, entry));
        wanted.map(|(track, _)| *track).collect()
    };
    let plays = |track| {
        collections
            .plays
            .tallies
            .get(&track)
            .map_or(0, |it| it.all.plays)
    };
    assert_eq!(find("*"), is(&|_, _| true));
    assert_eq!(find("played:never"), is(&|track, _| plays(track) == 0));
    assert_eq!(find("plays:>=2"), is(&|track, _| plays(track) >= 2));
    assert_eq!(
        find("NOT plays:[1 TO 2]"),
        is(&|track, _| !(1..=2).contains(&plays(track)))
    );
    assert_eq!(
        find("title:a"),
        is(&|_, it| it.facts.texts[0].contains(" a "))
    );
    let defined = reader.definitions().unwrap();
    let defined: Vec<_> = defined
        .into_iter()
        .map(|row| (row.name, row.definition))
        .collect();
    let expected = collections.definitions.into_iter();
    let expected: Vec<_> = expected
        .map(|(name, it)| (name, it.text.into_string()))
        .collect();
    assert_eq!(defined, expected);
}

fn compare_tree(events: &[Recorded], reader: &TreeReader) -> Result<(), String> {
    let mut tree = MemoryTree::default();
    for event in events {
        tree::apply(&mut tree, event);
        tree::settle(&mut tree);
    }
    let mut seen = 0;
    for entry in tree.entries.values() {
        let node = reader
            .node(entry.ino)
            .unwrap()
            .ok_or(format!("{entry:?} is missing"))?;
        let is_same_kind = match (&entry.kind, node.kind) {
            (EntryKind::File { size: a, .. }, NodeKind::File { size: b, .. }) => *a == b,
            (
                EntryKind::Directory { subdirectories: a },
                NodeKind::Directory { subdirectories: b },
            ) => *a == b,
            _ => false,
        };
        let is_same =
            (entry.parent, &entry.name, entry.mtime_ns) == (node.parent, &node.name, node.mtime_ns);
        if !is_same || !is_same_kind {
            return Err(format!("expected {entry:?}, found {node:?}"));
        }
        if entry.ino != Ino::ROOT
            && reader.lookup(entry.parent, &entry.name).unwrap().as_ref() != Some(&node)
        {
            return Err(format!("{entry:?} is not found by its name"));
        }
        let path = reader.path_of(entry.ino).unwrap().unwrap();
        assert_eq!(reader.resolve(&path).unwrap(), Some(node), "{path}");
        // Pages of two, as a slow readdir takes them.
        let mut after = Ino(0);
        loop {
            let page = reader.list(entry.ino, after, 2).unwrap();
            let Some(last) = page.last() else { break };
            after = last.ino;
            seen += page.len();
        }
    }
    assert_eq!(seen + 1, tree.entries.len(), "lists hold each node once");
    for track in tree.tracks.keys() {
        let copies = reader.copies(*track).unwrap();
        assert!(
            copies.contains(track),
            "{copies:?} are the copies of {track}"
        );
        let is_shown = |copy: &TrackId| tree.entries.contains_key(&Ino::of_track(*copy));
        let shown: Vec<_> = copies.iter().filter(|copy| is_shown(copy)).collect();
        assert_eq!(shown, copies.first().into_iter().collect::<Vec<_>>());
    }
    assert_eq!(reader.stats().unwrap(), tree.library.stats);
    Ok(())
}

fn compare_catalog(events: &[Recorded], reader: &CatalogReader) -> Result<(), String> {
    let mut catalog = MemoryCatalog::default();
    for event in events {
        catalog::apply(&mut catalog, event);
    }
    for (id, head) in &catalog.heads {
        let row = reader
            .track(*id)
            .unwrap()
            .ok_or(format!("{id} is missing"))?;
        assert_eq!(row.media, catalog.media[id]);
        assert_eq!(
            (&row.locator.origin, &row.locator.path),
            (&head.origin, &head.path)
        );
        assert_eq!(
            (&row.locator.revision, row.living),
            (&head.revision, head.living)
        );
        assert_eq!(
            (row.discovered_at, row.changed_at),
            (head.discovered_at, head.changed_at)
        );
        assert_eq!(row.first_position, head.first_position);
        assert_eq!(row.last_position, head.last_position);
        let alike = reader.by_content(&head.origin, head.content).unwrap();
        assert!(alike.contains(&(*id, head.path.clone(), head.revision.clone(), head.living)));
        let (there, living) = reader.by_path(&head.origin, &head.path).unwrap().unwrap();
        assert!(living || !head.living);
        assert_eq!(catalog.heads[&there].path, head.path);
        let beside = reader.files_in(&head.origin, &head.path.parent()).unwrap();
        let is_listed = beside.iter().any(|file| {
            file.track == *id && *file.name == *head.path.name() && file.revision == head.revision
        });
        assert_eq!(is_listed, head.living);
    }
    for (origin, directory) in catalog.by_directory.keys() {
        for top in [directory, &OriginPath::root()] {
            let within = reader.directories_within(origin, top).unwrap();
            let mut expected: Vec<_> = catalog
                .by_directory
                .keys()
                .filter(|(of, path)| of == origin && path.is_within(top))
                .map(|(_, path)| path.clone())
                .collect();
            expected.sort();
            assert_eq!(within, expected);
        }
    }
    let origins = reader.origins().unwrap();
    let known = catalog
        .origins
        .iter()
        .filter(|(_, state)| state.spec.is_some());
    assert_eq!(
        origins.iter().map(|row| &row.id).collect::<Vec<_>>(),
        known.map(|(id, _)| id).collect::<Vec<_>>()
    );
    for row in &origins {
        let state = &catalog.origins[&row.id];
        assert_eq!(Some(&row.spec), state.spec.as_ref());
        assert_eq!(
            (row.listed, row.last_scan),
            (state.listed_at, state.last_scan)
        );
        assert_eq!(
            row.held_removals,
            state.held.map(|held| (held.missing, held.known))
        );
        let tracks = catalog.by_origin.get(&row.id).map_or(0, |count| count.0);
        assert_eq!(row.tracks, tracks.cast_unsigned());
    }
    let counts = reader.counts().unwrap();
    assert_eq!(counts.tracks + counts.vanished, catalog.heads.len() as u64);
    assert_eq!(
        counts.bytes,
        catalog.by_origin.values().fold(0_u64, |bytes, count| bytes
            .wrapping_add(count.1.cast_unsigned()))
    );
    assert_eq!(reader.max_track_id().unwrap(), catalog.highest);
    Ok(())
}
