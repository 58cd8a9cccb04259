//! What was played after a track before.

use eventlog::TrackId;
use projections::{PatternsReader, ViewError};

use super::next::{Heard, Next};

/// How often something has to have followed, so that it is likely to do so again: once is chance.
const OFTEN: u64 = 2;

/// The tracks that followed one more than once, those that did most often first.
pub struct History(PatternsReader);

impl History {
    /// What the patterns know.
    #[must_use]
    pub const fn new(patterns: PatternsReader) -> Self {
        Self(patterns)
    }
}

impl Next for History {
    fn after(&self, heard: Heard, most: usize) -> Result<Vec<TrackId>, ViewError> {
        let followers = self.0.followers(heard.track)?.into_iter();
        let often = followers.filter(|(_, times)| *times >= OFTEN);
        Ok(often.map(|(track, _)| track).take(most).collect())
    }
}
