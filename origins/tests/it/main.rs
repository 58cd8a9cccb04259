//! Local origins on real files, links, FIFOs, mounts and inotify; remote ones on real servers.

#[cfg(test)]
mod conforming;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod mounts;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trees;
#[cfg(test)]
mod watching;
