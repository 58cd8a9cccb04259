//! What a server is asked.

use super::LIMITS;

/// The first packet that a client sends: version 3, no extensions.
pub(in crate::sftp) const INIT: [u8; 9] = [0, 0, 0, 5, 1, 0, 0, 0, 3];

/// What a server can be asked. None of it writes (ORG-2).
#[derive(Debug, Clone, Copy)]
pub(in crate::sftp) enum Request<'a> {
    /// The canonical, absolute path of a path.
    RealPath(&'a [u8]),
    /// The state of what a path leads to, links followed.
    Stat(&'a [u8]),
    /// The state of what is at a path, which may be a link.
    LStat(&'a [u8]),
    /// A handle for listing a directory.
    OpenDir(&'a [u8]),
    /// Some more names of a directory.
    ReadDir(&'a [u8]),
    /// A handle for reading a file.
    Open(&'a [u8]),
    /// Up to `len` bytes from `offset` of an open file.
    Read {
        handle: &'a [u8],
        offset: u64,
        len: u32,
    },
    /// The state of an open file.
    FStat(&'a [u8]),
    /// An end to a handle.
    Close(&'a [u8]),
    /// The server's limits; only where it said that it knows this.
    Limits,
}

impl Request<'_> {
    /// The packet, its length first.
    pub(in crate::sftp) fn encode(self, id: u32) -> Vec<u8> {
        const READ: u32 = 1;
        let (kind, text): (u8, &[u8]) = match self {
            Self::Open(path) => (3, path),
            Self::Close(handle) => (4, handle),
            Self::Read { handle, .. } => (5, handle),
            Self::LStat(path) => (7, path),
            Self::FStat(handle) => (8, handle),
            Self::OpenDir(path) => (11, path),
            Self::ReadDir(handle) => (12, handle),
            Self::RealPath(path) => (16, path),
            Self::Stat(path) => (17, path),
            Self::Limits => (200, LIMITS),
        };
        let mut packet = vec![0; 4];
        packet.push(kind);
        packet.extend(id.to_be_bytes());
        packet.extend(count(text.len()).to_be_bytes());
        packet.extend(text);
        match self {
            Self::Open(_) => {
                packet.extend(READ.to_be_bytes());
                packet.extend([0; 4]);
            }
            Self::Read { offset, len, .. } => {
                packet.extend(offset.to_be_bytes());
                packet.extend(len.to_be_bytes());
            }
            _ => {}
        }
        let length = count(packet.len() - 4).to_be_bytes();
        packet
            .iter_mut()
            .zip(length)
            .for_each(|(to, from)| *to = from);
        packet
    }
}

/// Paths and handles are far shorter than 4 GiB.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_the_draft_has_them() {
        assert_eq!(
            Request::Stat(b"/\xff").encode(7),
            b"\0\0\0\x0b\x11\0\0\0\x07\0\0\0\x02/\xff"
        );
        let read = Request::Read {
            handle: b"h",
            offset: 1 << 32,
            len: 5,
        };
        assert_eq!(
            read.encode(1),
            b"\0\0\0\x16\x05\0\0\0\x01\0\0\0\x01h\0\0\0\x01\0\0\0\0\0\0\0\x05"
        );
        assert_eq!(
            Request::Open(b"a").encode(2),
            b"\0\0\0\x12\x03\0\0\0\x02\0\0\0\x01a\0\0\0\x01\0\0\0\0"
        );
    }
}
