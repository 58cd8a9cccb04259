//! Directories out of keys that come sorted. Pure.

use eventlog::{OriginPath, Revision};

use crate::origin::{Directory, Entry};

/// Puts keys together to directories. All keys of a directory come one after the other where keys
/// are sorted by their bytes, so that only those that hold the last key are open.
#[derive(Debug)]
pub(super) struct Tree {
    /// The directory that is listed, and the ones within it down to the last key.
    open: Vec<Directory>,
    last: Vec<u8>,
    found: bool,
    left_out: usize,
}

/// Keys that are not sorted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys do not come sorted")]
pub(super) struct Unsorted;

impl Tree {
    /// Begins with the directory that is listed.
    pub(super) fn new(from: OriginPath) -> Self {
        Self {
            open: vec![empty(from)],
            last: Vec::new(),
            found: false,
            left_out: 0,
        }
    }

    /// True once there was any key.
    pub(super) fn found(&self) -> bool {
        self.found
    }

    /// How many keys no path can have: with empty parts, `.` or `..`, or NUL.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Adds a key, without what all have in common, and an object or, where it ends in a slash, a
    /// directory. Gives the directories that are complete with that.
    ///
    /// # Errors
    /// Where it is not after the last one.
    pub(super) fn add(
        &mut self,
        key: &[u8],
        revision: Revision,
    ) -> Result<Vec<Directory>, Unsorted> {
        if self.found && key <= self.last.as_slice() {
            return Err(Unsorted);
        }
        self.found = true;
        self.last = key.to_owned();
        // What stands for the directory itself.
        if key.is_empty() {
            return Ok(Vec::new());
        }
        let path = OriginPath::new(key.strip_suffix(b"/").unwrap_or(key));
        if path.is_ok_and(|path| !path.is_root()) {
            Ok(self.put(key, revision))
        } else {
            self.left_out += 1;
            Ok(Vec::new())
        }
    }

    /// Puts a key that is a path in its place.
    fn put(&mut self, key: &[u8], revision: Revision) -> Vec<Directory> {
        let mut parts: Vec<&[u8]> = key.split(|byte| *byte == b'/').collect();
        let name = parts.pop().unwrap_or_default();
        let same = parts
            .iter()
            .zip(self.open.iter().skip(1))
            .take_while(|(part, directory)| **part == directory.path.name())
            .count();
        let done: Vec<Directory> = self.open.drain(same + 1..).rev().map(sorted).collect();
        for part in parts.into_iter().skip(same) {
            let Some(holder) = self.open.last_mut() else {
                break;
            };
            let Ok(path) = holder.path.join(part) else {
                break;
            };
            holder.directories.push(part.into());
            self.open.push(empty(path));
        }
        if let (false, Some(holder)) = (name.is_empty(), self.open.last_mut()) {
            let name = name.into();
            holder.files.push(Entry { name, revision });
        }
        done
    }

    /// The directories that are complete once there is no more key.
    pub(super) fn end(self) -> Vec<Directory> {
        self.open.into_iter().rev().map(sorted).collect()
    }
}

fn empty(path: OriginPath) -> Directory {
    Directory {
        path,
        files: Vec::new(),
        directories: Vec::new(),
    }
}

/// Names sort otherwise than keys: `a-b/` is before `a/`.
fn sorted(mut directory: Directory) -> Directory {
    directory.directories.sort();
    directory
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(keys: &[&str]) -> Result<Vec<String>, Unsorted> {
        let mut tree = Tree::new(OriginPath::root());
        let mut done = Vec::new();
        for key in keys {
            done.extend(tree.add(key.as_bytes(), Revision::default())?);
        }
        done.extend(tree.end());
        let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        Ok(done
            .iter()
            .map(|directory| {
                let files: Vec<_> = directory.files.iter().map(|it| name(&it.name)).collect();
                let below: Vec<_> = directory.directories.iter().map(|it| name(it)).collect();
                format!(
                    "{}: {} | {}",
                    directory.path,
                    files.join(" "),
                    below.join(" ")
                )
            })
            .collect())
    }

    #[test]
    fn directories_come_once_and_complete() {
        let keys = ["a", "a-b/1", "a/1", "a/b/", "a/c/d/2", "a/e", "z/"];
        assert_eq!(
            listed(&keys).unwrap(),
            [
                "a-b: 1 | ",
                "a/b:  | ",
                "a/c/d: 2 | ",
                "a/c:  | d",
                "a: 1 e | b c",
                "z:  | ",
                ": a | a a-b z",
            ]
        );
    }

    #[test]
    fn keys_that_are_no_paths_are_left_out() {
        let mut tree = Tree::new(OriginPath::root());
        for key in ["", "../x", "/", "/x", "a/./b", "a//b", "c\0d"] {
            assert_eq!(tree.add(key.as_bytes(), Revision::default()), Ok(vec![]));
        }
        assert_eq!(tree.left_out(), 6);
        assert_eq!(tree.end(), [empty(OriginPath::root())]);
    }

    #[test]
    fn unsorted_keys_are_noticed() {
        assert_eq!(listed(&["b", "a"]), Err(Unsorted));
        assert_eq!(listed(&["a", "a"]), Err(Unsorted));
        assert_eq!(listed(&["a/1", "b", "a/2"]), Err(Unsorted));
    }
}
