//! How an origin is called: what its options tell of it.

use crate::config::{OriginConfig, OriginKind, Root};

/// Sessions of SFTP and SMB (ORG-9).
const SESSIONS: usize = 4;
/// Requests of other kinds.
const REQUESTS: usize = 8;

/// How many requests may be under way at once.
pub(super) fn connections(origin: &OriginConfig) -> usize {
    let told = origin.options.get("connections");
    let told = told.and_then(|text| text.parse().ok());
    told.unwrap_or(match (origin.kind(), &origin.root) {
        (OriginKind::Sftp | OriginKind::Smb, Root::Remote(_)) => SESSIONS,
        _ => REQUESTS,
    })
}
