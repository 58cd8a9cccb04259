//! Errors sorted once: what went wrong, how loudly to say so, and which number a program sees.

use std::fmt;

use rustix::io::Errno;

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsError {
    /// The kind.
    pub kind: ErrorKind,
    /// What failed on what, for the log; may be empty where the kind says it all.
    pub message: String,
}

impl FsError {
    /// An error with an explanation.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl From<ErrorKind> for FsError {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind,
            message: String::new(),
        }
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            f.write_str(self.kind.describe())
        } else {
            f.write_str(&self.message)
        }
    }
}

impl std::error::Error for FsError {}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is nothing of that name or number.
    NotFound,
    /// A directory was needed.
    NotADirectory,
    /// A file was needed.
    IsADirectory,
    /// A name is longer than 255 bytes.
    NameTooLong,
    /// The filesystem is read-only.
    ReadOnly,
    /// The origin does not let this process read the file.
    Denied,
    /// The file changed under its reader, or is not in the state the library knows.
    Stale,
    /// The file is open in a state that the kernel cannot serve beside the one asked for.
    Busy,
    /// The node has no such extended attribute.
    NoAttribute,
    /// The caller's buffer is too small.
    TooSmall,
    /// The node does not support that.
    Invalid,
    /// The handle is not open.
    BadHandle,
    /// It is being made: to be asked for again in a moment.
    NotYet,
    /// Too many open files.
    TooManyFiles,
    /// The origin, the disk or a view did not answer.
    Io,
    /// A defect of MusicFS.
    Bug,
}

/// How loudly an error is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loudness {
    /// Everyday answers: a program asked for what is not there.
    Quiet,
    /// The user should know.
    Warning,
    /// A developer should know.
    Alarm,
}

impl ErrorKind {
    /// The number that the program sees (FS-12).
    #[must_use]
    pub fn errno(self) -> i32 {
        let errno = match self {
            Self::NotFound => Errno::NOENT,
            Self::NotADirectory => Errno::NOTDIR,
            Self::IsADirectory => Errno::ISDIR,
            Self::NameTooLong => Errno::NAMETOOLONG,
            Self::ReadOnly => Errno::ROFS,
            Self::Denied => Errno::ACCESS,
            Self::Stale => Errno::STALE,
            Self::Busy => Errno::BUSY,
            Self::NoAttribute => Errno::NODATA,
            Self::TooSmall => Errno::RANGE,
            Self::Invalid => Errno::INVAL,
            Self::BadHandle => Errno::BADF,
            Self::NotYet => Errno::AGAIN,
            Self::TooManyFiles => Errno::NFILE,
            Self::Io | Self::Bug => Errno::IO,
        };
        errno.raw_os_error()
    }

    pub(crate) const fn loudness(self) -> Loudness {
        match self {
            Self::NotFound
            | Self::NotADirectory
            | Self::IsADirectory
            | Self::NameTooLong
            | Self::ReadOnly
            | Self::NoAttribute
            | Self::TooSmall
            | Self::NotYet
            | Self::Invalid => Loudness::Quiet,
            Self::Denied | Self::Stale | Self::Busy | Self::TooManyFiles | Self::Io => {
                Loudness::Warning
            }
            Self::BadHandle | Self::Bug => Loudness::Alarm,
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::NotFound => "no such file or directory",
            Self::NotADirectory => "not a directory",
            Self::IsADirectory => "a directory",
            Self::NameTooLong => "the name is longer than 255 bytes",
            Self::ReadOnly => "the filesystem is read-only",
            Self::Denied => "the origin does not let this process read the file",
            Self::Stale => "the file changed since the library looked at it",
            Self::Busy => "the file is open in an earlier state",
            Self::NoAttribute => "no such attribute",
            Self::TooSmall => "the buffer is too small",
            Self::Invalid => "not supported on this kind of file",
            Self::BadHandle => "the handle is not open",
            Self::NotYet => "not there yet",
            Self::TooManyFiles => "too many open files",
            Self::Io => "input or output failed",
            Self::Bug => "a defect of MusicFS",
        }
    }
}
