//! Events as they are stored: one frozen shape for each kind and version (LOG-4).
//!
//! A payload is a MessagePack map with named fields. Once a release has written a shape, its
//! names and types never change: what must change becomes the next version beside it, and
//! [`decode`] lifts every old version to today's [`Event`]. Golden files hold us to that.

mod access;
mod collection;
mod describe;
mod json;
mod library;
mod media;
mod origin;
mod pin;
mod primitive;
mod reference;
mod scan;
mod sidecar;
mod track;

use serde::{Deserialize, Serialize};

use crate::event::{Body, Event};
pub use describe::{FieldDescription, KindDescription};
pub(crate) use json::hex;
pub use json::{data, to_json};
pub use reference::reference;

/// The longest payload that is written or read, in bytes.
pub const MAX_PAYLOAD: usize = 32 << 20;

/// Deepest nesting of any shape; deeper input is refused before it is descended into.
const MAX_DEPTH: usize = 16;

/// An event's stored form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The name of its kind, such as `track.moved`.
    pub kind: &'static str,
    /// The version of its shape.
    pub version: u16,
    /// The shape, in MessagePack.
    pub payload: Vec<u8>,
}

/// Why an event and its stored form could not be turned into one another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The payload is not of the shape that its kind and version say.
    #[error("the payload of {kind} version {version} does not decode: {reason}")]
    Malformed {
        /// Its kind.
        kind: &'static str,
        /// The version of its shape.
        version: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// An event is too large to be kept.
    #[error("an event of kind {kind} would take {len} bytes, more than {MAX_PAYLOAD}")]
    TooLarge {
        /// Its kind.
        kind: &'static str,
        /// Its size.
        len: usize,
    },
    /// The encoder refused.
    #[error("an event of kind {kind} cannot be encoded: {reason}")]
    Encoder {
        /// Its kind.
        kind: &'static str,
        /// What it said.
        reason: String,
    },
}

/// The stored shape of one kind and version.
trait Shape {
    const KIND: &'static str;
    const VERSION: u16;

    /// Today's event. Fails where a value is none that could have been written.
    fn into_event(self) -> Result<Event, Unfit>;
}

/// A value that its shape's type allows and its meaning does not.
enum Unfit {
    /// A name that this version does not know: the work of a newer one.
    Newer,
    /// Nothing that any version writes.
    Invalid(String),
}

impl<E: std::error::Error> From<E> for Unfit {
    fn from(error: E) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// Lists the shapes once, for decoding and for the reference. The newest of a kind comes first.
macro_rules! shapes {
    ($($shape:ty),* $(,)?) => {
        /// What a stored event says.
        ///
        /// An unknown kind or version, and a known one with a name in it that only a newer
        /// MusicFS knows, is [`Body::Unknown`].
        ///
        /// # Errors
        /// [`WireError::Malformed`] where the payload is not of the shape that it should have.
        pub fn decode(kind: &str, version: u16, payload: &[u8]) -> Result<Body, WireError> {
            $(if kind == <$shape as Shape>::KIND && version == <$shape as Shape>::VERSION {
                return read::<$shape>(payload);
            })*
            Ok(Body::Unknown)
        }

        /// Every kind and version that can be read, with its fields.
        #[must_use]
        pub fn kinds() -> Vec<KindDescription> {
            vec![$(describe::kind::<$shape>(),)*]
        }
    };
}

shapes! {
    track::TrackDiscoveredV2<'_>,
    track::TrackDiscoveredV1<'_>,
    track::TrackTagsReadV2<'_>,
    track::TrackTagsReadV1<'_>,
    track::TrackContentChangedV2<'_>,
    track::TrackContentChangedV1<'_>,
    track::TrackMovedV2<'_>,
    track::TrackMovedV1<'_>,
    track::TrackVanishedV1,
    track::TrackReturnedV2<'_>,
    track::TrackReturnedV1<'_>,
    sidecar::SidecarFoundV1<'_>,
    sidecar::SidecarChangedV1<'_>,
    sidecar::SidecarVanishedV1,
    access::TrackReadV1<'_>,
    access::AccessScannedV1<'_>,
    access::AccessFoldedV1,
    scan::ScanStartedV1<'_>,
    scan::ScanFinishedV1<'_>,
    scan::RemovalsHeldV1<'_>,
    origin::OriginAddedV1<'_>,
    origin::OriginChangedV1<'_>,
    origin::OriginRemovedV1<'_>,
    library::LayoutChangedV1<'_>,
    pin::PinAddedV1<'_>,
    pin::PinRemovedV1<'_>,
    collection::CollectionDefinedV1<'_>,
    collection::CollectionRemovedV1<'_>,
}

/// The kind of access events: those that retention may fold (LOG-6).
pub const ACCESS_KIND: &str = <access::TrackReadV1<'static> as Shape>::KIND;

/// An event as it is stored, in the newest version of its shape.
///
/// # Errors
/// [`WireError::TooLarge`] beyond [`MAX_PAYLOAD`].
pub fn encode(event: &Event) -> Result<Encoded, WireError> {
    match event {
        Event::OriginAdded { origin, spec } => write(&origin::OriginAddedV1::new(origin, spec)),
        Event::OriginChanged { origin, spec } => write(&origin::OriginChangedV1::new(origin, spec)),
        Event::OriginRemoved { origin } => write(&origin::OriginRemovedV1::new(origin)),
        Event::TrackDiscovered {
            track,
            locator,
            media,
        } => write(&track::TrackDiscoveredV2::new(*track, locator, media)),
        Event::TrackContentChanged {
            track,
            revision,
            media,
        } => write(&track::TrackContentChangedV2::new(*track, revision, media)),
        Event::TrackTagsRead {
            track,
            revision,
            media,
        } => write(&track::TrackTagsReadV2::new(*track, revision, media)),
        Event::TrackMoved {
            track,
            from,
            to,
            revision,
            media,
        } => write(&track::TrackMovedV2::new(
            *track,
            from,
            to,
            revision,
            media.as_ref(),
        )),
        Event::TrackVanished { track } => write(&track::TrackVanishedV1::new(*track)),
        Event::TrackReturned {
            track,
            locator,
            media,
        } => write(&track::TrackReturnedV2::new(*track, locator, media)),
        Event::SidecarFound { sidecar, locator } => {
            write(&sidecar::SidecarFoundV1::new(*sidecar, locator))
        }
        Event::SidecarChanged { sidecar, revision } => {
            write(&sidecar::SidecarChangedV1::new(*sidecar, revision))
        }
        Event::SidecarVanished { sidecar } => write(&sidecar::SidecarVanishedV1::new(*sidecar)),
        Event::ScanStarted { origin, reason } => write(&scan::ScanStartedV1::new(origin, *reason)),
        Event::ScanFinished { origin, summary } => {
            write(&scan::ScanFinishedV1::new(origin, *summary))
        }
        Event::RemovalsHeld {
            origin,
            missing,
            known,
        } => write(&scan::RemovalsHeldV1::new(origin, *missing, *known)),
        Event::LayoutChanged { layout } => write(&library::LayoutChangedV1::new(layout)),
        Event::PinAdded { target } => write(&pin::PinAddedV1::new(target)),
        Event::PinRemoved { target } => write(&pin::PinRemovedV1::new(target)),
        Event::CollectionDefined { name, definition } => {
            write(&collection::CollectionDefinedV1::new(name, definition))
        }
        Event::CollectionRemoved { name } => write(&collection::CollectionRemovedV1::new(name)),
        Event::TrackRead {
            track,
            bytes,
            duration_ms,
            reader,
        } => write(&access::TrackReadV1::new(
            *track,
            *bytes,
            *duration_ms,
            reader.as_deref(),
        )),
        Event::AccessScanned {
            reader,
            tracks,
            opens,
            bytes,
            since,
            until,
        } => write(&access::AccessScannedV1 {
            reader: reader.as_deref(),
            tracks: *tracks,
            opens: *opens,
            bytes: *bytes,
            since: since.0,
            until: until.0,
        }),
        Event::AccessFolded { through, plays } => {
            write(&access::AccessFoldedV1::new(*through, plays))
        }
    }
}

fn write<S: Shape + Serialize>(shape: &S) -> Result<Encoded, WireError> {
    let mut payload = Vec::with_capacity(512);
    rmp_serde::encode::write_named(&mut payload, shape).map_err(|error| WireError::Encoder {
        kind: S::KIND,
        reason: error.to_string(),
    })?;
    if payload.len() > MAX_PAYLOAD {
        return Err(WireError::TooLarge {
            kind: S::KIND,
            len: payload.len(),
        });
    }
    Ok(Encoded {
        kind: S::KIND,
        version: S::VERSION,
        payload,
    })
}

fn read<'a, S: Shape + Deserialize<'a>>(payload: &'a [u8]) -> Result<Body, WireError> {
    let malformed = |reason| WireError::Malformed {
        kind: S::KIND,
        version: S::VERSION,
        reason,
    };
    if payload.len() > MAX_PAYLOAD {
        return Err(malformed(format!("it has {} bytes", payload.len())));
    }
    let mut decoder = rmp_serde::Deserializer::from_read_ref(payload);
    decoder.set_max_depth(MAX_DEPTH);
    let shape = S::deserialize(&mut decoder).map_err(|error| malformed(error.to_string()))?;
    // One more value's marker cannot be read exactly where the payload is at its end.
    match bool::deserialize(&mut decoder) {
        Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => {}
        _ => return Err(malformed("bytes follow its end".to_owned())),
    }
    match shape.into_event() {
        Ok(event) => Ok(Body::Known(event)),
        Err(Unfit::Newer) => Ok(Body::Unknown),
        Err(Unfit::Invalid(reason)) => Err(malformed(reason)),
    }
}
