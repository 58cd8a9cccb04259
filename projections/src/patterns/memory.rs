//! The patterns' rows in plain maps: what the reference model and the fold's tests run on.

use std::collections::BTreeMap;

use eventlog::TrackId;

use super::rows::PatternRows;
use crate::plays::PlayRows;
use crate::plays::memory::MemoryPlays;

/// Patterns in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryPatterns {
    /// How long tracks are, in milliseconds, where that is known.
    pub lengths: BTreeMap<TrackId, u64>,
    /// What was played.
    pub plays: MemoryPlays,
}

impl PatternRows for MemoryPatterns {
    fn length(&mut self, track: TrackId) -> Option<u64> {
        self.lengths.get(&track).copied()
    }

    fn put_length(&mut self, track: TrackId, length_ms: Option<u64>) {
        match length_ms {
            Some(length) => drop(self.lengths.insert(track, length)),
            None => drop(self.lengths.remove(&track)),
        }
    }

    fn plays(&mut self) -> &mut impl PlayRows {
        &mut self.plays
    }
}
