//! Listings of generated directories. What such a directory holds is told once, when somebody begins to list
//! it, and is gone through as it was then, however long that takes. Nobody says when a listing is over, so
//! the latest are kept.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::SpecialInodes;
use crate::attr::Attr;
use crate::library::Ino;

/// Listings that are kept.
const KEPT: usize = 32;

/// Names in all of them; the latest is kept whatever it has.
const NAMES: usize = 100_000;

/// Cookies tell which listing it is and, in so many bits, how many of its entries were given.
const BITS: u32 = 24;

/// What a directory held when a listing of it began. The numbers in it are good for as long as it is kept.
pub(crate) struct Listing {
    /// Itself, and what is above it.
    links: [Attr; 2],
    entries: Vec<(String, Attr)>,
    inodes: Arc<SpecialInodes>,
}

impl Listing {
    /// Of entries whose numbers were given for this listing.
    pub(super) const fn new(
        links: [Attr; 2],
        entries: Vec<(String, Attr)>,
        inodes: Arc<SpecialInodes>,
    ) -> Self {
        Self {
            links,
            entries,
            inodes,
        }
    }

    /// Names and attributes, `.` and `..` first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Attr)> {
        let links = [".", ".."].into_iter().zip(&self.links);
        let entries = self.entries.iter();
        links.chain(entries.map(|(name, attr)| (name.as_str(), attr)))
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        for (_, attr) in &self.entries {
            self.inodes.forgot(attr.ino, 1);
        }
    }
}

/// A place in a listing, as the kernel hands it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cookie {
    listing: u64,
    /// How many entries come before it.
    pub(crate) given: usize,
}

impl Cookie {
    /// The place that an offset stands for; `None` for the beginning of a new listing.
    pub(crate) fn of(offset: u64) -> Option<Self> {
        let listing = offset >> BITS;
        let given = usize::try_from(offset & ((1 << BITS) - 1)).ok()?;
        (listing > 0).then_some(Self { listing, given })
    }

    /// As the kernel gets it.
    pub(crate) const fn offset(self) -> u64 {
        self.listing << BITS | self.given as u64
    }

    /// The place behind so many entries.
    pub(crate) const fn behind(self, given: usize) -> Self {
        Self { given, ..self }
    }
}

/// The latest listings.
#[derive(Default)]
pub(crate) struct Listings {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    /// The latest comes last.
    kept: VecDeque<(u64, Ino, Arc<Listing>)>,
}

impl Listings {
    /// Keeps a listing of a directory; its first place.
    pub(crate) fn begin(&self, directory: Ino, listing: Arc<Listing>) -> Cookie {
        let mut gone = Vec::new();
        let mut state = self.state.lock();
        state.last += 1;
        let number = state.last;
        state.kept.push_back((number, directory, listing));
        let names = |state: &State| -> usize {
            let kept = state.kept.iter();
            kept.map(|(_, _, listing)| listing.entries.len()).sum()
        };
        while state.kept.len() > 1 && (state.kept.len() > KEPT || names(&state) > NAMES) {
            gone.extend(state.kept.pop_front());
        }
        drop(state);
        Cookie {
            listing: number,
            given: 0,
        }
    }

    /// The listing of a directory that a cookie is of, where it is kept.
    pub(crate) fn find(&self, directory: Ino, cookie: Cookie) -> Option<Arc<Listing>> {
        let state = self.state.lock();
        let mut kept = state.kept.iter();
        let found = kept.find(|(number, of, _)| (*number, *of) == (cookie.listing, directory));
        found.map(|(_, _, listing)| Arc::clone(listing))
    }

    /// Lets a listing go that is over.
    pub(crate) fn end(&self, cookie: Cookie) {
        let mut state = self.state.lock();
        let place = state
            .kept
            .iter()
            .position(|(number, ..)| *number == cookie.listing);
        let gone = place.and_then(|place| state.kept.remove(place));
        drop(state);
        drop(gone);
    }

    /// Lets all go.
    pub(crate) fn clear(&self) {
        let gone = std::mem::take(&mut self.state.lock().kept);
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::*;
    use crate::attr::Owner;

    fn listing(inodes: &Arc<SpecialInodes>, names: usize) -> Arc<Listing> {
        let owner = Owner {
            uid: 0,
            gid: 0,
            umask: 0,
        };
        let attr = |ino| owner.directory(ino, std::time::SystemTime::UNIX_EPOCH, 0);
        let entries = (0..names).map(|n| {
            let path = n.to_string().into();
            let ino = inodes.give(Place { index: 0, path });
            (n.to_string(), attr(ino))
        });
        let (links, entries) = ([attr(Ino::ROOT); 2], entries.collect());
        Arc::new(Listing::new(links, entries, Arc::clone(inodes)))
    }

    #[test]
    fn a_cookie_comes_back_as_it_was() {
        let listings = Listings::default();
        let inodes = Arc::new(SpecialInodes::new());
        assert_eq!(Cookie::of(0), None);
        let cookie = listings.begin(Ino(7), listing(&inodes, 3)).behind(2);
        assert_eq!(Cookie::of(cookie.offset()), Some(cookie));
        let found = listings.find(Ino(7), cookie).unwrap();
        let names: Vec<_> = found.iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, [".", "..", "0", "1", "2"]);
        assert!(listings.find(Ino(8), cookie).is_none(), "another's");
        listings.end(cookie);
        assert!(listings.find(Ino(7), cookie).is_none());
    }

    #[test]
    fn the_latest_are_kept_with_their_numbers() {
        let listings = Listings::default();
        let inodes = Arc::new(SpecialInodes::new());
        let place = Place {
            index: 0,
            path: "0".into(),
        };
        let first = listings.begin(Ino(1), listing(&inodes, 1));
        for _ in 1..KEPT {
            listings.begin(Ino(1), listing(&inodes, 0));
        }
        assert!(listings.find(Ino(1), first).is_some());
        assert!(inodes.number(&place).is_some());
        listings.begin(Ino(1), listing(&inodes, 0));
        assert!(listings.find(Ino(1), first).is_none());
        assert!(inodes.number(&place).is_none(), "nobody holds it");
        let large = listings.begin(Ino(1), listing(&inodes, NAMES + 1));
        assert!(listings.find(Ino(1), large).is_some());
        assert_eq!(listings.state.lock().kept.len(), 1);
        listings.clear();
        assert!(inodes.number(&place).is_none());
    }
}
