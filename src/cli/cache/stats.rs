//! `musicfs cache stats`.

use proto::v1;

use super::AtRest;
use crate::cache::size::rough;
use crate::cli::context::Context;
use crate::cli::output::counted;
use crate::control::{json, received};
use crate::report::Result;

pub(super) async fn run(context: &Context) -> Result<()> {
    let stats = match context.connect_if_running().await? {
        Some(client) => {
            let asked = v1::GetCacheStatsRequest {};
            let answer = client.cache().get_cache_stats(asked).await;
            answer.map_err(|status| received(&status))?.into_inner()
        }
        None => AtRest::open(context).await?.stats().await?,
    };
    let mut out = context.output();
    if context.json() {
        out.json(&json::cache_stats(&stats))?;
    } else if stats.enabled {
        out.table(&rows(&stats))?;
    } else if stats.problem.is_empty() {
        out.line("nothing is kept: `cache.enabled` is false")?;
    } else {
        out.line(format!("nothing is kept: {}", stats.problem))?;
    }
    out.end()
}

fn rows(stats: &v1::GetCacheStatsResponse) -> Vec<[String; 2]> {
    let row = |name: &str, text: String| [name.to_owned(), text];
    let files = counted(stats.files, "file", "files");
    let mut rows = vec![
        row(
            "kept",
            format!("{} of {} at most", rough(stats.bytes), rough(stats.limit)),
        ),
        row("in", String::from_utf8_lossy(&stats.directory).into_owned()),
        row(
            "of",
            format!("{files}, in {}", counted(stats.chunks, "chunk", "chunks")),
        ),
        row(
            "saved",
            format!(
                "{}, since what several files have is kept once",
                rough(stats.referenced_bytes.saturating_sub(stats.bytes))
            ),
        ),
    ];
    if let Some(pins) = stats.pins.filter(|pins| pins.pins > 0) {
        let missing = match pins.missing_bytes {
            0 => "all of it is here".to_owned(),
            missing => format!("{} are missing", rough(missing)),
        };
        let tracks = counted(pins.tracks, "track", "tracks");
        rows.push(row(
            "pinned",
            format!("{tracks}, {}; {missing}", rough(pins.bytes)),
        ));
    }
    if let Some(done) = stats.counts {
        rows.push(row("reads", reads(done.hits, done.misses)));
        rows.push(row(
            "fetched",
            format!(
                "{}, of which {} could not be kept",
                rough(done.fetched_bytes),
                rough(done.passed_bytes)
            ),
        ));
        rows.push(row(
            "left",
            format!("{}, to make room", counted(done.evicted, "file", "files")),
        ));
        rows.push(row(
            "damaged",
            counted(done.damaged, "stretch", "stretches"),
        ));
    }
    if let Some(ahead) = stats.prefetch {
        rows.push(row("fetched ahead", prefetched(&ahead)));
    }
    if stats.pressed {
        let why = "the disk is nearly full, or fails: nothing is fetched before it is asked for";
        rows.push(row("warning", why.to_owned()));
    }
    rows
}

fn prefetched(ahead: &v1::PrefetchCounts) -> String {
    let v1::PrefetchCounts {
        tracks,
        bytes,
        hits,
        wasted,
        waiting,
    } = ahead;
    let tracks = counted(*tracks, "track", "tracks");
    let waiting = match waiting {
        0 => String::new(),
        waiting => format!("; {waiting} to come"),
    };
    let bytes = rough(*bytes);
    format!("{tracks}, {bytes}; {hits} of them were read since, {wasted} left unread{waiting}")
}

fn reads(hits: u64, misses: u64) -> String {
    let all = hits.saturating_add(misses);
    let share = match all {
        0 => String::new(),
        all => format!(" ({} %)", u128::from(hits) * 100 / u128::from(all)),
    };
    format!("{hits} from what is kept{share}, {misses} from origins, since the start")
}
