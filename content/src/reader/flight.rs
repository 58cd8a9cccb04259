//! A fetch that is under way: one for all who want its bytes.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use origins::{ErrorKind, OriginError};
use tokio::sync::watch;

use super::{GRAIN, REQUEST, Source};
use crate::kept::{Ending, Kept, State};

/// Fetches ahead that may be under way at once for a file.
const FLIGHTS: usize = 4;

/// A stretch that nobody else is fetching. Dropped, it was given up.
pub(super) struct Flight {
    pub(super) range: Range<u64>,
    ending: watch::Sender<Ending>,
}

impl Flight {
    /// Begins to fetch what is missing of `wanted` around `at`, and is not under way.
    pub(super) fn begin(state: &mut State, at: u64, wanted: Range<u64>) -> Option<Self> {
        state.flights.retain(|(_, ending)| is_under_way(ending));
        let gaps = state.pieces.gaps(wanted);
        let mut range = gaps.into_iter().find(|gap| gap.contains(&at))?;
        for (flying, _) in &state.flights {
            if flying.contains(&at) {
                return None;
            }
            if flying.end <= at {
                range.start = range.start.max(flying.end);
            } else {
                range.end = range.end.min(flying.start);
            }
        }
        let (ending, ended) = watch::channel(None);
        state.flights.push((range.clone(), ended));
        Some(Self { range, ending })
    }

    /// Begins to fetch ahead what is missing of `window`, in requests that grow with it.
    pub(super) fn ahead(kept: &Kept, window: Range<u64>) -> Vec<Self> {
        let request = ((window.end - window.start) / 4 / GRAIN * GRAIN).clamp(2 * GRAIN, REQUEST);
        let mut state = kept.state.lock();
        state.flights.retain(|(_, ending)| is_under_way(ending));
        let far = window.start + (window.end - window.start) / 2;
        let missing = state.pieces.gaps(window.clone());
        // A stretch worth a request has to be missing, or the file's last.
        if missing.first().is_none_or(|gap| gap.start > far) || state.refuted {
            return Vec::new();
        }
        let mut flights = Vec::new();
        let mut at = window.start;
        while at < window.end && state.flights.len() < FLIGHTS {
            let end = ((at / request + 1) * request).min(window.end);
            let begun = Self::begin_within(&mut state, at..end);
            flights.extend(begun);
            at = end;
        }
        flights
    }

    /// The first of what is missing and not under way there.
    fn begin_within(state: &mut State, range: Range<u64>) -> Option<Self> {
        let mut at = range.start;
        while at < range.end {
            let flying = state
                .flights
                .iter()
                .find(|(flying, ending)| flying.contains(&at) && is_under_way(ending));
            let kept_until = state
                .pieces
                .at(at)
                .map(|(start, it)| start + u64::from(it.len));
            let recent = state.recent(at).map(|bytes| at + bytes.len() as u64);
            match (flying.map(|(flying, _)| flying.end), kept_until.or(recent)) {
                (Some(end), _) | (None, Some(end)) => at = end,
                (None, None) => return Self::begin(state, at, at..range.end),
            }
        }
        None
    }

    /// Fetches it.
    pub(super) async fn fetch(
        &self,
        kept: &Kept,
        source: &dyn Source,
    ) -> Result<Bytes, OriginError> {
        let Range { start, end } = self.range;
        let len = usize::try_from(end - start).unwrap_or(usize::MAX);
        kept.store.counters.fetches.add(1);
        let bytes = source.read_at(start, len).await?;
        kept.store.counters.fetched_bytes.add(bytes.len() as u64);
        if bytes.len() == len {
            return Ok(bytes);
        }
        Err(OriginError {
            kind: ErrorKind::Io,
            message: format!(
                "{} bytes came of {len} from {start} on, of a file of {}",
                bytes.len(),
                kept.size()
            ),
        })
    }

    /// Keeps what was fetched, and tells all who wait. Waits for the disk.
    pub(super) fn land(
        self,
        kept: &Arc<Kept>,
        fetched: Result<Bytes, OriginError>,
    ) -> Result<Bytes, OriginError> {
        if let Ok(bytes) = &fetched {
            kept.keep(self.range.start, bytes);
            kept.store.note_fresh(kept);
        }
        self.ending
            .send_replace(Some(fetched.as_ref().map(drop).map_err(Clone::clone)));
        if kept.is_unsettled() {
            kept.store.whole(kept);
        }
        fetched
    }
}

/// How the fetch ends that is under way for the byte at `at`, where one is.
pub(super) fn under_way(state: &mut State, at: u64) -> Option<watch::Receiver<Ending>> {
    state.flights.retain(|(_, ending)| is_under_way(ending));
    let mut flights = state.flights.iter();
    let flying = flights.find(|(range, _)| range.contains(&at))?;
    Some(flying.1.clone())
}

/// True until a flight has ended, or was given up.
fn is_under_way(ending: &watch::Receiver<Ending>) -> bool {
    ending.borrow().is_none() && ending.has_changed().is_ok()
}
