//! Which directories show the tracks of a folder, in SQLite.

use rusqlite::{Row, params};

use super::beside::{Beside, Folder};
use super::node::Ino;
use super::sidecar_rows::{Home, MANY};
use crate::sql::Sql;

/// Counts of tracks by folder and directory. The one counted last is held back, since most events of
/// a batch are about the same few.
#[derive(Default)]
pub(super) struct Homes {
    last: Option<Count>,
    /// A folder with too many counts to be looked through, and one with too many in the folders in it,
    /// as long as no count has gone.
    many: Option<Folder>,
    many_below: Option<Folder>,
}

struct Count {
    at: Beside,
    directory: Ino,
    stored: u64,
    tracks: u64,
    /// Whether no other directory shows tracks of the folder, and whether there are sidecars in the
    /// folder above, once somebody wanted to know.
    alone: Option<bool>,
    watched_above: Option<bool>,
}

impl Homes {
    /// See [`count_home`](super::SidecarRows::count_home).
    pub(super) fn count(&mut self, sql: &mut Sql<'_>, at: Beside, directory: Ino, by: i64) {
        self.load(sql, at, directory);
        if let Some(last) = &mut self.last {
            last.tracks = last.tracks.saturating_add_signed(by);
        }
    }

    /// See [`homes_about`](super::SidecarRows::homes_about).
    pub(super) fn about(&mut self, sql: &mut Sql<'_>, at: Beside, directory: Ino) -> (Home, Home) {
        self.load(sql, at, directory);
        let Some(last) = &mut self.last else {
            return (Home::None, Home::None);
        };
        let folder = at.folder.0.cast_signed();
        let alone = *last.alone.get_or_insert_with(|| {
            let other = "SELECT 1 FROM home WHERE folder = ? AND directory <> ? LIMIT 1";
            let found = sql.one(other, [folder, directory.to_sql()], |_| Ok(()));
            found.is_none()
        });
        let watched = at.above.filter(|above| {
            *last.watched_above.get_or_insert_with(|| {
                let any = "SELECT 1 FROM sidecar WHERE folder = ? LIMIT 1";
                sql.one(any, [above.0.cast_signed()], |_| Ok(())).is_some()
            })
        });
        let tracks = last.tracks;
        let own = match (alone, tracks) {
            (true, 0) => Home::None,
            (true, _) => Home::One(directory),
            (false, _) => self.of(sql, at.folder),
        };
        (
            own,
            watched.map_or(Home::None, |above| self.below(sql, above)),
        )
    }

    fn load(&mut self, sql: &mut Sql<'_>, at: Beside, directory: Ino) {
        let is_last = |last: &Count| (last.at.folder, last.directory) == (at.folder, directory);
        if self.last.as_ref().is_some_and(is_last) {
            return;
        }
        self.flush(sql);
        let select = "SELECT tracks FROM home WHERE folder = ? AND directory = ?";
        let key = [at.folder.0.cast_signed(), directory.to_sql()];
        let stored: Option<i64> = sql.one(select, key, |row| row.get(0));
        let stored = stored.unwrap_or(0).cast_unsigned();
        self.last = Some(Count {
            at,
            directory,
            stored,
            tracks: stored,
            alone: None,
            watched_above: None,
        });
    }

    /// A sidecar came or went.
    pub(super) fn sidecars_changed(&mut self) {
        if let Some(last) = &mut self.last {
            last.watched_above = None;
        }
    }

    /// Writes what was held back.
    pub(super) fn flush(&mut self, sql: &mut Sql<'_>) {
        let Some(last) = &mut self.last else { return };
        if last.tracks == last.stored {
            return;
        }
        last.stored = last.tracks;
        let (folder, directory) = (last.at.folder.0.cast_signed(), last.directory.to_sql());
        if last.tracks == 0 {
            (self.many, self.many_below) = (None, None);
            let delete = "DELETE FROM home WHERE folder = ? AND directory = ?";
            sql.run(delete, [folder, directory]);
            return;
        }
        sql.run(
            "INSERT INTO home (folder, directory, above, tracks) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT DO UPDATE SET tracks = ?4",
            params![
                folder,
                directory,
                last.at.above.map(|above| above.0.cast_signed()),
                last.tracks.cast_signed()
            ],
        );
    }

    /// Nothing is shown any more.
    pub(super) fn clear(&mut self, sql: &mut Sql<'_>) {
        *self = Self::default();
        sql.run("DELETE FROM home", []);
    }

    /// See [`home`](super::SidecarRows::home).
    pub(super) fn of(&mut self, sql: &mut Sql<'_>, folder: Folder) -> Home {
        self.flush(sql);
        if self.many == Some(folder) {
            return Home::Several;
        }
        let some = "SELECT directory, tracks FROM home WHERE folder = ? LIMIT ?";
        let home = counted(sql, some, folder);
        if home.is_none() {
            self.many = Some(folder);
        }
        home.unwrap_or(Home::Several)
    }

    /// See [`home_below`](super::SidecarRows::home_below).
    pub(super) fn below(&mut self, sql: &mut Sql<'_>, folder: Folder) -> Home {
        self.flush(sql);
        if self.many_below == Some(folder) {
            return Home::Several;
        }
        let some = "SELECT directory, tracks FROM home WHERE above = ? LIMIT ?";
        if let Some(home) = counted(sql, some, folder) {
            return home;
        }
        // A box of very many discs is shown in one directory all the same.
        let ends = "SELECT (SELECT directory FROM home WHERE above = ?1 ORDER BY directory LIMIT 1), \
                    (SELECT directory FROM home WHERE above = ?1 ORDER BY directory DESC LIMIT 1)";
        let read = |row: &Row<'_>| Ok([Ino::from_sql(row.get(0)?), Ino::from_sql(row.get(1)?)]);
        let ends = sql.one(ends, [folder.0.cast_signed()], read);
        let home = Home::of(ends.into_iter().flatten().map(|directory| (directory, 1)));
        if home == Home::Several {
            self.many_below = Some(folder);
        }
        home
    }
}

/// Where most of some tracks are; none where their counts are too many to be looked through.
fn counted(sql: &mut Sql<'_>, select: &str, folder: Folder) -> Option<Home> {
    let read = |row: &Row<'_>| Ok((Ino::from_sql(row.get(0)?), row.get::<_, i64>(1)?));
    let some = i64::try_from(MANY + 1).unwrap_or(i64::MAX);
    let counts = sql.all(select, [folder.0.cast_signed(), some], read);
    let are_few = counts.len() <= MANY;
    let counts = counts.into_iter();
    let counts = counts.map(|(directory, tracks)| (directory, tracks.cast_unsigned()));
    are_few.then(|| Home::of(counts))
}
