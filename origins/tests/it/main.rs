//! Local origins on real files, links, FIFOs, mounts and inotify.

mod conforming;
mod hostile;
mod mounts;
mod reading;
mod support;
mod trees;
mod watching;
