//! What the head of an answer means (RFC 9110). Pure.

use std::time::{Duration, SystemTime};

use eventlog::Revision;
use reqwest::StatusCode;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED, LOCATION,
    RETRY_AFTER,
};

use crate::origin::{ErrorKind, OriginError};

/// Longest text of a server that is shown, in characters.
const SHOWN: usize = 300;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The beginning of its body.
    pub(super) words: Vec<u8>,
}

impl Refused {
    /// The kind, as far as HTTP tells.
    pub(super) fn kind(&self, now: SystemTime) -> ErrorKind {
        match self.status.as_u16() {
            401 | 403 | 407 => ErrorKind::Denied,
            404 | 410 => ErrorKind::NotFound,
            // 416: it is shorter than it was.
            412 | 416 => ErrorKind::Changed,
            // A gateway's: what is behind it does not answer.
            408 | 502 | 504 => ErrorKind::Offline,
            429 | 503 => ErrorKind::Throttled {
                retry_after: self.retry_after(now),
            },
            _ => ErrorKind::Io,
        }
    }

    /// How long to wait, which a server says in seconds or as a time (§10.2.3).
    fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let value = text(&self.headers, &RETRY_AFTER)?.trim();
        let wait = match value.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let then = httpdate::parse_http_date(value).ok()?;
                then.duration_since(now).unwrap_or_default()
            }
        };
        Some(wait.min(LONGEST_WAIT))
    }

    /// The error for people; `said` is what the server itself says, where it says something.
    pub(super) fn error(&self, doing: &str, kind: ErrorKind, said: &str) -> OriginError {
        let mut message = format!("cannot {doing}: the server answered {}", self.status);
        if !said.is_empty() {
            message.push_str(&format!(": {}", cut(said)));
        }
        if let (true, Some(place)) = (self.status.is_redirection(), text(&self.headers, &LOCATION))
        {
            message.push_str(&format!(
                ": it is at {}; if this server may have the credentials, set its address",
                cut(place)
            ));
        }
        message.push_str(match kind {
            ErrorKind::Denied => "; check the credentials and what they allow",
            _ => "",
        });
        OriginError { kind, message }
    }
}

/// The longest that a server can have us wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// A text of a server as it can be shown: on one line, and not too long.
pub(super) fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line
        .chars()
        .filter(|character| !character.is_control())
        .take(SHOWN)
        .collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

/// The bytes that a read wants: at least one, and none beyond the file's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl Wanted {
    /// As the value of a `Range` header.
    pub(super) fn range(self) -> String {
        format!("bytes={}-{}", self.offset, self.offset + (self.len - 1))
    }
}

/// Why an answer to a read is not to be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is of another revision.
    Changed,
    /// The server does not do what was asked.
    Wrong(&'static str),
}

/// How sure it is that a body is of the revision that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Its head says so.
    Told,
    /// Its head says nothing: the file may have been replaced by another of the same size.
    Missing,
}

/// Whether the body that follows is what was wanted of a file at `revision`.
pub(super) fn fits(
    status: StatusCode,
    headers: &HeaderMap,
    revision: &Revision,
    wanted: Wanted,
) -> Result<Proof, Unfit> {
    let proof = proof(headers, revision).ok_or(Unfit::Changed)?;
    if text(headers, &CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Unfit::Wrong(
            "it sends the file in an encoding that was not asked for",
        ));
    }
    if status == StatusCode::OK {
        let all = wanted.offset == 0 && wanted.len == revision.size;
        return if all {
            Ok(proof)
        } else {
            Err(Unfit::Wrong("it cannot send parts of files (no Range)"))
        };
    }
    if status != StatusCode::PARTIAL_CONTENT {
        return Err(Unfit::Wrong(
            "it answered with a success that has no meaning here",
        ));
    }
    let (first, last, total) = text(headers, &CONTENT_RANGE)
        .and_then(content_range)
        .ok_or(Unfit::Wrong("it does not say which part it sends"))?;
    if total.is_some_and(|total| total != revision.size) {
        return Err(Unfit::Changed);
    }
    if first != wanted.offset || last.checked_sub(first) != Some(wanted.len - 1) {
        return Err(Unfit::Wrong("it sends another part than it was asked for"));
    }
    Ok(proof)
}

/// What the head of an answer proves of the file that it is about; `None` where that is in another
/// revision.
fn proof(headers: &HeaderMap, revision: &Revision) -> Option<Proof> {
    let tags = text(headers, &ETAG).zip(revision.tag.as_deref());
    if let Some((now, then)) = tags {
        if tag(now).as_ref() != then {
            return None;
        }
        // A weak one may stand for other bytes that mean the same.
        if !is_weak(now) {
            return Some(Proof::Told);
        }
    }
    match modified(headers).filter(|_| revision.mtime_ns != 0) {
        Some(now) if now == revision.mtime_ns => Some(Proof::Told),
        Some(_) => None,
        None => Some(Proof::Missing),
    }
}

/// `Content-Range: bytes FIRST-LAST/TOTAL` (§14.4); `*` where the total is not known.
fn content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.trim().split_once('-')?;
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((first.parse().ok()?, last.parse().ok()?, total))
}

fn is_weak(tag: &str) -> bool {
    tag.trim().starts_with("W/")
}

/// An entity tag as revisions keep it: in quotes, and without the mark of a weak one. Apache marks
/// what was written within the last second, and unmarks it later: that is no change.
pub(super) fn tag(text: &str) -> Box<str> {
    let text = text.trim();
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    if opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"') {
        opaque.into()
    } else {
        format!("\"{opaque}\"").into()
    }
}

/// `Last-Modified` in nanoseconds since the Unix epoch.
pub(super) fn modified(headers: &HeaderMap) -> Option<i64> {
    text(headers, &LAST_MODIFIED).and_then(http_time)
}

/// A time as HTTP writes it (§5.6.7), in nanoseconds since the Unix epoch.
pub(super) fn http_time(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}

/// A header's value, where it is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
