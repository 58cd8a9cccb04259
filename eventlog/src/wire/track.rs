//! Stored shapes of what happens to tracks.

use super::describe::shape;
use super::media::{MediaV1, RevisionV1};
use super::primitive::Bytes;
use super::{Shape, Unfit};
use crate::event::Event;
use crate::id::{Locator, OriginPath, Revision, TrackId};
use crate::tags::Media;

shape! {
    /// An audio file was seen for the first time.
    TrackDiscoveredV1<'a> {
        /// The id given to the track.
        track: u64,
        /// The origin that has the file.
        origin: &'a str,
        /// The file's path there.
        #[serde(borrow)]
        path: Bytes<'a>,
        /// The file's state.
        #[serde(borrow)]
        revision: RevisionV1<'a>,
        /// What the file says about itself.
        #[serde(borrow)]
        media: MediaV1<'a>,
    }

    /// A track's file has other sound than before.
    TrackContentChangedV1<'a> {
        /// The track.
        track: u64,
        /// The file's new state.
        #[serde(borrow)]
        revision: RevisionV1<'a>,
        /// What the file says about itself now.
        #[serde(borrow)]
        media: MediaV1<'a>,
    }

    /// A track's file changed and its sound did not: its tags were read again.
    TrackTagsReadV1<'a> {
        /// The track.
        track: u64,
        /// The file's new state.
        #[serde(borrow)]
        revision: RevisionV1<'a>,
        /// What the file says about itself now.
        #[serde(borrow)]
        media: MediaV1<'a>,
    }

    /// A track's file has another path on the same origin.
    TrackMovedV1<'a> {
        /// The track.
        track: u64,
        /// The path where the file was.
        #[serde(borrow)]
        from: Bytes<'a>,
        /// The path where it is.
        #[serde(borrow)]
        to: Bytes<'a>,
        /// The file's state there.
        #[serde(borrow)]
        revision: RevisionV1<'a>,
        /// What the file says about itself; missing where that is as before.
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        media: Option<MediaV1<'a>>,
    }

    /// A complete listing no longer has the track's file. Its history, edits and statistics stay.
    TrackVanishedV1 {
        /// The track.
        track: u64,
    }

    /// The file of a vanished track is there again.
    TrackReturnedV1<'a> {
        /// The track.
        track: u64,
        /// The origin that has the file.
        origin: &'a str,
        /// The file's path there.
        #[serde(borrow)]
        path: Bytes<'a>,
        /// The file's state.
        #[serde(borrow)]
        revision: RevisionV1<'a>,
        /// What the file says about itself.
        #[serde(borrow)]
        media: MediaV1<'a>,
    }
}

fn locator(origin: &str, path: Bytes<'_>, revision: RevisionV1<'_>) -> Result<Locator, Unfit> {
    Ok(Locator {
        origin: origin.parse()?,
        path: OriginPath::new(path.0)?,
        revision: revision.into_domain(),
    })
}

impl<'a> TrackDiscoveredV1<'a> {
    pub(super) fn new(track: TrackId, locator: &'a Locator, media: &'a Media) -> Self {
        Self {
            track: track.0,
            origin: locator.origin.as_str(),
            path: Bytes(locator.path.as_bytes()),
            revision: RevisionV1::new(&locator.revision),
            media: MediaV1::new(media),
        }
    }
}

impl Shape for TrackDiscoveredV1<'_> {
    const KIND: &'static str = "track.discovered";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::TrackDiscovered {
            track: TrackId(self.track),
            locator: locator(self.origin, self.path, self.revision)?,
            media: self.media.into_domain()?,
        })
    }
}

impl<'a> TrackContentChangedV1<'a> {
    pub(super) fn new(track: TrackId, revision: &'a Revision, media: &'a Media) -> Self {
        Self {
            track: track.0,
            revision: RevisionV1::new(revision),
            media: MediaV1::new(media),
        }
    }
}

impl Shape for TrackContentChangedV1<'_> {
    const KIND: &'static str = "track.content_changed";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::TrackContentChanged {
            track: TrackId(self.track),
            revision: self.revision.into_domain(),
            media: self.media.into_domain()?,
        })
    }
}

impl<'a> TrackTagsReadV1<'a> {
    pub(super) fn new(track: TrackId, revision: &'a Revision, media: &'a Media) -> Self {
        Self {
            track: track.0,
            revision: RevisionV1::new(revision),
            media: MediaV1::new(media),
        }
    }
}

impl Shape for TrackTagsReadV1<'_> {
    const KIND: &'static str = "track.tags_read";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::TrackTagsRead {
            track: TrackId(self.track),
            revision: self.revision.into_domain(),
            media: self.media.into_domain()?,
        })
    }
}

impl<'a> TrackMovedV1<'a> {
    pub(super) fn new(
        track: TrackId,
        from: &'a OriginPath,
        to: &'a OriginPath,
        revision: &'a Revision,
        media: Option<&'a Media>,
    ) -> Self {
        Self {
            track: track.0,
            from: Bytes(from.as_bytes()),
            to: Bytes(to.as_bytes()),
            revision: RevisionV1::new(revision),
            media: media.map(MediaV1::new),
        }
    }
}

impl Shape for TrackMovedV1<'_> {
    const KIND: &'static str = "track.moved";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::TrackMoved {
            track: TrackId(self.track),
            from: OriginPath::new(self.from.0)?,
            to: OriginPath::new(self.to.0)?,
            revision: self.revision.into_domain(),
            media: self.media.map(MediaV1::into_domain).transpose()?,
        })
    }
}

impl TrackVanishedV1 {
    pub(super) fn new(track: TrackId) -> Self {
        Self { track: track.0 }
    }
}

impl Shape for TrackVanishedV1 {
    const KIND: &'static str = "track.vanished";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::TrackVanished {
            track: TrackId(self.track),
        })
    }
}

impl<'a> TrackReturnedV1<'a> {
    pub(super) fn new(track: TrackId, locator: &'a Locator, media: &'a Media) -> Self {
        Self {
            track: track.0,
            origin: locator.origin.as_str(),
            path: Bytes(locator.path.as_bytes()),
            revision: RevisionV1::new(&locator.revision),
            media: MediaV1::new(media),
        }
    }
}

impl Shape for TrackReturnedV1<'_> {
    const KIND: &'static str = "track.returned";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::TrackReturned {
            track: TrackId(self.track),
            locator: locator(self.origin, self.path, self.revision)?,
            media: self.media.into_domain()?,
        })
    }
}
