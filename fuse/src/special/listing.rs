//! Listings of generated directories. What such a directory holds is told once, when somebody begins to list
//! it, and is gone through as it was then, however long that takes. Nobody says when a listing is over, so
//! the latest are kept.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::SpecialInodes;
use crate::attr::Attr;
use crate::library::Ino;

/// Listings that are kept, and names in all of them. There may be more while they are gone through.
const KEPT: usize = 32;
const NAMES: usize = 100_000;

/// Listings that are kept even then.
const MOST: usize = 256;

/// A listing that nobody went on with for so long may be let go.
const REST: Duration = Duration::from_secs(10);

/// Cookies tell which listing it is and, in so many bits, how many of its entries were given.
const BITS: u32 = 24;

/// What a cookie can count; no directory shows more.
const ENTRIES: usize = (1 << BITS) - 1;

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
        let all = links.chain(entries.map(|(name, attr)| (name.as_str(), attr)));
        all.take(ENTRIES)
    }

    fn has_names_of(&self, other: &Self) -> bool {
        let names = self.entries.iter().map(|(name, _)| name);
        names.eq(other.entries.iter().map(|(name, _)| name))
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
    /// The one that was used last comes last.
    kept: VecDeque<Kept>,
}

struct Kept {
    number: u64,
    directory: Ino,
    listing: Arc<Listing>,
    used: Instant,
}

impl State {
    fn has_too_much(&self) -> bool {
        let names = || -> usize {
            let kept = self.kept.iter();
            kept.map(|kept| kept.listing.entries.len()).sum()
        };
        match self.kept.front() {
            _ if self.kept.len() <= 1 => false,
            _ if self.kept.len() > MOST => true,
            Some(oldest) if oldest.used.elapsed() < REST => false,
            _ => self.kept.len() > KEPT || names() > NAMES,
        }
    }
}

impl Listings {
    /// Keeps a listing of a directory that begins now; its first place. Where another of it is kept that has
    /// the same names, both are the same: the kernel may give what it keeps of one to who reads the other.
    pub(crate) fn begin(&self, directory: Ino, listing: Arc<Listing>) -> Cookie {
        let mut gone = Vec::new();
        let mut state = self.state.lock();
        let is_same =
            |kept: &Kept| kept.directory == directory && kept.listing.has_names_of(&listing);
        let same = state.kept.iter().position(is_same);
        let same = same.and_then(|place| state.kept.remove(place));
        let number = match &same {
            Some(kept) => kept.number,
            None => {
                state.last += 1;
                state.last
            }
        };
        gone.extend(same);
        state.kept.push_back(Kept {
            number,
            directory,
            listing,
            used: Instant::now(),
        });
        while state.has_too_much() {
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
        let mut state = self.state.lock();
        let is_it = |kept: &Kept| kept.number == cookie.listing && kept.directory == directory;
        let place = state.kept.iter().position(is_it)?;
        let mut found = state.kept.remove(place)?;
        found.used = Instant::now();
        let listing = Arc::clone(&found.listing);
        state.kept.push_back(found);
        Some(listing)
    }

    /// Lets a listing go that is over.
    pub(crate) fn end(&self, cookie: Cookie) {
        let mut state = self.state.lock();
        let is_it = |kept: &Kept| kept.number == cookie.listing;
        let place = state.kept.iter().position(is_it);
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
    fn who_lists_the_same_goes_through_the_same() {
        let listings = Listings::default();
        let inodes = Arc::new(SpecialInodes::new());
        let first = listings.begin(Ino(7), listing(&inodes, 3));
        assert_eq!(listings.begin(Ino(7), listing(&inodes, 3)), first);
        assert_ne!(listings.begin(Ino(7), listing(&inodes, 4)), first);
        assert_ne!(listings.begin(Ino(8), listing(&inodes, 3)), first);
        assert!(listings.find(Ino(7), first).is_some());
    }

    #[test]
    fn those_in_use_are_kept_with_their_numbers() {
        let listings = Listings::default();
        let inodes = Arc::new(SpecialInodes::new());
        let begin = |directory: usize, names| {
            listings.begin(Ino(directory as u64), listing(&inodes, names))
        };
        let rest = || {
            let long_ago = Instant::now().checked_sub(REST).unwrap();
            let mut state = listings.state.lock();
            state.kept.iter_mut().for_each(|kept| kept.used = long_ago);
        };
        let first = begin(0, NAMES + 1);
        for directory in 1..=KEPT {
            begin(directory, 0);
        }
        assert!(listings.find(Ino(0), first).is_some(), "it is in use");
        rest();
        assert!(listings.find(Ino(0), first).is_some());
        begin(1, 1);
        assert_eq!(listings.state.lock().kept.len(), 2, "the others are not");
        for directory in 0..2 * MOST {
            begin(directory, 1);
        }
        assert_eq!(listings.state.lock().kept.len(), MOST);
        let place = Place {
            index: 0,
            path: "0".into(),
        };
        assert!(inodes.number(&place).is_some());
        listings.clear();
        assert!(inodes.number(&place).is_none(), "nobody holds it");
    }
}
