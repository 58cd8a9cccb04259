//! What events are about.

use std::fmt;
use std::str::FromStr;

use crate::collection::CollectionName;
use crate::id::{OriginId, SidecarId, TrackId};

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The library as a whole.
    Library,
    /// One origin.
    Origin(OriginId),
    /// One track.
    Track(TrackId),
    /// One file beside tracks.
    Sidecar(SidecarId),
    /// One collection.
    Collection(CollectionName),
}

/// `library`, `origin:ID`, `track:NUMBER`, `sidecar:NUMBER` or `collection:NAME`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library => f.write_str("library"),
            Self::Origin(origin) => write!(f, "origin:{origin}"),
            Self::Track(track) => write!(f, "track:{track}"),
            Self::Sidecar(sidecar) => write!(f, "sidecar:{sidecar}"),
            Self::Collection(name) => write!(f, "collection:{name}"),
        }
    }
}

/// Reads what [`Display`](fmt::Display) writes.
impl FromStr for Subject {
    type Err = UnknownSubject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.split_once(':') {
            None if text == "library" => Some(Self::Library),
            Some(("origin", id)) => id.parse().map(Self::Origin).ok(),
            Some(("track", id)) => id.parse().map(|id| Self::Track(TrackId(id))).ok(),
            Some(("sidecar", id)) => id.parse().map(|id| Self::Sidecar(SidecarId(id))).ok(),
            Some(("collection", name)) => name.parse().map(Self::Collection).ok(),
            _ => None,
        };
        parsed.ok_or_else(|| UnknownSubject(text.to_owned()))
    }
}

/// No event is about such a thing: a subject of a newer version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no subject of an event")]
pub struct UnknownSubject(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_as_it_was_written() {
        let origin = "nas".parse().unwrap();
        for subject in [
            Subject::Library,
            Subject::Origin(origin),
            Subject::Track(TrackId(7)),
            Subject::Sidecar(SidecarId(7)),
            Subject::Collection("a: b".parse().unwrap()),
        ] {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        for unknown in [
            "",
            "track",
            "track:x",
            "sidecar:-1",
            "origin:",
            "collection:",
            "mood:calm",
        ] {
            assert!(unknown.parse::<Subject>().is_err(), "{unknown}");
        }
    }
}
