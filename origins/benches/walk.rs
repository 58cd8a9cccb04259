//! Listing 100,000 files (PERF-10), beside `find -printf` on the same files in the same run.
//!
//! `cargo bench -p musicfs-origins --bench walk [-- FOLDER]`; without a folder one of 1,000 albums
//! of 100 empty files is made.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use origins::{Depth, LocalOrigin, Origin};

const RUNS: usize = 9;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let made = tempfile::tempdir()?;
    let folder = match std::env::args_os().skip(1).find(|arg| arg != "--bench") {
        Some(folder) => PathBuf::from(folder),
        None => {
            make(made.path())?;
            made.path().to_owned()
        }
    };
    let origin = Arc::new(LocalOrigin::new("bench".parse()?, folder.clone())?);
    let count = futures::executor::block_on(list(&*origin))?;
    let ours = median(|| futures::executor::block_on(list(&*origin)).map(drop))?;
    let find = median(|| find(&folder).map_err(Into::into))?;
    let mut out = io::stdout().lock();
    io::Write::write_fmt(
        &mut out,
        format_args!("{count} files: walk {ours:?}, find -printf {find:?} (medians of {RUNS})\n"),
    )?;
    Ok(())
}

fn make(folder: &Path) -> io::Result<()> {
    for album in 0..1_000 {
        let album = folder.join(format!("Artist {}/Album {album}", album / 10));
        fs::create_dir_all(&album)?;
        for track in 0..100 {
            File::create(album.join(format!("{track:02} - A title of usual length.flac")))?;
        }
    }
    Ok(())
}

async fn list(origin: &dyn Origin) -> Result<usize, Box<dyn std::error::Error>> {
    let mut walk = origin.walk(&eventlog::OriginPath::root(), Depth::All);
    let mut count = 0;
    while let Some(directory) = walk.next().await {
        count += directory?.files.len();
    }
    Ok(count)
}

fn find(folder: &Path) -> io::Result<()> {
    let mut command = Command::new("find");
    command
        .arg(folder)
        .args(["-type", "f", "-printf", "%p %s %T@\n"])
        .stdout(Stdio::null());
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other("find failed"))
    }
}

fn median(
    mut work: impl FnMut() -> Result<(), Box<dyn std::error::Error>>,
) -> Result<Duration, Box<dyn std::error::Error>> {
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times.get(RUNS / 2).copied().ok_or_else(|| "no run".into())
}
