//! What others ask of the tree.

use std::collections::HashMap;
use std::sync::Arc;

use eventlog::event::{Duplicates, NameProfile};
use eventlog::{Media, Position, SidecarId, TrackId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::alike::{self, Alike};
use super::cover::{MAX_COVER, cover_rank};
use super::node::{Ino, Node, NodeKind, TreeStats};
use super::sqlite::{read_stats, read_track, read_track_id, slot, track_columns};
use crate::error::ViewError;
use crate::file::read_position;
use crate::layout::{NameInputs, row};
use crate::pool::Source;
use crate::sql::undecodable;

/// The picture that stands for a directory, as the file has it that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoverSource {
    /// That file.
    pub from: CoverFile,
    /// Bytes of the picture.
    pub size: u64,
    /// The file's last modification, nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
    /// True where files that are no tracks are in the directory, and may have any name.
    pub among_sidecars: bool,
}

/// A file that has a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverFile {
    /// It is one.
    Sidecar(SidecarId),
    /// It carries one.
    Track(TrackId),
}

/// Answers from the tree as last committed. Cheap to clone; for any number of threads; follows
/// rebuilds. Every method fails only where the view's file cannot be read.
#[derive(Clone)]
pub struct TreeReader {
    source: Arc<Source>,
}

impl TreeReader {
    pub(crate) const fn new(source: Arc<Source>) -> Self {
        Self { source }
    }

    /// The entry of exactly that name in a directory.
    pub fn lookup(&self, parent: Ino, name: &str) -> Result<Option<Node>, ViewError> {
        self.source
            .read(|connection| find(connection, parent, name))
    }

    /// True where an entry of a directory has that name, or one that the layout in force takes for it.
    pub fn is_taken(&self, parent: Ino, name: &str) -> Result<bool, ViewError> {
        let [posix, windows] = [NameProfile::Posix, NameProfile::Windows].map(|it| slot(name, it));
        let select = "SELECT 1 FROM node WHERE parent = ?1 AND slot IN (?2, ?3) AND ino <> 1";
        self.source.read(|connection| {
            let key = [parent.to_sql(), posix, windows];
            connection.prepare_cached(select)?.exists(key)
        })
    }

    /// A node.
    pub fn node(&self, ino: Ino) -> Result<Option<Node>, ViewError> {
        self.source.read(|connection| get(connection, ino))
    }

    /// The entries of a directory whose inodes are higher than `after`, by inode, at most `limit`.
    /// To go on, give the last inode as `after`: what came or went meanwhile disturbs no other entry.
    pub fn list(&self, directory: Ino, after: Ino, limit: usize) -> Result<Vec<Node>, ViewError> {
        let select = "SELECT ino, parent, name, mtime_ns, size FROM node \
                      WHERE parent = ?1 AND ino > max(?2, 1) ORDER BY ino LIMIT ?3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.source.read(|connection| {
            let key = params![directory.to_sql(), after.to_sql(), limit];
            connection
                .prepare_cached(select)?
                .query_map(key, read_node)?
                .collect()
        })
    }

    /// Where the picture comes from that stands for a directory (FIND-4): a sidecar that is called as
    /// covers are, else the picture that one of its first tracks carries. None where it has neither.
    pub fn cover(&self, directory: Ino) -> Result<Option<CoverSource>, ViewError> {
        self.source.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let (found, among_sidecars) = sidecar_cover(&transaction, directory)?;
            match found {
                None => track_cover(&transaction, directory, among_sidecars),
                found => Ok(found),
            }
        })
    }

    /// The path of a node from the root, its parts joined by `/`; empty for the root.
    pub fn path_of(&self, ino: Ino) -> Result<Option<String>, ViewError> {
        self.source.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut names = Vec::new();
            let mut at = ino;
            while at != Ino::ROOT {
                let Some(node) = get(&transaction, at)? else {
                    return Ok(None);
                };
                names.push(node.name);
                at = node.parent;
            }
            names.reverse();
            Ok(Some(names.join("/")))
        })
    }

    /// The node at a path: parts joined by `/`; empty parts count for nothing.
    pub fn resolve(&self, path: &str) -> Result<Option<Node>, ViewError> {
        self.source.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut node = get(&transaction, Ino::ROOT)?;
            for name in path.split('/').filter(|name| !name.is_empty()) {
                let Some(directory) = node else { break };
                node = find(&transaction, directory.ino, name)?;
            }
            Ok(node)
        })
    }

    /// The living tracks that are shown as one with a track, itself included, by id: the first is the
    /// one that is shown. None for a track that does not live.
    pub fn copies(&self, track: TrackId) -> Result<Vec<TrackId>, ViewError> {
        self.source.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            copies(&transaction, track)
        })
    }

    /// For each of some tracks, the one that is shown for it, and its path: itself, or the copy that
    /// stands for it. None for a track that does not live. All of them at one moment, and directories
    /// looked up once.
    pub fn shown(&self, tracks: &[TrackId]) -> Result<Vec<Option<(TrackId, String)>>, ViewError> {
        self.source.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut directories = HashMap::from([(Ino::ROOT, String::new())]);
            let mut path = |track: TrackId| -> rusqlite::Result<Option<String>> {
                let Some(node) = get(&transaction, Ino::of_track(track))? else {
                    return Ok(None);
                };
                let above = prefix(&transaction, node.parent, &mut directories)?;
                Ok(above.map(|above| format!("{above}{}", node.name)))
            };
            let mut one = |track: TrackId| {
                if let Some(path) = path(track)? {
                    return Ok(Some((track, path)));
                }
                let copies = copies(&transaction, track)?;
                let Some(shown) = copies.first().filter(|shown| **shown != track) else {
                    return Ok(None);
                };
                Ok(path(*shown)?.map(|path| (*shown, path)))
            };
            tracks.iter().map(|track| one(*track)).collect()
        })
    }

    /// The living tracks that are alike to such a file by the rule in force, shown or not; none where
    /// they are too many to be copies.
    pub fn alike(&self, media: &Media, inputs: &NameInputs) -> Result<Vec<TrackId>, ViewError> {
        self.source.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let Some(key) = alike::key(alike::sound(media), inputs, rule(&transaction)?) else {
                return Ok(Vec::new());
            };
            let select = "SELECT id FROM track WHERE alike = ? LIMIT ?";
            let limit = alike::MOST as i64 + 1;
            let tracks: Vec<TrackId> = transaction
                .prepare_cached(select)?
                .query_map([key.cast_signed(), limit], read_track_id)?
                .collect::<Result<_, _>>()?;
            Ok(if tracks.len() > alike::MOST {
                Vec::new()
            } else {
                tracks
            })
        })
    }

    /// The tree in figures; kept, not counted.
    pub fn stats(&self) -> Result<TreeStats, ViewError> {
        let select = "SELECT files, sidecars, directories, bytes FROM library";
        self.source.read(|connection| {
            connection
                .prepare_cached(select)?
                .query_row([], |row| read_stats(row, 0))
        })
    }

    /// Up to where the tree was computed.
    pub fn position(&self) -> Result<Position, ViewError> {
        self.source.read(read_position)
    }
}

/// How many entries of a directory are looked at for a picture: those that have been known longest. It
/// bounds what listing a directory of any size costs.
const LOOKED_AT: i64 = 64;

/// The sidecar that is a directory's cover, and whether it has any.
fn sidecar_cover(
    connection: &Connection,
    directory: Ino,
) -> rusqlite::Result<(Option<CoverSource>, bool)> {
    let select = "SELECT ino, name, size, mtime_ns FROM node WHERE parent = ? AND ino > ? \
                  ORDER BY ino LIMIT ?";
    let mut statement = connection.prepare_cached(select)?;
    let key = [directory.to_sql(), Ino::FIRST_SIDECAR.to_sql(), LOOKED_AT];
    let mut rows = statement.query(key)?;
    let (mut best, mut any) = (None, false);
    while let Some(row) = rows.next()? {
        any = true;
        let rank = cover_rank(row.get_ref(1)?.as_str().map_err(undecodable)?);
        let size = row.get::<_, i64>(2)?.cast_unsigned();
        let sidecar = Ino::from_sql(row.get(0)?).sidecar();
        let (Some(rank), Some(sidecar)) = (rank, sidecar) else {
            continue;
        };
        let is_better = best.as_ref().is_none_or(|(than, _)| rank < *than);
        if is_better && (1..=MAX_COVER).contains(&size) {
            let mtime_ns = row.get(3)?;
            best = Some((
                rank,
                CoverSource {
                    from: CoverFile::Sidecar(sidecar),
                    size,
                    mtime_ns,
                    among_sidecars: true,
                },
            ));
        }
    }
    Ok((best.map(|(_, source)| source), any))
}

fn track_cover(
    connection: &Connection,
    directory: Ino,
    among_sidecars: bool,
) -> rusqlite::Result<Option<CoverSource>> {
    // Whoever lists a library without pictures is not to pay for them.
    let any = "SELECT 1 FROM track INDEXED BY track_cover WHERE cover IS NOT NULL LIMIT 1";
    if !connection.prepare_cached(any)?.exists([])? {
        return Ok(None);
    }

    let select = "SELECT track.id, track.cover, track.mtime_ns \
                  FROM (SELECT ino FROM node WHERE parent = ?1 AND ino > 1 AND ino < ?2 \
                        ORDER BY ino LIMIT ?3) AS first \
                  JOIN track ON first.ino % 2 = 1 AND track.id = first.ino / 2 \
                  WHERE track.cover IS NOT NULL ORDER BY first.ino LIMIT 1";
    let key = [directory.to_sql(), Ino::FIRST_SIDECAR.to_sql(), LOOKED_AT];
    let read = |row: &Row<'_>| {
        Ok(CoverSource {
            from: CoverFile::Track(read_track_id(row)?),
            size: row.get::<_, i64>(1)?.cast_unsigned(),
            mtime_ns: row.get(2)?,
            among_sidecars,
        })
    };
    connection
        .prepare_cached(select)?
        .query_row(key, read)
        .optional()
}

/// See [`TreeReader::copies`].
fn copies(connection: &Connection, track: TrackId) -> rusqlite::Result<Vec<TrackId>> {
    let rule = rule(connection)?;
    let select = concat!(
        "SELECT id, ",
        track_columns!(),
        " FROM track WHERE id = ?1 UNION SELECT id, ",
        track_columns!(),
        " FROM track WHERE alike = (SELECT alike FROM track WHERE id = ?1)"
    );
    let alike: Result<Vec<Alike>, _> = connection
        .prepare_cached(select)?
        .query_map([track.0.cast_signed()], |row| {
            let entry = read_track(row, 1)?;
            Ok(Alike::of(read_track_id(row)?, &entry, rule))
        })?
        .collect();
    let mut sets = alike::sets(alike?).into_iter();
    Ok(sets.find(|set| set.contains(&track)).unwrap_or_default())
}

/// What stands before the names in a directory: its path, and `/`. Those that were looked up before
/// are known.
fn prefix(
    connection: &Connection,
    directory: Ino,
    known: &mut HashMap<Ino, String>,
) -> rusqlite::Result<Option<String>> {
    let mut names = Vec::new();
    let mut at = directory;
    let mut prefix = loop {
        if let Some(prefix) = known.get(&at) {
            break prefix.clone();
        }
        let Some(node) = get(connection, at)? else {
            return Ok(None);
        };
        names.push((at, node.name));
        at = node.parent;
    };
    while let Some((ino, name)) = names.pop() {
        prefix = format!("{prefix}{name}/");
        known.insert(ino, prefix.clone());
    }
    Ok(Some(prefix))
}

fn rule(connection: &Connection) -> rusqlite::Result<Duplicates> {
    let select = "SELECT template, windows, duplicates FROM library";
    let mut statement = connection.prepare_cached(select)?;
    let layout = statement.query_row([], |row| row::read(row, 0))?;
    Ok(layout.duplicates)
}

fn get(connection: &Connection, ino: Ino) -> rusqlite::Result<Option<Node>> {
    let select = "SELECT ino, parent, name, mtime_ns, size FROM node WHERE ino = ?";
    connection
        .prepare_cached(select)?
        .query_row([ino.to_sql()], read_node)
        .optional()
}

fn find(connection: &Connection, parent: Ino, name: &str) -> rusqlite::Result<Option<Node>> {
    // The slot depends on the layout's profile, which may just have changed: try both.
    let posix = slot(name, NameProfile::Posix);
    let windows = slot(name, NameProfile::Windows);
    let select = "SELECT ino, parent, name, mtime_ns, size FROM node \
                  WHERE parent = ? AND slot = ? AND name = ? AND ino <> 1";
    let mut statement = connection.prepare_cached(select)?;
    let mut at = |slot: i64| {
        statement
            .query_row(params![parent.to_sql(), slot, name], read_node)
            .optional()
    };
    match at(posix)? {
        None if posix != windows => at(windows),
        found => Ok(found),
    }
}

fn read_node(row: &Row<'_>) -> rusqlite::Result<Node> {
    let ino = Ino::from_sql(row.get(0)?);
    let size = row.get::<_, i64>(4)?.cast_unsigned();
    Ok(Node {
        ino,
        parent: Ino::from_sql(row.get(1)?),
        name: row.get(2)?,
        mtime_ns: row.get(3)?,
        kind: match (ino.track(), ino.sidecar()) {
            (Some(track), _) => NodeKind::File { track, size },
            (None, Some(sidecar)) => NodeKind::Sidecar { sidecar, size },
            (None, None) => NodeKind::Directory {
                subdirectories: size,
            },
        },
    })
}
