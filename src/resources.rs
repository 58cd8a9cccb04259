//! What the daemon uses of the machine, and what it gives up before that runs short (UP-7).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Resource, getrlimit};
use tokio_util::sync::CancellationToken;

use crate::report::{Kind, Report, Result};

/// How often the daemon looks.
const INTERVAL: Duration = Duration::from_secs(10);

/// Percent of the file descriptors from which on people are warned.
const WARN: u64 = 80;
/// Percent from which on new calls are refused, so that players go on.
const SHED: u64 = 95;
/// Percent below which they are taken again.
const RELIEF: u64 = 90;

/// File descriptors of this process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Descriptors {
    /// How many are open.
    pub open: u64,
    /// How many may be.
    pub limit: u64,
}

impl Descriptors {
    /// As it is now. Where not even one more can be opened to look, all are in use.
    #[must_use]
    pub fn now() -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        // One of them is the directory that is being read.
        let open = std::fs::read_dir("/proc/self/fd").map_or(limit, |open| {
            u64::try_from(open.count().saturating_sub(1)).unwrap_or(u64::MAX)
        });
        Self { open, limit }
    }

    fn reach(self, percent: u64) -> bool {
        u128::from(self.open) * 100 >= u128::from(self.limit) * u128::from(percent)
    }
}

/// How short of file descriptors the daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pressure {
    /// There are plenty.
    #[default]
    None,
    /// People should know.
    High,
    /// What players do not need is refused.
    Critical,
}

impl Pressure {
    /// What it is after a look. What was refused is taken again only well below where it began to be.
    fn after(self, found: Descriptors) -> Self {
        let still = self == Self::Critical && found.reach(RELIEF);
        if still || found.reach(SHED) {
            Self::Critical
        } else if found.reach(WARN) {
            Self::High
        } else {
            Self::None
        }
    }
}

/// What the daemon uses, looked at every ten seconds.
#[derive(Debug)]
pub struct Resources {
    state: PathBuf,
    last: Mutex<(Pressure, Descriptors)>,
}

impl Resources {
    /// Resources of a daemon whose state is in that directory; not looked at yet.
    #[must_use]
    pub fn new(state: PathBuf) -> Self {
        Self {
            state,
            last: Mutex::default(),
        }
    }

    /// Looks again and again, until `stop` is cancelled.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            // Here, though it takes milliseconds where there are many: procfs waits for no disk, and
            // it has to work where no thread can be had.
            self.look(Descriptors::now());
        }
    }

    fn look(&self, found: Descriptors) {
        let (before, now) = {
            let mut last = self.last.lock();
            let before = last.0;
            *last = (before.after(found), found);
            (before, last.0)
        };
        if before == now {
            return;
        }
        let Descriptors { open, limit } = found;
        match now {
            Pressure::None => tracing::info!("{open} of {limit} file descriptors are in use again"),
            Pressure::High => tracing::warn!("{open} of {limit} file descriptors are in use"),
            Pressure::Critical => tracing::error!(
                "{open} of {limit} file descriptors are in use; new calls are refused so that \
                 players go on: raise the limit (LimitNOFILE of the service, `ulimit -n`)"
            ),
        }
    }

    /// What people should know, as of the last look.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let (pressure, Descriptors { open, limit }) = *self.last.lock();
        let consequence = match pressure {
            Pressure::None => return None,
            Pressure::High => "at 95 % new calls are refused",
            Pressure::Critical => "new calls are refused",
        };
        Some(format!(
            "{open} of {limit} file descriptors are in use; {consequence}"
        ))
    }

    /// Whether a call that players can do without may begin.
    ///
    /// # Errors
    /// [`Kind::Machine`] where descriptors have run short.
    pub fn admit(&self) -> Result<()> {
        let (pressure, Descriptors { open, limit }) = *self.last.lock();
        if pressure != Pressure::Critical {
            return Ok(());
        }
        let message = format!(
            "the daemon has {open} of {limit} file descriptors in use, and keeps the rest for players"
        );
        Err(Report::new(Kind::Machine, message).hint(
            "close files of the mount, or raise the limit (LimitNOFILE of the service, `ulimit -n`) and restart",
        ))
    }

    /// Bytes that are free on the disk of the state, and how large it is.
    #[must_use]
    pub fn disk(&self) -> Option<(u64, u64)> {
        let disk = rustix::fs::statvfs(&self.state).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some((bytes(disk.f_bavail), bytes(disk.f_blocks)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_taken_again_well_below() {
        let mut pressure = Pressure::None;
        let course = [
            (79, Pressure::None),
            (80, Pressure::High),
            (94, Pressure::High),
            (95, Pressure::Critical),
            (90, Pressure::Critical),
            (89, Pressure::High),
            (94, Pressure::High),
            (10, Pressure::None),
        ];
        for (open, expected) in course {
            pressure = pressure.after(Descriptors { open, limit: 100 });
            assert_eq!(pressure, expected, "at {open} %");
        }
    }

    #[test]
    fn open_files_are_counted() {
        let before = Descriptors::now();
        let files: Vec<_> = (0..50)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        let now = Descriptors::now();
        // Other tests of this process open and close some, too.
        assert!(now.open + 20 > before.open + 50, "{before:?} {now:?}");
        assert!(now.limit >= now.open);
        drop(files);
    }
}
