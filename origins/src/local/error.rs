//! What the kernel's error numbers mean to a caller of an origin: decided here and nowhere else.

use std::fmt::Display;

use rustix::io::Errno;

use crate::origin::{ErrorKind, OriginError};

/// The kind of a failure to reach, list or read a file on this machine.
pub(super) fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        // EXDEV and ELOOP come of links that leave the origin or lead nowhere: not part of it.
        Errno::NOENT | Errno::NOTDIR | Errno::XDEV | Errno::LOOP | Errno::NAMETOOLONG => {
            ErrorKind::NotFound
        }
        Errno::ACCESS | Errno::PERM => ErrorKind::Denied,
        // A server put another file in its place while it was looked at.
        Errno::STALE => ErrorKind::Changed,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS => ErrorKind::Exhausted,
        Errno::NOTCONN
        | Errno::TIMEDOUT
        | Errno::HOSTDOWN
        | Errno::HOSTUNREACH
        | Errno::NETDOWN
        | Errno::NETUNREACH
        | Errno::CONNABORTED
        | Errno::CONNREFUSED
        | Errno::CONNRESET
        | Errno::SHUTDOWN
        | Errno::NODEV
        | Errno::NXIO
        | Errno::NOMEDIUM => ErrorKind::Offline,
        _ => ErrorKind::Io,
    }
}

/// What to do about a failure, for people; empty where there is nothing to say.
fn hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Denied => "; let the user who runs MusicFS read it",
        ErrorKind::Exhausted => "; raise the limit of open files (ulimit -n) or free memory",
        ErrorKind::Offline => "; check that its disk or server is connected",
        _ => "",
    }
}

/// The failure of `doing` (such as "list /music/a") with `errno`.
pub(super) fn failed(doing: impl Display, errno: Errno) -> OriginError {
    let kind = kind_of(errno);
    let cause = std::io::Error::from(errno);
    OriginError {
        kind,
        message: format!("cannot {doing}: {cause}{}", hint(kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_limits_are_not_the_origins_fault() {
        assert_eq!(kind_of(Errno::MFILE), ErrorKind::Exhausted);
        assert_eq!(kind_of(Errno::NOTCONN), ErrorKind::Offline);
        assert_eq!(kind_of(Errno::CONNREFUSED), ErrorKind::Offline);
        assert_eq!(kind_of(Errno::STALE), ErrorKind::Changed);
        assert_eq!(kind_of(Errno::IO), ErrorKind::Io);
    }

    #[test]
    fn messages_say_what_to_do() {
        let error = failed("open /music/a.flac", Errno::ACCESS);
        assert!(error.message.contains("/music/a.flac"), "{error}");
        assert!(
            error
                .message
                .contains("let the user who runs MusicFS read it"),
            "{error}"
        );
    }
}
