//! Identifiers, positions, times and paths: one type for each, so that none is taken for another.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// An event's place in the log: 1, 2, 3, … without gaps. `Position::START` (0) is the empty log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The position `n` places further on; saturates.
    #[must_use]
    pub const fn plus(self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    /// The position that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment: microseconds since the Unix epoch, UTC. For people only; order is told by [`Position`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The wall clock's time now.
    #[must_use]
    pub fn now() -> Self {
        SystemTime::now().into()
    }
}

/// RFC 3339 in UTC, to the microsecond. Beyond the years that RFC 3339 can write: `@` and the number.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = time::macros::format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z"
        );
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000).ok();
        let time = time.filter(|time| (0..=9999).contains(&time.year()));
        match time.and_then(|time| time.format(format).ok()) {
            Some(text) => f.write_str(&text),
            None => write!(f, "@{}", self.0),
        }
    }
}

/// RFC 3339 with any offset, or `@` and microseconds since the Unix epoch.
impl FromStr for Timestamp {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.strip_prefix('@') {
            Some(micros) => micros.parse().ok(),
            None => {
                time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
                    .ok()
                    .and_then(|time| {
                        i64::try_from(time.unix_timestamp_nanos().div_euclid(1000)).ok()
                    })
            }
        };
        parsed.map(Self).ok_or_else(|| InvalidId {
            what: "a time such as 2026-01-31T20:15:00Z",
            text: text.to_owned(),
        })
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
            }
        };
        Self(micros)
    }
}

/// An event's identity: a UUIDv7 (RFC 9562), so that ids sort roughly by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// A new id from the clock and the system's random source.
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().into_bytes())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).fmt(f)
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        uuid::Uuid::parse_str(text)
            .map(|id| Self(id.into_bytes()))
            .map_err(|_| InvalidId {
                what: "an event id",
                text: text.to_owned(),
            })
    }
}

/// What made an event happen: one scan or one command. A UUIDv7 shared by all events of one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CauseId(pub EventId);

impl CauseId {
    /// A new cause.
    #[must_use]
    pub fn generate() -> Self {
        Self(EventId::generate())
    }
}

impl fmt::Display for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CauseId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A track's identity, numbered 1, 2, 3, … in order of discovery; never changed, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u64);

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A sidecar's identity, numbered 1, 2, 3, … in order of discovery; never changed, never reused. One
/// that comes back after it vanished is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SidecarId(pub u64);

impl fmt::Display for SidecarId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An origin's name for itself: 1 to 64 characters out of `a-z 0-9 . _ -`, the first a letter or
/// digit. Chosen by the user, or derived from the folder's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginId(Box<str>);

impl OriginId {
    /// Longest id, in characters.
    pub const MAX_LEN: usize = 64;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OriginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for OriginId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = text.len() <= Self::MAX_LEN
            && text.bytes().next().is_some_and(plain)
            && text
                .bytes()
                .all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId {
                what: "an origin id (1 to 64 of a-z 0-9 . _ -, first a letter or digit)",
                text: text.to_owned(),
            })
        }
    }
}

/// Text that is no id of the kind it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}")]
pub struct InvalidId {
    what: &'static str,
    text: String,
}

/// A path on an origin: bytes as the origin gave them, parts joined by `/`, relative to the
/// origin's root. The root itself is the empty path. Never holds an empty part, `.`, `..` or NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OriginPath(Box<[u8]>);

impl OriginPath {
    /// The origin's root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// A path from its bytes.
    ///
    /// # Errors
    /// Where a part is empty, `.` or `..`, or holds NUL.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, InvalidPath> {
        let bytes = bytes.into();
        let path = Self(bytes);
        if path.0.is_empty() || path.0.split(|byte| *byte == b'/').all(is_part) {
            Ok(path)
        } else {
            Err(InvalidPath(path.to_string()))
        }
    }

    /// This path with one more part.
    ///
    /// # Errors
    /// Where `name` is no single valid part.
    pub fn join(&self, name: &[u8]) -> Result<Self, InvalidPath> {
        if name.contains(&b'/') || !is_part(name) {
            return Err(InvalidPath(String::from_utf8_lossy(name).into_owned()));
        }
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.len());
        if !self.0.is_empty() {
            bytes.extend_from_slice(&self.0);
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        Ok(Self(bytes.into()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The last part; empty for the root.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.0
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default()
    }

    /// The path without its last part; the root's parent is the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Self(self.0.get(..end).unwrap_or_default().into())
    }

    /// True where `self` is `ancestor` or lies below it.
    #[must_use]
    pub fn is_within(&self, ancestor: &Self) -> bool {
        ancestor.is_root()
            || self
                .0
                .strip_prefix(&*ancestor.0)
                .is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
    }

    /// The part that leads from `ancestor` towards `self`, where that lies below it.
    #[must_use]
    pub fn part_below(&self, ancestor: &Self) -> Option<&[u8]> {
        let rest = if ancestor.is_root() {
            &*self.0
        } else {
            self.0.strip_prefix(&*ancestor.0)?.strip_prefix(b"/")?
        };
        rest.split(|byte| *byte == b'/')
            .next()
            .filter(|part| !part.is_empty())
    }
}

fn is_part(part: &[u8]) -> bool {
    !matches!(part, b"" | b"." | b"..") && !part.contains(&0)
}

/// Lossy, for people: bytes that are not UTF-8 show as U+FFFD.
impl fmt::Display for OriginPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

impl fmt::Debug for OriginPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// A path that could leave its origin, or that no origin could have given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a path within an origin: a part is empty, '.', '..' or holds NUL")]
pub struct InvalidPath(String);

/// What an origin tells of one state of a file. Two equal revisions mean unchanged bytes (ORG-4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Revision {
    /// Bytes.
    pub size: u64,
    /// Last modification, nanoseconds since the Unix epoch; 0 where the origin has none.
    pub mtime_ns: i64,
    /// The origin's entity tag (RFC 9110 §8.8.3) or object version, where it has one.
    pub tag: Option<Box<str>>,
}

/// Where an original is, and in which state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Locator {
    /// The origin that has it.
    pub origin: OriginId,
    /// Its path there.
    pub path: OriginPath,
    /// Its state when it was seen.
    pub revision: Revision,
}

/// The identity of a track's sound, whatever its tags or name: 128 bits of BLAKE3 over the format,
/// the audio's length and its checksum or sampled bytes (see `formats::identity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 16]);

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_leave_their_origin() {
        for bad in ["/a", "a/", "a//b", "..", "a/../b", "./a", "a\0"] {
            assert!(OriginPath::new(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(OriginPath::root().join(b"a/b").is_err());
    }

    #[test]
    fn paths_know_their_parts() {
        let path = OriginPath::new(&b"a/b\xff/c"[..]).unwrap();
        assert_eq!(path.name(), b"c");
        assert_eq!(path.parent().as_bytes(), b"a/b\xff");
        assert_eq!(path.parent().parent().parent(), OriginPath::root());
        assert!(path.is_within(&path.parent()));
        assert!(!path.is_within(&OriginPath::new(&b"a/b"[..]).unwrap()));
        assert_eq!(path.part_below(&OriginPath::root()), Some(&b"a"[..]));
        assert_eq!(
            path.part_below(&path.parent().parent()),
            Some(&b"b\xff"[..])
        );
        assert_eq!(path.part_below(&path), None);
        assert_eq!(
            path.part_below(&OriginPath::new(&b"a/b"[..]).unwrap()),
            None
        );
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        for micros in [0, -1, 1_790_000_000_123_456, i64::MAX, i64::MIN] {
            assert_eq!(Timestamp(micros).to_string().parse(), Ok(Timestamp(micros)));
        }
        assert_eq!(Timestamp(1).to_string(), "1970-01-01T00:00:00.000001Z");
        assert_eq!("1970-01-01T01:00:00+01:00".parse(), Ok(Timestamp(0)));
    }

    #[test]
    fn origin_ids_are_plain() {
        assert!("nas-1.music".parse::<OriginId>().is_ok());
        for bad in ["", "-a", "A", "a b", "a/b", &"a".repeat(65)] {
            assert!(bad.parse::<OriginId>().is_err(), "{bad:?}");
        }
    }
}
