//! Stored shapes of what happens to tracks.

use super::describe::shape;
use super::media::{MediaV1, MediaV2, RevisionV1};
use super::primitive::Bytes;
use super::{Shape, Unfit};
use crate::event::Event;
use crate::id::{Locator, OriginPath, Revision, TrackId};
use crate::tags::Media;

/// Declares one version of the kinds that tell what a file says: they differ in nothing but the
/// shape of that.
macro_rules! telling {
    (
        $version:literal, $media:ident:
        $discovered:ident, $content_changed:ident, $tags_read:ident, $moved:ident, $returned:ident
    ) => {
        shape! {
            /// An audio file was seen for the first time.
            $discovered<'a> {
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
                media: $media<'a>,
            }

            /// A track's file has other sound than before.
            $content_changed<'a> {
                /// The track.
                track: u64,
                /// The file's new state.
                #[serde(borrow)]
                revision: RevisionV1<'a>,
                /// What the file says about itself now.
                #[serde(borrow)]
                media: $media<'a>,
            }

            /// A track's file changed and its sound did not: its tags were read again.
            $tags_read<'a> {
                /// The track.
                track: u64,
                /// The file's new state.
                #[serde(borrow)]
                revision: RevisionV1<'a>,
                /// What the file says about itself now.
                #[serde(borrow)]
                media: $media<'a>,
            }

            /// A track's file has another path on the same origin.
            $moved<'a> {
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
                media: Option<$media<'a>>,
            }

            /// The file of a vanished track is there again.
            $returned<'a> {
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
                media: $media<'a>,
            }
        }

        impl Shape for $discovered<'_> {
            const KIND: &'static str = "track.discovered";
            const VERSION: u16 = $version;

            fn into_event(self) -> Result<Event, Unfit> {
                Ok(Event::TrackDiscovered {
                    track: TrackId(self.track),
                    locator: locator(self.origin, self.path, self.revision)?,
                    media: self.media.into_domain()?,
                })
            }
        }

        impl Shape for $content_changed<'_> {
            const KIND: &'static str = "track.content_changed";
            const VERSION: u16 = $version;

            fn into_event(self) -> Result<Event, Unfit> {
                Ok(Event::TrackContentChanged {
                    track: TrackId(self.track),
                    revision: self.revision.into_domain(),
                    media: self.media.into_domain()?,
                })
            }
        }

        impl Shape for $tags_read<'_> {
            const KIND: &'static str = "track.tags_read";
            const VERSION: u16 = $version;

            fn into_event(self) -> Result<Event, Unfit> {
                Ok(Event::TrackTagsRead {
                    track: TrackId(self.track),
                    revision: self.revision.into_domain(),
                    media: self.media.into_domain()?,
                })
            }
        }

        impl Shape for $moved<'_> {
            const KIND: &'static str = "track.moved";
            const VERSION: u16 = $version;

            fn into_event(self) -> Result<Event, Unfit> {
                Ok(Event::TrackMoved {
                    track: TrackId(self.track),
                    from: OriginPath::new(self.from.0)?,
                    to: OriginPath::new(self.to.0)?,
                    revision: self.revision.into_domain(),
                    media: self.media.map($media::into_domain).transpose()?,
                })
            }
        }

        impl Shape for $returned<'_> {
            const KIND: &'static str = "track.returned";
            const VERSION: u16 = $version;

            fn into_event(self) -> Result<Event, Unfit> {
                Ok(Event::TrackReturned {
                    track: TrackId(self.track),
                    locator: locator(self.origin, self.path, self.revision)?,
                    media: self.media.into_domain()?,
                })
            }
        }
    };
}

telling!(
    2, MediaV2:
    TrackDiscoveredV2, TrackContentChangedV2, TrackTagsReadV2, TrackMovedV2, TrackReturnedV2
);
telling!(
    1, MediaV1:
    TrackDiscoveredV1, TrackContentChangedV1, TrackTagsReadV1, TrackMovedV1, TrackReturnedV1
);

shape! {
    /// A complete listing no longer has the track's file. Its history, edits and statistics stay.
    TrackVanishedV1 {
        /// The track.
        track: u64,
    }
}

pub(super) fn locator(
    origin: &str,
    path: Bytes<'_>,
    revision: RevisionV1<'_>,
) -> Result<Locator, Unfit> {
    Ok(Locator {
        origin: origin.parse()?,
        path: OriginPath::new(path.0)?,
        revision: revision.into_domain(),
    })
}

impl<'a> TrackDiscoveredV2<'a> {
    pub(super) fn new(track: TrackId, locator: &'a Locator, media: &'a Media) -> Self {
        Self {
            track: track.0,
            origin: locator.origin.as_str(),
            path: Bytes(locator.path.as_bytes()),
            revision: RevisionV1::new(&locator.revision),
            media: MediaV2::new(media),
        }
    }
}

impl<'a> TrackContentChangedV2<'a> {
    pub(super) fn new(track: TrackId, revision: &'a Revision, media: &'a Media) -> Self {
        Self {
            track: track.0,
            revision: RevisionV1::new(revision),
            media: MediaV2::new(media),
        }
    }
}

impl<'a> TrackTagsReadV2<'a> {
    pub(super) fn new(track: TrackId, revision: &'a Revision, media: &'a Media) -> Self {
        Self {
            track: track.0,
            revision: RevisionV1::new(revision),
            media: MediaV2::new(media),
        }
    }
}

impl<'a> TrackMovedV2<'a> {
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
            media: media.map(MediaV2::new),
        }
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

impl<'a> TrackReturnedV2<'a> {
    pub(super) fn new(track: TrackId, locator: &'a Locator, media: &'a Media) -> Self {
        Self {
            track: track.0,
            origin: locator.origin.as_str(),
            path: Bytes(locator.path.as_bytes()),
            revision: RevisionV1::new(&locator.revision),
            media: MediaV2::new(media),
        }
    }
}
