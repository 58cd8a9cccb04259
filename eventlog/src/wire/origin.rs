//! Stored shapes of origins' coming and going.

use std::collections::BTreeMap;

use super::describe::shape;
use super::primitive::Bytes;
use super::{Shape, Unfit};
use crate::event::{Event, OriginSpec};
use crate::id::OriginId;

shape! {
    /// An origin joined the library.
    OriginAddedV1<'a> {
        /// Its id.
        origin: &'a str,
        /// What it is.
        #[serde(borrow)]
        spec: OriginSpecV1<'a>,
    }

    /// An origin's definition changed; its tracks stay.
    OriginChangedV1<'a> {
        /// Its id.
        origin: &'a str,
        /// What it is now.
        #[serde(borrow)]
        spec: OriginSpecV1<'a>,
    }

    /// An origin left the library, and its tracks with it.
    OriginRemovedV1<'a> {
        /// Its id.
        origin: &'a str,
    }

    /// What an origin is. Never holds a secret.
    OriginSpecV1<'a> {
        /// `local`, `nfs`, `smb`, `s3`, …
        kind: &'a str,
        /// A name for people.
        name: &'a str,
        /// Where its root is: a path for local origins, else an address.
        #[serde(borrow)]
        root: Bytes<'a>,
        /// What else it needs, by key.
        #[serde(borrow)]
        options: BTreeMap<&'a str, &'a str>,
    }
}

impl<'a> OriginSpecV1<'a> {
    fn new(spec: &'a OriginSpec) -> Self {
        let OriginSpec {
            kind,
            name,
            root,
            options,
        } = spec;
        let options = options
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        Self {
            kind,
            name,
            root: Bytes(root),
            options,
        }
    }

    fn into_domain(self) -> OriginSpec {
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        OriginSpec {
            kind: self.kind.to_owned(),
            name: self.name.to_owned(),
            root: self.root.0.to_owned(),
            options: self.options.into_iter().map(own).collect(),
        }
    }
}

impl<'a> OriginAddedV1<'a> {
    pub(super) fn new(origin: &'a OriginId, spec: &'a OriginSpec) -> Self {
        Self {
            origin: origin.as_str(),
            spec: OriginSpecV1::new(spec),
        }
    }
}

impl Shape for OriginAddedV1<'_> {
    const KIND: &'static str = "origin.added";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::OriginAdded {
            origin: self.origin.parse()?,
            spec: self.spec.into_domain(),
        })
    }
}

impl<'a> OriginChangedV1<'a> {
    pub(super) fn new(origin: &'a OriginId, spec: &'a OriginSpec) -> Self {
        Self {
            origin: origin.as_str(),
            spec: OriginSpecV1::new(spec),
        }
    }
}

impl Shape for OriginChangedV1<'_> {
    const KIND: &'static str = "origin.changed";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::OriginChanged {
            origin: self.origin.parse()?,
            spec: self.spec.into_domain(),
        })
    }
}

impl<'a> OriginRemovedV1<'a> {
    pub(super) fn new(origin: &'a OriginId) -> Self {
        Self {
            origin: origin.as_str(),
        }
    }
}

impl Shape for OriginRemovedV1<'_> {
    const KIND: &'static str = "origin.removed";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        Ok(Event::OriginRemoved {
            origin: self.origin.parse()?,
        })
    }
}
