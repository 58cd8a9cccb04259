//! Blobs: sparse files, named by number, that hold the bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use xxhash_rust::xxh3::xxh3_64;

use crate::index::BlobId;
use crate::place;

/// Directories that blobs are spread over, so that none gets very large.
const SPREAD: i64 = 256;

/// What is written to find out whether the disk takes anything.
const PROBE: &str = "probe";

/// The blobs of a store.
#[derive(Debug)]
pub(crate) struct Blobs {
    dir: PathBuf,
}

impl Blobs {
    /// The blobs in `dir`, which is made where it is not there.
    pub(crate) fn open(dir: PathBuf) -> io::Result<Self> {
        place::make(&dir)?;
        Ok(Self { dir })
    }

    fn path(&self, id: BlobId) -> PathBuf {
        let within = format!("{:02x}", id.0.rem_euclid(SPREAD));
        self.dir.join(within).join(id.0.to_string())
    }

    /// A blob to write to; new where there is none yet.
    pub(crate) fn create(&self, id: BlobId) -> io::Result<File> {
        let path = self.path(id);
        let open = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            options.open(&path)
        };
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
                open()
            }
            opened => opened,
        }
    }

    /// A blob to read from.
    pub(crate) fn open_to_read(&self, id: BlobId) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// True where the disk takes what is written.
    pub(crate) fn take_writes(&self) -> bool {
        let path = self.dir.join(PROBE);
        let write = || {
            let mut probe = place::file(&path)?;
            probe.write_all(b"written")?;
            probe.sync_all()
        };
        let taken = write().is_ok();
        // One that stays is written over the next time.
        drop(fs::remove_file(&path));
        taken
    }

    /// Deletes a blob, where it is there.
    pub(crate) fn delete(&self, id: BlobId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            deleted => deleted,
        }
    }

    /// Gives the space of a stretch of a blob back. Where the filesystem cannot, it stays taken until
    /// the blob is deleted.
    pub(crate) fn punch(&self, id: BlobId, offset: u64, len: u64) -> io::Result<()> {
        let blob = match OpenOptions::new().write(true).open(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match fallocate(&blob, flags, offset, len) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Every blob that there is. Names that are none of ours are left alone.
    pub(crate) fn all(&self) -> io::Result<Vec<BlobId>> {
        let mut all = Vec::new();
        for within in fs::read_dir(&self.dir)? {
            let within = within?;
            if !within.file_type()?.is_dir() {
                continue;
            }
            for blob in fs::read_dir(within.path())? {
                let name = blob?.file_name();
                let id = name.to_str().and_then(|name| name.parse().ok());
                all.extend(id.map(BlobId));
            }
        }
        Ok(all)
    }
}

/// Fills `buffer` from `offset`; whether what is there has that sum.
pub(crate) fn read_checked(
    blob: &File,
    offset: u64,
    buffer: &mut [u8],
    sum: u64,
) -> io::Result<bool> {
    match blob.read_exact_at(buffer, offset) {
        Ok(()) => Ok(xxh3_64(buffer) == sum),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
