//! Streams files while others keep the daemon busy, and tells how long each read took:
//! `load MOUNT STATE SECONDS READERS FOLLOWERS CALLERS`.
//!
//! Each reader plays a file of its own over and over: 128 KiB at a time, twenty times a second, of
//! which the kernel is told to keep nothing, so that the daemon is asked. Followers read events as they
//! come; each caller asks for the status five times a second. One line of JSON tells the outcome.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use musicfs::control::Client;
use musicfs::state::StateDir;
use proto::v1;
use proto::v1::subscribe_events_request::From;
use rustix::fs::{Advice, fadvise};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const BLOCK: usize = 128 << 10;
const READ_EVERY: Duration = Duration::from_millis(50);
const CALL_EVERY: Duration = Duration::from_millis(200);

/// What the others got done meanwhile.
#[derive(Default)]
struct Counts {
    calls: AtomicU64,
    events: AtomicU64,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mount, state, seconds, readers, followers, callers] = &args[..] else {
        return Err("usage: load MOUNT STATE SECONDS READERS FOLLOWERS CALLERS".into());
    };
    let mut files = files(Path::new(mount))?;
    files.truncate(readers.parse()?);
    let (over, counts) = (AtomicBool::new(false), Arc::new(Counts::default()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut latencies = thread::scope(|scope| -> Result<Vec<Duration>> {
        let playing: Vec<_> = files
            .iter()
            .enumerate()
            .map(|(index, file)| {
                let begin = READ_EVERY * u32::try_from(index).unwrap_or_default() / 32;
                let over = &over;
                scope.spawn(move || play(file, begin, over))
            })
            .collect();
        let state = StateDir::existing(Path::new(state));
        let busy = runtime.block_on(async {
            let state = state.map_err(|report| report.to_string())?;
            for _ in 0..followers.parse()? {
                let client = Client::connect(&state).await.map_err(|it| it.to_string())?;
                tokio::spawn(follow(client, Arc::clone(&counts)));
            }
            for _ in 0..callers.parse()? {
                let client = Client::connect(&state).await.map_err(|it| it.to_string())?;
                tokio::spawn(call(client, Arc::clone(&counts)));
            }
            tokio::time::sleep(Duration::from_secs(seconds.parse()?)).await;
            Ok(())
        });
        over.store(true, Ordering::Relaxed);
        let mut latencies = Vec::new();
        for player in playing {
            latencies.extend(player.join().map_err(|_| "a reader panicked")??);
        }
        busy.map(|()| latencies)
    })?;
    latencies.sort_unstable();
    let quantile = |share: usize| {
        let at = latencies.get(latencies.len().saturating_sub(1) * share / 1_000);
        at.map_or(0.0, Duration::as_secs_f64)
    };
    use std::io::Write;
    writeln!(
        std::io::stdout(),
        "{{\"reads\": {}, \"p50\": {}, \"p99\": {}, \"calls\": {}, \"events\": {}}}",
        latencies.len(),
        quantile(500),
        quantile(990),
        counts.calls.load(Ordering::Relaxed),
        counts.events.load(Ordering::Relaxed),
    )?;
    Ok(())
}

/// Plays a file until it is over. Returns how long each read took.
fn play(path: &Path, begin: Duration, over: &AtomicBool) -> Result<Vec<Duration>> {
    let (file, mut block) = (File::open(path)?, vec![0; BLOCK]);
    let (mut at, mut due) = (0, Instant::now() + begin);
    let mut latencies = Vec::new();
    while !over.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += READ_EVERY;
        let began = Instant::now();
        let length = file.read_at(&mut block, at)?;
        latencies.push(began.elapsed());
        at += length as u64;
        if length < block.len() {
            fadvise(&file, 0, None, Advice::DontNeed)?;
            at = 0;
        }
    }
    Ok(latencies)
}

async fn follow(client: Client, counts: Arc<Counts>) -> Result<()> {
    let request = v1::SubscribeEventsRequest {
        from: Some(From::Now(true)),
        follow: true,
        ..Default::default()
    };
    let mut events = client
        .events()
        .subscribe_events(request)
        .await?
        .into_inner();
    while events.message().await?.is_some() {
        counts.events.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn call(client: Client, counts: Arc<Counts>) -> Result<()> {
    loop {
        client.control().get_status(v1::GetStatusRequest {}).await?;
        counts.calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(CALL_EVERY).await;
    }
}

fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            match entry.metadata()? {
                meta if meta.is_dir() => folders.push(entry.path()),
                meta if meta.len() > 1 << 20 => found.push(entry.path()),
                _ => {}
            }
        }
    }
    Ok(found)
}
