//! Reports as gRPC statuses, and back: the client shows the very report that the daemon made.

use tonic::{Code, Status};

use crate::library::LibraryError;
use crate::report::{Kind, Report};

/// A report for the other side. The whole of it is in the status's details, as JSON.
pub(super) fn sent(report: &Report) -> Status {
    let details = report.to_json().to_string().into_bytes();
    Status::with_details(code(report.kind()), report.message(), details.into())
}

/// A report for the other side, under a code of its own.
pub(super) fn as_code(code: Code, report: &Report) -> Status {
    let status = sent(report);
    Status::with_details(code, report.message(), status.details().to_vec().into())
}

/// The report that came as a status; of another's statuses, what they tell.
#[must_use]
pub fn received(status: &Status) -> Report {
    let details = serde_json::from_slice(status.details()).ok();
    details
        .and_then(|details| Report::from_json(&details))
        .unwrap_or_else(|| {
            let kind = match status.code() {
                Code::InvalidArgument | Code::NotFound | Code::OutOfRange => Kind::Input,
                Code::Unavailable | Code::Cancelled => Kind::NotRunning,
                _ => Kind::Bug,
            };
            Report::new(kind, format!("the daemon said: {}", status.message()))
        })
}

fn code(kind: Kind) -> Code {
    match kind {
        Kind::Usage | Kind::Input => Code::InvalidArgument,
        Kind::Config | Kind::Failed => Code::FailedPrecondition,
        Kind::Origin | Kind::NotRunning => Code::Unavailable,
        Kind::Busy => Code::Aborted,
        Kind::Disk | Kind::Machine => Code::ResourceExhausted,
        Kind::Damaged => Code::DataLoss,
        Kind::Bug => Code::Internal,
    }
}

/// What the library refused. Some of its refusals have codes of their own.
pub(super) fn refused(error: LibraryError) -> Status {
    let code = match error {
        LibraryError::Exists(_) | LibraryError::Overlaps { .. } => Some(Code::AlreadyExists),
        LibraryError::Unknown(_)
        | LibraryError::NotInTree(_)
        | LibraryError::NotPinned(_)
        | LibraryError::NotACollection(_) => Some(Code::NotFound),
        LibraryError::Configured => Some(Code::FailedPrecondition),
        _ => None,
    };
    let report = Report::from(error);
    match code {
        Some(code) => as_code(code, &report),
        None => sent(&report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_arrives_as_it_was_sent() {
        for kind in Kind::ALL {
            let report = Report::new(*kind, "what failed, 日本").hint("what to do");
            assert_eq!(received(&sent(&report)), report);
        }
    }
}
