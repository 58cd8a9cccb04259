//! Files that are read through a store, and what they cost.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use content::{DeltaVerify, Key, Limits, Purpose, Reader, Shape, Source, Store};
use eventlog::tags::ByteRange;
use eventlog::{ContentId, OriginPath, Revision};
use md5::{Digest, Md5};
use origins::{Algorithm, Checksum, ErrorKind, OriginError};
use parking_lot::Mutex;
use tokio::runtime::{Handle, Runtime};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that look like nothing else.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    bytes
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An original: bytes that somebody else has.
#[derive(Default)]
pub(crate) struct Original {
    pub(crate) bytes: Vec<u8>,
    pub(crate) requests: Mutex<Vec<Range<u64>>>,
    pub(crate) offline: Mutex<bool>,
    pub(crate) slow: Option<Duration>,
    /// Whether its origin tells its checksum.
    pub(crate) summed: bool,
}

impl Original {
    pub(crate) fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self {
            bytes,
            ..Self::default()
        })
    }

    /// What was asked for since this was last called.
    pub(crate) fn requests(&self) -> Vec<Range<u64>> {
        std::mem::take(&mut *self.requests.lock())
    }

    /// Bytes of these.
    pub(crate) fn fetched(&self) -> u64 {
        self.requests().iter().map(|it| it.end - it.start).sum()
    }
}

#[async_trait]
impl Source for Original {
    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        self.requests.lock().push(offset..offset + len as u64);
        if let Some(slow) = self.slow {
            tokio::time::sleep(slow).await;
        }
        if *self.offline.lock() {
            return Err(OriginError {
                kind: ErrorKind::Offline,
                message: "nobody answers".to_owned(),
            });
        }
        let from = usize::try_from(offset).unwrap().min(self.bytes.len());
        let to = from.saturating_add(len).min(self.bytes.len());
        Ok(Bytes::copy_from_slice(&self.bytes[from..to]))
    }

    async fn checksum(&self) -> Result<Option<Checksum>, OriginError> {
        Ok(self.summed.then(|| Checksum {
            algorithm: Algorithm::Md5,
            part: None,
            value: Md5::digest(&self.bytes).to_vec(),
            disproves: true,
        }))
    }
}

/// A store in a directory of its own.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
}

pub(crate) const ROOMY: Limits = Limits {
    bytes: 1 << 30,
    delta: DeltaVerify::Sampled,
};

impl World {
    pub(crate) fn new() -> Self {
        Self::with(ROOMY)
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), limits).unwrap();
        let runtime = Runtime::new().unwrap();
        Self {
            runtime,
            dir,
            store,
        }
    }

    /// Ends it, and begins it again on the same directory.
    pub(crate) fn again(self, limits: Limits) -> Self {
        let Self {
            runtime,
            dir,
            store,
        } = self;
        drop(store);
        let store = Store::open(dir.path(), limits).unwrap();
        Self {
            runtime,
            dir,
            store,
        }
    }

    pub(crate) fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    pub(crate) fn reader(&self, file: &File) -> Reader {
        self.open(file, Purpose::Listening)
    }

    pub(crate) fn open(&self, file: &File, purpose: Purpose) -> Reader {
        let source = Arc::clone(&file.original) as Arc<dyn Source>;
        self.store
            .reader(file.key.clone(), file.shape, source, self.handle(), purpose)
    }

    /// Reads a file from beginning to end, as programs do.
    pub(crate) fn play(&self, file: &File) -> Vec<u8> {
        all(&self.reader(file))
    }

    /// Reads a file, and waits until it is cut into chunks.
    pub(crate) fn store(&self, file: &File) {
        assert!(self.play(file) == file.original.bytes);
        self.chunked(file);
    }

    /// Waits until a file is cut into chunks, and the store knows how much it has.
    pub(crate) fn chunked(&self, file: &File) {
        let size = file.key.revision.size.cast_signed();
        let of = "SELECT coalesce(sum(len), 0) FROM pieces WHERE chunk IS NOT NULL AND file = \
                  (SELECT id FROM files WHERE path = ? AND mtime_ns = ?)";
        let key = (file.key.path.as_bytes(), file.key.revision.mtime_ns);
        until("it is cut into chunks", || self.ask(of, key) == size);
        self.counted();
    }

    /// Waits until what is kept is written down, and counted.
    pub(crate) fn counted(&self) {
        let all = "SELECT (SELECT coalesce(sum(len), 0) FROM chunks) \
                   + (SELECT coalesce(sum(len), 0) FROM pieces WHERE chunk IS NULL)";
        until("it is counted", || {
            self.store.flush();
            self.ask(all, ()) == self.store.bytes().cast_signed()
        });
    }

    fn ask(&self, select: &str, with: impl rusqlite::Params) -> i64 {
        let index = rusqlite::Connection::open(self.dir.path().join("index.db")).unwrap();
        index.query_row(select, with, |row| row.get(0)).unwrap()
    }

    pub(crate) fn presumed_nothing(&self) -> bool {
        self.store.presumed(None).is_empty()
    }

    /// The blobs on the disk.
    pub(crate) fn blobs(&self) -> Vec<std::path::PathBuf> {
        let mut blobs = Vec::new();
        for within in std::fs::read_dir(self.dir.path().join("data")).unwrap() {
            let within = std::fs::read_dir(within.unwrap().path()).unwrap();
            blobs.extend(within.map(|blob| blob.unwrap().path()));
        }
        blobs.sort();
        blobs
    }
}

/// Everything that a reader gives.
pub(crate) fn all(reader: &Reader) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 128 << 10]);
    loop {
        let count = reader.read_at(&mut buffer, bytes.len() as u64).unwrap();
        if count == 0 {
            return bytes;
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}

/// A file that the library knows.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) number: u64,
    pub(crate) key: Key,
    pub(crate) shape: Shape,
    pub(crate) original: Arc<Original>,
}

impl File {
    /// A file of tags, sound, and what follows it, at a revision of its own.
    pub(crate) fn new(number: u64, mtime_ns: i64, head: &[u8], sound: &[u8], tail: &[u8]) -> Self {
        Self::of(
            number,
            mtime_ns,
            [head, sound, tail].concat(),
            head.len(),
            sound.len(),
        )
    }

    fn of(number: u64, mtime_ns: i64, bytes: Vec<u8>, offset: usize, len: usize) -> Self {
        let revision = Revision {
            size: bytes.len() as u64,
            mtime_ns,
            tag: None,
        };
        // As real ones are: of samples, and so the same where the middle differs.
        let mut content = [0; 16];
        let sound = &bytes[offset..offset + len];
        content[..8].copy_from_slice(&(len as u64).to_le_bytes());
        content[8..].copy_from_slice(sound.get(..8).unwrap_or(&[0; 8]));
        Self {
            number,
            key: Key {
                origin: "nas".parse().unwrap(),
                path: OriginPath::new(format!("{number}.flac").into_bytes()).unwrap(),
                revision,
            },
            shape: Shape {
                audio: ByteRange {
                    offset: offset as u64,
                    len: len as u64,
                },
                content: ContentId(content),
                checksummed: false,
            },
            original: Original::new(bytes),
        }
    }

    /// The same on an origin that tells checksums.
    pub(crate) fn summed(self) -> Self {
        let original = Original {
            bytes: self.original.bytes.clone(),
            summed: true,
            ..Original::default()
        };
        Self {
            original: Arc::new(original),
            ..self
        }
    }

    /// A file of noise.
    pub(crate) fn noise(number: u64, len: usize) -> Self {
        let bytes = noise(number, len);
        Self::of(number, 1, bytes, len / 50, len - len / 50)
    }
}
