//! What changed in the tree, folder by folder: many tracks become few calls. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// More folders than these are told as one change of the whole tree, which a media server deals
/// with faster.
pub(super) const MOST_FOLDERS: usize = 100;

/// What became of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// All that is in it is new.
    Created,
    /// Some of it is.
    Modified,
    /// It is gone.
    Deleted,
}

/// A folder of the tree that changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Folder {
    /// Its path from the root of the tree; empty for the root.
    pub(super) path: String,
    /// What became of it.
    pub(super) change: Change,
    /// The folder to scan: itself, or where it is gone, the nearest above it that is there.
    pub(super) scan: String,
}

impl Folder {
    /// The whole tree.
    pub(super) fn root() -> Self {
        Self {
            path: String::new(),
            change: Change::Modified,
            scan: String::new(),
        }
    }
}

/// Where a track was before some events, and where it is after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The folders that it may have been in; none where it was not shown.
    pub(super) before: Vec<String>,
    /// The folder that it is in; `None` where it is not shown.
    pub(super) after: Option<String>,
}

/// What is in a folder of the tree now.
pub(super) trait Tree {
    /// True where there is such a folder.
    fn has(&self, folder: &str) -> bool;

    /// True where a folder has exactly that many entries.
    fn has_only(&self, folder: &str, entries: usize) -> bool;
}

/// The folders that tracks came to, changed in, or left, each once, by path.
pub(super) fn folders(steps: &[Step], tree: &impl Tree) -> Vec<Folder> {
    let mut arrived: BTreeMap<&str, usize> = BTreeMap::new();
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    for step in steps {
        let after = step.after.as_deref();
        touched.extend(after);
        let stayed = after.is_some_and(|folder| step.before.iter().any(|it| it == folder));
        if !stayed {
            touched.extend(step.before.iter().map(String::as_str));
            if let Some(folder) = after {
                *arrived.entry(folder).or_default() += 1;
            }
        }
    }
    if touched.len() > MOST_FOLDERS {
        return vec![Folder::root()];
    }
    let folder = |path: &str| {
        let change = match arrived.get(path) {
            _ if !tree.has(path) => Change::Deleted,
            Some(count) if tree.has_only(path, *count) => Change::Created,
            _ => Change::Modified,
        };
        Folder {
            path: path.to_owned(),
            change,
            scan: there(path, tree).to_owned(),
        }
    };
    touched.into_iter().map(folder).collect()
}

/// The folder, or the nearest above it that is there.
fn there<'a>(path: &'a str, tree: &impl Tree) -> &'a str {
    let mut at = path;
    while !at.is_empty() && !tree.has(at) {
        at = at.rsplit_once('/').map_or("", |(above, _)| above);
    }
    at
}

/// The folders to scan, each once, without those that are below another.
pub(super) fn scans(folders: &[Folder]) -> Vec<&str> {
    let mut scans: Vec<&str> = Vec::new();
    // Parts compare one by one, so that what is below a folder comes right after it.
    let parts = |path: &&str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let mut all: Vec<&str> = folders.iter().map(|folder| folder.scan.as_str()).collect();
    all.sort_by_cached_key(parts);
    for path in all {
        let is_below = |above: &&str| {
            above.is_empty()
                || path
                    .strip_prefix(above)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !scans.last().is_some_and(is_below) {
            scans.push(path);
        }
    }
    scans
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folders and how many entries each has.
    struct Shown(&'static [(&'static str, usize)]);

    impl Tree for Shown {
        fn has(&self, folder: &str) -> bool {
            self.0.iter().any(|(path, _)| *path == folder)
        }

        fn has_only(&self, folder: &str, entries: usize) -> bool {
            self.0.contains(&(folder, entries))
        }
    }

    fn step(before: &[&str], after: Option<&str>) -> Step {
        Step {
            before: before.iter().map(|it| (*it).to_owned()).collect(),
            after: after.map(str::to_owned),
        }
    }

    fn told(steps: &[Step], tree: &Shown) -> Vec<(String, Change, String)> {
        let folders = folders(steps, tree).into_iter();
        folders.map(|it| (it.path, it.change, it.scan)).collect()
    }

    #[test]
    fn many_tracks_of_an_album_are_one_folder() {
        let tree = Shown(&[("A", 1), ("A/New", 3), ("A/Old", 3)]);
        let mut steps = vec![step(&[], Some("A/New")); 3];
        steps.push(step(&[], Some("A/Old")));
        let expected = [
            ("A/New".to_owned(), Change::Created, "A/New".to_owned()),
            ("A/Old".to_owned(), Change::Modified, "A/Old".to_owned()),
        ];
        assert_eq!(told(&steps, &tree), expected);
    }

    #[test]
    fn a_folder_that_is_gone_is_scanned_from_above() {
        let tree = Shown(&[("A", 1), ("A/B", 1)]);
        let steps = [
            step(&["A/Gone"], None),
            step(&["X/Y/Z"], Some("A/B")),
            step(&["A/B"], Some("A/B")),
        ];
        let expected = [
            ("A/B".to_owned(), Change::Created, "A/B".to_owned()),
            ("A/Gone".to_owned(), Change::Deleted, "A".to_owned()),
            ("X/Y/Z".to_owned(), Change::Deleted, String::new()),
        ];
        assert_eq!(told(&steps, &tree), expected);
        assert!(told(&[step(&[], None)], &tree).is_empty());
    }

    #[test]
    fn very_many_folders_are_the_whole_tree() {
        let steps: Vec<Step> = (0..=MOST_FOLDERS)
            .map(|number| step(&[], Some(&format!("A/{number}"))))
            .collect();
        assert_eq!(folders(&steps, &Shown(&[])), [Folder::root()]);
    }

    #[test]
    fn scans_of_what_is_scanned_anyway_are_left_out() {
        let folders = |scans: &[&str]| -> Vec<Folder> {
            let folder = |scan: &&str| Folder {
                scan: (*scan).to_owned(),
                ..Folder::root()
            };
            scans.iter().map(folder).collect()
        };
        let cases: [(&[&str], &[&str]); 3] = [
            (&["A/B", "A", "A b", "A/C/D"], &["A", "A b"]),
            (&["A/B", "A/B", "A/Bc"], &["A/B", "A/Bc"]),
            (&["A", "", "B/C"], &[""]),
        ];
        for (all, expected) in cases {
            assert_eq!(scans(&folders(all)), expected);
        }
    }
}
