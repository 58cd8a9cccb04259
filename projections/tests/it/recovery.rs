//! Every state in which a start can find the views.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use eventlog::{EventStore, MemoryStore, Position, TrackId};
use futures::TryStreamExt;
use projections::file::ViewFile;
use projections::tree::Tree;
use projections::{Change, Ino, ViewError, ViewName, Views};
use rusqlite::Connection;

use crate::bent::Bent;
use crate::live::Library;

/// A library of 500 tracks whose views were shut down.
fn settled() -> Library {
    let library = Library::new();
    let views = library.views();
    library.add(1..501);
    library.wait(&views);
    views.close();
    library
}

fn files(library: &Library, view: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(library.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_of_it = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(view) && name.ends_with(".db")
    };
    all.filter(is_of_it).collect()
}

fn is_whole(library: &Library, views: &Views) {
    library.wait(views);
    assert_eq!(
        views.tree().stats().unwrap().files,
        views.catalog().counts().unwrap().tracks
    );
    for view in ViewName::ALL {
        // A rebuild that was just adopted may be about to end.
        let report = loop {
            match views.check(*view, &mut |_, _| {}) {
                Err(ViewError::Busy(_)) => std::thread::yield_now(),
                checked => break checked.unwrap(),
            }
        };
        assert_eq!(report.equal, Some(true), "{view:?}");
    }
}

#[test]
fn deleted_views_come_back() {
    let library = settled();
    for view in ["catalog", "tree"] {
        files(&library, view)
            .into_iter()
            .for_each(|path| fs::remove_file(path).unwrap());
    }
    let views = library.views();
    is_whole(&library, &views);
    assert_eq!(views.tree().stats().unwrap().files, 500);
}

#[test]
fn garbage_and_torn_files_are_replaced() {
    let spoil: [fn(&PathBuf); 4] = [
        |path| fs::write(path, b"not a database").unwrap(),
        |path| fs::write(path, b"").unwrap(),
        |path| {
            let whole = fs::metadata(path).unwrap().len();
            fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(whole / 2)
                .unwrap();
        },
        |path| {
            let other = Connection::open(path).unwrap();
            other.execute_batch("UPDATE meta SET format = 0").unwrap();
        },
    ];
    for spoil in spoil {
        let library = settled();
        files(&library, "tree").iter().for_each(spoil);
        let views = library.views();
        is_whole(&library, &views);
        assert_eq!(views.tree().stats().unwrap().files, 500);
        assert_eq!(files(&library, "tree").len(), 1);
    }
}

#[test]
fn damage_met_by_a_reader_leads_to_a_rebuild() {
    let library = settled();
    let path = files(&library, "catalog").remove(0);
    let mut bytes = fs::read(&path).unwrap();
    // All but the first pages: the file opens, its rows do not.
    bytes[8 * 4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let views = library.views();
    let began = std::time::Instant::now();
    let healed = || {
        (1..501).all(|id| {
            views
                .catalog()
                .track(TrackId(id))
                .is_ok_and(|row| row.is_some())
        })
    };
    while !healed() {
        assert!(began.elapsed().as_secs() < 60, "it was not rebuilt");
        std::thread::yield_now();
    }
    is_whole(&library, &views);
}

#[test]
fn another_code_revision_or_schema_is_served_until_it_is_rebuilt() {
    for differs in ["revision = 0", "schema = x'00'"] {
        let library = settled();
        let path = files(&library, "tree").remove(0);
        let file = Connection::open(&path).unwrap();
        file.execute_batch(&format!(
            "UPDATE meta SET {differs}; UPDATE node SET name = 'Old' WHERE ino = 2"
        ))
        .unwrap();
        drop(file);
        let log = Arc::new(Bent::new(library.log.clone(), Ok));
        log.hold_rebuilds(true);
        let views = Views::open(library.path(), log.clone(), library.runtime.handle()).unwrap();
        let mut changes = views.changes();
        let old = || views.tree().node(Ino(2)).unwrap().unwrap().name;
        assert_eq!(*old(), *"Old", "served at once");
        library.add(501..502);
        log.wait_for_a_rebuild();
        assert_eq!(*old(), *"Old", "served while another is built");
        log.hold_rebuilds(false);
        is_whole(&library, &views);
        assert_eq!(*old(), *"Artist", "rebuilt");
        let published = changes.blocking_recv().unwrap();
        assert_eq!(*published.changes, [Change::Everything]);
        assert_ne!(files(&library, "tree"), [path]);
    }
}

#[test]
fn views_ahead_of_the_log_or_of_another_one_are_rebuilt() {
    for tracks in [100, 500, 700] {
        let mut library = settled();
        // A log restored from elsewhere.
        library.log = Arc::new(MemoryStore::new());
        library.add(1..tracks + 1);
        let views = library.views();
        is_whole(&library, &views);
        assert_eq!(views.tree().stats().unwrap().files, tracks);
        assert_eq!(views.catalog().position().unwrap(), Position(tracks));
    }
}

#[test]
fn what_a_rebuild_left_behind_is_deleted() {
    let library = settled();
    let unfinished = library.path().join("tree.7.db");
    fs::copy(&files(&library, "tree")[0], &unfinished).unwrap();
    let file = Connection::open(&unfinished).unwrap();
    file.execute_batch("UPDATE meta SET complete = 0").unwrap();
    drop(file);
    let views = library.views();
    is_whole(&library, &views);
    assert!(!unfinished.exists());
}

#[test]
fn what_is_sealed_needs_no_write_ahead_log() {
    let library = settled();
    let events = library.add(501..601);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tree.2.db");
    let log = library.runtime.block_on(
        library
            .log
            .read(Position::START, Some(events), eventlog::Filter::default())
            .try_collect::<Vec<_>>(),
    );
    let mut file = ViewFile::<Tree>::create_unsealed(&path).unwrap();
    file.apply(&log.unwrap()).unwrap().commit().unwrap();
    let file = file.seal().unwrap();
    // A power cut takes whatever was not synced: at worst all that is not in the file itself.
    let survivor = directory.path().join("tree.3.db");
    fs::copy(&path, &survivor).unwrap();
    let (found, _) = ViewFile::<Tree>::open(&survivor).expect("it is complete");
    assert_eq!(found.position(), events);
    assert_eq!(found.digest().unwrap(), file.digest().unwrap());
}

#[test]
fn readers_pass_by_what_is_being_rebuilt() {
    let library = settled();
    let unfinished = library.path().join("tree.2.db");
    let file = ViewFile::<Tree>::create_unsealed(&unfinished).unwrap();
    let before = fs::metadata(&files(&library, "catalog")[0]).unwrap();
    let began = std::time::Instant::now();
    let (_, tree) = Views::open_read_only(library.path()).unwrap();
    assert_eq!(tree.stats().unwrap().files, 500);
    assert!(
        began.elapsed().as_millis() < 1_000,
        "it waited for the lock"
    );
    drop(file);
    let after = fs::metadata(&files(&library, "catalog")[0]).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
}
