//! Inode numbers for generated files: given out when something is looked up, taken back when the
//! kernel forgets it.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::library::Ino;

/// Where a generated file is: which special directory, and the path in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) index: usize,
    pub(crate) path: Box<str>,
}

impl Place {
    pub(crate) fn child(&self, name: &str) -> Self {
        let path = if self.path.is_empty() {
            name.into()
        } else {
            format!("{}/{name}", self.path)
        };
        Self {
            index: self.index,
            path: path.into(),
        }
    }

    /// The place above; `None` where that is the root of the mount.
    pub(crate) fn parent(&self) -> Option<Self> {
        if self.path.is_empty() {
            return None;
        }
        let path = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        Some(Self {
            index: self.index,
            path: path.into(),
        })
    }
}

#[derive(Debug)]
pub(crate) struct SpecialInodes {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: Ino,
    numbers: HashMap<Place, Ino>,
    places: HashMap<Ino, Held>,
}

#[derive(Debug)]
struct Held {
    place: Place,
    /// How often the kernel was given the number, less what it gave back.
    count: u64,
}

impl SpecialInodes {
    pub(crate) fn new() -> Self {
        let state = State {
            // Programs that take 32 bits of a number for all of it are not to take it for the root's:
            // MPD leaves out a directory that it takes for one above it.
            next: Ino(Ino::FIRST_SPECIAL.0 + Ino::ROOT.0 + 1),
            numbers: HashMap::new(),
            places: HashMap::new(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Gives the kernel the number of a place, a new one if it has none. It is held until the kernel
    /// forgets it as often as it was given.
    pub(crate) fn give(&self, place: Place) -> Ino {
        let mut state = self.state.lock();
        let State {
            next,
            numbers,
            places,
        } = &mut *state;
        let ino = *numbers.entry(place).or_insert_with_key(|place| {
            let ino = *next;
            *next = Ino(ino.0 + 1);
            let place = place.clone();
            places.insert(ino, Held { place, count: 0 });
            ino
        });
        if let Some(held) = places.get_mut(&ino) {
            held.count += 1;
        }
        ino
    }

    /// Counts that a number is held once more by whoever holds it.
    pub(crate) fn gave(&self, ino: Ino) {
        if let Some(held) = self.state.lock().places.get_mut(&ino) {
            held.count += 1;
        }
    }

    /// The number of a place, where somebody holds it.
    pub(crate) fn number(&self, place: &Place) -> Option<Ino> {
        self.state.lock().numbers.get(place).copied()
    }

    pub(crate) fn place(&self, ino: Ino) -> Option<Place> {
        self.state
            .lock()
            .places
            .get(&ino)
            .map(|held| held.place.clone())
    }

    pub(crate) fn forgot(&self, ino: Ino, times: u64) {
        let mut state = self.state.lock();
        let Some(held) = state.places.get_mut(&ino) else {
            return;
        };
        held.count = held.count.saturating_sub(times);
        if held.count == 0
            && let Some(held) = state.places.remove(&ino)
        {
            state.numbers.remove(&held.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_when_the_kernel_forgets_them() {
        let inodes = SpecialInodes::new();
        let place = Place {
            index: 0,
            path: "a/b".into(),
        };
        let ino = inodes.give(place.clone());
        assert!(ino.is_special());
        assert_ne!(
            ino.0 & 0xffff_ffff,
            Ino::ROOT.0,
            "nor for who takes 32 bits of it"
        );
        assert_eq!(inodes.give(place.clone()), ino);
        inodes.forgot(ino, 1);
        assert_eq!(inodes.number(&place), Some(ino));
        inodes.forgot(ino, 1);
        assert_eq!(inodes.place(ino), None);
        assert_eq!(inodes.number(&place), None);
        assert_ne!(inodes.give(place), ino);
    }

    #[test]
    fn places_know_what_is_above_them() {
        let top = Place {
            index: 2,
            path: "".into(),
        };
        let below = top.child("a").child("b");
        assert_eq!(&*below.path, "a/b");
        assert_eq!(
            below.parent().and_then(|place| place.parent()),
            Some(top.clone())
        );
        assert_eq!(top.parent(), None);
    }
}
