//! What the failures of an SMB server mean to a caller of an origin.

use std::fmt::Display;

use smb2::ErrorKind as Smb;
use smb2::types::status::NtStatus;

use crate::origin::{ErrorKind, OriginError};

/// Why something asked of a server was not had.
#[derive(Debug)]
pub(super) enum Failure {
    /// By the server, or on the way to it.
    Smb(smb2::Error),
    /// Of another kind, said in full.
    Told(OriginError),
}

impl From<smb2::Error> for Failure {
    fn from(error: smb2::Error) -> Self {
        Self::Smb(error)
    }
}

impl From<OriginError> for Failure {
    fn from(error: OriginError) -> Self {
        Self::Told(error)
    }
}

impl Failure {
    /// There is no such file in the origin; the server was reached.
    pub(super) fn not_there(why: &str) -> Self {
        Self::told_as(ErrorKind::NotFound, why)
    }

    pub(super) fn told_as(kind: ErrorKind, message: &str) -> Self {
        Self::Told(OriginError {
            kind,
            message: message.to_owned(),
        })
    }

    /// The session ended before the answer came; another one may do.
    pub(super) fn is_lost(&self) -> bool {
        matches!(
            self,
            Self::Smb(error) if matches!(
                error.kind(),
                Smb::ConnectionLost | Smb::SessionExpired
            )
        )
    }

    /// True where the server says that there is nothing of that name.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Smb(error) if kind_of(error) == ErrorKind::NotFound)
    }

    /// The failure of `doing` (such as "list //host/share/a").
    pub(super) fn told(self, doing: impl Display) -> OriginError {
        match self {
            Self::Smb(error) => {
                let kind = kind_of(&error);
                let hint = match kind {
                    ErrorKind::Offline => "; check the server and the way to it",
                    ErrorKind::Denied => "; let the user who logs in there read it",
                    _ => "",
                };
                OriginError {
                    kind,
                    message: format!("cannot {doing}: {error}{hint}"),
                }
            }
            // What is said of a connection or a login names its server and needs no more.
            Self::Told(error) if matches!(error.kind, ErrorKind::Offline | ErrorKind::Denied) => {
                error
            }
            Self::Told(error) => OriginError {
                kind: error.kind,
                message: format!("cannot {doing}: {}", error.message),
            },
        }
    }
}

/// The kind of a failure to reach, list or read something.
pub(super) fn kind_of(error: &smb2::Error) -> ErrorKind {
    if let Some(NtStatus::DELETE_PENDING | NtStatus::STOPPED_ON_SYMLINK) = error.status() {
        return ErrorKind::NotFound;
    }
    match error.kind() {
        Smb::NotFound | Smb::IsADirectory | Smb::NotADirectory | Smb::InvalidName => {
            ErrorKind::NotFound
        }
        Smb::AuthRequired
        | Smb::SigningRequired
        | Smb::AccessDenied
        | Smb::SignatureInvalid
        | Smb::GuestSessionRefused => ErrorKind::Denied,
        Smb::ConnectionLost | Smb::TimedOut | Smb::SessionExpired => ErrorKind::Offline,
        _ => ErrorKind::Io,
    }
}
