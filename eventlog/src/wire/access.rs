//! Stored shapes of access events and of their summaries.

use super::describe::shape;
use super::{Shape, Unfit};
use crate::event::{Event, FoldedPlays};
use crate::id::{Position, Timestamp, TrackId};

shape! {
    /// Somebody read a track, from one open to its close. An access event: retention may fold it
    /// into a summary.
    TrackReadV1<'a> {
        /// The track.
        track: u64,
        /// Bytes that the reader had of MusicFS, what the system read ahead included. Missing where
        /// the system may have served it from what it had: by passthrough, or from pages kept of an
        /// earlier read.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// From open to close, in milliseconds.
        duration_ms: u64,
        /// The reading process's name, unless switched off.
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        reader: Option<&'a str>,
    }

    /// A program looked into many tracks for a moment each, and is not listed track by track. At
    /// most one a program and minute.
    AccessScannedV1<'a> {
        /// The program's name, unless switched off.
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        reader: Option<&'a str>,
        /// How many tracks.
        tracks: u64,
        /// How often it opened one.
        opens: u64,
        /// Bytes that it had of MusicFS, as far as known. Missing where that is known of no open.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// When the first open was, in microseconds since the Unix epoch.
        since: i64,
        /// When the last close was, in microseconds since the Unix epoch.
        until: i64,
    }

    /// Stands for the access events up to a position that no earlier summary stands for: their
    /// payloads were dropped. Large summaries come as several events, of different tracks.
    AccessFoldedV1 {
        /// The last position that was folded.
        through: u64,
        /// What the folded events said, per track.
        plays: Vec<FoldedPlaysV1>,
    }

    /// What folded access events said of one track.
    FoldedPlaysV1 {
        /// The track.
        track: u64,
        /// How many reads were folded.
        reads: u64,
        /// Bytes read by them, as far as known.
        bytes: u64,
        /// When the last of them was recorded, in microseconds since the Unix epoch.
        last: i64,
    }
}

impl<'a> TrackReadV1<'a> {
    pub(super) fn new(
        track: TrackId,
        bytes: Option<u64>,
        duration_ms: u64,
        reader: Option<&'a str>,
    ) -> Self {
        Self {
            track: track.0,
            bytes,
            duration_ms,
            reader,
        }
    }
}

impl Shape for TrackReadV1<'_> {
    const KIND: &'static str = "track.read";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::TrackRead {
            track: TrackId(self.track),
            bytes: self.bytes,
            duration_ms: self.duration_ms,
            reader: self.reader.map(str::to_owned),
        })
    }
}

impl Shape for AccessScannedV1<'_> {
    const KIND: &'static str = "access.scanned";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::AccessScanned {
            reader: self.reader.map(str::to_owned),
            tracks: self.tracks,
            opens: self.opens,
            bytes: self.bytes,
            since: Timestamp(self.since),
            until: Timestamp(self.until),
        })
    }
}

impl AccessFoldedV1 {
    pub(super) fn new(through: Position, plays: &[FoldedPlays]) -> Self {
        let plays = plays.iter().map(
            |FoldedPlays {
                 track,
                 reads,
                 bytes,
                 last,
             }| FoldedPlaysV1 {
                track: track.0,
                reads: *reads,
                bytes: *bytes,
                last: last.0,
            },
        );
        Self {
            through: through.0,
            plays: plays.collect(),
        }
    }
}

impl Shape for AccessFoldedV1 {
    const KIND: &'static str = "access.folded";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        let plays = self.plays.into_iter().map(|plays| FoldedPlays {
            track: TrackId(plays.track),
            reads: plays.reads,
            bytes: plays.bytes,
            last: Timestamp(plays.last),
        });
        Ok(Event::AccessFolded {
            through: Position(self.through),
            plays: plays.collect(),
        })
    }
}
