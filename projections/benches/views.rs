//! Figures of catalog and tree: PERF-2, PERF-4, PERF-5, PERF-11, VIEW-7; of collections: FIND-3.
//!
//! `cargo bench -p musicfs-projections --bench views -- [TRACKS] [DIRECTORY]`; with a directory, the
//! log and views are kept there and used again.

#![expect(clippy::print_stdout, reason = "what a benchmark prints is its result")]

mod library;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{EventStore, Position, SqliteStore, Timestamp, TrackId};
use projections::collections::{Query, builtins};
use projections::{Ino, Node, TreeReader, ViewError, ViewName, Views};
use tokio::runtime::Runtime;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"));
    let tracks: u64 = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let kept = arguments.next().map(PathBuf::from);
    let scratch = tempfile::tempdir()?;
    let directory = kept.as_deref().unwrap_or(scratch.path());
    let runtime = Runtime::new()?;
    let log = Arc::new(runtime.block_on(SqliteStore::open(directory.join("events.db")))?);
    if log.head().0 == 0 {
        let began = Instant::now();
        runtime.block_on(library::write(&*log, tracks))?;
        report("log written", began.elapsed());
    }
    let views = directory.join("views");
    catch_up(&views, &log, &runtime)?;
    open(&views, &log, &runtime)?;
    let views = Views::open(&views, log.clone(), runtime.handle())?;
    latencies(&views, tracks)?;
    queries(&views, &runtime, log.head())?;
    println!(
        "{:<34} {:>10.1} MB",
        "resident after reading",
        resident("VmRSS:")
    );
    let before = processor_seconds();
    rebuild(&views)?;
    println!(
        "{:<34} {:>10.1} s",
        "  processor time",
        processor_seconds() - before
    );
    println!("{:<34} {:>10.1} MB", "resident at most", resident("VmHWM:"));
    views.close();
    Ok(())
}

/// From nothing, served as they grow.
fn catch_up(directory: &Path, log: &Arc<SqliteStore>, runtime: &Runtime) -> Result<(), Failure> {
    let began = Instant::now();
    let views = Views::open(directory, log.clone(), runtime.handle())?;
    runtime.block_on(views.wait_for(log.head()))?;
    report("both views caught up", began.elapsed());
    views.close();
    Ok(())
}

/// To the first answer of both.
fn open(directory: &Path, log: &Arc<SqliteStore>, runtime: &Runtime) -> Result<(), Failure> {
    let mut times = Vec::new();
    for _ in 0..11 {
        let began = Instant::now();
        let views = Views::open(directory, log.clone(), runtime.handle())?;
        views.tree().list(Ino::ROOT, Ino(0), 100)?;
        views.catalog().origins()?;
        times.push(began.elapsed());
        views.close();
    }
    percentiles("open to first answer", times);
    Ok(())
}

fn latencies(views: &Views, tracks: u64) -> Result<(), Failure> {
    let (tree, catalog) = (views.tree(), views.catalog());
    let mut samples = Vec::new();
    for n in 0..20_000_u64 {
        let track = TrackId(1 + n.wrapping_mul(2_654_435_761) % tracks);
        samples.extend(tree.node(Ino::of_track(track))?);
    }
    let origin = library::origin()?;
    time("lookup", &samples, |node| {
        tree.lookup(node.parent, &node.name)
    })?;
    time("lookup of no name", &samples, |node| {
        tree.lookup(node.parent, "no such")
    })?;
    time("node", &samples, |node| tree.node(node.ino))?;
    time("path_of", &samples, |node| tree.path_of(node.ino))?;
    let track = |node: &Node| node.ino.track().unwrap_or(TrackId(1));
    time("track", &samples, |node| catalog.track(track(node)))?;
    let directories: Result<Vec<_>, Failure> = samples
        .iter()
        .map(|node| Ok(library::place(track(node).0)?.0))
        .collect();
    time("files_in", &directories?, |directory| {
        catalog.files_in(&origin, directory)
    })?;
    list(&tree)
}

fn time<S, T>(
    what: &str,
    samples: &[S],
    ask: impl Fn(&S) -> Result<T, ViewError>,
) -> Result<(), Failure> {
    let mut times = Vec::with_capacity(samples.len());
    for sample in samples {
        let began = Instant::now();
        std::hint::black_box(ask(sample)?);
        times.push(began.elapsed());
    }
    percentiles(what, times);
    Ok(())
}

/// What collections ask, and showing what they find.
fn queries(views: &Views, runtime: &Runtime, head: Position) -> Result<(), Failure> {
    runtime.block_on(views.wait_for_view(ViewName::Collections, head))?;
    let (collections, tree) = (views.collections(), views.tree());
    let decades = collections.decades()?;
    let built_in = builtins(&decades).into_iter().map(|(_, query)| query);
    let own = [
        "genre:rock AND year:[1960 TO 1969] AND NOT played:<30d SORT added DESC LIMIT 100",
        "number OR tag.label:records SORT title LIMIT 10000",
        "title:\"number 7\" AND (plays:0 OR plays:>3)",
        "NOT (artist:nobody OR album:nothing OR path:nowhere) SORT path DESC",
    ];
    let own = own.into_iter().map(Query::parse);
    let queries: Vec<Query> = built_in.map(Ok).chain(own).collect::<Result<_, _>>()?;
    let mut times = Vec::new();
    for query in &queries {
        let began = Instant::now();
        let found = collections.find(query, Timestamp::now(), query.limit())?;
        let elapsed = began.elapsed();
        times.push(elapsed);
        let tracks: Vec<TrackId> = found.iter().map(|member| member.track).collect();
        let began = Instant::now();
        std::hint::black_box(tree.shown(&tracks)?);
        println!(
            "  {:>8.1} ms, shown in {:>6.1} ms: {} tracks of {query}",
            elapsed.as_secs_f64() * 1000.0,
            began.elapsed().as_secs_f64() * 1000.0,
            tracks.len()
        );
    }
    percentiles("a query of a collection", times);
    let times = (0..101).map(|_| {
        let began = Instant::now();
        collections.decades().map(|_| began.elapsed())
    });
    percentiles("decades", times.collect::<Result<_, _>>()?);
    Ok(())
}

/// The largest directory, in pages as readdir takes them.
fn list(tree: &TreeReader) -> Result<(), Failure> {
    let Some(node) = tree.resolve("Various Artists/Everything [FLAC]")? else {
        return Ok(());
    };
    for page in [256, 4096] {
        let began = Instant::now();
        let (mut after, mut entries) = (Ino(0), 0);
        loop {
            let found = tree.list(node.ino, after, page)?;
            let Some(last) = found.last() else { break };
            after = last.ino;
            entries += found.len();
        }
        report(
            &format!("list {entries} entries by {page}"),
            began.elapsed(),
        );
    }
    Ok(())
}

/// Catalog and tree at once: what a mount needs.
fn rebuild(views: &Views) -> Result<(), Failure> {
    let began = Instant::now();
    let reports = std::thread::scope(|scope| {
        let runs: Vec<_> = [ViewName::Catalog, ViewName::Tree]
            .iter()
            .map(|view| scope.spawn(|| views.rebuild(*view, &mut |_, _| {})))
            .collect();
        runs.into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect::<Vec<_>>()
    });
    report("both views rebuilt, with digests", began.elapsed());
    for run in reports {
        let run = run.map_err(|_| "a rebuild panicked")??;
        let rate = run.events_per_second();
        println!(
            "  {:<8} {:>8.0} events/s {:>8.2} s equal: {}",
            run.name,
            rate,
            run.elapsed.as_secs_f64(),
            run.equal == Some(true)
        );
    }
    Ok(())
}

fn percentiles(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{what:<34} p50 {:>8.1} µs  p99 {:>8.1} µs",
        at(50).as_secs_f64() * 1e6,
        at(99).as_secs_f64() * 1e6
    );
}

fn report(what: &str, took: Duration) {
    println!("{what:<34} {:>10.1} ms", took.as_secs_f64() * 1e3);
}

/// A figure of /proc/self/status, in MB.
fn resident(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.unwrap_or_default() / 1024.0
}

/// What this process has used of the processors, by /proc/self/stat: in hundredths of a second, the
/// 12th and 13th fields after the name.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}
