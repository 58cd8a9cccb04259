//! What others ask of the catalog.

use std::sync::Arc;

use eventlog::event::LayoutSpec;
use eventlog::{ContentId, Locator, OriginId, OriginPath, Position, Revision, SidecarId, TrackId};
use rusqlite::{OptionalExtension, params};

use super::sqlite::{
    head_columns, read_directory, read_head, read_origin, read_origin_id, read_revision,
    read_sidecar, sidecars,
};
use super::{CatalogCounts, KnownFile, OriginRow, SidecarRow, TrackRow, stored};
use crate::error::ViewError;
use crate::file::read_position;
use crate::layout::row;
use crate::pool::Source;
use crate::sql::undecodable;

/// All that is known of tracks, for [`read_row`].
macro_rules! tracks {
    () => {
        concat!(
            "SELECT origin.id, directory.path, ",
            head_columns!(),
            ", media.media, track.id FROM track \
             JOIN directory ON directory.num = track.directory \
             JOIN origin ON origin.num = directory.origin JOIN media ON media.track = track.id"
        )
    };
}

/// Answers from the catalog as last committed. Cheap to clone; for any number of threads; follows
/// rebuilds. Every method fails only where the view's file cannot be read.
#[derive(Clone)]
pub struct CatalogReader {
    pub(super) source: Arc<Source>,
}

impl CatalogReader {
    pub(crate) const fn new(source: Arc<Source>) -> Self {
        Self { source }
    }

    /// All that is known of a track.
    pub fn track(&self, id: TrackId) -> Result<Option<TrackRow>, ViewError> {
        let select = concat!(tracks!(), " WHERE track.id = ?");
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_row([id.0.cast_signed()], read_row)
                .optional()
        })
    }

    /// The living tracks whose ids are higher than `after`, by id, at most `limit`.
    pub fn living_after(&self, after: TrackId, limit: usize) -> Result<Vec<TrackRow>, ViewError> {
        let select = concat!(
            tracks!(),
            " WHERE track.id > ? AND track.living ORDER BY track.id LIMIT ?"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_map([after.0.cast_signed(), limit], read_row)?
                .collect()
        })
    }

    /// Where a track's file is, or was last seen.
    pub fn locator(&self, id: TrackId) -> Result<Option<Locator>, ViewError> {
        let select = concat!(
            "SELECT origin.id, directory.path, ",
            head_columns!(),
            " FROM track JOIN directory ON directory.num = track.directory \
             JOIN origin ON origin.num = directory.origin WHERE track.id = ?"
        );
        let read = |row: &rusqlite::Row<'_>| {
            let head = read_head(row)?;
            Ok(Locator {
                origin: head.origin,
                path: head.path,
                revision: head.revision,
            })
        };
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_row([id.0.cast_signed()], read)
                .optional()
        })
    }

    /// The living tracks whose files are in exactly that directory, by name.
    pub fn files_in(
        &self,
        origin: &OriginId,
        directory: &OriginPath,
    ) -> Result<Vec<KnownFile>, ViewError> {
        let select = "SELECT track.id, track.name, track.size, track.mtime_ns, track.tag \
                      FROM origin JOIN directory ON directory.origin = origin.num \
                      JOIN track ON track.directory = directory.num \
                      WHERE origin.id = ? AND directory.path = ? AND track.living \
                      ORDER BY track.name";
        self.source.read(|connection| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok(KnownFile {
                    track: read_track(row, 0)?,
                    name: row.get_ref(1)?.as_blob().map_err(undecodable)?.into(),
                    revision: read_revision(row, 2)?,
                })
            };
            let key = params![origin.as_str(), directory.as_bytes()];
            connection
                .prepare_cached(select)?
                .query_map(key, read)?
                .collect()
        })
    }

    /// The sidecars that are in exactly that directory, by name.
    pub fn sidecars_in(
        &self,
        origin: &OriginId,
        directory: &OriginPath,
    ) -> Result<Vec<SidecarRow>, ViewError> {
        let select = concat!(
            sidecars!(),
            " WHERE origin.id = ? AND directory.path = ? AND directory.sidecars > 0 \
             ORDER BY sidecar.name"
        );
        self.source.read(|connection| {
            let key = params![origin.as_str(), directory.as_bytes()];
            connection
                .prepare_cached(select)?
                .query_map(key, read_sidecar)?
                .collect()
        })
    }

    /// A sidecar.
    pub fn sidecar(&self, id: SidecarId) -> Result<Option<SidecarRow>, ViewError> {
        let select = concat!(sidecars!(), " WHERE sidecar.id = ?");
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_row([id.0.cast_signed()], read_sidecar)
                .optional()
        })
    }

    /// The directories at or below one of an origin that directly hold living tracks or sidecars, by
    /// path.
    pub fn directories_within(
        &self,
        origin: &OriginId,
        top: &OriginPath,
    ) -> Result<Vec<OriginPath>, ViewError> {
        let whole = "SELECT directory.path \
                     FROM origin JOIN directory ON directory.origin = origin.num \
                     WHERE origin.id = ? AND (directory.tracks > 0 OR directory.sidecars > 0) \
                     ORDER BY directory.path";
        // Below a directory is what sorts between `directory/` and `directory0`.
        let part = "SELECT directory.path \
                    FROM origin JOIN directory ON directory.origin = origin.num \
                    WHERE origin.id = ?1 AND (directory.tracks > 0 OR directory.sidecars > 0) \
                    AND directory.path >= ?2 \
                    AND directory.path < ?4 AND (directory.path = ?2 OR directory.path >= ?3) \
                    ORDER BY directory.path";
        let below = [top.as_bytes(), b"/"].concat();
        let end = [top.as_bytes(), b"0"].concat();
        let (select, key) = if top.is_root() {
            (whole, params![origin.as_str()])
        } else {
            (part, params![origin.as_str(), top.as_bytes(), below, end])
        };
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_map(key, |row| read_directory(row, 0))?
                .collect()
        })
    }

    /// True where living tracks are directly in the directory above one, or in those directly below.
    pub fn has_tracks_about(
        &self,
        origin: &OriginId,
        directory: &OriginPath,
    ) -> Result<bool, ViewError> {
        let above = "SELECT 1 FROM origin JOIN directory ON directory.origin = origin.num \
                     WHERE origin.id = ? AND directory.path = ? AND directory.tracks > 0";
        // As in `directories_within`; of what is below, that which has no further `/`.
        let below = "SELECT 1 FROM origin JOIN directory ON directory.origin = origin.num \
                     WHERE origin.id = ?1 AND directory.path >= ?2 AND directory.path < ?3 \
                     AND directory.tracks > 0 \
                     AND instr(substr(directory.path, length(?2) + 1), x'2f') = 0 LIMIT 1";
        let (from, to) = if directory.is_root() {
            (Vec::new(), vec![0xff; 2])
        } else {
            let [from, to] = [b"/", b"0"].map(|end| [directory.as_bytes(), end].concat());
            (from, to)
        };
        self.source.read(|connection| {
            if !directory.is_root() {
                let parent = directory.parent();
                let key = params![origin.as_str(), parent.as_bytes()];
                if connection.prepare_cached(above)?.exists(key)? {
                    return Ok(true);
                }
            }
            let key = params![origin.as_str(), from, to];
            connection.prepare_cached(below)?.exists(key)
        })
    }

    /// The tracks of an origin that sound the same, also vanished ones, by id: where each is or was
    /// last seen, in which state, and whether it lives.
    pub fn by_content(
        &self,
        origin: &OriginId,
        content: ContentId,
    ) -> Result<Vec<(TrackId, OriginPath, Revision, bool)>, ViewError> {
        let select = "SELECT track.id, directory.path, track.name, track.living, track.size, \
                      track.mtime_ns, track.tag FROM track \
                      JOIN directory ON directory.num = track.directory \
                      JOIN origin ON origin.num = directory.origin \
                      WHERE track.content = ? AND origin.id = ? ORDER BY track.id";
        self.source.read(|connection| {
            let read = |row: &rusqlite::Row<'_>| {
                let name = row.get_ref(2)?.as_blob().map_err(undecodable)?;
                let path = read_directory(row, 1)?.join(name).map_err(undecodable)?;
                Ok((
                    read_track(row, 0)?,
                    path,
                    read_revision(row, 4)?,
                    row.get(3)?,
                ))
            };
            let key = params![content.0, origin.as_str()];
            connection
                .prepare_cached(select)?
                .query_map(key, read)?
                .collect()
        })
    }

    /// The living tracks that sound the same, on whatever origin, by id; some of them.
    pub fn living_by_content(&self, content: ContentId) -> Result<Vec<TrackId>, ViewError> {
        let select = "SELECT id FROM track WHERE content = ? AND living ORDER BY id LIMIT 16";
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_map([content.0], |row| read_track(row, 0))?
                .collect()
        })
    }

    /// The track whose file is at that path, and true; else the one that vanished there last.
    pub fn by_path(
        &self,
        origin: &OriginId,
        path: &OriginPath,
    ) -> Result<Option<(TrackId, bool)>, ViewError> {
        let select = "SELECT track.id, track.living FROM origin \
                      JOIN directory ON directory.origin = origin.num \
                      JOIN track ON track.directory = directory.num \
                      WHERE origin.id = ? AND directory.path = ? AND track.name = ? \
                      ORDER BY track.living DESC, track.last_position DESC, track.id LIMIT 1";
        self.source.read(|connection| {
            let parent = path.parent();
            let key = params![origin.as_str(), parent.as_bytes(), path.name()];
            let read = |row: &rusqlite::Row<'_>| Ok((read_track(row, 0)?, row.get(1)?));
            connection
                .prepare_cached(select)?
                .query_row(key, read)
                .optional()
        })
    }

    /// The origins of the library, by id.
    pub fn origins(&self) -> Result<Vec<OriginRow>, ViewError> {
        let select = "SELECT spec, added_at, listed_at, held_missing, held_known, held_cause, \
                      last_scan, id, tracks FROM origin WHERE spec IS NOT NULL ORDER BY id";
        self.source.read(|connection| {
            let read = |row: &rusqlite::Row<'_>| {
                let state = read_origin(row)?;
                Ok(state.spec.map(|spec| {
                    (
                        spec,
                        read_origin_id(row, 7),
                        row.get::<_, i64>(8),
                        state.added_at,
                        state.listed_at,
                        state.held,
                        state.last_scan,
                    )
                }))
            };
            let mut statement = connection.prepare_cached(select)?;
            let rows = statement.query_map([], read)?;
            rows.filter_map(Result::transpose)
                .map(|row| {
                    let (spec, id, tracks, added_at, listed, held, last_scan) = row?;
                    Ok(OriginRow {
                        id: id?,
                        spec,
                        added_at,
                        listed,
                        tracks: tracks?.cast_unsigned(),
                        held_removals: held.map(|held| (held.missing, held.known)),
                        last_scan,
                    })
                })
                .collect()
        })
    }

    /// The highest id that any track ever had, also one of which only a newer MusicFS can read: ids
    /// above it are free.
    pub fn max_track_id(&self) -> Result<Option<TrackId>, ViewError> {
        let select = "SELECT highest FROM library";
        let highest = self.source.read(|c| {
            c.prepare_cached(select)?
                .query_row([], |row| read_track(row, 0))
        })?;
        Ok(Some(highest).filter(|track| track.0 > 0))
    }

    /// The highest id that any sidecar ever had, likewise.
    pub fn max_sidecar_id(&self) -> Result<Option<SidecarId>, ViewError> {
        let select = "SELECT highest_sidecar FROM library";
        let highest: i64 = self.source.read(|connection| {
            let mut select = connection.prepare_cached(select)?;
            select.query_row([], |row| row.get(0))
        })?;
        Ok(Some(SidecarId(highest.cast_unsigned())).filter(|sidecar| sidecar.0 > 0))
    }

    /// The catalog in figures; kept, not counted.
    pub fn counts(&self) -> Result<CatalogCounts, ViewError> {
        let known = "SELECT known FROM library";
        let origins = "SELECT tracks, bytes, spec IS NOT NULL FROM origin";
        self.source.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut counts = CatalogCounts::default();
            let mut statement = transaction.prepare_cached(origins)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                counts.tracks += row.get::<_, i64>(0)?.cast_unsigned();
                // SQL's sum fails where it overflows.
                let bytes = row.get::<_, i64>(1)?.cast_unsigned();
                counts.bytes = counts.bytes.wrapping_add(bytes);
                counts.origins += u64::from(row.get::<_, bool>(2)?);
            }
            let known: i64 = transaction
                .prepare_cached(known)?
                .query_row([], |row| row.get(0))?;
            counts.vanished = known.cast_unsigned().saturating_sub(counts.tracks);
            Ok(counts)
        })
    }

    /// The layout in force.
    pub fn layout(&self) -> Result<LayoutSpec, ViewError> {
        let select = "SELECT template, windows, duplicates FROM library";
        self.source.read(|connection| {
            let mut select = connection.prepare_cached(select)?;
            select.query_row([], |row| row::read(row, 0))
        })
    }

    /// Up to where the catalog was computed.
    pub fn position(&self) -> Result<Position, ViewError> {
        self.source.read(read_position)
    }
}

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<TrackRow> {
    let head = read_head(row)?;
    Ok(TrackRow {
        id: read_track(row, 13)?,
        media: stored::decode_media(row.get_ref(12)?.as_blob().map_err(undecodable)?)?,
        living: head.living,
        discovered_at: head.discovered_at,
        changed_at: head.changed_at,
        first_position: head.first_position,
        last_position: head.last_position,
        locator: Locator {
            origin: head.origin,
            path: head.path,
            revision: head.revision,
        },
    })
}

fn read_track(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<TrackId> {
    Ok(TrackId(row.get::<_, i64>(at)?.cast_unsigned()))
}
