//! How an origin is asked: what its options tell of it, and what is usual for its kind (ORG-9).

use std::num::NonZero;
use std::str::FromStr;

use eventlog::event::OriginSpec;
use origins::{Limits, Reach, Vitals};

use crate::config::{OriginConfig, OriginKind, Root};

/// Sessions of SFTP and SMB (ORG-9).
const SESSIONS: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(3);
/// Requests of other kinds.
const REQUESTS: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(7);

/// The limits of an origin.
pub(super) fn of(origin: &OriginConfig) -> Limits {
    let reach = match (origin.kind(), &origin.root) {
        (OriginKind::Local, _) => return Limits::default(),
        (_, Root::Folder(_)) => Reach::Mount,
        (_, Root::Remote(_)) => Reach::Server,
    };
    Limits {
        reach,
        connections: Some(connections(origin)),
        requests_per_second: told(origin, "requests_per_second"),
        bytes_per_second: told(origin, "bytes_per_second"),
    }
}

/// How many requests may be under way at once.
pub(super) fn connections(origin: &OriginConfig) -> NonZero<usize> {
    told(origin, "connections").unwrap_or(match (origin.kind(), &origin.root) {
        (OriginKind::Sftp | OriginKind::Smb, Root::Remote(_)) => SESSIONS,
        _ => REQUESTS,
    })
}

/// Nothing known yet of an origin of that kind.
pub(super) fn vitals(spec: &OriginSpec) -> Vitals {
    match OriginKind::from_name(&spec.kind) {
        Some(kind) if kind.is_remote() => Vitals::of_a_server(),
        _ => Vitals::of_a_disk(),
    }
}

/// The higher, the sooner it is read where others have the same music.
pub(super) fn priority(spec: &OriginSpec) -> i32 {
    let told = spec.options.get("priority");
    told.and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn told<T: FromStr>(origin: &OriginConfig, key: &str) -> Option<T> {
    origin.options.get(key)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(kind: &str, root: &str, options: &[(&str, &str)]) -> Limits {
        let options = options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        of(&OriginConfig::of_parts(kind, root.as_bytes(), options).unwrap())
    }

    #[test]
    fn limits_are_told_or_usual() {
        assert_eq!(limits("", "/music", &[]), Limits::default());
        let nas = limits("nfs", "/mnt/nas", &[("requests_per_second", "9")]);
        assert_eq!(nas.reach, Reach::Mount);
        assert_eq!(nas.requests_per_second, NonZero::new(9));
        let sftp = limits("", "sftp://me@nas/m", &[]);
        assert_eq!(
            (sftp.reach, sftp.connections),
            (Reach::Server, NonZero::new(4))
        );
        let told = [("connections", "2"), ("bytes_per_second", "1000000")];
        let bucket = limits("", "s3://music", &told);
        assert_eq!(bucket.connections, NonZero::new(2));
        assert_eq!(bucket.bytes_per_second, NonZero::new(1_000_000));
    }
}
