//! What tracks were fetched ahead, and what became of them.

use std::collections::HashMap;
use std::sync::Arc;

use content::Key;
use eventlog::TrackId;

use super::Figures;
use super::job::Job;
use crate::originals::FileRef;

/// Tracks whose fate is followed; that of more is not known.
const MOST: usize = 10_000;

/// What was fetched ahead and not read yet, and figures of the rest.
#[derive(Debug, Default)]
pub(super) struct Unread {
    files: HashMap<TrackId, Arc<Key>>,
    figures: Figures,
}

impl Unread {
    /// A file was fetched ahead.
    pub(super) fn fetched(&mut self, job: &Job) {
        let FileRef::Track(track) = job.file.file else {
            return;
        };
        self.figures.tracks += 1;
        self.figures.bytes += job.file.bytes;
        if self.files.len() < MOST {
            self.files.insert(track, Arc::clone(&job.file.key));
        }
    }

    /// A track is read.
    pub(super) fn read(&mut self, track: TrackId) {
        self.figures.hits += u64::from(self.files.remove(&track).is_some());
    }

    /// True where there is none whose fate is followed.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The tracks that were not read yet.
    pub(super) fn files(&self) -> Vec<(TrackId, Arc<Key>)> {
        let files = self.files.iter();
        files
            .map(|(track, key)| (*track, Arc::clone(key)))
            .collect()
    }

    /// A track has left before it was read.
    pub(super) fn lost(&mut self, track: TrackId, key: &Key) {
        if self.files.get(&track).is_some_and(|kept| **kept == *key) {
            self.files.remove(&track);
            self.figures.wasted += 1;
        }
    }

    pub(super) const fn figures(&self) -> Figures {
        self.figures
    }
}
