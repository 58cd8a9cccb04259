//! How long it takes to tell what is likely to be played next: `predict STATE TRACKS`.
//!
//! The state's views have to be there, of so many tracks. Asks for tracks all over the library, and prints
//! one line of JSON with the 99th percentile and the longest, in seconds.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use eventlog::TrackId;
use musicfs::prefetch::{Album, Heard, Next};
use musicfs::state::StateDir;
use projections::Views;

const QUESTIONS: u64 = 2_000;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(state), Some(tracks)) = (args.next(), args.next()) else {
        return Err("usage: predict STATE TRACKS".into());
    };
    let state = StateDir::existing(&PathBuf::from(state))?;
    let tracks: u64 = tracks.parse()?;
    let (_, tree) = Views::open_read_only(&state.views_dir())?;
    let album = Album::new(tree);
    let mut times = Vec::new();
    let mut found = 0;
    for question in 0..QUESTIONS {
        let number = question.wrapping_mul(0x9E37_79B9_7F4A_7C15) % tracks + 1;
        let began = Instant::now();
        found += album.after(Heard::of(0, TrackId(number)), 3)?.len();
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).or(times.last());
    let (p99, longest) = (at(99).copied(), at(100).copied());
    let told = serde_json::json!({ "p99": p99, "longest": longest, "found": found });
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}
