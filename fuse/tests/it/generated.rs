//! Directories whose content is made when it is looked at, listed through the kernel.

use std::fs::File;
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::{Arc, Mutex};

use fuse::special::{Item, SpecialDir};
use fuse::{Filesystem, FsError, MountOptions, Mounted};
use rustix::fs::RawDir;
use tempfile::TempDir;

use crate::harness::{World, names};

/// The names in a directory, as they are now.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl Names {
    fn set(&self, names: impl Iterator<Item = String>) -> Vec<String> {
        let names: Vec<_> = names.collect();
        self.0.lock().unwrap().clone_from(&names);
        names
    }
}

impl SpecialDir for Names {
    fn name(&self) -> &'static str {
        ".names"
    }

    fn item(&self, path: &str) -> Result<Option<Item>, FsError> {
        if path.is_empty() {
            return Ok(Some(Item::Directory));
        }
        let is_there = self.0.lock().unwrap().iter().any(|name| name == path);
        Ok(is_there.then(|| Item::Link("x".into())))
    }

    fn list(&self, _: &str) -> Result<Vec<(String, Item)>, FsError> {
        let names = self.0.lock().unwrap().clone().into_iter();
        Ok(names.map(|name| (name, Item::Link("x".into()))).collect())
    }
}

/// A mount that shows some names.
fn mounted(names: &Names) -> (TempDir, Mounted) {
    let world = World::new();
    let options = MountOptions::default();
    let specials: Vec<Box<dyn SpecialDir>> = vec![Box::new(names.clone())];
    let owner = options.owner();
    let filesystem = Filesystem::new(Arc::clone(&world) as _, world, specials, owner);
    let dir = tempfile::tempdir().unwrap();
    let mounted = fuse::mount(Arc::new(filesystem), dir.path(), &options).unwrap();
    (dir, mounted)
}

/// A listing that goes on a few names at a time.
struct Slow {
    directory: File,
    read: Vec<String>,
}

impl Slow {
    fn begin(path: &Path) -> Self {
        Self {
            directory: File::open(path).unwrap(),
            read: Vec::new(),
        }
    }

    /// Reads so many names, or to the end.
    fn read(&mut self, count: usize) {
        let mut buffer = [MaybeUninit::uninit(); 512];
        let mut entries = RawDir::new(&self.directory, &mut buffer);
        let end = self.read.len() + count;
        // What the kernel gave at once is all taken, so that the next call goes on behind it.
        while self.read.len() < end || !entries.is_buffer_empty() {
            let Some(entry) = entries.next() else { break };
            let name = entry.unwrap().file_name().to_str().unwrap().to_owned();
            if !matches!(name.as_str(), "." | "..") {
                self.read.push(name);
            }
        }
    }
}

#[test]
fn what_has_changed_is_listed_anew() {
    let shown = Names::default();
    let (dir, _mounted) = mounted(&shown);
    let path = dir.path().join(".names");
    for count in [3, 0, 2_000, 1] {
        let mut expected = shown.set((0..count).map(|n| format!("{count}-{n}")));
        expected.sort();
        for _ in 0..2 {
            assert_eq!(names(&path), expected);
        }
    }
}

#[test]
fn a_listing_stays_as_it_began_whoever_else_lists() {
    let shown = Names::default();
    let (dir, _mounted) = mounted(&shown);
    let path = dir.path().join(".names");
    let first = shown.set((0..3_000).map(|n| format!("first {n}")));
    let mut early = Slow::begin(&path);
    early.read(1_000);
    let second = shown.set((0..4_000).map(|n| format!("second {n}")));
    let mut late = Slow::begin(&path);
    late.read(2_000);
    assert_eq!(names(&path).len(), second.len());
    early.read(usize::MAX / 2);
    late.read(usize::MAX / 2);
    assert!(early.read == first, "{} names", early.read.len());
    assert!(late.read == second, "{} names", late.read.len());
}

#[test]
fn a_listing_that_was_let_go_goes_on_all_the_same() {
    let shown = Names::default();
    let (dir, _mounted) = mounted(&shown);
    let path = dir.path().join(".names");
    let all = shown.set((0..1_000).map(|n| format!("{n}")));
    let mut early = Slow::begin(&path);
    early.read(300);
    // More than are kept are begun meanwhile.
    for n in 0..300 {
        shown.set(std::iter::once(format!("other {n}")));
        Slow::begin(&path).read(1);
    }
    shown.set(all.clone().into_iter());
    early.read(usize::MAX / 2);
    assert!(early.read == all, "{} names", early.read.len());
}
