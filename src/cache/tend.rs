//! What is done for the content store in the background.

use std::collections::HashSet;
use std::time::Duration;

use content::{Key, Purpose, Source};
use projections::{TrackRow, ViewError};
use tokio::time::{Instant, sleep};

use crate::control::Engine;
use crate::originals::{Copies, Sources, key};

/// How long after the start the first sample is looked at, and how often after that (CAS-6, UP-6).
const FIRST: Duration = Duration::from_secs(30);
const DAILY: Duration = Duration::from_secs(24 * 60 * 60);

/// Chunks of a sample at the start, and of one a day.
const START_SAMPLE: u64 = 100;
const DAILY_SAMPLE: u64 = 2_000;

/// How often files are looked for whose sound is only presumed to be as it was.
const PRESUMED: Duration = Duration::from_secs(10);

/// Starts it.
pub(crate) fn tend(engine: &Engine) {
    if !engine.content.is_enabled() {
        return;
    }
    let stop = engine.supervisor.stop();
    let scrubbed = engine.clone();
    engine
        .supervisor
        .spawn("store scrub".to_owned(), stop.clone(), move || {
            scrub(scrubbed.clone())
        });
    let compared = engine.clone();
    engine
        .supervisor
        .spawn("store comparison".to_owned(), stop.clone(), move || {
            compare(compared.clone())
        });
}

async fn scrub(engine: Engine) {
    let stop = engine.supervisor.stop().clone();
    let (mut wait, mut sample) = (FIRST, START_SAMPLE);
    while stop.run_until_cancelled(sleep(wait)).await.is_some() {
        let (store, over) = (engine.content.clone(), stop.clone());
        let looked =
            tokio::task::spawn_blocking(move || store.scrub(sample, || !over.is_cancelled()));
        match looked.await {
            Ok(Ok(checked)) if checked.damaged > 0 => tracing::warn!(
                "{} of {} chunks of the content store were damaged; they are fetched again when needed",
                checked.damaged,
                checked.pieces
            ),
            Ok(Ok(checked)) => {
                tracing::debug!("{} chunks of the content store are sound", checked.pieces);
            }
            Ok(Err(error)) => tracing::warn!("the content store was not looked at: {error}"),
            Err(error) => tracing::error!("looking at the content store failed: {error}"),
        }
        (wait, sample) = (DAILY, DAILY_SAMPLE);
    }
}

/// Compares what was presumed with what is there, within the day's budget (CAS-3).
async fn compare(engine: Engine) {
    let stop = engine.supervisor.stop().clone();
    let budget = engine.verify_budget;
    let (mut day, mut spent) = (Instant::now(), 0_u64);
    let mut last = None;
    // What the store had taken over when nothing was left to compare: until it takes over more, nobody
    // has to look.
    let mut settled = None;
    // Before the catalog knows all that the log says, it lacks what is not gone.
    let known = engine.views.wait_for_catalog(engine.store.head());
    // One that is not kept any more is as it is, and the log said why.
    if stop.run_until_cancelled(known).await.is_none() {
        return;
    }
    while stop.run_until_cancelled(sleep(PRESUMED)).await.is_some() {
        if day.elapsed() >= DAILY {
            (day, spent) = (Instant::now(), 0);
        }
        let adopted = engine.content.figures().adopted;
        if spent >= budget || settled == Some(adopted) {
            continue;
        }
        let store = engine.content.clone();
        let some = tokio::task::spawn_blocking(move || store.presumed(last)).await;
        let some = some.unwrap_or_default();
        settled = (some.is_empty() && last.is_none()).then_some(adopted);
        // After the last of them, the first are looked at again.
        last = some.last().map(|(file, ..)| *file);
        let mut silent = HashSet::new();
        for (file, presumed, shape) in some {
            if spent >= budget || stop.is_cancelled() {
                break;
            }
            if silent.contains(&presumed.origin) {
                continue;
            }
            let (sources, key) = (engine.sources.clone(), presumed.clone());
            let row = tokio::task::spawn_blocking(move || living(&sources, &key)).await;
            let row = match row {
                Ok(Ok(Some(row))) => row,
                Ok(Ok(None)) => {
                    engine.content.outdated(file, &presumed);
                    continue;
                }
                Ok(Err(error)) => {
                    tracing::debug!("not compared yet: {error}");
                    continue;
                }
                // It panicked, and the log says where.
                Err(_) => continue,
            };
            let copies = Copies::of(&row.into(), engine.sources.clone(), Purpose::Scanning);
            let (source, origin): (&dyn Source, _) = (&copies, presumed.origin.clone());
            // What was begun is ended, whatever it takes.
            let confirmed = engine.content.confirm(presumed, shape, source, |bytes| {
                spent = spent.saturating_add(bytes);
                std::future::ready(!stop.is_cancelled())
            });
            if let Err(error) = confirmed.await {
                tracing::debug!("not compared yet: {error}");
                silent.insert(origin);
            }
        }
    }
}

/// The track whose file that is, in that revision.
///
/// # Errors
/// Where the catalog cannot be read.
fn living(sources: &Sources, file: &Key) -> Result<Option<TrackRow>, ViewError> {
    let catalog = &sources.catalog;
    let Some((track, _)) = catalog.by_path(&file.origin, &file.path)? else {
        return Ok(None);
    };
    let row = catalog.track(track)?;
    Ok(row.filter(|row| row.living && key(&row.locator) == *file))
}
