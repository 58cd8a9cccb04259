//! The tree's rows in SQLite.

use std::sync::Arc;

use eventlog::event::{LayoutSpec, NameProfile};
use eventlog::{OriginId, TrackId};
use rusqlite::{Connection, Row, params};

use super::beside::{Beside, Folder};
use super::homes::Homes;
use super::node::{Ino, TreeStats};
use super::origins::Origins;
use super::rows::{Entry, EntryKind, Library, Noted, Numbered, TrackEntry, TreeRows};
use crate::layout::{Layout, names, row};
use crate::sql::{Sql, undecodable};
use crate::view::Rows;

/// The columns of an [`Entry`].
macro_rules! entry_columns {
    () => {
        "ino, parent, name, mtime_ns, size, first, wanted, number"
    };
}

/// The columns of a [`TrackEntry`].
macro_rules! track_columns {
    () => {
        "origin, size, mtime_ns, sound, inputs, folder, above, stem, cover"
    };
}
pub(super) use track_columns;

/// The tree's rows during one transaction. The figures of the whole are held back until its end.
pub struct SqliteRows<'c> {
    pub(super) sql: Sql<'c>,
    library: Library,
    noted: Noted,
    pub(super) homes: Homes,
    layout: Arc<Layout>,
    /// No track above this one has a row.
    highest: i64,
    origins: Origins,
    /// The directory touched last, and with which time.
    touched: Option<(Ino, i64)>,
    /// The path entered last, and where it led.
    recent: Option<(Vec<String>, Ino)>,
}

impl<'c> SqliteRows<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        let mut sql = Sql::new(connection);
        let select = "SELECT next_directory, files, sidecars, directories, bytes, known_sidecars, template, \
                      windows, \
                      duplicates FROM library";
        let stored = sql.one(select, [], |row| {
            let stats = read_stats(row, 1)?;
            Ok((
                Library {
                    next_directory: Ino::from_sql(row.get(0)?),
                    stats,
                    known_sidecars: row.get::<_, i64>(5)?.cast_unsigned(),
                },
                Layout::of_or_default(&row::read(row, 6)?),
            ))
        });
        let highest = sql.one("SELECT max(id) FROM track", [], |row| {
            row.get::<_, Option<i64>>(0)
        });
        let (library, layout) = stored.unwrap_or_default();
        let origins = Origins::load(&mut sql);
        Self {
            sql,
            library,
            noted: Noted::new(),
            homes: Homes::default(),
            highest: highest.flatten().unwrap_or_default(),
            origins,
            layout: Arc::new(layout),
            touched: None,
            recent: None,
        }
    }

    fn write(&mut self, sql: &str, entry: &Entry) {
        let name: &str = &entry.name;
        let slot = slot(name, self.layout.profile());
        let (wanted, number) = match &entry.kind {
            EntryKind::File {
                numbered: Some(Numbered { wanted, number }),
                ..
            } => (Some(&**wanted), Some(*number)),
            _ => (None, None),
        };
        let (EntryKind::File { size, .. }
        | EntryKind::Directory {
            subdirectories: size,
        }) = entry.kind;
        self.sql.run(
            sql,
            params![
                entry.ino.to_sql(),
                entry.parent.to_sql(),
                name,
                slot,
                entry.mtime_ns,
                size.cast_signed(),
                entry.first.map(|track| track.0.cast_signed()),
                wanted.map(|wanted| names::conflict_class(wanted).cast_signed()),
                wanted,
                number,
            ],
        );
    }
}

impl Rows for SqliteRows<'_> {
    fn finish(mut self) -> rusqlite::Result<()> {
        let Library {
            next_directory,
            stats,
            known_sidecars,
        } = self.library;
        self.homes.flush(&mut self.sql);
        let update = "UPDATE library SET next_directory = ?, files = ?, sidecars = ?, directories = ?, \
                      bytes = ?, known_sidecars = ?";
        let figures = [
            next_directory.0,
            stats.files,
            stats.sidecars,
            stats.directories,
            stats.bytes,
            known_sidecars,
        ];
        self.sql.run(update, figures.map(u64::cast_signed));
        self.sql.finish()
    }
}

impl TreeRows for SqliteRows<'_> {
    fn entry(&mut self, ino: Ino) -> Option<Entry> {
        let select = concat!("SELECT ", entry_columns!(), " FROM node WHERE ino = ?");
        self.sql.one(select, [ino.to_sql()], read_entry)
    }

    fn find(&mut self, parent: Ino, name: &str) -> Option<Entry> {
        let profile = self.layout.profile();
        let select = concat!(
            "SELECT ",
            entry_columns!(),
            " FROM node WHERE parent = ? AND slot = ?"
        );
        let key = [parent.to_sql(), slot(name, profile)];
        // Only the root is in itself, and it has no name.
        self.sql.find(select, key, read_entry, |entry| {
            names::key(&entry.name, profile) == names::key(name, profile)
        })
    }

    fn remembered(&mut self, path: &[String]) -> Option<Ino> {
        let (known, directory) = self.recent.as_ref()?;
        (known == path).then_some(*directory)
    }

    fn remember(&mut self, path: &[String], directory: Ino) {
        self.recent = Some((path.to_vec(), directory));
    }

    fn insert(&mut self, entry: &Entry) {
        self.write(
            "INSERT INTO node (ino, parent, name, slot, mtime_ns, size, first, kin, wanted, number) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            entry,
        );
    }

    fn update(&mut self, entry: &Entry) {
        // Where it is, is said anew only where that may differ: indices cost more than rows.
        if entry.first.is_none() && matches!(entry.kind, EntryKind::Directory { .. }) {
            let EntryKind::Directory { subdirectories } = entry.kind else {
                return;
            };
            // Nobody spells one that only sidecars are left in.
            let update = "UPDATE node SET mtime_ns = ?, size = ?, first = NULL WHERE ino = ?";
            let values = [
                entry.mtime_ns,
                subdirectories.cast_signed(),
                entry.ino.to_sql(),
            ];
            self.touched = None;
            self.sql.run(update, values);
            return;
        }
        self.write(
            "UPDATE node SET parent = ?2, name = ?3, slot = ?4, mtime_ns = ?5, size = ?6, \
             first = ?7, kin = ?8, wanted = ?9, number = ?10 WHERE ino = ?1",
            entry,
        );
    }

    fn remove(&mut self, entry: &Entry) {
        if entry.is_directory() {
            self.recent = None;
        }
        self.sql
            .run("DELETE FROM node WHERE ino = ?", [entry.ino.to_sql()]);
    }

    fn touch(&mut self, directory: Ino, mtime_ns: i64) {
        // Events that come together are mostly about one directory.
        if self.touched.replace((directory, mtime_ns)) != Some((directory, mtime_ns)) {
            let update = "UPDATE node SET mtime_ns = ?2 WHERE ino = ?1 AND mtime_ns <> ?2";
            self.sql.run(update, [directory.to_sql(), mtime_ns]);
        }
    }

    fn is_empty(&mut self, directory: Ino) -> bool {
        let select = "SELECT 1 FROM node WHERE parent = ? LIMIT 1";
        self.sql
            .one(select, [directory.to_sql()], |_| Ok(()))
            .is_none()
    }

    fn lowest(&mut self, directory: Ino) -> Option<TrackId> {
        let select = "SELECT first FROM node WHERE parent = ? AND first IS NOT NULL \
                      ORDER BY first LIMIT 1";
        self.sql.one(select, [directory.to_sql()], read_track_id)
    }

    fn next_wanted(&mut self, parent: Ino, kin: u64, after: &str) -> Option<Box<str>> {
        let select = "SELECT wanted FROM node WHERE parent = ? AND kin = ? AND wanted > ? \
                      ORDER BY wanted LIMIT 1";
        let key = params![parent.to_sql(), kin.cast_signed(), after];
        self.sql.one(select, key, |row| row.get(0))
    }

    fn next_numbered(&mut self, parent: Ino, wanted: &str, above: u32) -> Option<Entry> {
        let select = concat!(
            "SELECT ",
            entry_columns!(),
            " FROM node WHERE parent = ? AND kin = ? AND wanted = ? AND number > ? \
             ORDER BY number LIMIT 1"
        );
        let kin = names::conflict_class(wanted).cast_signed();
        self.sql.one(
            select,
            params![parent.to_sql(), kin, wanted, above],
            read_entry,
        )
    }

    fn last_numbered(&mut self, parent: Ino, wanted: &str, before: Ino) -> Option<u32> {
        let select = "SELECT number FROM node WHERE parent = ? AND kin = ? AND wanted = ? \
                      AND ino < ? ORDER BY number DESC LIMIT 1";
        let kin = names::conflict_class(wanted).cast_signed();
        let key = params![parent.to_sql(), kin, wanted, before.to_sql()];
        self.sql.one(select, key, |row| row.get(0))
    }

    fn clear(&mut self) {
        self.recent = None;
        self.sql.run("DELETE FROM node WHERE ino <> 1", []);
        self.sql.run("UPDATE node SET size = 0", []);
        self.homes.clear(&mut self.sql);
    }

    fn track(&mut self, track: TrackId) -> Option<TrackEntry> {
        if track.0.cast_signed() > self.highest {
            return None;
        }
        let select = concat!("SELECT ", track_columns!(), " FROM track WHERE id = ?");
        let key = [track.0.cast_signed()];
        self.sql.one(select, key, |row| read_track(row, 0))
    }

    fn put_track(&mut self, track: TrackId, entry: &TrackEntry) {
        let inputs = rmp_serde::to_vec(&entry.inputs);
        let inputs = inputs.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()));
        let Some(inputs) = self.sql.keep(inputs) else {
            return;
        };
        let alike = entry.alike(self.layout.duplicates());
        self.origins.note(&mut self.sql, &entry.origin);
        self.highest = self.highest.max(track.0.cast_signed());
        self.sql.run(
            "INSERT OR REPLACE INTO track (id, origin, size, mtime_ns, album, sound, alike, folder, \
             above, stem, cover, inputs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                track.0.cast_signed(),
                entry.origin.as_str(),
                entry.size.cast_signed(),
                entry.mtime_ns,
                entry.disc_of().map(u64::cast_signed),
                entry.sound.map(u64::cast_signed),
                alike.map(u64::cast_signed),
                entry.beside.folder.0.cast_signed(),
                entry.beside.above.map(|above| above.0.cast_signed()),
                entry.beside.stem.cast_signed(),
                entry.cover.map(u64::cast_signed),
                inputs
            ],
        );
    }

    fn remove_track(&mut self, track: TrackId) {
        self.sql
            .run("DELETE FROM track WHERE id = ?", [track.0.cast_signed()]);
    }

    fn tracks_of_album(&mut self, album: u64) -> Vec<TrackId> {
        let select = "SELECT id FROM track WHERE album = ? ORDER BY id";
        self.sql.all(select, [album.cast_signed()], read_track_id)
    }

    fn tracks_of_origin(&mut self, origin: &OriginId) -> Vec<TrackId> {
        let select = "SELECT id FROM track WHERE origin = ? ORDER BY id";
        self.sql.all(select, [origin.as_str()], read_track_id)
    }

    fn is_elsewhere(&mut self, alike: u64, origin: &OriginId) -> bool {
        if self.origins.is_only(origin) {
            return false;
        }
        let select = "SELECT 1 WHERE EXISTS (SELECT 1 FROM track WHERE alike = ?1 AND origin < ?2) \
                      OR EXISTS (SELECT 1 FROM track WHERE alike = ?1 AND origin > ?2)";
        let key = params![alike.cast_signed(), origin.as_str()];
        self.sql.one(select, key, |_| Ok(())).is_some()
    }

    fn tracks_alike(&mut self, alike: u64, limit: usize) -> Vec<TrackId> {
        let select = "SELECT id FROM track WHERE alike = ? LIMIT ?";
        let key = params![
            alike.cast_signed(),
            i64::try_from(limit).unwrap_or(i64::MAX)
        ];
        self.sql.all(select, key, read_track_id)
    }

    fn next_track(&mut self, after: Option<TrackId>) -> Option<TrackId> {
        let select = "SELECT id FROM track WHERE id > ? ORDER BY id LIMIT 1";
        let after = after.map_or(i64::MIN, |track| track.0.cast_signed());
        self.sql.one(select, [after], read_track_id)
    }

    fn album(&mut self, album: u64) -> u64 {
        let select = "SELECT tracks FROM album WHERE key = ?";
        let tracks = self
            .sql
            .one(select, [album.cast_signed()], |row| row.get::<_, i64>(0));
        tracks.map_or(0, i64::cast_unsigned)
    }

    fn put_album(&mut self, album: u64, tracks: u64) {
        if tracks == 0 {
            self.sql
                .run("DELETE FROM album WHERE key = ?", [album.cast_signed()]);
        } else {
            let replace = "INSERT OR REPLACE INTO album (key, tracks) VALUES (?, ?)";
            self.sql.run(replace, [album, tracks].map(u64::cast_signed));
        }
    }

    fn noted(&mut self) -> &mut Noted {
        &mut self.noted
    }

    fn library(&mut self) -> &mut Library {
        &mut self.library
    }

    fn layout(&mut self) -> Arc<Layout> {
        self.layout.clone()
    }

    fn put_layout(&mut self, layout: &LayoutSpec) {
        self.layout = Arc::new(Layout::of_or_default(layout));
        row::put(&mut self.sql, layout);
    }
}

/// What is equal in names that collide, by a hash.
pub(super) fn slot(name: &str, profile: NameProfile) -> i64 {
    let hash = blake3::hash(names::key(name, profile).as_bytes());
    hash.as_bytes()
        .first_chunk()
        .map_or(0, |chunk| i64::from_le_bytes(*chunk))
}

/// Reads the columns of [`track_columns`] from the column `at` on.
pub(super) fn read_track(row: &Row<'_>, at: usize) -> rusqlite::Result<TrackEntry> {
    let inputs = row.get_ref(at + 4)?.as_blob().map_err(undecodable)?;
    Ok(TrackEntry {
        origin: row.get_ref(at)?.as_str()?.parse().map_err(undecodable)?,
        size: row.get::<_, i64>(at + 1)?.cast_unsigned(),
        mtime_ns: row.get(at + 2)?,
        sound: row.get::<_, Option<i64>>(at + 3)?.map(i64::cast_unsigned),
        inputs: rmp_serde::from_slice(inputs).map_err(undecodable)?,
        beside: read_beside(row, at + 5)?,
        cover: row.get::<_, Option<i64>>(at + 8)?.map(i64::cast_unsigned),
    })
}

/// Reads `folder, above, stem` from the column `at` on.
pub(super) fn read_beside(row: &Row<'_>, at: usize) -> rusqlite::Result<Beside> {
    let above = row.get::<_, Option<i64>>(at + 1)?;
    Ok(Beside {
        folder: Folder(row.get::<_, i64>(at)?.cast_unsigned()),
        above: above.map(|above| Folder(above.cast_unsigned())),
        stem: row.get::<_, i64>(at + 2)?.cast_unsigned(),
    })
}

/// Reads the columns of [`entry_columns`].
pub(super) fn read_entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let ino = Ino::from_sql(row.get(0)?);
    let size = row.get::<_, i64>(4)?.cast_unsigned();
    let wanted = row.get::<_, Option<Box<str>>>(6)?;
    let number = row.get::<_, Option<u32>>(7)?;
    let numbered = wanted
        .zip(number)
        .map(|(wanted, number)| Numbered { wanted, number });
    Ok(Entry {
        ino,
        parent: Ino::from_sql(row.get(1)?),
        name: row.get(2)?,
        mtime_ns: row.get(3)?,
        first: row
            .get::<_, Option<i64>>(5)?
            .map(|track| TrackId(track.cast_unsigned())),
        kind: if ino.is_file() {
            EntryKind::File { size, numbered }
        } else {
            EntryKind::Directory {
                subdirectories: size,
            }
        },
    })
}

/// Reads `files, sidecars, directories, bytes` from the column `at` on.
pub(super) fn read_stats(row: &Row<'_>, at: usize) -> rusqlite::Result<TreeStats> {
    Ok(TreeStats {
        files: row.get::<_, i64>(at)?.cast_unsigned(),
        sidecars: row.get::<_, i64>(at + 1)?.cast_unsigned(),
        directories: row.get::<_, i64>(at + 2)?.cast_unsigned(),
        bytes: row.get::<_, i64>(at + 3)?.cast_unsigned(),
    })
}

pub(super) fn read_track_id(row: &Row<'_>) -> rusqlite::Result<TrackId> {
    Ok(TrackId(row.get::<_, i64>(0)?.cast_unsigned()))
}
