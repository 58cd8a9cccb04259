//! Files are fetched before they are asked for (CAS-9): tracks that are likely to be played next, and
//! what somebody names. All of them wait in one queue.

mod album;
mod directory;
mod history;
mod hours;
mod job;
pub(crate) mod keeper;
mod listeners;
mod next;
mod order;
mod playlist;
mod queue;
mod unread;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use eventlog::{OriginId, Timestamp};
use parking_lot::Mutex;
use projections::tree::CoverFile;
use projections::{Ino, Node, PatternsReader, TreeReader, ViewError};
use tokio::sync::Notify;

pub use self::album::Album;
pub(crate) use self::directory::PrefetchDir;
pub use self::history::History;
pub use self::hours::Hours;
pub(crate) use self::job::{Job, State};
pub use self::next::{Heard, Next};
use self::playlist::Playlist;
use self::queue::Queue;
use self::unread::Unread;
use crate::cache::pins::Pins;
use crate::cache::size::rough;
use crate::cache::survey::{Missing, here};
use crate::collections::Played;
use crate::config::Config;
use crate::originals::{FileRef, Sources, key};
use crate::reload::{Part, Told};
use crate::show::is_cover;

/// Entries of a directory that are asked for together.
const PAGE: usize = 1_000;

/// Tracks that were given up and whose reason is remembered, and paths that wait to be looked up.
const REMEMBERED: usize = 100;

/// What is fetched before it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether what is likely to be played next is.
    pub enabled: bool,
    /// How many tracks of that.
    pub tracks: usize,
    /// Tracks that may wait.
    pub queue: usize,
    /// Tracks that are fetched at the same time.
    pub concurrency: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            tracks: 3,
            queue: 100,
            concurrency: 2,
        }
    }
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Figures {
    /// Tracks that were fetched.
    pub(crate) tracks: u64,
    /// Their bytes that came from origins for it.
    pub(crate) bytes: u64,
    /// Tracks of those that were read since.
    pub(crate) hits: u64,
    /// Tracks of those that left, or changed, before they were read.
    pub(crate) wasted: u64,
    /// Tracks that wait or are being fetched now.
    pub(crate) waiting: u64,
}

/// What is to be fetched, and who may ask for it.
pub(crate) struct Prefetch {
    sources: Sources,
    tree: TreeReader,
    pins: Arc<Pins>,
    /// Who tells what follows; who comes first is believed first.
    next: Vec<Box<dyn Next>>,
    /// Who tells what may, where nobody knows what follows.
    otherwise: [Box<dyn Next>; 1],
    settings: Mutex<Settings>,
    desk: Mutex<Desk>,
    wake: Notify,
}

#[derive(Default)]
struct Desk {
    queue: Queue,
    flying: Vec<Arc<Job>>,
    unread: Unread,
    /// Those that were given up last.
    left: VecDeque<Arc<Job>>,
    /// Paths that were read in `.prefetch`.
    hints: VecDeque<String>,
}

impl Prefetch {
    pub(crate) fn new(
        sources: Sources,
        tree: TreeReader,
        pins: Arc<Pins>,
        patterns: PatternsReader,
        played: Played,
        settings: Settings,
    ) -> Self {
        Self {
            next: vec![
                Box::new(Playlist::new(played)),
                Box::new(History::new(patterns.clone())),
                Box::new(Album::new(tree.clone())),
            ],
            otherwise: [Box::new(Hours::new(patterns, Timestamp::now))],
            sources,
            tree,
            pins,
            settings: Mutex::new(settings),
            desk: Mutex::default(),
            wake: Notify::new(),
        }
    }

    fn settings(&self) -> Settings {
        *self.settings.lock()
    }

    /// What it did so far.
    pub(crate) fn figures(&self) -> Figures {
        let desk = self.desk.lock();
        Figures {
            waiting: (desk.queue.len() + desk.flying.len()) as u64,
            ..desk.unread.figures()
        }
    }

    /// Has files fetched that somebody asked for; one that is here, or cannot be fetched now, is over
    /// at once. Blocks.
    ///
    /// # Errors
    /// Where a view cannot be read.
    pub(crate) fn ask(&self, files: &[FileRef]) -> Result<Vec<Arc<Job>>, ViewError> {
        let most = self.settings().queue;
        let idle = Pins::idle(&self.sources.store);
        let files = self.files(files)?;
        let mut desk = self.desk.lock();
        let mut room = self.room().saturating_sub(desk.queue.bytes());
        let mut jobs = Vec::with_capacity(files.len());
        for file in files {
            if let Some(known) = desk.under_way(file.file) {
                jobs.push(known);
                continue;
            }
            let job = Job::new(file);
            if job.file.bytes == 0 {
                job.set(State::Here);
            } else if let Some(idle) = idle {
                job.set(State::Left(idle.to_owned()));
            } else if job.file.bytes > room {
                let why = "there is no room: it takes more than `cache.size` leaves beside what is pinned";
                job.set(State::Left(why.to_owned()));
            } else if desk.queue.ask(&job, most) {
                room -= job.file.bytes;
            } else {
                let why = format!("{most} files wait already (`prefetch.queue`); ask again later");
                job.set(State::Left(why));
            }
            jobs.push(job);
        }
        drop(desk);
        self.wake.notify_one();
        Ok(jobs)
    }

    /// Has fetched what is likely to follow. Blocks.
    fn predict(&self, heard: Heard) {
        let settings = self.settings();
        if Pins::idle(&self.sources.store).is_some() {
            return;
        }
        let tracks = next::likely(&self.next, &self.otherwise, heard, settings.tracks);
        let files: Vec<FileRef> = tracks.iter().copied().map(FileRef::Track).collect();
        let files = self.files(&files).unwrap_or_default();
        // Half of what there is: what comes is not to displace what came before it.
        let mut room = self.room() / 2;
        let fits = |file: &Missing| {
            let left = room.checked_sub(file.bytes);
            room = left.unwrap_or(0);
            left.is_some()
        };
        let files = files.into_iter().filter(|file| file.bytes > 0);
        let files: Vec<Missing> = files.take_while(fits).collect();
        tracing::debug!(
            "{} tracks are likely to follow {}, {} of them are to be fetched",
            tracks.len(),
            heard.track,
            files.len()
        );
        let mut desk = self.desk.lock();
        let flying: HashSet<FileRef> = desk.flying.iter().map(|job| job.file.file).collect();
        let files = files
            .into_iter()
            .filter(|file| !flying.contains(&file.file));
        let jobs = files.map(Job::new).collect();
        desk.queue.predict(heard, jobs, settings.queue);
        drop(desk);
        self.wake.notify_one();
    }

    /// Bytes that may be kept beside what is pinned.
    fn room(&self) -> u64 {
        let limit = self.sources.store.limit();
        limit.saturating_sub(self.pins.counts().bytes)
    }

    /// What is missing of files; of those that are on disks of this machine, nothing.
    fn files(&self, of: &[FileRef]) -> Result<Vec<Missing>, ViewError> {
        let here = here(&self.sources.catalog, &self.sources.registry)?;
        let mut files = Vec::with_capacity(of.len());
        for file in of {
            files.extend(self.file(*file, &here)?);
        }
        Ok(files)
    }

    fn file(&self, file: FileRef, here: &HashSet<OriginId>) -> Result<Option<Missing>, ViewError> {
        let Some(locator) = file.locator(&self.sources.catalog)? else {
            return Ok(None);
        };
        let key = key(&locator);
        let bytes = if here.contains(&key.origin) {
            0
        } else {
            let kept = self.sources.store.kept(&key);
            key.revision.size.saturating_sub(kept)
        };
        let key = Arc::new(key);
        Ok(Some(Missing { file, key, bytes }))
    }

    /// The files at a path of the tree, and below it where `below`: at most `most` tracks, as players show
    /// them, and then as many others. Of a cover, the file that its picture is in. `None` where there is
    /// nothing.
    ///
    /// # Errors
    /// Where the tree cannot be read.
    pub(crate) fn files_at(
        &self,
        path: &str,
        below: bool,
        most: usize,
    ) -> Result<Option<Vec<FileRef>>, ViewError> {
        let Some(top) = self.tree.resolve(path)? else {
            return Ok(self.cover_at(path)?.map(|file| vec![file]));
        };
        let (mut tracks, mut others) = (Vec::new(), Vec::new());
        let (mut todo, top) = (vec![top.clone()], top.ino);
        while let Some(node) = todo.pop().filter(|_| tracks.len() < most) {
            match FileRef::of(&node) {
                Some(track @ FileRef::Track(_)) => tracks.push(track),
                Some(other) => others.push(other),
                None if below || node.ino == top => {
                    let mut entries = self.entries(node.ino)?;
                    entries.reverse();
                    todo.append(&mut entries);
                }
                None => {}
            }
        }
        others.truncate(most);
        tracks.append(&mut others);
        Ok(Some(tracks))
    }

    fn cover_at(&self, path: &str) -> Result<Option<FileRef>, ViewError> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if !is_cover(name) {
            return Ok(None);
        }
        let Some(directory) = self.tree.resolve(directory)? else {
            return Ok(None);
        };
        let source = self.tree.cover(directory.ino)?;
        Ok(source.map(|source| match source.from {
            CoverFile::Track(track) => FileRef::Track(track),
            CoverFile::Sidecar(sidecar) => FileRef::Sidecar(sidecar),
        }))
    }

    /// What a directory of the tree holds, as players show it.
    fn entries(&self, directory: Ino) -> Result<Vec<Node>, ViewError> {
        let (mut nodes, mut after) = (Vec::new(), Ino(0));
        loop {
            let page = self.tree.list(directory, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.ino;
            nodes.extend(page);
        }
        order::sort(&mut nodes);
        Ok(nodes)
    }

    /// How a file is doing, for people.
    ///
    /// # Errors
    /// Where a view cannot be read.
    fn told(&self, file: FileRef) -> Result<String, ViewError> {
        let (waiting, left) = {
            let desk = self.desk.lock();
            let is_it = |job: &&Arc<Job>| job.file.file == file;
            let left = desk.left.iter().rfind(is_it).cloned();
            (desk.under_way_or_likely(file), left)
        };
        if let Some(job) = waiting {
            let (done, size) = (rough(job.done()), rough(job.size()));
            return Ok(match job.state() {
                State::Waiting => format!("waiting: {done} of {size} are here\n"),
                _ => format!("being fetched: {done} of {size} are here\n"),
            });
        }
        let Some(file) = self.files(&[file])?.pop() else {
            return Ok("gone\n".to_owned());
        };
        let size = rough(file.key.revision.size);
        if file.bytes == 0 {
            return Ok(format!("here: {size}\n"));
        }
        let missing = rough(file.bytes);
        Ok(match left.map(|job| job.state()) {
            Some(State::Left(why)) => {
                format!("asked for: {missing} of {size} are missing; the last time: {why}\n")
            }
            _ => format!("asked for: {missing} of {size} are missing\n"),
        })
    }

    /// Somebody has read a path of `.prefetch`. Returns at once.
    fn hint(&self, path: &str) {
        let mut desk = self.desk.lock();
        if desk.hints.len() < REMEMBERED && !desk.hints.iter().any(|it| it == path) {
            desk.hints.push_back(path.to_owned());
        }
        drop(desk);
        self.wake.notify_one();
    }
}

impl Desk {
    /// The file that is being fetched, or waits because it was asked for.
    fn under_way(&self, file: FileRef) -> Option<Arc<Job>> {
        let mut flying = self.flying.iter();
        let flying = flying.find(|job| job.file.file == file);
        flying.or_else(|| self.queue.asked(file)).cloned()
    }

    /// As [`under_way`](Self::under_way), or likely to be played.
    fn under_way_or_likely(&self, file: FileRef) -> Option<Arc<Job>> {
        let found = self.under_way(file);
        found.or_else(|| self.queue.find(file).cloned())
    }

    /// A file that was being fetched is not any more.
    fn landed(&mut self, job: &Arc<Job>) {
        self.flying.retain(|other| !Arc::ptr_eq(other, job));
        match job.state() {
            State::Here => self.unread.fetched(job),
            _ => {
                self.left.push_back(Arc::clone(job));
                if self.left.len() > REMEMBERED {
                    self.left.pop_front();
                }
            }
        }
    }
}

impl fuse::Audience for Prefetch {
    fn read(&self, access: fuse::Access) {
        self.desk.lock().unread.read(access.track);
    }
}

#[async_trait]
impl Part for Prefetch {
    async fn apply(&self, new: &Config, now: &mut Config) -> Told {
        *self.settings.lock() = new.prefetch;
        if !new.prefetch.enabled {
            self.desk.lock().queue.forget_all();
        }
        now.prefetch = new.prefetch;
        self.wake.notify_one();
        Told::default()
    }
}
