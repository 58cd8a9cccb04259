//! Watching a folder and all below it through inotify(7).
//!
//! Used directly: opens are not watched, so that MusicFS's own reading fills no queue, and a new
//! directory is listed after its watch stands, so that what is made in it meanwhile is not lost.

use std::io::{PipeReader, pipe};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use eventlog::OriginPath;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::beneath::Beneath;
use super::error::failed;
use super::list::{Lister, Want, is_left_out};
use super::remote::remote;
use super::root::Root;
use super::table::Table;
use super::walk::is_listed;
use super::watches::Watches;
use crate::debounce::Debouncer;
use crate::origin::{ErrorKind, OriginError, Watch};
use crate::refresh::RefreshPolicy;

const MASK: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::EXCL_UNLINK)
    .union(WatchFlags::ONLYDIR);

/// How often the root is looked at: a disk mounted over it makes no event.
const LOOK: Duration = Duration::from_secs(30);
/// How soon a report is offered again to a reader that has not taken the last one, and the least
/// time between two looks at what is due.
const TICK: Duration = Duration::from_millis(20);
/// Bytes of events taken from the kernel at a time.
const BUFFER: usize = 64 * 1024;

/// Watches the root and every directory below it; returns once all watches stand. `None` where
/// the root is on a share or the like, of whose changes the kernel is not told.
///
/// The channel ends when the root is removed, moved, unmounted or mounted over, or when a new
/// directory cannot be watched. A disk that is mounted or unmounted below the root makes everything
/// dirty; so does the time, while a share is mounted there. Not seen: a change of a link's target
/// where the link is to a file.
pub(super) fn watch(root: Arc<Root>) -> Result<Option<Watch>, OriginError> {
    let kind = {
        let folder = root.reach()?.open_folder(&OriginPath::root());
        let kind = folder.and_then(|folder| remote(&folder.fd));
        kind.map_err(|errno| refused(&root, errno))?
    };
    if let Some(kind) = kind {
        let path = root.path().display();
        tracing::info!(%path, "not watched, but listed at intervals: it is on {kind}");
        return Ok(None);
    }
    let watcher = Watcher::start(root)?;
    let failed = |what: &str, error: std::io::Error| OriginError {
        kind: ErrorKind::Exhausted,
        message: format!("cannot watch: no {what}: {error}"),
    };
    let (ended, guard) = pipe().map_err(|error| failed("pipe", error))?;
    // Room for one report: what a slow reader leaves is merged with what comes.
    let (reports, events) = mpsc::channel(1);
    thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || guarded(|| watcher.run(&ended, &reports)))
        .map_err(|error| failed("thread", error))?;
    Ok(Some(Watch {
        events,
        _guard: Box::new(guard),
    }))
}

/// Runs the thread of a watch. Where it dies of a bug, the end of its channel has the watch started
/// again; the bug itself must not go unseen.
fn guarded(run: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        tracing::error!("a watch failed; this is a bug, please report it with the log");
    }
}

struct Watcher {
    root: Arc<Root>,
    identity: (u64, u64),
    inotify: OwnedFd,
    watches: Watches,
    debouncer: Debouncer,
    lister: Lister,
    /// `None` where the system does not show its mounts.
    table: Option<Table>,
    /// True where a share or the like is mounted below the root.
    partly_remote: bool,
}

struct Event {
    watch: i32,
    flags: ReadFlags,
    name: Option<Box<[u8]>>,
}

/// Why the watcher woke up.
enum Woken {
    /// It may have something to do.
    Due,
    /// Something was mounted or unmounted on this machine.
    Remounted,
    /// Nobody wants to know any more.
    Ended,
}

/// Why a watch ends.
enum Lost {
    /// The root is not what it was.
    Root,
    /// The system refused.
    Refused(OriginError),
}

impl Watcher {
    fn start(root: Arc<Root>) -> Result<Self, OriginError> {
        let shared = Arc::clone(&root);
        let beneath = shared.reach()?;
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
            .map_err(|errno| refused(&root, errno))?;
        let table = Table::open(root.real()).ok();
        let mut watcher = Self {
            root,
            identity: beneath.identity(),
            inotify,
            watches: Watches::default(),
            debouncer: Debouncer::default(),
            lister: Lister::default(),
            table,
            partly_remote: false,
        };
        watcher.cover(&beneath, OriginPath::root())?;
        // What is there from the start is no change.
        watcher.debouncer = Debouncer::default();
        Ok(watcher)
    }

    /// Runs until the watch is lost, or the other end of `ended` is closed.
    fn run(mut self, ended: &PipeReader, reports: &mpsc::Sender<crate::origin::Dirty>) {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        let (mut looked, mut polled) = (Instant::now(), Instant::now());
        loop {
            let remounted = match self.wait(ended, reports) {
                Ok(Woken::Ended) => return,
                Ok(Woken::Remounted) => true,
                Ok(Woken::Due) => false,
                Err(errno) => return tracing::warn!(%errno, "watch ended: cannot wait for events"),
            };
            let mut result = self.take_events(&mut buffer);
            if result.is_ok() && remounted {
                result = self.look_at_table();
            }
            if result.is_ok() && looked.elapsed() >= LOOK {
                looked = Instant::now();
                result = self.look();
            }
            if self.partly_remote && polled.elapsed() >= RefreshPolicy::INTERVAL {
                polled = Instant::now();
                self.debouncer.note_everything(polled);
            }
            let path = self.root.path().display();
            match result {
                Ok(()) => {}
                Err(Lost::Root) => return tracing::warn!(%path, "watch ended: the root is gone"),
                Err(Lost::Refused(error)) => return tracing::warn!(%path, "watch ended: {error}"),
            }
            if let Ok(place) = reports.try_reserve()
                && let Some(dirty) = self.debouncer.due(Instant::now())
            {
                place.send(dirty);
            }
        }
    }

    /// Waits for events, for something to fall due, for a change of mounts, or for the end.
    fn wait(
        &self,
        ended: &PipeReader,
        reports: &mpsc::Sender<crate::origin::Dirty>,
    ) -> Result<Woken, Errno> {
        let due = self
            .debouncer
            .next()
            .map(|due| due.saturating_duration_since(Instant::now()));
        let limit = due.map_or(LOOK, |due| due.clamp(TICK, LOOK));
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        let mut ready = vec![
            PollFd::new(ended, PollFlags::empty()),
            PollFd::new(&self.inotify, PollFlags::IN),
        ];
        let table = self.table.iter();
        ready.extend(table.map(|table| PollFd::new(table, PollFlags::PRI)));
        match poll(&mut ready, Some(&limit)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        let told = |of: usize| ready.get(of).is_some_and(|fd| !fd.revents().is_empty());
        Ok(if told(0) || reports.is_closed() {
            Woken::Ended
        } else if told(2) {
            Woken::Remounted
        } else {
            Woken::Due
        })
    }

    /// A disk that came has files and no watches; one that went took its watches along.
    fn look_at_table(&mut self) -> Result<(), Lost> {
        match self.table.as_mut().map(Table::has_changed) {
            Some(Ok(true)) => self.start_over(),
            Some(Err(error)) => {
                tracing::warn!(%error, "mounts are not watched any more");
                self.table = None;
                Ok(())
            }
            Some(Ok(false)) | None => Ok(()),
        }
    }

    fn take_events(&mut self, buffer: &mut [MaybeUninit<u8>]) -> Result<(), Lost> {
        let mut events = Vec::new();
        let mut reader = inotify::Reader::new(&self.inotify, buffer);
        let broken = loop {
            // One buffer at a time, or constant writing would keep reports waiting.
            if !events.is_empty() && reader.is_buffer_empty() {
                break None;
            }
            match reader.next() {
                Ok(event) => events.push(Event {
                    watch: event.wd(),
                    flags: event.events(),
                    name: event.file_name().map(|name| name.to_bytes().into()),
                }),
                Err(Errno::AGAIN | Errno::INTR) => break None,
                Err(errno) => break Some(errno),
            }
        };
        if let Some(errno) = broken {
            return Err(Lost::Refused(refused(&self.root, errno)));
        }
        events.into_iter().try_for_each(|event| self.take(&event))
    }

    fn take(&mut self, event: &Event) -> Result<(), Lost> {
        if event.flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            return self.start_over();
        }
        let paths = self.watches.paths(event.watch);
        let itself =
            ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT | ReadFlags::IGNORED;
        if event.flags.intersects(itself) && paths.iter().any(OriginPath::is_root) {
            return Err(Lost::Root);
        }
        if event.flags.contains(ReadFlags::IGNORED) {
            self.watches.end(event.watch);
        }
        for path in paths {
            match &event.name {
                Some(name) => self.take_change(&path, name, event.flags)?,
                None => self.debouncer.note(&path, b"", Instant::now()),
            }
        }
        Ok(())
    }

    fn take_change(
        &mut self,
        directory: &OriginPath,
        name: &[u8],
        flags: ReadFlags,
    ) -> Result<(), Lost> {
        // As in a listing, or a file moved to a waste basket would be a track there.
        if is_left_out(name) {
            return Ok(());
        }
        self.debouncer.note(directory, name, Instant::now());
        let Ok(path) = directory.join(name) else {
            return Ok(());
        };
        if flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
            for watch in self.watches.forget(&path) {
                self.remove(watch);
            }
        }
        // A directory that may be listed from now on has no watch yet.
        let opened =
            flags.contains(ReadFlags::ATTRIB | ReadFlags::ISDIR) && !self.watches.has(&path);
        if opened || flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
            let root = Arc::clone(&self.root);
            let covered = root.reach().and_then(|beneath| self.cover(&beneath, path));
            covered.map_err(Lost::Refused)?;
        }
        Ok(())
    }

    /// Watches `from`, where it is a directory, and all below; notes each, so that it is listed
    /// after its watch stood.
    fn cover(&mut self, beneath: &Beneath<'_>, from: OriginPath) -> Result<(), OriginError> {
        let mut todo = vec![from];
        while let Some(path) = todo.pop() {
            let below = match self.cover_one(beneath, &path) {
                Ok(below) => below,
                // Its change is lost to all watching; only the whole can be given up.
                Err(errno @ (Errno::NOSPC | Errno::NOMEM | Errno::MFILE | Errno::NFILE)) => {
                    return Err(refused(&self.root, errno));
                }
                Err(errno) if path.is_root() => return Err(refused(&self.root, errno)),
                Err(errno) => {
                    tracing::debug!(%path, %errno, "not watched");
                    continue;
                }
            };
            self.debouncer.note(&path, b"", Instant::now());
            let below = below.iter().filter_map(|name| path.join(name).ok());
            todo.extend(below.filter(is_listed));
        }
        Ok(())
    }

    fn cover_one(
        &mut self,
        beneath: &Beneath<'_>,
        path: &OriginPath,
    ) -> Result<Vec<Box<[u8]>>, Errno> {
        let folder = beneath.open_folder(path)?;
        if self.root.mounts().meet(path, &folder) {
            self.partly_remote |= remote(&folder.fd)?.is_some();
        }
        // By its descriptor: no race over names, no limit to their length.
        let name = format!("/proc/self/fd/{}", folder.fd.as_raw_fd());
        let watch = inotify::add_watch(&self.inotify, name, MASK)?;
        if let Some(orphan) = self.watches.add(path, watch) {
            self.remove(orphan);
        }
        let listed = self
            .lister
            .list(beneath, &folder, path, Want::Directories)?;
        Ok(listed.directories)
    }

    fn remove(&self, watch: i32) {
        // It fails where the directory and its watch have gone already: as wanted.
        let _ = inotify::remove_watch(&self.inotify, watch);
    }

    /// After lost events: new directories may be unwatched. All watches are made anew.
    fn start_over(&mut self) -> Result<(), Lost> {
        let mut again = Self::start(Arc::clone(&self.root)).map_err(Lost::Refused)?;
        again.debouncer.note_everything(Instant::now());
        *self = again;
        Ok(())
    }

    /// Fails where the root's path leads to another folder than the one that is watched.
    fn look(&self) -> Result<(), Lost> {
        let beneath = self.root.reach().map_err(Lost::Refused)?;
        if beneath.identity() == self.identity {
            Ok(())
        } else {
            Err(Lost::Root)
        }
    }
}

fn refused(root: &Root, errno: Errno) -> OriginError {
    let path = root.path().display();
    let limit = match errno {
        Errno::NOSPC => "fs.inotify.max_user_watches",
        Errno::MFILE => "fs.inotify.max_user_instances (or ulimit -n)",
        errno => return failed(format_args!("watch {path}"), errno),
    };
    OriginError {
        kind: ErrorKind::Exhausted,
        message: format!("cannot watch {path}: the limit {limit} is reached; raise it with sysctl"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::debounce::QUIET;
    use crate::origin::Dirty;

    #[test]
    fn a_watch_that_dies_of_a_bug_ends_its_channel() {
        let (reports, mut events) = mpsc::channel::<Dirty>(1);
        guarded(move || {
            let _reports = reports;
            panic!("as the test wants");
        });
        assert_eq!(events.blocking_recv(), None);
    }

    /// The thread is not started, so that the kernel's queue fills up for certain.
    #[test]
    fn lost_events_make_everything_dirty_and_all_watches_new() {
        let folder = tempfile::tempdir().unwrap();
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let limit: usize = limit.trim().parse().unwrap();
        let mut watcher = Watcher::start(Arc::new(Root::new(folder.path()).unwrap())).unwrap();
        for number in 0..=limit {
            fs::File::create(folder.path().join(if number % 2 == 0 { "1" } else { "2" })).unwrap();
        }
        fs::create_dir_all(folder.path().join("unseen/deep")).unwrap();

        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        let mut last = None;
        while last != Some(Dirty::Everything) {
            assert!(watcher.take_events(&mut buffer).is_ok());
            last = watcher.debouncer.due(Instant::now() + QUIET).or(last);
        }
        fs::write(folder.path().join("unseen/deep/3"), b"").unwrap();
        assert!(watcher.take_events(&mut buffer).is_ok());
        let deep = OriginPath::new(&b"unseen/deep"[..]).unwrap();
        let due = watcher.debouncer.due(Instant::now() + QUIET);
        assert_eq!(due, Some(Dirty::Directories(vec![deep])));
    }
}
