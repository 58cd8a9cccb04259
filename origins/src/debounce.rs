//! Waiting until a path is quiet (ORG-3): a state machine that is told the time.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use eventlog::OriginPath;

use crate::origin::Dirty;

/// How long a path has to be left alone before its change is reported.
pub(crate) const QUIET: Duration = Duration::from_millis(200);

/// After this long a change is reported though its path is still being written, so that a long
/// recording does not hide.
pub(crate) const LONGEST: Duration = Duration::from_secs(2);

/// Paths that are waited for one by one; beyond that, listing everything costs less.
const MAX_PATHS: usize = 50_000;

/// Collects changes until they are due: each path for itself, so that one busy file does not hold
/// back its neighbours.
#[derive(Debug, Default)]
pub(crate) struct Debouncer {
    paths: HashMap<(OriginPath, Box<[u8]>), Span>,
    /// Set once single paths can no longer be told.
    everything: Option<Span>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    first: Instant,
    last: Instant,
}

impl Span {
    fn at(now: Instant) -> Self {
        Self {
            first: now,
            last: now,
        }
    }

    fn due(self) -> Instant {
        (self.last + QUIET).min(self.first + LONGEST)
    }
}

impl Debouncer {
    /// `name` in `directory` changed; with an empty name, the directory itself.
    pub(crate) fn note(&mut self, directory: &OriginPath, name: &[u8], now: Instant) {
        if self.everything.is_some() || self.paths.len() >= MAX_PATHS {
            return self.note_everything(now);
        }
        let key = (directory.clone(), name.into());
        self.paths.entry(key).or_insert_with(|| Span::at(now)).last = now;
    }

    /// Changes were lost.
    pub(crate) fn note_everything(&mut self, now: Instant) {
        let first = self
            .paths
            .drain()
            .map(|(_, span)| span.first)
            .min()
            .unwrap_or(now);
        self.everything
            .get_or_insert(Span { first, last: now })
            .last = now;
    }

    /// When something will be due; `None` where nothing waits.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.paths
            .values()
            .chain(&self.everything)
            .map(|span| span.due())
            .min()
    }

    /// What is due by `now`; it is not given again.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Dirty> {
        if self.everything.is_some_and(|span| span.due() <= now) {
            self.everything = None;
            return Some(Dirty::Everything);
        }
        let due = self.paths.extract_if(|_, span| span.due() <= now);
        let directories: BTreeSet<_> = due.map(|((directory, _), _)| directory).collect();
        (!directories.is_empty()).then(|| Dirty::Directories(directories.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> OriginPath {
        OriginPath::new(text.as_bytes()).unwrap()
    }

    fn directories(paths: &[&str]) -> Option<Dirty> {
        Some(Dirty::Directories(
            paths.iter().map(|text| path(text)).collect(),
        ))
    }

    #[test]
    fn reports_once_the_path_is_quiet() {
        let (mut debouncer, start) = (Debouncer::default(), Instant::now());
        debouncer.note(&path("a"), b"1.flac", start);
        debouncer.note(&path("a"), b"1.flac", start + QUIET / 2);
        assert_eq!(debouncer.due(start + QUIET), None);
        assert_eq!(debouncer.next(), Some(start + QUIET / 2 + QUIET));
        assert_eq!(
            debouncer.due(start + QUIET / 2 + QUIET),
            directories(&["a"])
        );
        assert_eq!(debouncer.next(), None);
    }

    #[test]
    fn a_busy_file_neither_hides_nor_holds_back_another() {
        let (mut debouncer, start) = (Debouncer::default(), Instant::now());
        let step = QUIET / 4;
        debouncer.note(&path("b"), b"done.flac", start);
        let mut reports = Vec::new();
        for tick in 0..LONGEST.as_millis() / step.as_millis() + 1 {
            let now = start + step * u32::try_from(tick).unwrap();
            debouncer.note(&path("a"), b"busy.flac", now);
            reports.extend(debouncer.due(now).map(|dirty| (now - start, Some(dirty))));
        }
        assert_eq!(
            reports,
            [(QUIET, directories(&["b"])), (LONGEST, directories(&["a"]))]
        );
    }

    #[test]
    fn many_names_of_one_directory_are_one_report() {
        let (mut debouncer, now) = (Debouncer::default(), Instant::now());
        for name in [&b"1"[..], b"2", b""] {
            debouncer.note(&path("a"), name, now);
        }
        assert_eq!(debouncer.due(now + QUIET), directories(&["a"]));
    }

    #[test]
    fn too_many_paths_become_everything() {
        let (mut debouncer, now) = (Debouncer::default(), Instant::now());
        for name in 0..=MAX_PATHS {
            debouncer.note(&path("a"), &name.to_be_bytes(), now);
        }
        assert_eq!(debouncer.due(now + QUIET), Some(Dirty::Everything));
        assert_eq!(debouncer.next(), None);
    }
}
