//! Files in the index, and what is kept of each.

use eventlog::tags::ByteRange;
use eventlog::{ContentId, OriginPath};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row as SqlRow, Transaction, params};

use super::chunks::drop_unused;
use super::{BlobId, ChunkId, FileId, Index, Stretch, discard, discard_damaged, signed, unsigned};
use crate::key::{Key, Shape};
use crate::piece::{At, Piece, Pieces};

/// A file that may have the sound of another.
#[derive(Debug, Clone)]
pub(crate) struct Alike {
    pub(crate) id: FileId,
    pub(crate) key: Key,
    pub(crate) shape: Shape,
}

impl Index {
    /// The file of that key.
    pub(crate) fn file(&self, key: &Key) -> rusqlite::Result<Option<FileId>> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT id FROM files \
             WHERE origin = ? AND path = ? AND size = ? AND mtime_ns = ? AND tag = ?",
        )?;
        let revision = &key.revision;
        let by = params![
            key.origin.as_str(),
            key.path.as_bytes(),
            signed(revision.size),
            revision.mtime_ns,
            tag(key)
        ];
        select
            .query_row(by, |row| row.get(0).map(FileId))
            .optional()
    }

    /// Adds a file, of which nothing is kept yet.
    pub(crate) fn add(&self, key: &Key, shape: &Shape, used: i64) -> rusqlite::Result<FileId> {
        self.transact(|transaction| {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO files (origin, path, size, mtime_ns, tag, audio_offset, audio_len, content, \
                 checksummed, used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            let id = insert.insert(params![
                key.origin.as_str(),
                key.path.as_bytes(),
                signed(key.revision.size),
                key.revision.mtime_ns,
                tag(key),
                signed(shape.audio.offset),
                signed(shape.audio.len),
                shape.content.0,
                shape.checksummed,
                used
            ])?;
            Ok(FileId(id))
        })
    }

    /// Other files and revisions with sound of that identity, the latest used first.
    pub(crate) fn alike(&self, key: &Key, content: ContentId) -> rusqlite::Result<Vec<Alike>> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT id, origin, path, size, mtime_ns, tag, audio_offset, audio_len, content, \
             checksummed FROM files WHERE content = ? ORDER BY used DESC, id DESC LIMIT 16",
        )?;
        let rows = select.query_map([content.0], |row| {
            Ok(Alike {
                id: FileId(row.get(0)?),
                key: key_of(row)?,
                shape: shape_of(row)?,
            })
        })?;
        let mut others: Vec<Alike> = rows.collect::<rusqlite::Result<_>>()?;
        others.retain(|other| other.key != *key);
        Ok(others)
    }

    /// The key of a file.
    pub(crate) fn key(&self, file: FileId) -> rusqlite::Result<Option<Key>> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT id, origin, path, size, mtime_ns, tag FROM files WHERE id = ?",
        )?;
        select.query_row([file.0], key_of).optional()
    }

    /// What is kept of a file.
    pub(crate) fn pieces(&self, file: FileId) -> rusqlite::Result<Pieces> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT p.offset, p.len, p.sum, c.id, c.blob, c.offset \
             FROM pieces p LEFT JOIN chunks c ON c.id = p.chunk \
             WHERE p.file = ? AND (p.chunk IS NULL OR c.id IS NOT NULL) ORDER BY p.offset",
        )?;
        let rows = select.query_map([file.0], |row| {
            let at = match row.get::<_, Option<i64>>(3)? {
                Some(id) => At::Chunk {
                    id: ChunkId(id),
                    blob: BlobId(row.get(4)?),
                    offset: unsigned(row.get(5)?)?,
                },
                None => At::Own,
            };
            let len = u32::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            let sum = row.get::<_, i64>(2)?.cast_unsigned();
            Ok((unsigned(row.get(0)?)?, Piece { len, sum, at }))
        })?;
        rows.collect()
    }

    /// How many bytes of a file are kept.
    pub(crate) fn kept_of(&self, file: FileId) -> rusqlite::Result<u64> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT coalesce(sum(p.len), 0) FROM pieces p LEFT JOIN chunks c ON c.id = p.chunk \
             WHERE p.file = ? AND (p.chunk IS NULL OR c.id IS NOT NULL)",
        )?;
        select.query_row([file.0], |row| unsigned(row.get(0)?))
    }

    /// Adds pieces of files' own blobs, whose bytes are on the disk.
    pub(crate) fn record(
        &self,
        pieces: impl IntoIterator<Item = (FileId, u64, Piece)>,
    ) -> rusqlite::Result<()> {
        self.transact(|transaction| {
            let mut insert = transaction.prepare_cached(
                "INSERT OR REPLACE INTO pieces (file, offset, len, sum, chunk) \
                 SELECT ?1, ?2, ?3, ?4, NULL WHERE EXISTS (SELECT 1 FROM files WHERE id = ?1)",
            )?;
            // What was to be given back there is written anew.
            let mut keep = transaction.prepare_cached(
                "DELETE FROM garbage WHERE blob = ? AND offset < ? AND offset + len > ?",
            )?;
            for (file, offset, piece) in pieces {
                insert.execute(params![
                    file.0,
                    signed(offset),
                    piece.len,
                    signed(piece.sum)
                ])?;
                let end = offset.saturating_add(u64::from(piece.len));
                keep.execute((file.blob().0, signed(end), signed(offset)))?;
            }
            Ok(())
        })
    }

    /// Forgets a piece that is damaged; a chunk, with all who have it. Returns how many bytes fewer
    /// are kept.
    pub(crate) fn forget(&self, file: FileId, offset: u64, piece: &Piece) -> rusqlite::Result<u64> {
        let len = u64::from(piece.len);
        self.transact(|transaction| match piece.at {
            At::Own => {
                let gone = transaction.execute(
                    "DELETE FROM pieces WHERE file = ? AND offset = ? AND chunk IS NULL",
                    (file.0, signed(offset)),
                )?;
                Ok(if gone > 0 { len } else { 0 })
            }
            At::Chunk { id, blob, offset } => {
                let delete = "DELETE FROM chunks WHERE id = ? AND blob = ? AND offset = ?";
                // It may be elsewhere by now.
                if transaction.execute(delete, (id.0, blob.0, signed(offset)))? == 0 {
                    return Ok(0);
                }
                transaction.execute("DELETE FROM pieces WHERE chunk = ?", [id.0])?;
                discard_damaged(transaction, Stretch { blob, offset, len })?;
                Ok(len)
            }
        })
    }

    /// Notes when files were last used.
    pub(crate) fn touch(&self, used: &[(FileId, i64)]) -> rusqlite::Result<()> {
        self.transact(|transaction| {
            let mut update =
                transaction.prepare_cached("UPDATE files SET used = max(used, ?) WHERE id = ?")?;
            used.iter()
                .try_for_each(|(file, at)| update.execute((at, file.0)).map(drop))
        })
    }

    /// The latest use there was.
    pub(super) fn last_used(&self) -> rusqlite::Result<i64> {
        let connection = self.0.lock();
        connection.query_row("SELECT coalesce(max(used), 0) FROM files", [], |row| {
            row.get(0)
        })
    }

    /// Files in the order of their use, the least recent first, after that one.
    pub(crate) fn least_used(
        &self,
        after: (i64, FileId),
        limit: usize,
    ) -> rusqlite::Result<Vec<(i64, FileId, Key)>> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT id, origin, path, size, mtime_ns, tag, used FROM files \
             WHERE (used, id) > (?, ?) ORDER BY used, id LIMIT ?",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = select.query_map((after.0, after.1.0, limit), |row| {
            Ok((row.get(6)?, FileId(row.get(0)?), key_of(row)?))
        })?;
        rows.collect()
    }

    /// Files by number, after that one.
    pub(crate) fn files_after(
        &self,
        after: FileId,
        limit: usize,
    ) -> rusqlite::Result<Vec<(FileId, Key)>> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT id, origin, path, size, mtime_ns, tag FROM files WHERE id > ? ORDER BY id LIMIT ?",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = select.query_map((after.0, limit), |row| {
            Ok((FileId(row.get(0)?), key_of(row)?))
        })?;
        rows.collect()
    }

    /// Takes a file out, with the chunks that only it had. Returns how many bytes fewer are kept.
    pub(crate) fn remove(&self, file: FileId) -> rusqlite::Result<u64> {
        self.transact(|transaction| {
            let own = own_pieces(transaction, file)?;
            let mut freed = own.iter().map(|it| it.len).sum();
            discard(transaction, &own)?;
            let chunks = {
                let mut select = transaction.prepare_cached(
                    "SELECT DISTINCT chunk FROM pieces WHERE file = ? AND chunk IS NOT NULL",
                )?;
                let rows = select.query_map([file.0], |row| row.get(0).map(ChunkId))?;
                rows.collect::<rusqlite::Result<Vec<_>>>()?
            };
            transaction.execute("DELETE FROM pieces WHERE file = ?", [file.0])?;
            transaction.execute("DELETE FROM files WHERE id = ?", [file.0])?;
            freed += drop_unused(transaction, &chunks)?;
            // With nothing in it, the blob itself goes: an empty stretch stands for it.
            let blob = file.blob();
            discard(
                transaction,
                &[Stretch {
                    blob,
                    offset: 0,
                    len: 0,
                }],
            )?;
            Ok(freed)
        })
    }

    /// How many files there are.
    pub(crate) fn count(&self) -> rusqlite::Result<u64> {
        let connection = self.0.lock();
        connection.query_row("SELECT count(*) FROM files", [], |row| {
            unsigned(row.get(0)?)
        })
    }

    /// What a file has is better had of a later revision: it is the first to leave.
    pub(crate) fn retire(&self, file: FileId) -> rusqlite::Result<()> {
        let connection = self.0.lock();
        let update = connection.execute("UPDATE files SET used = -1 WHERE id = ?", [file.0]);
        update.map(drop)
    }

    /// No file with sound of that identity is believed to have that of another.
    pub(crate) fn distrust(&self, content: ContentId) -> rusqlite::Result<()> {
        let connection = self.0.lock();
        let update = "UPDATE files SET content = zeroblob(16), used = -1 WHERE content = ?";
        connection.execute(update, [content.0]).map(drop)
    }

    /// Whether a file's sound is presumed to be as it was.
    pub(crate) fn presume(&self, file: FileId, presumed: bool) -> rusqlite::Result<()> {
        let connection = self.0.lock();
        connection
            .execute(
                "UPDATE files SET presumed = ? WHERE id = ?",
                (presumed, file.0),
            )
            .map(drop)
    }

    /// Files behind that one whose sound is presumed to be as it was, some of them.
    pub(crate) fn presumed(&self, after: FileId) -> rusqlite::Result<Vec<(FileId, Key, Shape)>> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT id, origin, path, size, mtime_ns, tag, audio_offset, audio_len, content, checksummed FROM files \
             WHERE presumed = 1 AND id > ? ORDER BY id LIMIT 100",
        )?;
        let rows = select.query_map([after.0], |row| {
            Ok((FileId(row.get(0)?), key_of(row)?, shape_of(row)?))
        })?;
        rows.collect()
    }
}

fn own_pieces(transaction: &Transaction<'_>, file: FileId) -> rusqlite::Result<Vec<Stretch>> {
    let mut select = transaction
        .prepare_cached("SELECT offset, len FROM pieces WHERE file = ? AND chunk IS NULL")?;
    let rows = select.query_map([file.0], |row| {
        Ok(Stretch {
            blob: file.blob(),
            offset: unsigned(row.get(0)?)?,
            len: unsigned(row.get(1)?)?,
        })
    })?;
    rows.collect()
}

/// An entity tag as it is stored; revisions without one have none, which no server gives.
fn tag(key: &Key) -> &str {
    key.revision.tag.as_deref().unwrap_or_default()
}

fn key_of(row: &SqlRow<'_>) -> rusqlite::Result<Key> {
    let (origin, path, tag): (String, Vec<u8>, String) = (row.get(1)?, row.get(2)?, row.get(5)?);
    let foreign = |error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, error)
    };
    Ok(Key {
        origin: origin.parse().map_err(|error| foreign(Box::new(error)))?,
        path: OriginPath::new(path).map_err(|error| foreign(Box::new(error)))?,
        revision: eventlog::Revision {
            size: unsigned(row.get(3)?)?,
            mtime_ns: row.get(4)?,
            tag: (!tag.is_empty()).then(|| tag.into()),
        },
    })
}

fn shape_of(row: &SqlRow<'_>) -> rusqlite::Result<Shape> {
    Ok(Shape {
        audio: ByteRange {
            offset: unsigned(row.get(6)?)?,
            len: unsigned(row.get(7)?)?,
        },
        content: ContentId(row.get(8)?),
        checksummed: row.get(9)?,
    })
}
