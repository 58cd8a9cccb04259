//! Stored shapes of pins.

use super::describe::shape;
use super::{Shape, Unfit};
use crate::event::Event;
use crate::pin::{PinTarget, TreePath};

shape! {
    /// Tracks are kept whole on this machine from here on: those that the target has, and those that it
    /// comes to have.
    PinAddedV1<'a> {
        /// What the target is: `path`, `search` or `collection`.
        target: &'a str,
        /// Of a path: where it is in the tree, from its root; empty for all of it. Of a search: the query; of a
        /// collection: its name.
        value: &'a str,
    }

    /// A target's tracks may leave this machine again.
    PinRemovedV1<'a> {
        /// What the target is: `path`, `search` or `collection`.
        target: &'a str,
        /// Of a path: where it is in the tree, from its root; empty for all of it. Of a search: the query; of a
        /// collection: its name.
        value: &'a str,
    }
}

/// A target as it is stored: what it is, and which.
pub(super) fn parts(target: &PinTarget) -> (&'static str, &str) {
    match target {
        PinTarget::Path(path) => ("path", path.as_str()),
        PinTarget::Search(query) => ("search", query),
        PinTarget::Collection(name) => ("collection", name.as_str()),
    }
}

/// A target of a kind that only a newer version knows makes the event one of a newer version: it is
/// kept, and skipped.
fn target(kind: &str, value: &str) -> Result<PinTarget, Unfit> {
    match kind {
        "path" => Ok(PinTarget::Path(TreePath::new(value)?)),
        "search" => Ok(PinTarget::Search(value.into())),
        "collection" => Ok(PinTarget::Collection(value.parse()?)),
        _ => Err(Unfit::Newer),
    }
}

impl<'a> PinAddedV1<'a> {
    pub(super) fn new(of: &'a PinTarget) -> Self {
        let (target, value) = parts(of);
        Self { target, value }
    }
}

impl Shape for PinAddedV1<'_> {
    const KIND: &'static str = "pin.added";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        let target = target(self.target, self.value)?;
        Ok(Event::PinAdded { target })
    }
}

impl<'a> PinRemovedV1<'a> {
    pub(super) fn new(of: &'a PinTarget) -> Self {
        let (target, value) = parts(of);
        Self { target, value }
    }
}

impl Shape for PinRemovedV1<'_> {
    const KIND: &'static str = "pin.removed";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        let target = target(self.target, self.value)?;
        Ok(Event::PinRemoved { target })
    }
}
