//! What a receiver's answers mean. Pure.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;

use super::endpoint::Target;
use super::{backoff, subsonic};

/// What a receiver answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<String>,
    /// Its body, or the beginning of a long one.
    pub(super) body: Vec<u8>,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken.
    Taken,
    /// It may be taken later; where the receiver said when, then.
    Later {
        problem: String,
        after: Option<Duration>,
    },
    /// It will not be taken, however often it is tried.
    Never { problem: String },
}

/// What an answer means. Client errors are for ever, except those that tell of time (408, 425, 429).
pub(super) fn judge(target: &Target, answer: &Answer, now: SystemTime) -> Outcome {
    let status = answer.status;
    if status.is_success() {
        return match target {
            Target::Navidrome { .. } => subsonic::judge(&answer.body),
            _ => Outcome::Taken,
        };
    }
    let reason = status.canonical_reason().unwrap_or("no known status");
    let problem = format!("it answered {} {reason}", status.as_u16());
    let temporary = matches!(status.as_u16(), 408 | 425 | 429) || !status.is_client_error();
    if !temporary {
        return Outcome::Never { problem };
    }
    let is_told = matches!(status.as_u16(), 429 | 503);
    let retry_after = answer.retry_after.as_deref().filter(|_| is_told);
    Outcome::Later {
        problem,
        after: retry_after.and_then(|text| backoff::asked(text, now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn judged(status: u16, retry_after: Option<&str>) -> Outcome {
        let target = Target::Events {
            secret: Some(Secret::new("x".to_owned())),
        };
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: retry_after.map(str::to_owned),
            body: Vec::new(),
        };
        judge(&target, &answer, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn some_refusals_are_for_ever() {
        for status in [200, 201, 204, 299] {
            assert_eq!(judged(status, None), Outcome::Taken);
        }
        for status in [400, 401, 404, 410, 422] {
            assert!(
                matches!(judged(status, None), Outcome::Never { .. }),
                "{status}"
            );
        }
        for status in [301, 307, 408, 425, 429, 500, 502, 503, 599] {
            assert!(
                matches!(judged(status, None), Outcome::Later { after: None, .. }),
                "{status}"
            );
        }
    }

    #[test]
    fn only_who_is_busy_says_when_to_come_back() {
        let after = |status: u16| match judged(status, Some("7")) {
            Outcome::Later { after, .. } => after,
            other => panic!("{other:?}"),
        };
        assert_eq!(after(429), Some(Duration::from_secs(7)));
        assert_eq!(after(503), Some(Duration::from_secs(7)));
        assert_eq!(after(500), None);
    }
}
