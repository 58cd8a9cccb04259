//! How fast files are read whose bytes are in the page cache:
//! `cargo bench -p musicfs-formats --bench tags`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use formats::ReadAt;

struct OnDisk {
    file: File,
    len: u64,
}

impl OnDisk {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

impl ReadAt for OnDisk {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
}

/// The formats of `tests/make-library.sh`, made once.
fn library() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-library");
    if !dir.exists() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/make-library.sh");
        let made = Command::new(script)
            .arg(&dir)
            .status()
            .is_ok_and(|status| status.success());
        assert!(made, "{script} failed");
    }
    dir.join("Formats")
}

fn tags(criterion: &mut Criterion) {
    let library = library();
    let mut group = criterion.benchmark_group("open_and_read");
    group.throughput(Throughput::Elements(1));
    for name in [
        "flac.flac",
        "id3v24.mp3",
        "three tags.mp3",
        "opus.opus",
        "vorbis.ogg",
        "aac.m4a",
        "info.wav",
        "wavpack.wv",
    ] {
        let path = library.join(name);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let file = OnDisk::open(&path)?;
                formats::read(&file, name.as_bytes())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, tags);
criterion_main!(benches);
