//! The suite that every origin passes, on a local folder.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use eventlog::OriginPath;
use origins::Origin;
use origins::conformance::{Fixture, check_all, ready};

use crate::support::{Folder, fingerprint, put};

struct Local {
    folder: Folder,
    origin: Arc<dyn Origin>,
}

impl Local {
    fn new() -> Self {
        let folder = Folder::new();
        let origin = folder.shared();
        Self { folder, origin }
    }

    fn place(&self, path: &OriginPath) -> PathBuf {
        self.folder
            .root()
            .join(Path::new(std::ffi::OsStr::from_bytes(path.as_bytes())))
    }
}

#[async_trait]
impl Fixture for Local {
    fn origin(&self) -> Arc<dyn Origin> {
        Arc::clone(&self.origin)
    }

    async fn put(&self, path: &OriginPath, bytes: &[u8]) {
        put(&self.place(path), bytes);
    }

    async fn remove(&self, path: &OriginPath) {
        fs::remove_file(self.place(path)).unwrap();
    }

    async fn disconnect(&self) {
        fs::rename(self.folder.root(), self.folder.outer().join("elsewhere")).unwrap();
    }

    async fn fingerprint(&self) -> Vec<u8> {
        fingerprint(&self.folder.root())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_folder_conforms() {
    check_all(&|| ready(Local::new())).await;
}

/// The sources of local origins name nothing that writes (ORG-2, invariant 6).
#[test]
fn no_path_of_the_code_can_write() {
    let writing = [
        "WRONLY",
        "RDWR",
        "OFlags::CREATE",
        "TRUNC",
        "APPEND",
        "unlink",
        "rename(",
        "mkdir",
        "utimens",
        "chmod",
        "chown",
        "truncate(false",
        "set_len",
        "fs::write",
        "File::create",
        "OpenOptions",
        "File::options",
        "setxattr",
        "symlinkat",
        "linkat(",
        "fallocate",
        "pwrite",
        "write_at",
        "write_all",
    ];
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/local");
    let mut seen = 0;
    for entry in fs::read_dir(sources).unwrap() {
        let source = entry.unwrap().path();
        let text = fs::read_to_string(&source).unwrap();
        // Reading a link is no writing; tests have to.
        let code = text
            .split("#[cfg(test)]")
            .next()
            .unwrap()
            .replace("readlinkat(", "");
        for word in writing {
            assert!(!code.contains(word), "{} names {word}", source.display());
        }
        seen += 1;
    }
    assert!(seen > 5);
}
