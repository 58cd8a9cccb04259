//! What readers answer from SQLite, held against what is folded in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use eventlog::{Locator, OriginPath, Recorded, Timestamp, TrackId};
use projections::catalog::{self, memory::MemoryCatalog};
use projections::collections::{self, Entry, Query, memory::MemoryCollections};
use projections::patterns::{self, memory::MemoryPatterns};
use projections::tree::{
    self, CoverFile, CoverSource, Entry as Node, EntryKind, Ino, MAX_COVER, memory::MemoryTree,
};
use projections::{CatalogReader, CollectionsReader, NodeKind, PatternsReader, TreeReader, Views};

/// Holds the views of a directory against those in memory.
pub(super) fn compare(events: &[Recorded], at: &Path) -> Result<(), String> {
    let (catalog_reader, tree_reader) = Views::open_read_only(at).unwrap();
    compare_tree(events, &tree_reader)?;
    compare_catalog(events, &catalog_reader)?;
    compare_patterns(events, &Views::open_patterns(at).unwrap());
    compare_collections(events, &Views::open_collections(at).unwrap());
    Ok(())
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
    const HOUR: i64 = 3_600_000_000;
    let last = plays.values().map(|play| play.began.0).max();
    // An hour that something was played in, a day later, and the very same.
    for now in last.into_iter().flat_map(|last| [last + 24 * HOUR, last]) {
        let mut expected: BTreeMap<TrackId, BTreeSet<i64>> = BTreeMap::new();
        for play in plays.values() {
            if play.began.0 / HOUR % 24 == now / HOUR % 24 && play.began.0 >= now - 720 * HOUR {
                let days = expected.entry(play.track).or_default();
                days.insert(play.began.0);
            }
        }
        expected.retain(|_, began| began.last() <= Some(&(now - HOUR)));
        let days = |began: BTreeSet<i64>| {
            let days: BTreeSet<i64> = began.iter().map(|began| began / (24 * HOUR)).collect();
            days.len() as u64
        };
        let expected = expected
            .into_iter()
            .map(|(track, began)| (track, days(began)));
        let usual = reader.usual_at(Timestamp(now), 1, 1_000).unwrap();
        assert!(usual.is_sorted_by(|one, next| one.1 >= next.1));
        assert_eq!(
            usual.into_iter().collect::<BTreeMap<_, _>>(),
            expected.collect()
        );
    }
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
            (
                EntryKind::File { size: a, .. },
                NodeKind::File { size: b, .. } | NodeKind::Sidecar { size: b, .. },
            ) => *a == b,
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
        assert_eq!(
            reader.cover(entry.ino).unwrap(),
            cover(&tree, entry.ino),
            "{path}"
        );
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

/// The picture that stands for a directory, the plain way.
fn cover(tree: &MemoryTree, directory: Ino) -> Option<CoverSource> {
    let names = ["cover.jpg", "cover.png", "folder.jpg", "folder.png"];
    let is_sidecar = |entry: &Node| entry.ino.sidecar().is_some();
    let entries = || {
        let inside = tree.entries.values();
        inside.filter(move |entry| entry.parent == directory && entry.ino != Ino::ROOT)
    };
    let sidecar = names.iter().find_map(|name| {
        let mut named = entries().filter(|entry| entry.name.to_lowercase() == *name);
        named.find_map(|entry| {
            let sidecar = entry.ino.sidecar()?;
            let known = &tree.sidecars[&sidecar];
            (known.size <= MAX_COVER).then_some(CoverSource {
                from: CoverFile::Sidecar(sidecar),
                size: known.size,
                mtime_ns: known.mtime_ns,
                among_sidecars: true,
            })
        })
    });
    sidecar.or_else(|| {
        entries().find_map(|entry| {
            let track = entry.ino.track()?;
            let known = &tree.tracks[&track];
            Some(CoverSource {
                from: CoverFile::Track(track),
                size: known.cover?,
                mtime_ns: known.mtime_ns,
                among_sidecars: entries().any(is_sidecar),
            })
        })
    })
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
            let beside = catalog.sidecars.values().map(|row| {
                let Locator { origin, path, .. } = &row.locator;
                (origin.clone(), path.parent())
            });
            let mut expected: Vec<_> = catalog
                .by_directory
                .keys()
                .cloned()
                .chain(beside)
                .filter(|(of, path)| of == origin && path.is_within(top))
                .map(|(_, path)| path)
                .collect();
            expected.sort();
            expected.dedup();
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
    for row in catalog.sidecars.values() {
        let Locator { origin, path, .. } = &row.locator;
        let beside = reader.sidecars_in(origin, &path.parent()).unwrap();
        assert!(beside.contains(row), "{row:?} is not in {beside:?}");
        assert_eq!(reader.sidecar(row.id).unwrap().as_ref(), Some(row));
    }
    assert_eq!(reader.max_sidecar_id().unwrap(), catalog.highest_sidecar);
    assert_eq!(reader.max_track_id().unwrap(), catalog.highest);
    Ok(())
}
