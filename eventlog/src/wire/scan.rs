//! Stored shapes of listings.

use super::describe::shape;
use super::{Shape, Unfit};
use crate::event::{Event, ScanReason, ScanSummary};
use crate::id::OriginId;

shape! {
    /// A listing of an origin began to find changes.
    ScanStartedV1<'a> {
        /// The origin.
        origin: &'a str,
        /// Why it was listed: `added`, `started`, `watched`, `interval` or `asked`.
        reason: &'a str,
    }

    /// A listing of an origin ended, and had found something, or was the first.
    ScanFinishedV1<'a> {
        /// The origin.
        origin: &'a str,
        /// True where every directory in its scope was listed.
        complete: bool,
        /// True where its scope was the whole origin.
        whole: bool,
        /// Audio files listed.
        listed: u64,
        /// Tracks discovered or returned.
        added: u64,
        /// Tracks with other tags or sound.
        changed: u64,
        /// Tracks moved.
        moved: u64,
        /// Tracks vanished.
        vanished: u64,
        /// Files or directories that could not be read.
        errors: u64,
    }

    /// A listing would have removed too much; the removals wait for the user's word.
    RemovalsHeldV1<'a> {
        /// The origin.
        origin: &'a str,
        /// How many tracks the listing lacks.
        missing: u64,
        /// Of how many.
        known: u64,
    }
}

const REASONS: [ScanReason; 5] = [
    ScanReason::Added,
    ScanReason::Started,
    ScanReason::Watched,
    ScanReason::Interval,
    ScanReason::Asked,
];

pub(super) const fn reason_name(reason: ScanReason) -> &'static str {
    match reason {
        ScanReason::Added => "added",
        ScanReason::Started => "started",
        ScanReason::Watched => "watched",
        ScanReason::Interval => "interval",
        ScanReason::Asked => "asked",
    }
}

impl<'a> ScanStartedV1<'a> {
    pub(super) fn new(origin: &'a OriginId, reason: ScanReason) -> Self {
        Self {
            origin: origin.as_str(),
            reason: reason_name(reason),
        }
    }
}

impl Shape for ScanStartedV1<'_> {
    const KIND: &'static str = "scan.started";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        let named = |reason: &ScanReason| reason_name(*reason) == self.reason;
        let reason = REASONS.into_iter().find(named).ok_or(Unfit::Newer)?;
        Ok(Event::ScanStarted {
            origin: self.origin.parse()?,
            reason,
        })
    }
}

impl<'a> ScanFinishedV1<'a> {
    pub(super) fn new(origin: &'a OriginId, summary: ScanSummary) -> Self {
        let ScanSummary {
            complete,
            whole,
            listed,
            added,
            changed,
            moved,
            vanished,
            errors,
        } = summary;
        let origin = origin.as_str();
        Self {
            origin,
            complete,
            whole,
            listed,
            added,
            changed,
            moved,
            vanished,
            errors,
        }
    }
}

impl Shape for ScanFinishedV1<'_> {
    const KIND: &'static str = "scan.finished";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        let Self {
            origin,
            complete,
            whole,
            listed,
            added,
            changed,
            moved,
            vanished,
            errors,
        } = self;
        Ok(Event::ScanFinished {
            origin: origin.parse()?,
            summary: ScanSummary {
                complete,
                whole,
                listed,
                added,
                changed,
                moved,
                vanished,
                errors,
            },
        })
    }
}

impl<'a> RemovalsHeldV1<'a> {
    pub(super) fn new(origin: &'a OriginId, missing: u64, known: u64) -> Self {
        Self {
            origin: origin.as_str(),
            missing,
            known,
        }
    }
}

impl Shape for RemovalsHeldV1<'_> {
    const KIND: &'static str = "scan.removals_held";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        let Self {
            origin,
            missing,
            known,
        } = self;
        Ok(Event::RemovalsHeld {
            origin: origin.parse()?,
            missing,
            known,
        })
    }
}
