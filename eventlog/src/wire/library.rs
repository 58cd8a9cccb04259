//! Stored shapes of what concerns the library as a whole.

use super::describe::shape;
use super::{Shape, Unfit};
use crate::event::{Duplicates, Event, LayoutSpec, NameProfile};

shape! {
    /// Names in the tree follow another rule from here on.
    LayoutChangedV1<'a> {
        /// The path template.
        template: &'a str,
        /// Which names are allowed: `posix` or `windows`.
        names: &'a str,
        /// Which files of several origins are shown once: those of equal `content`, of equal `tags`,
        /// or none, so that `all` are shown. Missing where `content`.
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        duplicates: Option<&'a str>,
    }
}

pub(super) const fn profile_name(profile: NameProfile) -> &'static str {
    match profile {
        NameProfile::Posix => "posix",
        NameProfile::Windows => "windows",
    }
}

/// The default has no name: it is written as it was before there was another.
pub(super) const fn duplicates_name(duplicates: Duplicates) -> Option<&'static str> {
    match duplicates {
        Duplicates::Content => None,
        Duplicates::Tags => Some("tags"),
        Duplicates::All => Some("all"),
    }
}

impl<'a> LayoutChangedV1<'a> {
    pub(super) fn new(layout: &'a LayoutSpec) -> Self {
        Self {
            template: &layout.template,
            names: profile_name(layout.names),
            duplicates: duplicates_name(layout.duplicates),
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
        let named = |duplicates: &Duplicates| duplicates_name(*duplicates) == self.duplicates;
        let duplicates = Duplicates::EVERY.into_iter().find(named);
        Ok(Event::LayoutChanged {
            layout: LayoutSpec {
                template: self.template.to_owned(),
                names,
                duplicates: duplicates.ok_or(Unfit::Newer)?,
            },
        })
    }
}
