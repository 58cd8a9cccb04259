//! Stored shapes of what concerns the library as a whole.

use super::describe::shape;
use super::{Shape, Unfit};
use crate::event::{Event, LayoutSpec, NameProfile};

shape! {
    /// Names in the tree follow another rule from here on.
    LayoutChangedV1<'a> {
        /// The path template.
        template: &'a str,
        /// Which names are allowed: `posix` or `windows`.
        names: &'a str,
    }
}

pub(super) const fn profile_name(profile: NameProfile) -> &'static str {
    match profile {
        NameProfile::Posix => "posix",
        NameProfile::Windows => "windows",
    }
}

impl<'a> LayoutChangedV1<'a> {
    pub(super) fn new(layout: &'a LayoutSpec) -> Self {
        Self {
            template: &layout.template,
            names: profile_name(layout.names),
        }
    }
}

impl Shape for LayoutChangedV1<'_> {
    const KIND: &'static str = "layout.changed";
    const VERSION: u16 = 1;

    fn into_event(self) -> Result<Event, Unfit> {
        let named = |profile: &NameProfile| profile_name(*profile) == self.names;
        let known = [NameProfile::Posix, NameProfile::Windows];
        let names = known.into_iter().find(named).ok_or(Unfit::Newer)?;
        Ok(Event::LayoutChanged {
            layout: LayoutSpec {
                template: self.template.to_owned(),
                names,
            },
        })
    }
}
