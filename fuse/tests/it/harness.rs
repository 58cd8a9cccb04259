//! A small library in memory over real files, and a mount of it.

mod mount;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use eventlog::{Revision, TrackId};
use fuse::special::SpecialDir;
use fuse::special::status::{StatusDir, StatusSource};
use fuse::{
    Access, Attribute, Audience, Change, ErrorKind, FileId, Filesystem, FsError, Ino, Lane,
    Library, Located, MountOptions, Node, NodeKind, Original, Originals, Totals,
};
use tempfile::TempDir;

pub(crate) use mount::{Mount, errno, names, noise, within};

/// A name whose lookup panics.
pub(crate) const PANIC: &str = "panic";
/// The modification time of everything in the tree.
pub(crate) const MTIME_NS: i64 = 1_700_000_000_123_456_789;

/// The library, its files, and what happened to it.
pub(crate) struct World {
    dir: TempDir,
    state: Mutex<State>,
    /// Tracks found changed, in order.
    pub(crate) changed: Mutex<Vec<TrackId>>,
    /// Reads told of, in order.
    pub(crate) read: Mutex<Vec<Access>>,
    /// Readings of `.status/rescan`.
    pub(crate) rescans: AtomicU64,
    pub(crate) disk: Arc<Disk>,
}

/// How the disk under the originals behaves.
pub(crate) struct Disk {
    stalled: Mutex<bool>,
    released: Condvar,
    pub(crate) panics: AtomicBool,
    /// How long it has for each request, in milliseconds.
    pub(crate) limit_ms: AtomicU64,
}

struct State {
    nodes: BTreeMap<Ino, Node>,
    names: HashMap<(Ino, Box<str>), Ino>,
    tracks: HashMap<TrackId, (PathBuf, Revision)>,
    next_directory: u64,
    next_track: u64,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        let root = Node {
            ino: Ino::ROOT,
            parent: Ino::ROOT,
            name: "".into(),
            kind: NodeKind::Directory { subdirectories: 0 },
            mtime_ns: MTIME_NS,
        };
        Arc::new(Self {
            dir: tempfile::tempdir().unwrap(),
            state: Mutex::new(State {
                nodes: BTreeMap::from([(Ino::ROOT, root)]),
                names: HashMap::new(),
                tracks: HashMap::new(),
                next_directory: 2,
                next_track: 1,
            }),
            changed: Mutex::default(),
            read: Mutex::default(),
            rescans: AtomicU64::new(0),
            disk: Arc::new(Disk {
                stalled: Mutex::default(),
                released: Condvar::new(),
                panics: AtomicBool::new(false),
                limit_ms: AtomicU64::new(30_000),
            }),
        })
    }

    pub(crate) fn filesystem(self: &Arc<Self>) -> Arc<Filesystem> {
        self.filesystem_with(&MountOptions::default())
    }

    pub(crate) fn filesystem_with(self: &Arc<Self>, options: &MountOptions) -> Arc<Filesystem> {
        let status: Box<dyn SpecialDir> = Box::new(StatusDir::new(Arc::clone(self)));
        let owner = options.owner();
        let (library, originals) = (Arc::clone(self), Arc::clone(self));
        let filesystem = Filesystem::new(library, originals, vec![status], owner);
        let audience: Arc<dyn Audience> = Arc::clone(self) as _;
        Arc::new(filesystem.with_audience(audience))
    }

    /// Adds a track with these bytes, and the directories above it.
    pub(crate) fn add(&self, path: &str, bytes: &[u8]) -> (TrackId, Vec<Change>) {
        let next = self.state.lock().unwrap().next_track;
        let original = self.dir.path().join(next.to_string());
        std::fs::write(&original, bytes).unwrap();
        self.add_original(path, original)
    }

    /// Adds a track that is this file.
    pub(crate) fn add_original(&self, path: &str, original: PathBuf) -> (TrackId, Vec<Change>) {
        let mut state = self.state.lock().unwrap();
        let track = TrackId(state.next_track);
        state.next_track += 1;
        let revision = revision(&File::open(&original).unwrap());
        let size = revision.size;
        state.tracks.insert(track, (original, revision));
        let mut changes = Vec::new();
        let (parent, name) = state.make_parents(path, &mut changes);
        let ino = Ino(2 * track.0 + 1);
        let file = FileId::Track(track);
        let kind = NodeKind::File { file, size };
        state.put(
            Node {
                ino,
                parent,
                name: name.into(),
                kind,
                mtime_ns: MTIME_NS,
            },
            &mut changes,
        );
        (track, changes)
    }

    /// Takes a track or an empty directory out of the tree.
    pub(crate) fn remove(&self, path: &str) -> Vec<Change> {
        let mut state = self.state.lock().unwrap();
        let node = state.find(path).unwrap();
        state.nodes.remove(&node.ino);
        state.names.remove(&(node.parent, node.name.clone()));
        if matches!(node.kind, NodeKind::Directory { .. }) {
            state.count_directory(node.parent, -1);
        }
        vec![Change::EntryRemoved {
            parent: node.parent,
            name: node.name,
        }]
    }

    /// Moves a track in the tree.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Vec<Change> {
        let mut state = self.state.lock().unwrap();
        let node = state.find(from).unwrap();
        state.names.remove(&(node.parent, node.name.clone()));
        let mut changes = vec![Change::EntryRemoved {
            parent: node.parent,
            name: node.name.clone(),
        }];
        let (parent, name) = state.make_parents(to, &mut changes);
        state.put(
            Node {
                parent,
                name: name.into(),
                ..node
            },
            &mut changes,
        );
        changes
    }

    /// The library takes note of the state that an original is in.
    pub(crate) fn rescan(&self, path: &str) -> Vec<Change> {
        let mut state = self.state.lock().unwrap();
        let mut node = state.find(path).unwrap();
        let NodeKind::File {
            file: FileId::Track(track),
            ..
        } = node.kind
        else {
            panic!("{path} is no track")
        };
        let known = state.tracks.get_mut(&track).unwrap();
        known.1 = revision(&File::open(&known.0).unwrap());
        node.kind = NodeKind::File {
            file: FileId::Track(track),
            size: known.1.size,
        };
        let ino = node.ino;
        state.nodes.insert(ino, node);
        vec![Change::FileChanged { ino }]
    }

    /// Where the original of a track is.
    pub(crate) fn original(&self, track: TrackId) -> PathBuf {
        self.state.lock().unwrap().tracks[&track].0.clone()
    }

    pub(crate) fn ino(&self, path: &str) -> Ino {
        self.state.lock().unwrap().find(path).unwrap().ino
    }

    /// From now on opening and reading wait, until the guard is dropped.
    pub(crate) fn stall(&self) -> Stall {
        *self.disk.stalled.lock().unwrap() = true;
        Stall(Arc::clone(&self.disk))
    }
}

impl Disk {
    fn wait(&self) {
        let mut stalled = self.stalled.lock().unwrap();
        while *stalled {
            stalled = self.released.wait(stalled).unwrap();
        }
    }
}

pub(crate) struct Stall(Arc<Disk>);

impl Drop for Stall {
    fn drop(&mut self) {
        *self.0.stalled.lock().unwrap() = false;
        self.0.released.notify_all();
    }
}

impl State {
    fn child(&self, parent: Ino, name: &str) -> Option<&Node> {
        self.nodes.get(self.names.get(&(parent, name.into()))?)
    }

    fn find(&self, path: &str) -> Option<Node> {
        let root = self.nodes.get(&Ino::ROOT)?;
        path.split('/')
            .try_fold(root, |node, name| self.child(node.ino, name))
            .cloned()
    }

    fn make_parents<'a>(&mut self, path: &'a str, changes: &mut Vec<Change>) -> (Ino, &'a str) {
        let (directories, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut parent = Ino::ROOT;
        for name in directories.split('/').filter(|name| !name.is_empty()) {
            if let Some(node) = self.child(parent, name) {
                parent = node.ino;
                continue;
            }
            let ino = Ino(self.next_directory);
            self.next_directory += 2;
            let kind = NodeKind::Directory { subdirectories: 0 };
            self.count_directory(parent, 1);
            self.put(
                Node {
                    ino,
                    parent,
                    name: name.into(),
                    kind,
                    mtime_ns: MTIME_NS,
                },
                changes,
            );
            parent = ino;
        }
        (parent, name)
    }

    fn put(&mut self, node: Node, changes: &mut Vec<Change>) {
        changes.push(Change::EntryAdded {
            parent: node.parent,
            name: node.name.clone(),
        });
        self.names
            .insert((node.parent, node.name.clone()), node.ino);
        self.nodes.insert(node.ino, node);
    }

    fn count_directory(&mut self, parent: Ino, by: i32) {
        if let Some(NodeKind::Directory { subdirectories }) =
            self.nodes.get_mut(&parent).map(|node| &mut node.kind)
        {
            *subdirectories = subdirectories.checked_add_signed(by).unwrap();
        }
    }
}

impl Library for World {
    fn node(&self, ino: Ino) -> Result<Option<Node>, FsError> {
        Ok(self.state.lock().unwrap().nodes.get(&ino).cloned())
    }

    fn lookup(&self, parent: Ino, name: &str) -> Result<Option<Node>, FsError> {
        assert_ne!(name, PANIC, "on purpose");
        Ok(self.state.lock().unwrap().child(parent, name).cloned())
    }

    fn list(&self, directory: Ino, after: Ino, limit: usize) -> Result<Vec<Node>, FsError> {
        let state = self.state.lock().unwrap();
        let later = state.nodes.range(Ino(after.0 + 1)..).map(|(_, node)| node);
        let children = later.filter(|node| node.parent == directory && node.ino != Ino::ROOT);
        Ok(children.take(limit).cloned().collect())
    }

    fn totals(&self) -> Result<Totals, FsError> {
        let state = self.state.lock().unwrap();
        let bytes = state
            .tracks
            .values()
            .map(|(_, revision)| revision.size)
            .sum();
        Ok(Totals {
            nodes: state.nodes.len() as u64,
            bytes,
        })
    }
}

impl Originals for World {
    fn locate(&self, file: FileId) -> Result<Box<dyn Located>, FsError> {
        let track = file.track().ok_or(ErrorKind::NotFound)?;
        let (path, expected) = self.state.lock().unwrap().tracks[&track].clone();
        let disk = Arc::clone(&self.disk);
        Ok(Box::new(Place {
            path,
            expected,
            disk,
        }))
    }

    fn attribute(&self, file: FileId, attribute: Attribute) -> Result<Option<Vec<u8>>, FsError> {
        Ok(match attribute {
            Attribute::TrackId => file.track().map(|track| track.to_string().into_bytes()),
            Attribute::Origin => Some(b"disk".to_vec()),
            Attribute::Path => Some(b"odd \xff name".to_vec()),
            _ => None,
        })
    }

    fn changed(&self, file: FileId) {
        self.changed.lock().unwrap().extend(file.track());
    }
}

impl Audience for World {
    fn read(&self, access: Access) {
        self.read.lock().unwrap().push(access);
    }
}

impl StatusSource for World {
    fn files(&self) -> &[&'static str] {
        &["version", "count"]
    }

    fn render(&self, file: &str) -> Option<String> {
        match file {
            "version" => Some("1.2.3\n".to_owned()),
            "count" => Some("x".repeat(self.state.lock().unwrap().tracks.len())),
            _ => None,
        }
    }

    fn rescan(&self) {
        self.rescans.fetch_add(1, Ordering::Relaxed);
    }
}

struct Place {
    path: PathBuf,
    expected: Revision,
    disk: Arc<Disk>,
}

impl Located for Place {
    fn lane(&self) -> Lane {
        let limit = Duration::from_millis(self.disk.limit_ms.load(Ordering::Relaxed));
        Lane { id: 1, limit }
    }

    fn open(self: Box<Self>) -> Result<Box<dyn Original>, FsError> {
        self.disk.wait();
        let file = File::open(&self.path).map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Io,
        })?;
        if revision(&file) != self.expected {
            return Err(ErrorKind::Stale.into());
        }
        Ok(Box::new(Local {
            file,
            revision: self.expected,
            disk: self.disk,
        }))
    }
}

struct Local {
    file: File,
    revision: Revision,
    disk: Arc<Disk>,
}

impl Original for Local {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, FsError> {
        self.disk.wait();
        assert!(!self.disk.panics.load(Ordering::Relaxed), "on purpose");
        let mut filled = 0;
        while filled < buffer.len() {
            let at = offset + filled as u64;
            match self
                .file
                .read_at(&mut buffer[filled..], at)
                .map_err(|_| ErrorKind::Io)?
            {
                0 => break,
                read => filled += read,
            }
        }
        if revision(&self.file) == self.revision {
            Ok(filled)
        } else {
            Err(ErrorKind::Stale.into())
        }
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

fn revision(file: &File) -> Revision {
    let metadata = file.metadata().unwrap();
    let mtime_ns = metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec();
    Revision {
        size: metadata.len(),
        mtime_ns,
        tag: None,
    }
}

/// Says on the terminal that a test had nothing to look at here; the harness knows only passed and
/// failed, once a test runs.
pub(crate) fn not_tested(why: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    // Past the capture of output, which would hide it.
    writeln!(std::io::stderr(), "{name} ... not tested: {why}").unwrap();
}
