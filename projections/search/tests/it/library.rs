//! A log, its views, and the index.

use std::sync::Arc;
use std::time::Duration;

use eventlog::conformance::samples;
use eventlog::event::OriginSpec;
use eventlog::{
    Event, EventStore, Field, Locator, Media, MemoryStore, NewEvent, OriginId, OriginPath,
    Revision, Tags, TrackId,
};
use projections::Views;
use search::{Query, Search};
use tokio::runtime::Runtime;

/// How long anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// What a track says about itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Song {
    pub(crate) artist: &'static str,
    pub(crate) album: &'static str,
    pub(crate) title: &'static str,
    pub(crate) year: &'static str,
    pub(crate) more: &'static [(&'static str, &'static str)],
}

pub(crate) fn media(song: Song) -> Media {
    let mut tags = Tags::new();
    for (field, value) in [
        (Field::Artist, song.artist),
        (Field::Album, song.album),
        (Field::Title, song.title),
        (Field::Date, song.year),
    ] {
        if !value.is_empty() {
            tags.push(field, value);
        }
    }
    for (name, value) in song.more {
        tags.push(Field::from_name(name), value);
    }
    Media {
        tags,
        ..samples::media(1)
    }
}

pub(crate) fn origin(name: &str) -> OriginId {
    name.parse().unwrap()
}

pub(crate) fn path(text: &str) -> OriginPath {
    OriginPath::new(text.as_bytes()).unwrap()
}

pub(crate) fn revision(mtime_ns: i64) -> Revision {
    Revision {
        size: 1_000,
        mtime_ns,
        tag: None,
    }
}

pub(crate) fn added(origin_name: &str) -> Event {
    Event::OriginAdded {
        origin: origin(origin_name),
        spec: OriginSpec {
            kind: "local".to_owned(),
            name: origin_name.to_owned(),
            root: b"/music".to_vec(),
            options: std::collections::BTreeMap::new(),
        },
    }
}

pub(crate) fn discovered(track: u64, at: &str, song: Song) -> Event {
    Event::TrackDiscovered {
        track: TrackId(track),
        locator: Locator {
            origin: origin("music"),
            path: path(at),
            revision: revision(1),
        },
        media: media(song),
    }
}

pub(crate) struct Library {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) log: Arc<dyn EventStore>,
    pub(crate) runtime: Runtime,
    pub(crate) views: Option<Arc<Views>>,
    pub(crate) search: Option<Search>,
}

impl Library {
    pub(crate) fn new() -> Self {
        let mut library = Self {
            directory: tempfile::tempdir().unwrap(),
            log: Arc::new(MemoryStore::new()),
            runtime: Runtime::new().unwrap(),
            views: None,
            search: None,
        };
        library.open();
        library
    }

    pub(crate) fn of(songs: &[Song]) -> Self {
        let library = Self::new();
        let events = (1..).zip(songs).map(|(track, song)| {
            let album = song.album.replace('/', "_");
            let name = format!("{album} {track}/{}.flac", song.title.replace('/', "_"));
            discovered(track, &name, *song)
        });
        library.append(std::iter::once(added("music")).chain(events));
        library.wait();
        library
    }

    pub(crate) fn open(&mut self) {
        let (log, handle) = (&self.log, self.runtime.handle());
        let views = Views::open(self.directory.path(), log.clone(), handle).unwrap();
        let views = Arc::new(views);
        let search = Search::start(
            self.directory.path(),
            log.clone(),
            views.clone(),
            handle.clone(),
        );
        (self.views, self.search) = (Some(views), Some(search.unwrap()));
    }

    pub(crate) fn close(&mut self) {
        drop(self.search.take());
        drop(self.views.take());
    }

    pub(crate) fn search(&self) -> &Search {
        self.search.as_ref().unwrap()
    }

    pub(crate) fn append(&self, events: impl IntoIterator<Item = Event>) {
        let events: Vec<NewEvent> = events
            .into_iter()
            .map(|event| NewEvent::now(event, None))
            .collect();
        let appended = self.log.append(self.log.head(), &events);
        self.runtime.block_on(appended).unwrap();
    }

    /// Waits until the index has everything.
    pub(crate) fn wait(&self) {
        let searcher = self.search().searcher();
        let reached = async { tokio::time::timeout(LIMIT, searcher.reach(self.log.head())).await };
        self.runtime.block_on(reached).unwrap();
    }

    /// The titles that a query finds, the best first.
    pub(crate) fn titles(&self, query: &str) -> Vec<String> {
        let query = Query::parse(query).unwrap();
        let page = self
            .search()
            .searcher()
            .now()
            .unwrap()
            .find(&query, 0, 1_000)
            .unwrap();
        assert_eq!(page.total, page.hits.len() as u64);
        page.hits.into_iter().map(|hit| hit.shown.title).collect()
    }

    /// As [`titles`](Self::titles), in alphabetical order.
    pub(crate) fn found(&self, query: &str) -> Vec<String> {
        let mut titles = self.titles(query);
        titles.sort();
        titles
    }

    /// The index has what the catalog says, whatever happened.
    #[track_caller]
    pub(crate) fn assert_equal(&self) {
        let report = self.search().replay(false, &mut |_, _| {}).unwrap();
        assert_eq!(report.equal, Some(true));
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.close();
    }
}
