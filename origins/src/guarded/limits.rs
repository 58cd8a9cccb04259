//! How often, how fast and for how long an origin is asked (ORG-5, ORG-9).

use std::num::NonZero;
use std::time::Duration;

use crate::origin::ErrorKind;

/// Waits between attempts (ORG-9).
const RETRIES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];

/// How long a call may take: with a disk of this machine, and with what is elsewhere (ORG-9).
const LOCAL: Duration = Duration::from_secs(5);
const REMOTE: Duration = Duration::from_secs(30);

/// How long a call may take to a server that did not answer the last one: the kernel reads a page that
/// failed once more by itself, and players try the next.
const SILENT: Duration = Duration::from_secs(5);

/// How long an attempt may take that transfers next to nothing: three of them fit into a call.
const ATTEMPT: Duration = Duration::from_secs(10);

/// The slowest line that is not taken for a dead one, in bytes a second.
const SLOWEST: u64 = 64 * 1024;

/// How long a server may take for the next directory of a listing: one of very many files is a single
/// answer, and a long one.
const DIRECTORY: Duration = Duration::from_secs(120);

/// How an origin is reached, which decides what can be expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// On a disk of this machine.
    #[default]
    Disk,
    /// On a share that the system has mounted. A call that hangs cannot be taken back there, so that
    /// none is repeated that did not answer.
    Mount,
    /// On a server that is spoken to.
    Server,
}

/// What an origin is asked at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// How it is reached.
    pub reach: Reach,
    /// Requests under way at once; `None` for any number.
    pub connections: Option<NonZero<usize>>,
    /// Requests begun in a second; `None` for any number.
    pub requests_per_second: Option<NonZero<u32>>,
    /// Bytes read of files in a second; `None` for any number.
    pub bytes_per_second: Option<NonZero<u64>>,
}

impl Reach {
    /// How long a call may take, with all its attempts; `silent` where the last one got no answer.
    pub(super) const fn call(self, silent: bool) -> Duration {
        match self {
            Self::Disk => LOCAL,
            Self::Mount | Self::Server if silent => SILENT,
            Self::Mount | Self::Server => REMOTE,
        }
    }

    /// How long one attempt may take that is to transfer so many bytes.
    pub(super) fn attempt(self, bytes: u64) -> Duration {
        match self {
            Self::Disk | Self::Mount => self.call(false),
            Self::Server => ATTEMPT + Duration::from_millis(bytes.saturating_mul(1_000) / SLOWEST),
        }
    }

    /// How long the next directory of a listing may take; `None` where a call that hangs is noticed
    /// otherwise, since nothing would be won by giving it up.
    pub(super) const fn directory(self) -> Option<Duration> {
        match self {
            Self::Disk | Self::Mount => None,
            Self::Server => Some(DIRECTORY),
        }
    }

    /// How long to wait before a call that failed this way is tried again, after so many attempts;
    /// `None` where it is not.
    pub(super) fn retry(self, kind: ErrorKind, attempts: usize) -> Option<Duration> {
        let again = match self {
            // A disk tries for itself.
            Self::Disk => kind == ErrorKind::Exhausted,
            // A server that put another file in its place says so once (ESTALE).
            Self::Mount => kind.is_temporary() || (kind == ErrorKind::Changed && attempts == 1),
            Self::Server => kind.is_temporary(),
        };
        let wait = RETRIES.get(attempts.checked_sub(1)?).filter(|_| again)?;
        Some(match kind {
            ErrorKind::Throttled { retry_after } => retry_after.unwrap_or_default().max(*wait),
            _ => *wait,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again_and_three_times_at_most() {
        let waits = |reach: Reach, kind| -> Vec<u128> {
            let waits = (1..9).map_while(|attempts| reach.retry(kind, attempts));
            waits.map(|wait| wait.as_millis()).collect()
        };
        assert_eq!(waits(Reach::Server, ErrorKind::Offline), [100, 500, 2_000]);
        assert_eq!(waits(Reach::Server, ErrorKind::Changed), []);
        assert_eq!(waits(Reach::Mount, ErrorKind::Changed), [100]);
        for reach in [Reach::Disk, Reach::Mount, Reach::Server] {
            for kind in [ErrorKind::NotFound, ErrorKind::Denied] {
                assert_eq!(waits(reach, kind), []);
            }
        }
        assert_eq!(waits(Reach::Disk, ErrorKind::Io), []);
        let throttled = ErrorKind::Throttled {
            retry_after: Some(Duration::from_secs(1)),
        };
        assert_eq!(waits(Reach::Server, throttled), [1_000, 1_000, 2_000]);
    }

    #[test]
    fn a_long_read_over_a_slow_line_is_given_its_time() {
        assert_eq!(Reach::Server.attempt(0), ATTEMPT);
        let megabyte = Reach::Server.attempt(1024 * 1024);
        assert_eq!(megabyte, ATTEMPT + Duration::from_secs(16));
    }
}
