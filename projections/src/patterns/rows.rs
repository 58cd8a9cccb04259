//! What the patterns' fold asks of its rows.

use eventlog::TrackId;

use crate::plays::PlayRows;

/// Rows of the patterns. No operation can fail in the fold's eyes.
pub trait PatternRows {
    /// How long a track is, in milliseconds, as far as known.
    fn length(&mut self, track: TrackId) -> Option<u64>;

    /// Writes that.
    fn put_length(&mut self, track: TrackId, length_ms: Option<u64>);

    /// The plays.
    fn plays(&mut self) -> &mut impl PlayRows;
}
