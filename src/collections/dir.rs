//! `.collections/NAME/` and `.collections/NAME.m3u8` (FIND-3).

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Timestamp, TrackId};
use fuse::FsError;
use fuse::special::{Item, SpecialDir};
use moka::sync::Cache;
use projections::ViewError;

use super::{Collection, Collections, Played, Standing, extension, playlist};
use crate::finding::link_name;
use crate::show::unreadable;

/// How many bytes of names and playlists are remembered, about, and for how long nobody has to look at
/// them.
const REMEMBERED: u64 = 32 << 20;
const IDLE: Duration = Duration::from_secs(600);

const MINUTE_MICROS: i64 = 60 * 1_000_000;

/// The directory `.collections`.
pub(crate) struct CollectionsDir {
    collections: Collections,
    /// What is in each directory, by name and definition, as it was last looked at: the names in a
    /// listing lead somewhere as long as somebody goes through it.
    contents: Cache<(String, String), Arc<Content>>,
    /// Which collections there are.
    all: Cache<(), Arc<All>>,
    played: Played,
}

/// What answers rest on, and the minute, by which ages are told.
type Moment = (Standing, i64);

struct All {
    moment: Moment,
    collections: Vec<Collection>,
}

/// What is in a collection.
struct Content {
    moment: Moment,
    tracks: Arc<[TrackId]>,
    /// Their names and targets, in order.
    links: Vec<(String, Box<str>)>,
    playlist: Arc<[u8]>,
}

impl CollectionsDir {
    /// Tells `played` what is opened.
    pub(crate) fn new(collections: Collections, played: Played) -> Self {
        let contents = Cache::builder()
            .weigher(|_, content: &Arc<Content>| content.weight())
            .max_capacity(REMEMBERED)
            .time_to_idle(IDLE)
            .build();
        Self {
            collections,
            contents,
            all: Cache::new(1),
            played,
        }
    }

    fn moment(&self, now: Timestamp) -> Result<Moment, ViewError> {
        Ok((
            self.collections.standing()?,
            now.0.div_euclid(MINUTE_MICROS),
        ))
    }

    /// The collections there are.
    fn all(&self, moment: Moment) -> Result<Arc<All>, ViewError> {
        if let Some(all) = self.all.get(&()).filter(|all| all.moment == moment) {
            return Ok(all);
        }
        let collections = self.collections.all()?;
        let all = Arc::new(All {
            moment,
            collections,
        });
        self.all.insert((), Arc::clone(&all));
        Ok(all)
    }

    /// The content of a collection as it is now.
    fn content(&self, of: &Collection, now: Timestamp) -> Result<Arc<Content>, ViewError> {
        let moment = self.moment(now)?;
        let known = self.known(of).filter(|known| known.moment == moment);
        if let Some(known) = known {
            return Ok(known);
        }
        let tracks = match &of.query {
            Ok(query) => self.collections.find(query, now)?,
            Err(_) => Vec::new(),
        };
        let profile = self.collections.profile()?;
        let links = (1..).zip(&tracks).map(|(number, track)| {
            let extension = extension(&track.path);
            let name = link_name(number, &track.artist, &track.title, extension, profile);
            (name, format!("../../{}", track.path).into())
        });
        let links = links.collect();
        let content = Arc::new(Content {
            moment,
            tracks: tracks.iter().map(|track| track.track).collect(),
            links,
            playlist: playlist::m3u8(&tracks).into_bytes().into(),
        });
        self.contents.insert(key(of), Arc::clone(&content));
        Ok(content)
    }

    /// The content of a collection as it was last looked at.
    fn known(&self, of: &Collection) -> Option<Arc<Content>> {
        self.contents.get(&key(of))
    }

    /// The link of that name: that of the last listing, else that of the present one.
    fn link(&self, of: &Collection, name: &str, now: Timestamp) -> Result<Option<Item>, ViewError> {
        if let Some(link) = self.known(of).and_then(|known| known.link(name)) {
            return Ok(Some(link));
        }
        Ok(self.content(of, now)?.link(name))
    }

    fn look(&self, path: &str, now: Timestamp) -> Result<Option<Item>, ViewError> {
        let (name, link) = path
            .split_once('/')
            .map_or((path, None), |(name, link)| (name, Some(link)));
        // File managers look for files of theirs everywhere, and no collection's name begins so.
        if name.starts_with('.') {
            return Ok(None);
        }
        if name.is_empty() {
            return Ok(Some(Item::Directory));
        }
        let all = self.all(self.moment(now)?)?;
        let of = |is: fn(&Collection) -> &str| all.collections.iter().find(|it| is(it) == name);
        match (of(|it| &it.directory), link) {
            (Some(_), None) => Ok(Some(Item::Directory)),
            (Some(of), Some(link)) => self.link(of, link, now),
            (None, Some(_)) => Ok(None),
            (None, None) => match of(|it| &it.playlist) {
                Some(of) => {
                    let playlist = Arc::clone(&self.content(of, now)?.playlist);
                    Ok(Some(Item::File(playlist)))
                }
                None => Ok(None),
            },
        }
    }

    fn entries(&self, path: &str, now: Timestamp) -> Result<Vec<(String, Item)>, ViewError> {
        let all = self.all(self.moment(now)?)?;
        let mut collections = all.collections.iter();
        if !path.is_empty() {
            let Some(of) = collections.find(|it| it.directory == path) else {
                return Ok(Vec::new());
            };
            let content = self.content(of, now)?;
            let links = content.links.iter();
            let links = links.map(|(name, target)| (name.clone(), Item::Link(target.clone())));
            return Ok(links.collect());
        }
        // What is in the playlists is found out one by one, by whoever asks for their sizes.
        let unknown: Arc<[u8]> = Arc::default();
        let both = collections.flat_map(|of| {
            [
                (of.directory.clone(), Item::Directory),
                (of.playlist.clone(), Item::File(Arc::clone(&unknown))),
            ]
        });
        Ok(both.collect())
    }
}

impl Content {
    /// The link of that name, which begins with its place.
    fn link(&self, name: &str) -> Option<Item> {
        let (number, _) = name.split_once('.')?;
        let place = number.parse::<usize>().ok()?.checked_sub(1)?;
        let (_, target) = self.links.get(place).filter(|(known, _)| known == name)?;
        Some(Item::Link(target.clone()))
    }

    /// Bytes that it takes, about.
    fn weight(&self) -> u32 {
        let links = self.links.iter();
        let links: usize = links
            .map(|(name, target)| name.len() + target.len() + 64)
            .sum();
        let tracks = size_of_val(&*self.tracks);
        u32::try_from(tracks + links + self.playlist.len()).unwrap_or(u32::MAX)
    }
}

fn key(of: &Collection) -> (String, String) {
    (of.name.clone(), of.definition.clone())
}

impl SpecialDir for CollectionsDir {
    fn name(&self) -> &'static str {
        ".collections"
    }

    fn is_steady(&self) -> bool {
        true
    }

    fn item(&self, path: &str) -> Result<Option<Item>, FsError> {
        let item = self.look(path, Timestamp::now());
        item.map_err(|error| unreadable(&error))
    }

    fn list(&self, path: &str) -> Result<Vec<(String, Item)>, FsError> {
        let entries = self.entries(path, Timestamp::now());
        entries.map_err(|error| unreadable(&error))
    }

    fn opened(&self, path: &str) {
        let directory = path.split_once('/').map(|(directory, _)| directory);
        let is_it = |of: &&Collection| match directory {
            Some(directory) => of.directory == directory,
            None => of.playlist == path,
        };
        let all = self.all.get(&());
        let of = all
            .as_ref()
            .and_then(|all| all.collections.iter().find(is_it));
        if let Some(of) = of
            && let Some(content) = self.known(of)
        {
            self.played.opened(&of.directory, &content.tracks);
        }
    }
}
