//! Collections, as they are shown: which there are, and what is in each of them (FIND-3).

mod dir;
mod followed;
mod played;
mod playlist;

use std::collections::HashSet;
use std::sync::Arc;

use eventlog::event::NameProfile;
use eventlog::{CollectionName, Position, Timestamp, TrackId};
use parking_lot::Mutex;
use projections::collections::{Query, QueryError, builtins};
use projections::layout::names;
use projections::{CatalogReader, CollectionsReader, TreeReader, ViewError};

pub(crate) use self::dir::CollectionsDir;
pub(crate) use self::followed::Followed;
pub(crate) use self::played::Played;
use crate::config::CollectionConfig;

/// How many times as many tracks as are wanted are looked at, since they may be copies that are shown
/// as one: a tree that is being rebuilt shows few.
const COPIES: usize = 8;

/// Which collections there are, and what they have. Cheap to clone; clones share what is configured.
#[derive(Clone)]
pub(crate) struct Collections {
    reader: CollectionsReader,
    catalog: CatalogReader,
    tree: TreeReader,
    configured: Arc<Mutex<Configured>>,
}

/// What the configuration names, and the how manieth configuration that is.
#[derive(Default)]
struct Configured {
    number: u64,
    collections: Arc<[CollectionConfig]>,
}

/// What all that is told rests on: equal ones, equal answers, as long as it is the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Up to where it is known what collections have.
    pub(crate) position: Position,
    tree: Position,
    configured: u64,
}

/// Where a collection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is always there.
    BuiltIn,
    /// The configuration names it.
    Configured,
    /// A command made it, at that time.
    Defined(Timestamp),
}

/// A collection.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    /// What it is called.
    pub(crate) name: String,
    /// Its directory in `.collections`.
    pub(crate) directory: String,
    /// Its playlist there.
    pub(crate) playlist: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// What it is, as written.
    pub(crate) definition: String,
    /// What it is; or why that cannot be told: a newer version may have defined it.
    pub(crate) query: Result<Query, QueryError>,
}

/// A track of a collection, as the tree shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The track: of copies that are shown as one, maybe not the one that was found.
    pub(crate) track: TrackId,
    /// Its path in the tree.
    pub(crate) path: String,
    /// Who performs it.
    pub(crate) artist: String,
    /// Its title; without one, its file's name.
    pub(crate) title: String,
    /// How long it is, in milliseconds.
    pub(crate) length_ms: Option<u64>,
}

impl Collections {
    pub(crate) fn new(
        reader: CollectionsReader,
        catalog: CatalogReader,
        tree: TreeReader,
        configured: Vec<CollectionConfig>,
    ) -> Self {
        let configured = Configured {
            number: 0,
            collections: configured.into(),
        };
        Self {
            reader,
            catalog,
            tree,
            configured: Arc::new(Mutex::new(configured)),
        }
    }

    /// Has the configuration name these from now on.
    pub(crate) fn configure(&self, configured: Vec<CollectionConfig>) {
        let mut now = self.configured.lock();
        *now = Configured {
            number: now.number + 1,
            collections: configured.into(),
        };
    }

    /// True for a name that the configuration gives to a collection.
    pub(crate) fn is_configured(&self, name: &str) -> bool {
        let configured = self.configured.lock();
        let mut names = configured
            .collections
            .iter()
            .filter_map(|it| it.name.as_ref());
        names.any(|known| known.as_str() == name)
    }

    /// All collections: those that are always there, then the others by name. One that the
    /// configuration names is what it says there, whatever a command made of that name.
    pub(crate) fn all(&self) -> Result<Vec<Collection>, ViewError> {
        let profile = self.catalog.layout()?.names;
        let always = builtins(&self.reader.decades()?);
        let always = always
            .into_iter()
            .map(|(name, query)| (name, Origin::BuiltIn, query.to_string(), Ok(query)));
        let configured = Arc::clone(&self.configured.lock().collections);
        let configured = configured.iter().filter_map(|it| {
            let (name, query) = (it.name.as_ref()?, it.query.clone()?);
            let name = name.as_str().to_owned();
            Some((name, Origin::Configured, query.to_string(), Ok(query)))
        });
        let defined = self.reader.definitions()?.into_iter();
        let defined = defined.filter(|row| !self.is_configured(row.name.as_str()));
        let defined = defined.map(|row| {
            let (name, query) = (row.name.as_str().to_owned(), Query::parse(&row.definition));
            (name, Origin::Defined(row.defined_at), row.definition, query)
        });
        let mut own: Vec<_> = configured.chain(defined).collect();
        own.sort_by(|one, other| one.0.cmp(&other.0));
        let mut taken = HashSet::new();
        let named = always.chain(own).map(|(name, origin, definition, query)| {
            let (directory, playlist) = files(&name, profile, &mut taken);
            Collection {
                name,
                directory,
                playlist,
                origin,
                definition,
                query,
            }
        });
        Ok(named.collect())
    }

    /// What a query finds at a moment, as the tree shows it: each track once, in its order.
    pub(crate) fn find(&self, query: &Query, now: Timestamp) -> Result<Vec<Shown>, ViewError> {
        let limit = query.limit();
        let mut asked = limit;
        loop {
            let found = self.reader.find(query, now, asked)?;
            let tracks: Vec<TrackId> = found.iter().map(|member| member.track).collect();
            let (mut seen, mut all) = (HashSet::new(), Vec::new());
            for (member, shown) in found.into_iter().zip(self.tree.shown(&tracks)?) {
                let Some((track, path)) = shown else { continue };
                if seen.insert(track) {
                    let artist = member.artist.map(String::from);
                    let title = member.title.map(String::from);
                    all.push(Shown {
                        track,
                        artist: artist.unwrap_or_else(|| "Unknown Artist".to_owned()),
                        title: title.unwrap_or_else(|| stem(&path).to_owned()),
                        path,
                        length_ms: member.length_ms,
                    });
                }
            }
            // Of copies that are shown as one, several may have been found: then there is room for more.
            let is_all = tracks.len() < asked || asked >= limit.saturating_mul(COPIES);
            if all.len() >= limit || is_all {
                all.truncate(limit);
                return Ok(all);
            }
            asked = asked.saturating_mul(2);
        }
    }

    /// The tracks that the collection of that name has at a moment; none where there is none.
    pub(crate) fn tracks(
        &self,
        name: &CollectionName,
        now: Timestamp,
    ) -> Result<Vec<TrackId>, ViewError> {
        let mut all = self.all()?.into_iter();
        let named = all.find(|it| it.name == name.as_str());
        match named.map(|it| it.query) {
            Some(Ok(query)) => {
                let found = self.find(&query, now)?.into_iter();
                Ok(found.map(|shown| shown.track).collect())
            }
            Some(Err(error)) => {
                tracing::warn!("what the collection {name} has is not known: {error}");
                Ok(Vec::new())
            }
            None => Ok(Vec::new()),
        }
    }

    /// What answers rest on now.
    pub(crate) fn standing(&self) -> Result<Standing, ViewError> {
        Ok(Standing {
            position: self.reader.position()?,
            tree: self.tree.position()?,
            configured: self.configured.lock().number,
        })
    }

    /// Which names are allowed.
    fn profile(&self) -> Result<NameProfile, ViewError> {
        Ok(self.catalog.layout()?.names)
    }
}

/// The names of a collection's directory and playlist, which no other has.
fn files(name: &str, profile: NameProfile, taken: &mut HashSet<String>) -> (String, String) {
    let wanted = names::file(&format!("{name}.m3u8"), profile);
    let mut number = 1;
    loop {
        let playlist = match number {
            1 => wanted.clone(),
            number => names::numbered(&wanted, number),
        };
        let directory = playlist.strip_suffix(".m3u8").unwrap_or(&playlist);
        let directory = names::directory(directory, profile);
        let keys = [&directory, &playlist].map(|name| names::key(name, profile).into_owned());
        if keys.iter().all(|key| !taken.contains(key)) {
            taken.extend(keys);
            return (directory, playlist);
        }
        number += 1;
    }
}

/// The name of a path's file, and its extension. Where the layout gives one, it is that of a format.
fn parts(path: &str) -> (&str, &str) {
    let (_, file) = path.rsplit_once('/').unwrap_or(("", path));
    let is_one = |extension: &str| extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let parts = file.rsplit_once('.');
    parts
        .filter(|(_, extension)| is_one(extension))
        .unwrap_or((file, ""))
}

fn stem(path: &str) -> &str {
    parts(path).0
}

fn extension(path: &str) -> &str {
    parts(path).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collection_has_names_of_its_own() {
        let mut taken = HashSet::new();
        let mut name = |name: &str| files(name, NameProfile::Posix, &mut taken);
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(name("Jazz"), pair("Jazz", "Jazz.m3u8"));
        assert_eq!(
            name("Jazz.m3u8"),
            pair("Jazz.m3u8 (2)", "Jazz.m3u8 (2).m3u8")
        );
        assert_eq!(name("AC/DC"), pair("AC_DC", "AC_DC.m3u8"));
        assert_eq!(name("AC_DC"), pair("AC_DC (2)", "AC_DC (2).m3u8"));
        assert_eq!(name(".."), pair("_.", "_..m3u8"));
        let long = name(&"é".repeat(100));
        assert!(long.1.len() <= 255 && long.1.ends_with(".m3u8"));
        let mut windows = HashSet::new();
        let mut name = |name: &str| files(name, NameProfile::Windows, &mut windows);
        assert_eq!(name("R.E.M."), pair("R.E.M_", "R.E.M..m3u8"));
        assert_eq!(name("a: b"), pair("a_ b", "a_ b.m3u8"));
        assert_eq!(name("A: B"), pair("A_ B (2)", "A_ B (2).m3u8"));
    }
}
