//! Stored shapes of what happens to sidecars.

use super::describe::shape;
use super::media::RevisionV1;
use super::primitive::Bytes;
use super::track::locator;
use super::{Shape, Unfit};
use crate::event::Event;
use crate::id::{Locator, Revision, SidecarId};

shape! {
    /// A file that is no track was seen beside tracks: a cover, lyrics, a booklet.
    SidecarFoundV1<'a> {
        /// The id given to it.
        sidecar: u64,
        /// The origin that has the file.
        origin: &'a str,
        /// The file's path there.
        #[serde(borrow)]
        path: Bytes<'a>,
        /// The file's state.
        #[serde(borrow)]
        revision: RevisionV1<'a>,
    }

    /// A sidecar's file changed.
    SidecarChangedV1<'a> {
        /// The sidecar.
        sidecar: u64,
        /// The file's new state.
        #[serde(borrow)]
        revision: RevisionV1<'a>,
    }

    /// A complete listing no longer has the sidecar's file, or it is not to be shown any more.
    SidecarVanishedV1 {
        /// The sidecar.
        sidecar: u64,
    }
}

impl<'a> SidecarFoundV1<'a> {
    pub(super) fn new(sidecar: SidecarId, locator: &'a Locator) -> Self {
        Self {
            sidecar: sidecar.0,
            origin: locator.origin.as_str(),
            path: Bytes(locator.path.as_bytes()),
            revision: RevisionV1::new(&locator.revision),
        }
    }
}

impl Shape for SidecarFoundV1<'_> {
    const KIND: &'static str = "sidecar.found";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::SidecarFound {
            sidecar: SidecarId(self.sidecar),
            locator: locator(self.origin, self.path, self.revision)?,
        })
    }
}

impl<'a> SidecarChangedV1<'a> {
    pub(super) fn new(sidecar: SidecarId, revision: &'a Revision) -> Self {
        Self {
            sidecar: sidecar.0,
            revision: RevisionV1::new(revision),
        }
    }
}

impl Shape for SidecarChangedV1<'_> {
    const KIND: &'static str = "sidecar.changed";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::SidecarChanged {
            sidecar: SidecarId(self.sidecar),
            revision: self.revision.into_domain(),
        })
    }
}

impl SidecarVanishedV1 {
    pub(super) fn new(sidecar: SidecarId) -> Self {
        Self { sidecar: sidecar.0 }
    }
}

impl Shape for SidecarVanishedV1 {
    const KIND: &'static str = "sidecar.vanished";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::SidecarVanished {
            sidecar: SidecarId(self.sidecar),
        })
    }
}
