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

/// How long a daemon that said that it is leaving is waited for. A stop takes 12 s at most, unless a
/// disk hangs.
const LEAVING: Duration = Duration::from_secs(15);

/// What stands behind the pid of a daemon that is on its way out.
const STOPPING: &str = "stopping";

/// The lock of a state directory. Held until dropped; the kernel frees it when the process dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, before anything else in the directory is touched, and notes our pid in it. A
    /// daemon that is just stopping is waited for: its mount goes before its lock does, and who
    /// mounts anew at once, as `systemctl restart` of a mount unit, is not to fail for that.
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
        match claim(&mut file) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(taken(state, pid_in(&mut file))),
            Err(error) => return Err(failed(error.into())),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { file })
    }

    /// Notes that the lock will be free soon: whoever wants it may wait.
    pub fn leaving(&mut self) {
        if let Err(error) = writeln!(self.file, "{STOPPING}") {
            tracing::debug!(%error, "nobody is told to wait for the lock");
        }
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
fn claim(file: &mut File) -> Result<(), Errno> {
    let began = Instant::now();
    loop {
        match flock(&*file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if began.elapsed() < MOMENT => {}
            Err(Errno::WOULDBLOCK) if began.elapsed() < LEAVING && is_leaving(file) => {}
            other => return other,
        }
        std::thread::sleep(TICK);
    }
}

fn is_leaving(file: &mut File) -> bool {
    text(file).is_some_and(|text| text.trim_end().ends_with(STOPPING))
}

fn pid_in(file: &mut File) -> Option<u32> {
    text(file)?.split_whitespace().next()?.parse().ok()
}

fn text(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    Some(text)
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

    #[test]
    fn who_is_leaving_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        let mut lock = Lock::acquire(&state).unwrap();
        lock.leaving();
        assert_eq!(Lock::holder(&state), Some(Some(std::process::id())));
        let leaving = std::thread::spawn(move || {
            std::thread::sleep(MOMENT * 2);
            drop(lock);
        });
        let fresh = Lock::acquire(&state).unwrap();
        leaving.join().unwrap();
        // Its successor is not on its way out.
        assert_eq!(Lock::acquire(&state).unwrap_err().kind(), Kind::Busy);
        drop(fresh);
    }
}
