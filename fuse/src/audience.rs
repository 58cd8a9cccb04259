//! Who reads what, and for how long (CTL-4).
//!
//! The kernel names the thread that opens a file, and no other request says who sent it: what
//! is to be known of the reader is found out while it waits for its open, and kept with the handle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use eventlog::TrackId;

/// Told of every track that was read. Calls come on the threads on which reads wait, and must
/// return at once.
pub trait Audience: Send + Sync + 'static {
    /// A reader has closed a track that it had opened.
    fn read(&self, access: Access);
}

/// A track was read, from one open to its close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The track.
    pub track: TrackId,
    /// Who read it.
    pub reader: Reader,
    /// Bytes that the kernel was given for it: those the reader asked for, and what the kernel
    /// read ahead. `None` where the kernel did not have to ask for all of them: with passthrough, or
    /// because it had pages of the file already.
    pub bytes: Option<u64>,
    /// When it was opened.
    pub opened: Instant,
    /// When it was closed.
    pub closed: Instant,
}

/// A track that a process is reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Since when it has it open.
    pub since: Instant,
    /// Bytes that the kernel was given for it so far: not those that it had already.
    pub bytes: u64,
    /// Bytes of the track.
    pub size: u64,
}

/// A process that reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Its id; 0 where it is in a namespace that this process does not see into.
    pub process: u32,
    /// Its name, at most 15 bytes of it (proc_pid_comm(5)), where the system tells it.
    pub name: Option<Box<str>>,
}

impl Reader {
    /// The process that a thread belongs to. To be asked while the thread waits for an answer: it
    /// may be gone a moment later. Takes some 5 µs.
    #[must_use]
    pub fn of(thread: u32) -> Self {
        let unknown = Self {
            process: thread,
            name: None,
        };
        if thread == 0 {
            return unknown;
        }
        // Read as bytes: a name may be any.
        let Ok(status) = std::fs::read(format!("/proc/{thread}/status")) else {
            return unknown;
        };
        let status = String::from_utf8_lossy(&status);
        let (process, name) = parse(&status);
        match process {
            Some(process) if process != thread => Self {
                process,
                name: leader(process),
            },
            _ => Self {
                process: thread,
                name: name.map(Into::into),
            },
        }
    }
}

/// What proc_pid_status(5) says of a thread: the process that it belongs to, and its own name.
fn parse(status: &str) -> (Option<u32>, Option<&str>) {
    let value = |key| status.lines().find_map(|line| line.strip_prefix(key));
    let process = value("Tgid:").and_then(|text| text.trim().parse().ok());
    let name = value("Name:").map(|name| name.strip_prefix('\t').unwrap_or(name));
    (process, name.filter(|name| !name.is_empty()))
}

/// The name of a process, which is that of its first thread.
fn leader(process: u32) -> Option<Box<str>> {
    let status = std::fs::read(format!("/proc/{process}/status")).ok()?;
    parse(&String::from_utf8_lossy(&status)).1.map(Into::into)
}

/// A track being read.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) track: TrackId,
    pub(crate) reader: Reader,
    pub(crate) opened: Instant,
    /// Bytes of the track.
    size: u64,
    /// Bytes that the kernel was given so far.
    bytes: AtomicU64,
    /// Whether it has to ask for all.
    counted: bool,
}

impl Visit {
    /// A visit that begins now. `counted` where every byte has to be asked for.
    pub(crate) fn begin(track: TrackId, reader: Reader, size: u64, counted: bool) -> Self {
        Self {
            track,
            reader,
            opened: Instant::now(),
            size,
            bytes: AtomicU64::new(0),
            counted,
        }
    }

    /// Counts bytes that were given.
    pub(crate) fn gave(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// How far it is.
    pub(crate) fn reading(&self) -> Reading {
        Reading {
            since: self.opened,
            bytes: self.bytes.load(Ordering::Relaxed),
            size: self.size,
        }
    }

    /// What has come of it by now.
    pub(crate) fn end(&self) -> Access {
        Access {
            track: self.track,
            reader: self.reader.clone(),
            bytes: self.counted.then(|| self.bytes.load(Ordering::Relaxed)),
            opened: self.opened,
            closed: Instant::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_its_process() {
        let own = std::process::id();
        let found = std::thread::Builder::new()
            .name("another name".to_owned())
            .spawn(|| {
                let link = std::fs::read_link("/proc/thread-self").unwrap();
                let thread = link.file_name().unwrap().to_str().unwrap();
                Reader::of(thread.parse().unwrap())
            })
            .unwrap()
            .join()
            .unwrap();
        let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(found.process, own);
        assert_eq!(found.name.as_deref(), Some(comm.trim_end()));
    }

    #[test]
    fn who_cannot_be_seen_has_no_name() {
        for thread in [0, u32::MAX] {
            let reader = Reader::of(thread);
            assert_eq!((reader.process, reader.name), (thread, None));
        }
    }

    #[test]
    fn names_are_taken_as_they_are() {
        let status = "Name:\t(sd-pam) x:y\nUmask:\t0022\nTgid:\t7\nNgid:\t0\n";
        assert_eq!(parse(status), (Some(7), Some("(sd-pam) x:y")));
        assert_eq!(parse("Name:\t\n"), (None, None));
        assert_eq!(parse(""), (None, None));
    }
}
