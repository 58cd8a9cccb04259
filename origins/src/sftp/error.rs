//! What the failures of a session mean to a caller of an origin.

use std::fmt::Display;

use crate::origin::{ErrorKind, OriginError};

/// Codes of a status (draft-ietf-secsh-filexfer-02 §7).
pub(super) mod code {
    /// The end of a file or of a listing.
    pub(crate) const EOF: u32 = 1;
    pub(super) const NO_SUCH_FILE: u32 = 2;
    pub(super) const PERMISSION_DENIED: u32 = 3;
    pub(super) const BAD_MESSAGE: u32 = 5;
    pub(super) const NO_CONNECTION: u32 = 6;
    pub(super) const CONNECTION_LOST: u32 = 7;
}

/// Why something asked of a server was not had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered with this status.
    Refused(u32, Box<str>),
    /// The session ended before the answer came; another one may do.
    Lost(Box<str>),
    /// The answer is none.
    Nonsense(Box<str>),
    /// Of another kind, said in full.
    Told(OriginError),
}

impl Failure {
    /// There is no such file in the origin; the server was reached.
    pub(super) fn not_there(why: &str) -> Self {
        Self::Told(OriginError {
            kind: ErrorKind::NotFound,
            message: why.to_owned(),
        })
    }

    /// True where the server says that there is nothing of that name.
    pub(super) fn is_no_such_file(&self) -> bool {
        matches!(self, Self::Refused(code::NO_SUCH_FILE, _))
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(code::NO_SUCH_FILE, _) => ErrorKind::NotFound,
            Self::Refused(code::PERMISSION_DENIED, _) => ErrorKind::Denied,
            Self::Lost(_) | Self::Refused(code::NO_CONNECTION | code::CONNECTION_LOST, _) => {
                ErrorKind::Offline
            }
            Self::Refused(..) | Self::Nonsense(_) => ErrorKind::Io,
            Self::Told(error) => error.kind,
        }
    }

    /// The failure of `doing` (such as "list host:/music/a").
    pub(super) fn told(self, doing: impl Display) -> OriginError {
        let kind = self.kind();
        let message = match self {
            Self::Refused(code::NO_SUCH_FILE, _) => {
                format!("cannot {doing}: there is no such file")
            }
            Self::Refused(code::PERMISSION_DENIED, _) => {
                format!("cannot {doing}: permission denied; let the user who logs in there read it")
            }
            Self::Refused(code::BAD_MESSAGE, text) => {
                format!("cannot {doing}: the server does not take the request: {text}")
            }
            Self::Refused(code, text) => {
                format!("cannot {doing}: the server answers: {text} (status {code})")
            }
            Self::Lost(why) => format!(
                "cannot {doing}: the session ended: {why}; check the server and the way to it"
            ),
            Self::Nonsense(what) => {
                format!("cannot {doing}: the server's answer makes no sense: {what}")
            }
            // What is said of a connection or a login names its server and needs no more.
            Self::Told(error) if matches!(kind, ErrorKind::Offline | ErrorKind::Denied) => {
                error.message
            }
            Self::Told(error) => format!("cannot {doing}: {}", error.message),
        };
        OriginError { kind, message }
    }
}

impl From<OriginError> for Failure {
    fn from(error: OriginError) -> Self {
        Self::Told(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        let refused = |code| Failure::Refused(code, "".into()).told("look at h:/a").kind;
        assert_eq!(refused(code::NO_SUCH_FILE), ErrorKind::NotFound);
        assert_eq!(refused(code::PERMISSION_DENIED), ErrorKind::Denied);
        assert_eq!(refused(code::CONNECTION_LOST), ErrorKind::Offline);
        assert_eq!(refused(4), ErrorKind::Io);
        let lost = Failure::Lost("reset".into()).told("look at h:/a");
        assert_eq!(lost.kind, ErrorKind::Offline);
        assert!(lost.message.contains("h:/a"), "{lost}");
    }
}
