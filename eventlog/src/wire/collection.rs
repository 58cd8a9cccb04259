//! Stored shapes of collections.

use super::describe::shape;
use super::{Shape, Unfit};
use crate::collection::CollectionName;
use crate::event::Event;

shape! {
    /// A collection is what a query finds, from here on; whatever it was before.
    CollectionDefinedV1<'a> {
        /// What it is called.
        name: &'a str,
        /// The query, as it is written.
        definition: &'a str,
    }

    /// A collection is no more.
    CollectionRemovedV1<'a> {
        /// What it was called.
        name: &'a str,
    }
}

impl<'a> CollectionDefinedV1<'a> {
    pub(super) fn new(name: &'a CollectionName, definition: &'a str) -> Self {
        Self {
            name: name.as_str(),
            definition,
        }
    }
}

impl Shape for CollectionDefinedV1<'_> {
    const KIND: &'static str = "collection.defined";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::CollectionDefined {
            name: self.name.parse()?,
            definition: self.definition.to_owned(),
        })
    }
}

impl<'a> CollectionRemovedV1<'a> {
    pub(super) fn new(name: &'a CollectionName) -> Self {
        Self {
            name: name.as_str(),
        }
    }
}

impl Shape for CollectionRemovedV1<'_> {
    const KIND: &'static str = "collection.removed";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::CollectionRemoved {
            name: self.name.parse()?,
        })
    }
}
