//! Origins on real files, links, FIFOs, mounts, inotify, and behind real servers.

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
mod servers;
#[cfg(test)]
mod sftp;
#[cfg(test)]
mod smb;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trees;
#[cfg(test)]
mod watching;
