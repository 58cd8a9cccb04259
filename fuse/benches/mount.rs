//! What the mount costs beside the native filesystem (PERF-3 to PERF-6, PERF-8): medians of
//! several runs on the same files. `cargo bench -p musicfs-fuse`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at any error"
)]

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{Revision, TrackId};
use fuse::{
    Attribute, FileId, Filesystem, FsError, Ino, Lane, Library, Located, MountOptions, Node,
    NodeKind, Original, Originals, Totals,
};

const ENTRIES: u64 = 100_000;
const BIG: usize = 1 << 30;
const DIRECTORY: Ino = Ino(2);
const RUNS: usize = 7;

/// One directory of many small tracks, and one large track in the root.
struct Shelf {
    directory: PathBuf,
    names: HashMap<Box<str>, Node>,
    nodes: Vec<Node>,
    big: Node,
}

impl Shelf {
    fn new(directory: &Path) -> Self {
        let big_path = directory.join("big");
        std::fs::write(&big_path, vec![7; BIG]).unwrap();
        let size = BIG as u64;
        let big = file(Ino(3), Ino::ROOT, "big", TrackId(1), size);
        std::fs::create_dir(directory.join("many")).unwrap();
        let nodes: Vec<_> = (0..ENTRIES)
            .map(|n| {
                let name = format!("{n:06}.flac");
                std::fs::write(directory.join("many").join(&name), "x").unwrap();
                file(Ino(2 * n + 5), DIRECTORY, &name, TrackId(n + 2), 1)
            })
            .collect();
        let names = nodes
            .iter()
            .map(|node| (node.name.clone(), node.clone()))
            .collect();
        Self {
            directory: directory.to_owned(),
            names,
            nodes,
            big,
        }
    }
}

fn file(ino: Ino, parent: Ino, name: &str, track: TrackId, size: u64) -> Node {
    Node {
        ino,
        parent,
        name: name.into(),
        kind: NodeKind::File {
            file: FileId::Track(track),
            size,
        },
        mtime_ns: 0,
    }
}

fn directory(ino: Ino, name: &str, subdirectories: u32) -> Node {
    let kind = NodeKind::Directory { subdirectories };
    Node {
        ino,
        parent: Ino::ROOT,
        name: name.into(),
        kind,
        mtime_ns: 0,
    }
}

impl Library for Shelf {
    fn node(&self, ino: Ino) -> Result<Option<Node>, FsError> {
        Ok(match ino {
            Ino::ROOT => Some(directory(ino, "", 1)),
            DIRECTORY => Some(directory(ino, "many", 0)),
            _ if ino == self.big.ino => Some(self.big.clone()),
            _ => self
                .nodes
                .get(usize::try_from(ino.0 / 2).unwrap() - 2)
                .cloned(),
        })
    }

    fn lookup(&self, parent: Ino, name: &str) -> Result<Option<Node>, FsError> {
        Ok(match (parent, name) {
            (Ino::ROOT, "big") => Some(self.big.clone()),
            (Ino::ROOT, "many") => Some(directory(DIRECTORY, "many", 0)),
            (DIRECTORY, name) => self.names.get(name).cloned(),
            _ => None,
        })
    }

    fn list(&self, listed: Ino, after: Ino, limit: usize) -> Result<Vec<Node>, FsError> {
        let root = [directory(DIRECTORY, "many", 0), self.big.clone()];
        let nodes = if listed == DIRECTORY {
            self.nodes.as_slice()
        } else {
            &root
        };
        let start = nodes.partition_point(|node| node.ino <= after);
        Ok(nodes.iter().skip(start).take(limit).cloned().collect())
    }

    fn totals(&self) -> Result<Totals, FsError> {
        Ok(Totals {
            nodes: ENTRIES + 3,
            bytes: BIG as u64 + ENTRIES,
        })
    }
}

impl Originals for Shelf {
    fn locate(&self, _: FileId) -> Result<Box<dyn Located>, FsError> {
        Ok(Box::new(Big(self.directory.join("big"))))
    }

    fn attribute(&self, _: FileId, _: Attribute) -> Result<Option<Vec<u8>>, FsError> {
        Ok(None)
    }

    fn changed(&self, _: FileId) {}
}

struct Big(PathBuf);

impl Located for Big {
    fn lane(&self) -> Lane {
        Lane {
            id: 1,
            limit: Duration::from_secs(5),
        }
    }

    fn open(self: Box<Self>) -> Result<Box<dyn Original>, FsError> {
        let file = File::open(&self.0).unwrap();
        let revision = revision(&file);
        Ok(Box::new(Opened { file, revision }))
    }
}

struct Opened {
    file: File,
    revision: Revision,
}

impl Original for Opened {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, FsError> {
        let read = self.file.read_at(buffer, offset).unwrap();
        assert!(
            revision(&self.file) == self.revision,
            "nothing changes here"
        );
        Ok(read)
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

fn revision(file: &File) -> Revision {
    let metadata = file.metadata().unwrap();
    Revision {
        size: metadata.len(),
        mtime_ns: metadata.mtime_nsec(),
        tag: None,
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn runs(mut work: impl FnMut() -> Duration) -> Duration {
    median((0..RUNS).map(|_| work()).collect())
}

/// Lists and stats everything, as `find -size` does.
fn find(root: &Path) {
    let entries = std::fs::read_dir(root.join("many")).unwrap();
    assert_eq!(
        entries
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum::<u64>(),
        ENTRIES
    );
}

fn list(root: &Path) {
    assert_eq!(
        std::fs::read_dir(root.join("many")).unwrap().count() as u64,
        ENTRIES
    );
}

fn stat(root: &Path) {
    for n in 0..ENTRIES {
        std::fs::metadata(root.join(format!("many/{n:06}.flac"))).unwrap();
    }
}

fn sequential(root: &Path) {
    let file = File::open(root.join("big")).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut offset = 0;
    while let read @ 1.. = file.read_at(&mut buffer, offset).unwrap() {
        offset += read as u64;
    }
    assert_eq!(offset, BIG as u64);
}

/// The 99th percentile of reads of 128 KiB anywhere.
fn random(root: &Path) -> Duration {
    let file = File::open(root.join("big")).unwrap();
    let mut buffer = vec![0; 128 << 10];
    let mut at = 1_u64;
    let mut times: Vec<_> = (0..2000)
        .map(|_| {
            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let offset = (at >> 20) % (BIG as u64 - (128 << 10));
            time(|| drop(file.read_at(&mut buffer, offset)))
        })
        .collect();
    times.sort();
    times.get(1980).copied().unwrap_or_default()
}

/// A fresh mount, so that the kernel knows nothing, for one piece of work.
fn mounted<T>(shelf: &Arc<Shelf>, passthrough: bool, work: impl FnOnce(&Path) -> T) -> T {
    let place = tempfile::tempdir().unwrap();
    let options = MountOptions {
        passthrough,
        ..MountOptions::default()
    };
    let (library, originals) = (Arc::clone(shelf), Arc::clone(shelf));
    let filesystem = Filesystem::new(library, originals, Vec::new(), options.owner());
    let mounted = fuse::mount(Arc::new(filesystem), place.path(), &options).unwrap();
    let result = work(place.path());
    mounted.unmount(Duration::from_secs(5)).unwrap();
    result
}

fn rate(took: Duration) -> String {
    format!("{:.0} MB/s", BIG as f64 / took.as_secs_f64() / 1e6)
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Shelf::new(dir.path()));
    let native = dir.path();
    sequential(native);
    find(native);
    let cold = |work: fn(&Path)| runs(|| mounted(&shelf, false, |root| time(|| work(root))));
    println!(
        "list 100,000, first: {:?} (native {:?})",
        cold(list),
        runs(|| time(|| list(native)))
    );
    println!("stat 100,000, each unknown: {:?} together", cold(stat));
    mounted(&shelf, false, |root| {
        find(root);
        for (name, work) in [("find", find as fn(&Path)), ("stat", stat)] {
            let (ours, theirs) = (runs(|| time(|| work(root))), runs(|| time(|| work(native))));
            println!("{name} 100,000, repeated: {ours:?} (native {theirs:?})");
        }
    });
    println!(
        "read 1 GiB: native {}",
        rate(runs(|| time(|| sequential(native))))
    );
    println!("read 1 GiB: plain, kernel cold {}", rate(cold(sequential)));
    for (name, passthrough) in [("passthrough", true), ("plain, kernel warm", false)] {
        let took = mounted(&shelf, passthrough, |root| {
            sequential(root);
            runs(|| time(|| sequential(root)))
        });
        println!("read 1 GiB: {name} {}", rate(took));
    }
    println!(
        "random 128 KiB, p99: plain {:?}",
        mounted(&shelf, false, random)
    );
    println!(
        "random 128 KiB, p99: passthrough {:?}",
        mounted(&shelf, true, random)
    );
    println!("random 128 KiB, p99: native {:?}", random(native));
}
