//! The library that `tests/make-library.sh` makes, and files in memory that count their reads.

use std::cell::Cell;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use eventlog::tags::{DefectKind, Media};
use formats::ReadAt;

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("library");
    let _ = std::fs::remove_dir_all(&dir);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/make-library.sh");
    let status = Command::new(script).arg(&dir).status().unwrap();
    assert!(
        status.success(),
        "tests/make-library.sh failed: see above which packages it wants"
    );
    dir
});

/// The made library's directory.
pub(crate) fn library() -> &'static Path {
    &LIBRARY
}

/// All files of the library, in order.
pub(crate) fn files() -> Vec<PathBuf> {
    fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
        let mut entries: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, files);
            } else {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(library(), &mut files);
    files
}

/// The library's audio files, by name.
pub(crate) fn audio_files() -> Vec<PathBuf> {
    files()
        .into_iter()
        .filter(|path| formats::is_audio_name(name_of(path)))
        .collect()
}

pub(crate) fn name_of(path: &Path) -> &[u8] {
    path.file_name().unwrap().as_bytes()
}

/// What a file on disk says.
pub(crate) fn read_file(path: &Path) -> Media {
    formats::read(&Memory::new(std::fs::read(path).unwrap()), name_of(path)).unwrap()
}

/// What a file of the library says.
pub(crate) fn read_made(path: &str) -> Media {
    read_file(&library().join(path))
}

/// What bytes say under a name.
pub(crate) fn read_bytes(bytes: Vec<u8>, name: &str) -> Media {
    formats::read(&Memory::new(bytes), name.as_bytes()).unwrap()
}

/// The picture of a file, which is as large as reading the file says; none where it is damaged.
pub(crate) fn cover_of(bytes: Vec<u8>, name: &str) -> Option<Vec<u8>> {
    let file = Memory::new(bytes);
    let media = formats::read(&file, name.as_bytes()).unwrap();
    checked_cover(&file, name.as_bytes(), &media)
}

/// The picture of a file that says that.
pub(crate) fn checked_cover(file: &Memory, name: &[u8], media: &Media) -> Option<Vec<u8>> {
    match formats::cover(file, name) {
        Ok(cover) => {
            let size = cover.as_ref().map(|picture| picture.len() as u64);
            assert_eq!(size, media.cover);
            cover
        }
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
            assert!(media.cover.is_some());
            None
        }
    }
}

pub(crate) fn defects(media: &Media) -> Vec<DefectKind> {
    media.defects.iter().map(|defect| defect.kind).collect()
}

/// A file in memory, perhaps with a length beyond its bytes (the rest reads as zeros), that counts
/// what is read of it.
pub(crate) struct Memory {
    pieces: Vec<(u64, Vec<u8>)>,
    len: u64,
    pub(crate) reads: Cell<usize>,
    pub(crate) bytes: Cell<usize>,
    pub(crate) longest: Cell<usize>,
}

impl Memory {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self::sparse(vec![(0, bytes)], len)
    }

    /// A file of `len` bytes with these pieces at these places.
    pub(crate) fn sparse(pieces: Vec<(u64, Vec<u8>)>, len: u64) -> Self {
        Self {
            pieces,
            len,
            reads: Cell::new(0),
            bytes: Cell::new(0),
            longest: Cell::new(0),
        }
    }
}

impl ReadAt for Memory {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = buf
            .len()
            .min(usize::try_from(self.len.saturating_sub(offset)).unwrap());
        let buf = &mut buf[..len];
        buf.fill(0);
        for (start, piece) in &self.pieces {
            let from = (*start).max(offset);
            let to = (start + piece.len() as u64).min(offset + len as u64);
            if from < to {
                let at = |place: u64, origin: u64| usize::try_from(place - origin).unwrap();
                buf[at(from, offset)..at(to, offset)]
                    .copy_from_slice(&piece[at(from, *start)..at(to, *start)]);
            }
        }
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + len);
        self.longest.set(self.longest.get().max(len));
        Ok(len)
    }
}
