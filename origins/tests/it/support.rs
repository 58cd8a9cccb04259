//! A folder to try things in, and short ways to look at it.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eventlog::OriginPath;
use futures::StreamExt;
use futures::executor::block_on;
use origins::{Depth, Directory, LocalOrigin, Origin, WalkError};
use tempfile::TempDir;

/// A temporary folder; `music` within it is the root, so that there is something outside.
pub(crate) struct Folder {
    outer: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        // For the tests that take off their rights.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(outer.path(), open).unwrap();
        fs::create_dir(outer.path().join("music")).unwrap();
        Self { outer }
    }

    pub(crate) fn outer(&self) -> &Path {
        self.outer.path()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.outer.path().join("music")
    }

    /// A path within the root.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file, with its parents, and gives it a time that no file had before.
    pub(crate) fn put(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        put(&self.root().join(name), bytes);
    }

    pub(crate) fn mkdir(&self, name: &str) {
        fs::create_dir_all(self.at(name)).unwrap();
    }

    pub(crate) fn link(&self, target: impl AsRef<Path>, name: &str) {
        std::os::unix::fs::symlink(target, self.at(name)).unwrap();
    }

    pub(crate) fn origin(&self) -> LocalOrigin {
        LocalOrigin::new("local".parse().unwrap(), self.root()).unwrap()
    }

    pub(crate) fn shared(&self) -> Arc<dyn Origin> {
        Arc::new(self.origin())
    }
}

pub(crate) fn put(path: &Path, bytes: &[u8]) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static CLOCK: AtomicU64 = AtomicU64::new(1);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    let step = CLOCK.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_600_000_000_000_000_000 + step);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

pub(crate) fn path(text: &str) -> OriginPath {
    OriginPath::new(text.as_bytes()).unwrap()
}

pub(crate) fn walk(origin: &dyn Origin, from: &str) -> Vec<Result<Directory, WalkError>> {
    block_on(origin.walk(&path(from), Depth::All).collect())
}

/// Every listed file, sorted; panics where a directory could not be listed.
pub(crate) fn files(origin: &dyn Origin) -> Vec<String> {
    let mut names = Vec::new();
    for directory in walk(origin, "") {
        let directory = directory.unwrap();
        let join = |name: &[u8]| directory.path.join(name).unwrap().to_string();
        names.extend(directory.files.iter().map(|file| join(&file.name)));
    }
    names.sort();
    names
}

/// Everything that writing to a tree would leave a trace in: the time of change (ctime) moves with
/// whatever is done to a file, its times and rights included.
pub(crate) fn fingerprint(root: &Path) -> Vec<u8> {
    let mut print = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        print.extend(path.as_os_str().as_bytes());
        for number in [
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec(),
        ] {
            print.extend(number.to_le_bytes());
        }
        print.extend(meta.mode().to_le_bytes());
        if meta.is_dir() {
            let mut below: Vec<_> = fs::read_dir(&path)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            below.sort();
            todo.extend(below);
        } else if meta.is_file() {
            print.extend(fs::read(&path).unwrap());
        }
    }
    print
}

/// Runs `work` on a thread without the rights of root, if it has them; what that thread starts has
/// none, either. Rights are a matter of each thread in Linux.
pub(crate) fn as_ordinary_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let user = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(65534);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            work()
        });
        user.join().unwrap()
    })
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
