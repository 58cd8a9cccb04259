//! The catalog's rows in SQLite.

use std::collections::HashMap;

use eventlog::event::LayoutSpec;
use eventlog::{
    CauseId, ContentId, EventId, Locator, Media, OriginId, OriginPath, PinTarget, Position,
    Revision, SidecarId, Timestamp, TrackId,
};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::rows::{CatalogRows, Head, Held, OriginState, SidecarRow};
use super::{pins, stored};
use crate::layout::row;
use crate::sql::{Sql, undecodable};
use crate::view::Rows;

/// The columns of a [`Head`], after origin and directory.
macro_rules! head_columns {
    () => {
        "track.name, track.size, track.mtime_ns, track.tag, track.content, track.living, \
         track.discovered_at, track.changed_at, track.first_position, track.last_position"
    };
}
pub(super) use head_columns;

/// All that is known of sidecars, for [`read_sidecar`].
macro_rules! sidecars {
    () => {
        "SELECT origin.id, directory.path, sidecar.name, sidecar.size, sidecar.mtime_ns, \
         sidecar.tag, sidecar.id, sidecar.changed_at FROM sidecar \
         JOIN directory ON directory.num = sidecar.directory \
         JOIN origin ON origin.num = directory.origin"
    };
}
pub(super) use sidecars;

/// The catalog's rows during one transaction. Counts are held back until the end of it, since most
/// events of a batch are about the same few directories.
pub struct SqliteRows<'c> {
    sql: Sql<'c>,
    origins: HashMap<OriginId, i64>,
    directory: Option<(OriginId, OriginPath, i64)>,
    origin_counts: HashMap<i64, (i64, i64)>,
    directory_counts: HashMap<i64, i64>,
    known: i64,
    highest: i64,
    highest_sidecar: i64,
}

impl<'c> SqliteRows<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            sql: Sql::new(connection),
            origins: HashMap::new(),
            directory: None,
            origin_counts: HashMap::new(),
            directory_counts: HashMap::new(),
            known: 0,
            highest: 0,
            highest_sidecar: 0,
        }
    }

    /// The number under which an origin's id is kept.
    fn origin_number(&mut self, id: &OriginId) -> i64 {
        if let Some(number) = self.origins.get(id) {
            return *number;
        }
        self.sql.run(
            "INSERT OR IGNORE INTO origin (id) VALUES (?)",
            [id.as_str()],
        );
        let number = self.sql.one(
            "SELECT num FROM origin WHERE id = ?",
            [id.as_str()],
            |row| row.get(0),
        );
        let number = number.unwrap_or_default();
        self.origins.insert(id.clone(), number);
        number
    }

    /// The number under which a directory's path is kept.
    fn directory_number(&mut self, origin: &OriginId, path: &OriginPath) -> i64 {
        if let Some((last_origin, last_path, number)) = &self.directory
            && last_path == path
            && last_origin == origin
        {
            return *number;
        }
        let of = self.origin_number(origin);
        let key = params![of, path.as_bytes()];
        let known = self.sql.one(
            "SELECT num FROM directory WHERE origin = ? AND path = ?",
            key,
            |row| row.get(0),
        );
        let number = known.or_else(|| {
            let insert = "INSERT INTO directory (origin, path) VALUES (?, ?) RETURNING num";
            self.sql.one(insert, key, |row| row.get(0))
        });
        let number = number.unwrap_or_default();
        self.directory = Some((origin.clone(), path.clone(), number));
        number
    }

    fn write_counts(&mut self) {
        for (origin, (tracks, bytes)) in std::mem::take(&mut self.origin_counts) {
            // Not in SQL, whose integers turn into floating point where they overflow.
            let select = "SELECT bytes FROM origin WHERE num = ?";
            let before: Option<i64> = self.sql.one(select, [origin], |row| row.get(0));
            let bytes = before.unwrap_or_default().wrapping_add(bytes);
            let update = "UPDATE origin SET tracks = tracks + ?, bytes = ? WHERE num = ?";
            self.sql.run(update, [tracks, bytes, origin]);
        }
        for (directory, tracks) in std::mem::take(&mut self.directory_counts) {
            if tracks != 0 {
                let update = "UPDATE directory SET tracks = tracks + ? WHERE num = ?";
                self.sql.run(update, [tracks, directory]);
            }
        }
        self.sql.run(
            "UPDATE library SET known = known + ?, highest = max(highest, ?), \
             highest_sidecar = max(highest_sidecar, ?)",
            [
                std::mem::take(&mut self.known),
                self.highest,
                self.highest_sidecar,
            ],
        );
    }
}

impl Rows for SqliteRows<'_> {
    fn finish(mut self) -> rusqlite::Result<()> {
        self.write_counts();
        self.sql.finish()
    }
}

impl CatalogRows for SqliteRows<'_> {
    fn origin(&mut self, id: &OriginId) -> Option<OriginState> {
        let select = "SELECT spec, added_at, listed_at, held_missing, held_known, held_cause, \
                      last_scan FROM origin WHERE id = ?";
        self.sql.one(select, [id.as_str()], read_origin)
    }

    fn put_origin(&mut self, id: &OriginId, state: &OriginState) {
        let number = self.origin_number(id);
        let spec = state.spec.as_ref().map(stored::encode_spec).transpose();
        let scan = state
            .last_scan
            .as_ref()
            .map(stored::encode_summary)
            .transpose();
        let (Some(spec), Some(scan)) = (self.sql.keep(spec), self.sql.keep(scan)) else {
            return;
        };
        self.sql.run(
            "UPDATE origin SET spec = ?, added_at = ?, listed_at = ?, held_missing = ?, \
             held_known = ?, held_cause = ?, last_scan = ? WHERE num = ?",
            params![
                spec,
                state.added_at.0,
                state.listed_at.map(|at| at.0),
                state.held.map(|held| held.missing.cast_signed()),
                state.held.map(|held| held.known.cast_signed()),
                state
                    .held
                    .and_then(|held| held.cause)
                    .map(|cause| cause.0.0),
                scan,
                number
            ],
        );
    }

    fn head(&mut self, track: TrackId) -> Option<Head> {
        let select = concat!(
            "SELECT origin.id, directory.path, ",
            head_columns!(),
            " FROM track JOIN directory ON directory.num = track.directory \
             JOIN origin ON origin.num = directory.origin WHERE track.id = ?"
        );
        self.sql.one(select, [track.0.cast_signed()], read_head)
    }

    fn put_head(&mut self, track: TrackId, head: &Head) {
        let directory = self.directory_number(&head.origin, &head.path.parent());
        self.sql.run(
            "INSERT INTO track (id, directory, name, living, size, mtime_ns, tag, content, \
             discovered_at, changed_at, first_position, last_position) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
             ON CONFLICT (id) DO UPDATE SET directory = ?2, name = ?3, living = ?4, size = ?5, \
             mtime_ns = ?6, tag = ?7, content = ?8, discovered_at = ?9, changed_at = ?10, \
             first_position = ?11, last_position = ?12",
            params![
                track.0.cast_signed(),
                directory,
                head.path.name(),
                head.living,
                head.revision.size.cast_signed(),
                head.revision.mtime_ns,
                head.revision.tag.as_deref(),
                head.content.0,
                head.discovered_at.0,
                head.changed_at.0,
                head.first_position.0.cast_signed(),
                head.last_position.0.cast_signed(),
            ],
        );
    }

    fn put_media(&mut self, track: TrackId, media: &Media) {
        if let Some(bytes) = self.sql.keep(stored::encode_media(media)) {
            let replace = "INSERT OR REPLACE INTO media (track, media) VALUES (?, ?)";
            self.sql.run(replace, params![track.0.cast_signed(), bytes]);
        }
    }

    fn living_of(&mut self, origin: &OriginId) -> Vec<TrackId> {
        let number = self.origin_number(origin);
        let select = "SELECT track.id FROM directory JOIN track ON track.directory = directory.num \
                      WHERE directory.origin = ? AND track.living ORDER BY track.id";
        self.sql.all(select, [number], |row| {
            Ok(TrackId(row.get::<_, i64>(0)?.cast_unsigned()))
        })
    }

    fn sidecar(&mut self, sidecar: SidecarId) -> Option<SidecarRow> {
        let select = concat!(sidecars!(), " WHERE sidecar.id = ?");
        self.sql
            .one(select, [sidecar.0.cast_signed()], read_sidecar)
    }

    fn put_sidecar(&mut self, row: &SidecarRow) {
        let SidecarRow {
            id,
            locator,
            changed_at,
        } = row;
        let directory = self.directory_number(&locator.origin, &locator.path.parent());
        self.sql.run(
            "INSERT INTO sidecar (id, directory, name, size, mtime_ns, tag, changed_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                id.0.cast_signed(),
                directory,
                locator.path.name(),
                locator.revision.size.cast_signed(),
                locator.revision.mtime_ns,
                locator.revision.tag.as_deref(),
                changed_at.0,
            ],
        );
        let count = "UPDATE directory SET sidecars = sidecars + 1 WHERE num = ?";
        self.sql.run(count, [directory]);
    }

    fn remove_sidecar(&mut self, sidecar: SidecarId) {
        let delete = "DELETE FROM sidecar WHERE id = ? RETURNING directory";
        let id = sidecar.0.cast_signed();
        let directory: Option<i64> = self.sql.one(delete, [id], |row| row.get(0));
        if let Some(directory) = directory {
            let count = "UPDATE directory SET sidecars = sidecars - 1 WHERE num = ?";
            self.sql.run(count, [directory]);
        }
    }

    fn sidecars_of(&mut self, origin: &OriginId) -> Vec<SidecarId> {
        let number = self.origin_number(origin);
        let select = "SELECT sidecar.id FROM directory \
                      JOIN sidecar ON sidecar.directory = directory.num \
                      WHERE directory.origin = ? AND directory.sidecars > 0 ORDER BY sidecar.id";
        self.sql.all(select, [number], |row| {
            Ok(SidecarId(row.get::<_, i64>(0)?.cast_unsigned()))
        })
    }

    fn sidecar_number_used(&mut self, sidecar: SidecarId) {
        self.highest_sidecar = self.highest_sidecar.max(sidecar.0.cast_signed());
    }

    fn count(&mut self, origin: &OriginId, directory: &OriginPath, tracks: i64, bytes: i64) {
        let number = self.origin_number(origin);
        let of_origin = self.origin_counts.entry(number).or_default();
        of_origin.0 += tracks;
        of_origin.1 = of_origin.1.wrapping_add(bytes);
        let number = self.directory_number(origin, directory);
        *self.directory_counts.entry(number).or_default() += tracks;
    }

    fn count_known(&mut self) {
        self.known += 1;
    }

    fn number_used(&mut self, track: TrackId) {
        self.highest = self.highest.max(track.0.cast_signed());
    }

    fn put_layout(&mut self, layout: &LayoutSpec) {
        row::put(&mut self.sql, layout);
    }

    fn put_pin(&mut self, target: &PinTarget, added_at: Timestamp, position: Position) {
        pins::put(&mut self.sql, target, added_at, position.0.cast_signed());
    }

    fn remove_pin(&mut self, target: &PinTarget) {
        pins::remove(&mut self.sql, target);
    }
}

/// Reads `origin.id, directory.path` and the columns of [`head_columns`].
pub(super) fn read_head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        origin: read_origin_id(row, 0)?,
        path: read_directory(row, 1)?
            .join(row.get_ref(2)?.as_blob()?)
            .map_err(undecodable)?,
        revision: read_revision(row, 3)?,
        content: ContentId(row.get(6)?),
        living: row.get(7)?,
        discovered_at: Timestamp(row.get(8)?),
        changed_at: Timestamp(row.get(9)?),
        first_position: Position(row.get::<_, i64>(10)?.cast_unsigned()),
        last_position: Position(row.get::<_, i64>(11)?.cast_unsigned()),
    })
}

/// Reads a row of [`sidecars`].
pub(super) fn read_sidecar(row: &Row<'_>) -> rusqlite::Result<SidecarRow> {
    let name = row.get_ref(2)?.as_blob()?;
    Ok(SidecarRow {
        id: SidecarId(row.get::<_, i64>(6)?.cast_unsigned()),
        locator: Locator {
            origin: read_origin_id(row, 0)?,
            path: read_directory(row, 1)?.join(name).map_err(undecodable)?,
            revision: read_revision(row, 3)?,
        },
        changed_at: Timestamp(row.get(7)?),
    })
}

/// Reads `size, mtime_ns, tag` from the column `at` on.
pub(super) fn read_revision(row: &Row<'_>, at: usize) -> rusqlite::Result<Revision> {
    Ok(Revision {
        size: row.get::<_, i64>(at)?.cast_unsigned(),
        mtime_ns: row.get(at + 1)?,
        tag: row.get::<_, Option<Box<str>>>(at + 2)?,
    })
}

pub(super) fn read_origin_id(row: &Row<'_>, at: usize) -> rusqlite::Result<OriginId> {
    row.get_ref(at)?.as_str()?.parse().map_err(undecodable)
}

pub(super) fn read_directory(row: &Row<'_>, at: usize) -> rusqlite::Result<OriginPath> {
    OriginPath::new(row.get_ref(at)?.as_blob()?).map_err(undecodable)
}

/// Reads the columns of [`CatalogRows::origin`].
pub(super) fn read_origin(row: &Row<'_>) -> rusqlite::Result<OriginState> {
    let blob = |at: usize| {
        row.get_ref(at)?
            .as_blob_or_null()
            .map_err(|_| wrong_type(at))
    };
    let number = |at: usize| {
        row.get::<_, Option<i64>>(at)
            .map(|n| n.map(i64::cast_unsigned))
    };
    let cause = row
        .get::<_, Option<[u8; 16]>>(5)?
        .map(|id| CauseId(EventId(id)));
    let held = number(3)?.zip(number(4)?);
    Ok(OriginState {
        spec: blob(0)?.map(stored::decode_spec).transpose()?,
        added_at: Timestamp(row.get(1)?),
        listed_at: row.get::<_, Option<i64>>(2)?.map(Timestamp),
        held: held.map(|(missing, known)| Held {
            missing,
            known,
            cause,
        }),
        last_scan: blob(6)?.map(stored::decode_summary).transpose()?,
    })
}

fn wrong_type(column: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, String::new(), Type::Blob)
}
