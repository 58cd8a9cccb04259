//! Which watch stands for which directory.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use eventlog::OriginPath;

/// Watches by number and by path. A directory has one watch, and one path more for each link to it.
#[derive(Debug, Default)]
pub(super) struct Watches {
    by_path: BTreeMap<Arc<[u8]>, i32>,
    by_number: HashMap<i32, Arc<[u8]>>,
    /// Paths beyond the first, of the few directories that have several.
    further: HashMap<i32, Vec<Arc<[u8]>>>,
}

impl Watches {
    /// Notes that `number` watches `path`. Gives a watch that no path is left for, if any.
    pub(super) fn add(&mut self, path: &OriginPath, number: i32) -> Option<i32> {
        if self.by_path.get(path.as_bytes()) == Some(&number) {
            return None;
        }
        let orphan = self.by_path.remove(path.as_bytes());
        let orphan = orphan.filter(|old| !self.detach(*old, path.as_bytes()));
        let key: Arc<[u8]> = path.as_bytes().into();
        self.by_path.insert(Arc::clone(&key), number);
        match self.by_number.entry(number) {
            Entry::Vacant(first) => drop(first.insert(key)),
            Entry::Occupied(_) => self.further.entry(number).or_default().push(key),
        }
        orphan
    }

    /// The paths that `number` watches; none for a watch that has ended.
    pub(super) fn paths(&self, number: i32) -> Vec<OriginPath> {
        let further = self.further.get(&number).into_iter().flatten();
        let paths = self.by_number.get(&number).into_iter().chain(further);
        // What is kept came from valid paths.
        paths
            .filter_map(|path| OriginPath::new(&**path).ok())
            .collect()
    }

    /// True where `path` is watched.
    pub(super) fn has(&self, path: &OriginPath) -> bool {
        self.by_path.contains_key(path.as_bytes())
    }

    /// Forgets `path` and all below it. Gives the watches that no path is left for.
    pub(super) fn forget(&mut self, path: &OriginPath) -> Vec<i32> {
        let mut below = path.as_bytes().to_vec();
        below.push(b'/');
        let inside = (Bound::Included(&*below), Bound::Unbounded);
        let inside = self.by_path.range::<[u8], _>(inside);
        let inside = inside.take_while(|(path, _)| path.starts_with(&below));
        let itself = self.by_path.get_key_value(path.as_bytes());
        let gone: Vec<_> = itself
            .into_iter()
            .chain(inside)
            .map(|(path, number)| (path.clone(), *number))
            .collect();
        for (path, _) in &gone {
            self.by_path.remove(path);
        }
        let orphans = gone
            .into_iter()
            .filter(|(path, number)| !self.detach(*number, path));
        orphans.map(|(_, number)| number).collect()
    }

    /// Forgets a watch that has ended.
    pub(super) fn end(&mut self, number: i32) {
        let further = self.further.remove(&number).into_iter().flatten();
        for path in self.by_number.remove(&number).into_iter().chain(further) {
            self.by_path.remove(&path);
        }
    }

    /// Takes a path from a watch; false where it was the last.
    fn detach(&mut self, number: i32, path: &[u8]) -> bool {
        let mut paths = self.further.remove(&number).unwrap_or_default();
        paths.extend(self.by_number.remove(&number));
        paths.retain(|kept| **kept != *path);
        let Some(first) = paths.pop() else {
            return false;
        };
        self.by_number.insert(number, first);
        if !paths.is_empty() {
            self.further.insert(number, paths);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> OriginPath {
        OriginPath::new(text.as_bytes()).unwrap()
    }

    fn watches(entries: &[(&str, i32)]) -> Watches {
        let mut watches = Watches::default();
        for (text, number) in entries {
            assert_eq!(watches.add(&path(text), *number), None);
        }
        watches
    }

    #[test]
    fn forgets_a_directory_with_all_below_and_nothing_beside() {
        let mut watches = watches(&[("", 1), ("a", 2), ("a/b", 3), ("a b", 4), ("a0", 5)]);
        assert_eq!(watches.forget(&path("a")), [2, 3]);
        assert!(watches.paths(3).is_empty() && !watches.has(&path("a/b")));
        assert_eq!(watches.paths(4), [path("a b")]);
        assert!(watches.has(&path("a0")));
    }

    #[test]
    fn a_linked_directory_keeps_its_watch_until_the_last_path_goes() {
        let mut watches = watches(&[("real", 7), ("link", 7)]);
        assert_eq!(watches.paths(7).len(), 2);
        assert!(watches.forget(&path("real")).is_empty());
        assert_eq!(watches.paths(7), [path("link")]);
        assert_eq!(watches.forget(&path("link")), [7]);
    }

    #[test]
    fn another_directory_in_a_path_s_place_ends_the_old_watch() {
        let mut watches = watches(&[("a", 1)]);
        assert_eq!(watches.add(&path("a"), 2), Some(1));
        assert_eq!(watches.paths(2), [path("a")]);
        watches.end(2);
        assert!(!watches.has(&path("a")));
    }
}
