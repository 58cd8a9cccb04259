//! Figures of search: FIND-2, the size of the index, and memory.
//!
//! `cargo bench -p musicfs-search -- [TRACKS]`.

#![expect(clippy::print_stdout, reason = "what a benchmark prints is its result")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::conformance::samples;
use eventlog::{Event, EventStore, Field, NewEvent, SqliteStore};
use projections::Views;
use search::{Query, Search};
use tokio::runtime::Runtime;

type Failure = Box<dyn std::error::Error>;

/// Words that titles, albums and artists are made of.
const SYLLABLES: [&str; 24] = [
    "ba", "ro", "ki", "sun", "mar", "tel", "vo", "nim", "dra", "lo", "fen", "qui", "zar", "mo",
    "pel", "tri", "an", "ber", "gos", "hal", "ix", "jun", "wes", "yor",
];
const COMMON: [&str; 12] = [
    "love", "night", "blue", "the", "of", "live", "dream", "heart", "river", "dance", "time", "you",
];

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).filter(|it| !it.starts_with("--"));
    let tracks: u64 = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    let opened = runtime.block_on(SqliteStore::open(directory.path().join("events.db")));
    let log: Arc<dyn EventStore> = Arc::new(opened?);
    let mut rng = fastrand::Rng::with_seed(1);
    for first in (1..=tracks).step_by(5_000) {
        let events: Vec<NewEvent> = (first..(first + 5_000).min(tracks + 1))
            .map(|track| NewEvent::now(song(track, &mut rng), None))
            .collect();
        runtime.block_on(log.append(log.head(), &events))?;
    }
    let views = directory.path().join("views");
    let kept = Arc::new(Views::open(&views, log.clone(), runtime.handle())?);
    runtime.block_on(kept.wait_for(log.head()))?;
    let before = resident();
    let began = Instant::now();
    let search = Search::start(&views, log.clone(), kept, runtime.handle().clone())?;
    let searcher = search.searcher();
    wait(&search, &*log);
    report("index built", began.elapsed());
    println!(
        "{:<34} {:>10.1} MB",
        "index on the disk",
        size(&views)? / 1e6
    );
    println!(
        "{:<34} {:>10.1} MB",
        "memory while it is built",
        resident() - before
    );
    let appended = Instant::now();
    let late = NewEvent::now(song(tracks + 1, &mut rng), None);
    runtime.block_on(log.append(log.head(), &[late]))?;
    wait(&search, &*log);
    report("a new track is found after", appended.elapsed());
    for (kind, fuzzy) in [
        ("one word", "~0"),
        ("one common word", "~0"),
        ("two common words", "~0"),
        ("word, maybe misspelt", ""),
        ("common word, maybe misspelt", ""),
    ] {
        let mut times = Vec::new();
        for _ in 0..1_000 {
            let common = pick(&mut rng, &COMMON);
            let text = match kind {
                "two common words" => format!("{common}{fuzzy} {}", pick(&mut rng, &COMMON)),
                kind if kind.contains("common") => common.to_owned(),
                _ => word(&mut rng),
            };
            times.push(time(&searcher, &format!("{text}{fuzzy}"))?);
        }
        percentiles(kind, times);
    }
    let mut times = Vec::new();
    for _ in 0..1_000 {
        let text = format!("{} {}", word(&mut rng), pick(&mut rng, &COMMON));
        times.push(time(&searcher, &text)?);
    }
    percentiles("two words, maybe misspelt", times);
    let mut times = Vec::new();
    for _ in 0..200 {
        let text = format!("\"{} of {}\"", pick(&mut rng, &COMMON), word(&mut rng));
        times.push(time(&searcher, &text)?);
    }
    percentiles("phrase", times);
    search.close();
    Ok(())
}

fn wait(search: &Search, log: &dyn EventStore) {
    while search.searcher().position() < Some(log.head()) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pick(rng: &mut fastrand::Rng, words: &[&'static str]) -> &'static str {
    rng.choice(words).copied().unwrap_or_default()
}

fn word(rng: &mut fastrand::Rng) -> String {
    (0..rng.usize(2..4))
        .map(|_| pick(rng, &SYLLABLES))
        .collect()
}

fn song(track: u64, rng: &mut fastrand::Rng) -> Event {
    let mut event = samples::discovery(track);
    if let Event::TrackDiscovered { media, .. } = &mut event {
        let mut of_artist = fastrand::Rng::with_seed(track / 100);
        let mut of_album = fastrand::Rng::with_seed(track / 10 + 1_000_000_007);
        let artist = format!("{} {}", word(&mut of_artist), word(&mut of_artist));
        let album = format!("{} {}", pick(&mut of_album, &COMMON), word(&mut of_album));
        let title = format!(
            "{} {} {}",
            pick(rng, &COMMON),
            pick(rng, &COMMON),
            word(rng)
        );
        media.tags.set(&Field::Artist, [&artist]);
        media.tags.set(&Field::AlbumArtist, [&artist]);
        media.tags.set(&Field::Album, [album]);
        media.tags.set(&Field::Title, [title]);
    }
    event
}

fn time(searcher: &search::Searcher, query: &str) -> Result<Duration, Failure> {
    let query = Query::parse(query)?;
    let began = Instant::now();
    searcher.now()?.find(&query, 0, 50)?;
    Ok(began.elapsed())
}

fn report(what: &str, took: Duration) {
    println!("{what:<34} {:>10.1} ms", took.as_secs_f64() * 1e3);
}

fn percentiles(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| {
        let time = times.get((times.len().saturating_sub(1)) * percent / 100);
        time.map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    println!("{what:<34} {:>10.2} ms, p99 {:>8.2} ms", at(50), at(99));
}

fn size(views: &Path) -> Result<f64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(views)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("search.") {
            for file in std::fs::read_dir(entry.path())? {
                bytes += file?.metadata()?.len();
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a size to show")]
    Ok(bytes as f64)
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .unwrap_or_default();
    let kib = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or_default() / 1e3
}
