//! Rows of sidecars in SQLite.

use eventlog::{OriginId, SidecarId, TrackId};
use rusqlite::{Row, params};

use super::beside::{Beside, Folder};
use super::node::Ino;
use super::sidecar_rows::{Home, SidecarEntry, SidecarRows};
use super::sqlite::{SqliteRows, read_beside, read_track_id};
use crate::sql::undecodable;

/// The columns of a [`SidecarEntry`].
macro_rules! sidecar_columns {
    () => {
        "origin, folder, above, stem, name, size, mtime_ns"
    };
}

impl SidecarRows for SqliteRows<'_> {
    fn sidecar(&mut self, sidecar: SidecarId) -> Option<SidecarEntry> {
        let select = concat!("SELECT ", sidecar_columns!(), " FROM sidecar WHERE id = ?");
        let key = [sidecar.0.cast_signed()];
        self.sql.one(select, key, read_sidecar)
    }

    fn put_sidecar(&mut self, sidecar: SidecarId, entry: &SidecarEntry) {
        let Beside {
            folder,
            above,
            stem,
        } = entry.beside;
        self.homes.sidecars_changed();
        self.sql.run(
            "INSERT OR REPLACE INTO sidecar (id, origin, folder, above, stem, name, size, mtime_ns) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                sidecar.0.cast_signed(),
                entry.origin.as_str(),
                folder.0.cast_signed(),
                above.map(|above| above.0.cast_signed()),
                stem.cast_signed(),
                &*entry.name,
                entry.size.cast_signed(),
                entry.mtime_ns,
            ],
        );
    }

    fn remove_sidecar(&mut self, sidecar: SidecarId) {
        self.homes.sidecars_changed();
        let delete = "DELETE FROM sidecar WHERE id = ?";
        self.sql.run(delete, [sidecar.0.cast_signed()]);
    }

    fn sidecars_of_origin(&mut self, origin: &OriginId) -> Vec<SidecarId> {
        let select = "SELECT id FROM sidecar WHERE origin = ? ORDER BY id";
        self.sql.all(select, [origin.as_str()], read_sidecar_id)
    }

    fn sidecars_near(&mut self, folder: Folder, above: Option<Folder>) -> Vec<SidecarId> {
        let select = "SELECT id FROM \
                      (SELECT id, folder, stem FROM sidecar WHERE folder = ?1 \
                       UNION SELECT id, folder, stem FROM sidecar WHERE above = ?1 \
                       UNION SELECT id, folder, stem FROM sidecar WHERE folder = ?2) AS near \
                      WHERE NOT EXISTS (SELECT 1 FROM track JOIN node ON node.ino = 2 * track.id + 1 \
                                        WHERE track.folder = near.folder AND track.stem = near.stem) \
                      ORDER BY id";
        let key = params![
            folder.0.cast_signed(),
            above.map(|above| above.0.cast_signed())
        ];
        self.sql.all(select, key, read_sidecar_id)
    }

    fn sidecars_named(&mut self, folder: Folder, stem: u64) -> Vec<SidecarId> {
        let select = "SELECT id FROM sidecar WHERE folder = ? AND stem = ? ORDER BY id";
        let key = [folder.0.cast_signed(), stem.cast_signed()];
        self.sql.all(select, key, read_sidecar_id)
    }

    fn next_sidecar(&mut self, after: Option<SidecarId>) -> Option<SidecarId> {
        let select = "SELECT id FROM sidecar WHERE id > ? ORDER BY id LIMIT 1";
        let after = after.map_or(i64::MIN, |sidecar| sidecar.0.cast_signed());
        self.sql.one(select, [after], read_sidecar_id)
    }

    fn tracks_named(&mut self, folder: Folder, stem: u64) -> Vec<TrackId> {
        let select = "SELECT id FROM track WHERE folder = ? AND stem = ? ORDER BY id";
        let key = [folder.0.cast_signed(), stem.cast_signed()];
        self.sql.all(select, key, read_track_id)
    }

    fn count_home(&mut self, beside: Beside, directory: Ino, by: i64) {
        self.homes.count(&mut self.sql, beside, directory, by);
    }

    fn homes_about(&mut self, beside: Beside, directory: Ino) -> (Home, Home) {
        self.homes.about(&mut self.sql, beside, directory)
    }

    fn home(&mut self, folder: Folder) -> Home {
        self.homes.of(&mut self.sql, folder)
    }

    fn home_below(&mut self, folder: Folder) -> Home {
        self.homes.below(&mut self.sql, folder)
    }
}

/// Reads the columns of [`sidecar_columns`].
fn read_sidecar(row: &Row<'_>) -> rusqlite::Result<SidecarEntry> {
    Ok(SidecarEntry {
        origin: row.get_ref(0)?.as_str()?.parse().map_err(undecodable)?,
        beside: read_beside(row, 1)?,
        name: row.get(4)?,
        size: row.get::<_, i64>(5)?.cast_unsigned(),
        mtime_ns: row.get(6)?,
    })
}

fn read_sidecar_id(row: &Row<'_>) -> rusqlite::Result<SidecarId> {
    Ok(SidecarId(row.get::<_, i64>(0)?.cast_unsigned()))
}
