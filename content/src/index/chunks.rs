//! Chunks in the index: each kept once, whoever has it.

use std::ops::Range;

use rusqlite::{OptionalExtension, Transaction, params};

use super::{BlobId, ChunkId, FileId, Index, Stretch, discard, discard_damaged, signed, unsigned};
use crate::chunk::{Cut, Hash};
use crate::piece::{At, Piece};

/// What became of cuts.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// The file's pieces now, in place of what it had of its own.
    pub(crate) pieces: Vec<(u64, Piece)>,
    /// Bytes that were kept already, and are no longer kept twice.
    pub(crate) shared: u64,
}

impl Index {
    /// Puts chunks, cut from the file's own blob at the offsets that they have there, in place of its
    /// own pieces within `range`. A chunk that is kept already is referred to, and its bytes here are
    /// given back.
    pub(crate) fn settle(
        &self,
        file: FileId,
        range: &Range<u64>,
        cuts: &[Cut],
    ) -> rusqlite::Result<Settled> {
        self.transact(|transaction| {
            let mut settled = Settled::default();
            clear(transaction, file, range)?;
            for cut in cuts {
                let (len, sum) = (cut.len, cut.sum);
                let at = match find(transaction, cut.hash)? {
                    Some(at) => {
                        let own = Stretch {
                            blob: file.blob(),
                            offset: cut.offset,
                            len: u64::from(len),
                        };
                        if !same(&at, &own) {
                            settled.shared += own.len;
                            discard(transaction, &[own])?;
                        }
                        at
                    }
                    None => add(transaction, file.blob(), cut)?,
                };
                let piece = Piece { len, sum, at };
                put(transaction, file, cut.offset, &piece)?;
                settled.pieces.push((cut.offset, piece));
            }
            Ok(settled)
        })
    }

    /// The chunk that has such bytes, and where they are.
    pub(crate) fn chunk(&self, of: &Cut) -> rusqlite::Result<Option<Piece>> {
        let (len, sum) = (of.len, of.sum);
        let found = self.transact(|transaction| find(transaction, of.hash))?;
        Ok(found.map(|at| Piece { len, sum, at }))
    }

    /// Has a chunk, whose bytes are damaged where they are, be where they are right: in a file's own
    /// blob. False where it is elsewhere by now.
    pub(crate) fn move_chunk(
        &self,
        damaged: &Piece,
        file: FileId,
        to: u64,
    ) -> rusqlite::Result<bool> {
        let At::Chunk { id, blob, offset } = damaged.at else {
            return Ok(false);
        };
        let len = u64::from(damaged.len);
        self.transact(|transaction| {
            let update =
                "UPDATE chunks SET blob = ?, offset = ? WHERE id = ? AND blob = ? AND offset = ?";
            let to = (file.blob().0, signed(to), id.0, blob.0, signed(offset));
            let is_moved = transaction.execute(update, to)? > 0;
            if is_moved {
                discard_damaged(transaction, Stretch { blob, offset, len })?;
            }
            Ok(is_moved)
        })
    }

    /// Gives a file chunks that another has, in place of pieces of its own.
    pub(crate) fn share(
        &self,
        file: FileId,
        own: &[(u64, Piece)],
        pieces: &[(u64, Piece)],
    ) -> rusqlite::Result<()> {
        self.transact(|transaction| {
            for (offset, piece) in own {
                let (offset, len) = (*offset, u64::from(piece.len));
                clear(transaction, file, &(offset..offset + len))?;
                let blob = file.blob();
                discard(transaction, &[Stretch { blob, offset, len }])?;
            }
            pieces
                .iter()
                .try_for_each(|(offset, piece)| put(transaction, file, *offset, piece))
        })
    }

    /// Who has a chunk, and where in the file.
    pub(crate) fn holders(&self, chunk: ChunkId) -> rusqlite::Result<Vec<(FileId, u64)>> {
        let connection = self.0.lock();
        let mut select =
            connection.prepare_cached("SELECT file, offset FROM pieces WHERE chunk = ?")?;
        let rows = select.query_map([chunk.0], |row| {
            Ok((FileId(row.get(0)?), unsigned(row.get(1)?)?))
        })?;
        rows.collect()
    }

    /// Chunks by number, after that one: with what their bytes should be.
    pub(crate) fn chunks_after(
        &self,
        after: ChunkId,
        limit: usize,
    ) -> rusqlite::Result<Vec<(ChunkId, Hash, Piece)>> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached(
            "SELECT id, hash, blob, offset, len, sum FROM chunks WHERE id > ? ORDER BY id LIMIT ?",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = select.query_map((after.0, limit), |row| {
            let id = ChunkId(row.get(0)?);
            let at = At::Chunk {
                id,
                blob: BlobId(row.get(2)?),
                offset: unsigned(row.get(3)?)?,
            };
            let len = u32::try_from(row.get::<_, i64>(4)?).unwrap_or(0);
            let sum = row.get::<_, i64>(5)?.cast_unsigned();
            Ok((id, Hash(row.get(1)?), Piece { len, sum, at }))
        })?;
        rows.collect()
    }

    /// The identity of a chunk.
    pub(crate) fn hash(&self, chunk: ChunkId) -> rusqlite::Result<Option<Hash>> {
        let connection = self.0.lock();
        let mut select = connection.prepare_cached("SELECT hash FROM chunks WHERE id = ?")?;
        let hash = select.query_row([chunk.0], |row| row.get(0).map(Hash));
        hash.optional()
    }

    /// The highest number of a chunk, their count, and how many bytes they would be were each kept as
    /// often as it is referred to.
    pub(crate) fn chunk_figures(&self) -> rusqlite::Result<(ChunkId, u64, u64)> {
        let connection = self.0.lock();
        let select = "SELECT (SELECT coalesce(max(id), 0) FROM chunks), \
                      (SELECT count(*) FROM chunks), \
                      (SELECT coalesce(sum(len), 0) FROM pieces)";
        connection.query_row(select, [], |row| {
            Ok((
                ChunkId(row.get(0)?),
                unsigned(row.get(1)?)?,
                unsigned(row.get(2)?)?,
            ))
        })
    }
}

/// Takes out those of the chunks that no file has any more. Returns how many bytes fewer are kept.
pub(super) fn drop_unused(
    transaction: &Transaction<'_>,
    chunks: &[ChunkId],
) -> rusqlite::Result<u64> {
    let mut delete = transaction.prepare_cached(
        "DELETE FROM chunks WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM pieces WHERE chunk = ?1) \
         RETURNING blob, offset, len",
    )?;
    let mut freed = 0;
    for chunk in chunks {
        let gone = delete.query_row([chunk.0], |row| {
            Ok(Stretch {
                blob: BlobId(row.get(0)?),
                offset: unsigned(row.get(1)?)?,
                len: unsigned(row.get(2)?)?,
            })
        });
        if let Some(gone) = gone.optional()? {
            freed += gone.len;
            discard(transaction, &[gone])?;
        }
    }
    Ok(freed)
}

/// Takes out a file's own pieces within a range.
fn clear(transaction: &Transaction<'_>, file: FileId, range: &Range<u64>) -> rusqlite::Result<()> {
    let delete =
        "DELETE FROM pieces WHERE file = ? AND chunk IS NULL AND offset >= ? AND offset < ?";
    let within = (file.0, signed(range.start), signed(range.end));
    transaction.execute(delete, within).map(drop)
}

fn same(at: &At, own: &Stretch) -> bool {
    matches!(at, At::Chunk { blob, offset, .. } if (*blob, *offset) == (own.blob, own.offset))
}

fn find(transaction: &Transaction<'_>, hash: Hash) -> rusqlite::Result<Option<At>> {
    let mut select =
        transaction.prepare_cached("SELECT id, blob, offset FROM chunks WHERE hash = ?")?;
    let found = select.query_row([hash.0], |row| {
        Ok(At::Chunk {
            id: ChunkId(row.get(0)?),
            blob: BlobId(row.get(1)?),
            offset: unsigned(row.get(2)?)?,
        })
    });
    found.optional()
}

fn add(transaction: &Transaction<'_>, blob: BlobId, cut: &Cut) -> rusqlite::Result<At> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO chunks (hash, blob, offset, len, sum) VALUES (?, ?, ?, ?, ?)",
    )?;
    let id = insert.insert(params![
        cut.hash.0,
        blob.0,
        signed(cut.offset),
        cut.len,
        signed(cut.sum)
    ])?;
    Ok(At::Chunk {
        id: ChunkId(id),
        blob,
        offset: cut.offset,
    })
}

fn put(
    transaction: &Transaction<'_>,
    file: FileId,
    offset: u64,
    piece: &Piece,
) -> rusqlite::Result<()> {
    let chunk = match piece.at {
        At::Own => None,
        At::Chunk { id, .. } => Some(id.0),
    };
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO pieces (file, offset, len, sum, chunk) SELECT ?1, ?2, ?3, ?4, ?5 \
         WHERE ?5 IS NULL OR EXISTS (SELECT 1 FROM chunks WHERE id = ?5)",
    )?;
    insert
        .execute(params![
            file.0,
            signed(offset),
            piece.len,
            signed(piece.sum),
            chunk
        ])
        .map(drop)
}
