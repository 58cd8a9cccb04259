//! The packets of SFTP version 3 (draft-ietf-secsh-filexfer-02) that reading needs, as bytes.
//!
//! Names are bytes, as the server has them. What comes from the server is bounded and checked.

mod reply;
mod request;

pub(super) use reply::{Attributes, Kind, Name, Reply, decode, decode_version, read_limit};
pub(super) use request::{INIT, Request};

/// Largest packet that is taken from a server, in bytes. OpenSSH sends up to 256 KiB.
pub(super) const MAX_PACKET: usize = 1024 * 1024;

/// Most bytes that every server gives to one read.
pub(super) const SAFE_READ: u32 = 32 * 1024;

/// The extension by which OpenSSH tells its limits (PROTOCOL of OpenSSH, §4.8).
const LIMITS: &[u8] = b"limits@openssh.com";
