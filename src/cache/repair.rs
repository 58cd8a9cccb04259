//! Fetching again what was damaged (CAS-6).

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use content::{Key, Lost, Purpose};

use projections::{CatalogReader, ViewError};

use crate::originals::{Sources, Wanted, key};

/// Bytes that are asked for at once.
const PIECE: u64 = 256 << 10;

/// What was fetched again.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Repaired {
    pub(crate) bytes: u64,
    /// Why something was not, each reason once.
    pub(crate) problems: BTreeSet<String>,
}

/// Bytes of stretches.
pub(crate) fn bytes(lost: &[Lost]) -> u64 {
    lost.iter().map(|it| it.range.end - it.range.start).sum()
}

/// Fetches stretches again, from wherever they can be had. `progress` is told the bytes that were seen
/// to so far, and ends it by returning false. Blocks.
pub(crate) fn repair(
    sources: &Sources,
    lost: Vec<Lost>,
    mut progress: impl FnMut(u64) -> bool,
) -> Repaired {
    let mut files: HashMap<Key, Vec<Range<u64>>> = HashMap::new();
    for Lost { key, range } in lost {
        files.entry(key).or_default().push(range);
    }
    let (mut repaired, mut done) = (Repaired::default(), 0);
    for (key, ranges) in files {
        let all: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        match fetch(sources, &key, &ranges) {
            Ok(bytes) => repaired.bytes += bytes,
            Err(problem) => drop(repaired.problems.insert(problem)),
        }
        done += all;
        if !progress(done) {
            break;
        }
    }
    repaired
}

/// Fetches stretches of one file. Returns their bytes: none where it is no file of the library any
/// more, and need not be kept.
fn fetch(sources: &Sources, lost: &Key, ranges: &[Range<u64>]) -> Result<u64, String> {
    let wanted = wanted(&sources.catalog, lost).map_err(|error| error.to_string())?;
    let Some(wanted) = wanted else { return Ok(0) };
    let reader = sources.reader(&wanted, Purpose::Scanning);
    let mut bytes = 0;
    for range in ranges {
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(PIECE);
            let mut buffer = vec![0; usize::try_from(len).unwrap_or_default()];
            let read = reader.read_at(&mut buffer, at);
            let read = read.map_err(|error| error.message)? as u64;
            if read == 0 {
                return Err(format!(
                    "{} of {} is shorter than it was",
                    lost.path, lost.origin
                ));
            }
            at += read;
            bytes += read;
        }
    }
    Ok(bytes)
}

/// The track or the sidecar whose file that is, in that revision.
fn wanted(catalog: &CatalogReader, file: &Key) -> Result<Option<Wanted>, ViewError> {
    if let Some((track, _)) = catalog.by_path(&file.origin, &file.path)? {
        let row = catalog.track(track)?;
        let row = row.filter(|row| row.living && key(&row.locator) == *file);
        if let Some(row) = row {
            return Ok(Some(row.into()));
        }
    }
    let sidecars = catalog.sidecars_in(&file.origin, &file.path.parent())?;
    let mut sidecars = sidecars.into_iter();
    let row = sidecars.find(|row| key(&row.locator) == *file);
    Ok(row.map(Wanted::from))
}
