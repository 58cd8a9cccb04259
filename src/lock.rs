//! One daemon per state directory (UP-3): a lock that ends with its process, however that ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::report::{Kind, Report, Result};
use crate::state::StateDir;

/// How long a lock has to be held to be a daemon's.
const MOMENT: Duration = Duration::from_millis(250);

/// How often it is looked at meanwhile.
const TICK: Duration = Duration::from_millis(5);

/// The lock of a state directory. Held until dropped; the kernel frees it when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, before anything else in the directory is touched, and notes our pid in it.
    ///
    /// # Errors
    /// [`Kind::Busy`] where another process has it; the message names its pid.
    pub fn acquire(state: &StateDir) -> Result<Self> {
        let path = state.lock_file();
        let failed = |error: std::io::Error| Report::io("lock", &path, &error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match claim(&file) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(taken(state, pid_in(&mut file))),
            Err(error) => return Err(failed(error.into())),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Who holds the lock now: `None` where nobody does, else the pid where it is told.
    #[must_use]
    pub fn holder(state: &StateDir) -> Option<Option<u32>> {
        let mut file = File::open(state.lock_file()).ok()?;
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => Some(pid_in(&mut file)),
            _ => None,
        }
    }
}

/// Takes the lock. Who only asks for its holder has it for a moment, too: that is waited out.
fn claim(file: &File) -> Result<(), Errno> {
    let began = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if began.elapsed() < MOMENT => std::thread::sleep(TICK),
            other => return other,
        }
    }
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn taken(state: &StateDir, pid: Option<u32>) -> Report {
    let who = pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    );
    let path = state.path().display();
    Report::new(
        Kind::Busy,
        format!("the library in {path} is in use by {who}"),
    )
    .hint(
        "see it with `musicfs status`, stop it with `musicfs shutdown`, or use another --state-dir",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_learns_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        assert_eq!(Lock::holder(&state), None);
        let lock = Lock::acquire(&state).unwrap();
        assert_eq!(Lock::holder(&state), Some(Some(std::process::id())));
        let report = Lock::acquire(&state).unwrap_err();
        assert_eq!(report.kind(), Kind::Busy);
        assert!(
            report.message().contains(&std::process::id().to_string()),
            "{report}"
        );
        drop(lock);
        assert_eq!(Lock::holder(&state), None);
        Lock::acquire(&state).unwrap();
    }

    #[test]
    fn who_asks_for_the_holder_is_not_taken_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        drop(Lock::acquire(&state).unwrap());
        // As `holder` does, but for so long that it is met.
        let file = File::open(state.lock_file()).unwrap();
        flock(&file, FlockOperation::LockShared).unwrap();
        let asking = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            drop(file);
        });
        Lock::acquire(&state).unwrap();
        asking.join().unwrap();
    }
}
