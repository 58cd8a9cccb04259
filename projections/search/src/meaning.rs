//! What an index means: equal where every track has the same in it.

use std::time::Instant;

use eventlog::{Position, TrackId};
use projections::{CatalogReader, Digest, OnProgress, ReplayReport, TrackRow};

use crate::error::SearchError;
use crate::schema::Fields;

/// Tracks that are read from the catalog together.
const ROWS: usize = 1_000;

/// What tells whether it is to end.
pub(crate) type Over<'o> = &'o dyn Fn() -> bool;

/// What an index of the living tracks of a catalog means, which nobody else writes meanwhile: as one that
/// is built of it would.
///
/// # Errors
/// Where the catalog cannot be read.
pub fn replay_of(
    catalog: &CatalogReader,
    progress: OnProgress<'_>,
) -> Result<ReplayReport, SearchError> {
    let began = Instant::now();
    let (fields, mut prints) = (Fields::new(), Vec::new());
    each(catalog, &|| false, progress, |row| {
        prints.push((row.id, fields.document(row).print));
        Ok(())
    })?;
    Ok(ReplayReport {
        name: "search",
        position: catalog.position()?,
        events: prints.len() as u64,
        elapsed: began.elapsed(),
        digest: digest(&prints),
        equal: None,
    })
}

/// Looks at every living track.
pub(crate) fn each(
    catalog: &CatalogReader,
    over: Over<'_>,
    progress: OnProgress<'_>,
    mut look: impl FnMut(&TrackRow) -> Result<(), SearchError>,
) -> Result<(), SearchError> {
    let (total, mut done) = (catalog.counts()?.tracks, 0);
    let mut after = TrackId(0);
    loop {
        let rows = catalog.living_after(after, ROWS)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        rows.iter().try_for_each(&mut look)?;
        done += rows.len() as u64;
        progress(Position(done), Position(total.max(done)));
        if over() {
            return Err(SearchError::Closed);
        }
    }
}

/// The digest of tracks and the hashes of what is in it of them, by track.
pub(crate) fn digest(prints: &[(TrackId, u64)]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for (track, print) in prints {
        hasher.update(&track.0.to_le_bytes());
        hasher.update(&print.to_le_bytes());
    }
    Digest(*hasher.finalize().as_bytes())
}
