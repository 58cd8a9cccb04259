//! What a server answers. A packet that says more than it holds is [`Malformed`].

use bytes::{Buf, Bytes};
use eventlog::Revision;

use super::LIMITS;

/// What a server says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sftp) struct Version {
    /// The version of the protocol that it chose.
    pub(in crate::sftp) number: u32,
    /// True where [`Request::Limits`] may be asked.
    pub(in crate::sftp) tells_limits: bool,
}

/// What a server answers to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sftp) enum Reply {
    /// An end, a success or a refusal: code and text.
    Status(u32, Box<str>),
    /// A handle.
    Handle(Bytes),
    /// Bytes of a file.
    Data(Bytes),
    /// Names of a directory, or one path.
    Names(Vec<Name>),
    /// The state of a file.
    Attributes(Attributes),
    /// What an extension says.
    Extended(Bytes),
}

/// A name in a listing, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sftp) struct Name {
    pub(in crate::sftp) name: Bytes,
    pub(in crate::sftp) attributes: Attributes,
}

/// What is told of a file, as far as it is of use. A server may leave out any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::sftp) struct Attributes {
    /// Bytes.
    pub(in crate::sftp) size: Option<u64>,
    /// Type and permissions, as `st_mode` has them.
    pub(in crate::sftp) mode: Option<u32>,
    /// Last modification, seconds since the Unix epoch.
    pub(in crate::sftp) mtime: Option<u32>,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sftp) enum Kind {
    File,
    Directory,
    Link,
    /// A device, a pipe, a socket.
    Special,
    /// The server does not say.
    Unknown,
}

impl Attributes {
    /// The type.
    pub(in crate::sftp) fn kind(&self) -> Kind {
        match self.mode.map(|mode| mode & 0o170_000) {
            Some(0o100_000) => Kind::File,
            Some(0o040_000) => Kind::Directory,
            Some(0o120_000) => Kind::Link,
            Some(0) | None => Kind::Unknown,
            Some(_) => Kind::Special,
        }
    }

    /// The revision that the state stands for, where the size is known.
    pub(in crate::sftp) fn revision(&self) -> Option<Revision> {
        Some(Revision {
            size: self.size?,
            mtime_ns: i64::from(self.mtime.unwrap_or(0)).saturating_mul(1_000_000_000),
            tag: None,
        })
    }
}

/// A packet that is not what the protocol allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a packet of type {kind} breaks off or holds what it cannot")]
pub(in crate::sftp) struct Malformed {
    kind: u8,
}

/// Reads the server's first packet, without its length.
pub(in crate::sftp) fn decode_version(mut packet: Bytes) -> Result<Version, Malformed> {
    const VERSION: u8 = 2;
    let mut take = || {
        if packet.try_get_u8().ok()? != VERSION {
            return None;
        }
        let number = packet.try_get_u32().ok()?;
        let mut tells_limits = false;
        while packet.has_remaining() {
            let (name, data) = (text(&mut packet)?, text(&mut packet)?);
            tells_limits |= name == LIMITS && *data == *b"1";
        }
        Some(Version {
            number,
            tells_limits,
        })
    };
    take().ok_or(Malformed { kind: VERSION })
}

/// Reads an answer, without its length: whose it is, and what it says.
pub(in crate::sftp) fn decode(mut packet: Bytes) -> Result<(u32, Reply), Malformed> {
    let kind = packet.first().copied().unwrap_or(0);
    take_reply(&mut packet).ok_or(Malformed { kind })
}

fn take_reply(packet: &mut Bytes) -> Option<(u32, Reply)> {
    let kind = packet.try_get_u8().ok()?;
    let id = packet.try_get_u32().ok()?;
    let reply = match kind {
        101 => {
            let code = packet.try_get_u32().ok()?;
            // Some servers leave the text out.
            let text = text(packet).unwrap_or_default();
            Reply::Status(code, readable(&text))
        }
        102 => Reply::Handle(text(packet).filter(|handle| handle.len() <= 256)?),
        103 => Reply::Data(text(packet)?),
        104 => Reply::Names(names(packet)?),
        105 => Reply::Attributes(attributes(packet)?),
        201 => Reply::Extended(packet.clone()),
        _ => return None,
    };
    Some((id, reply))
}

fn names(packet: &mut Bytes) -> Option<Vec<Name>> {
    let count = packet.try_get_u32().ok()?;
    // A hostile count must not reserve memory: names are pushed as they are found.
    let mut names = Vec::new();
    for _ in 0..count {
        let name = text(packet)?;
        let _long = text(packet)?;
        let attributes = attributes(packet)?;
        names.push(Name { name, attributes });
    }
    Some(names)
}

fn attributes(packet: &mut Bytes) -> Option<Attributes> {
    const SIZE: u32 = 1;
    const OWNER: u32 = 2;
    const PERMISSIONS: u32 = 4;
    const TIMES: u32 = 8;
    const EXTENDED: u32 = 0x8000_0000;
    let mut found = Attributes::default();
    let flags = packet.try_get_u32().ok()?;
    if flags & SIZE != 0 {
        found.size = Some(packet.try_get_u64().ok()?);
    }
    if flags & OWNER != 0 {
        packet.try_get_u64().ok()?;
    }
    if flags & PERMISSIONS != 0 {
        found.mode = Some(packet.try_get_u32().ok()?);
    }
    if flags & TIMES != 0 {
        packet.try_get_u32().ok()?;
        found.mtime = Some(packet.try_get_u32().ok()?);
    }
    if flags & EXTENDED != 0 {
        let count = packet.try_get_u32().ok()?;
        for _ in 0..count {
            text(packet)?;
            text(packet)?;
        }
    }
    Some(found)
}

/// What `limits@openssh.com` says of the length of a read; 0 is for "no limit known".
pub(in crate::sftp) fn read_limit(mut extended: Bytes) -> Option<u64> {
    let _packet = extended.try_get_u64().ok()?;
    extended.try_get_u64().ok().filter(|limit| *limit > 0)
}

fn text(packet: &mut Bytes) -> Option<Bytes> {
    let len = usize::try_from(packet.try_get_u32().ok()?).ok()?;
    (len <= packet.len()).then(|| packet.split_to(len))
}

/// A server's words, short and without what a terminal would take for commands.
fn readable(text: &[u8]) -> Box<str> {
    let text = String::from_utf8_lossy(text);
    let shown: String = text
        .chars()
        .filter(|letter| !letter.is_control())
        .take(200)
        .collect();
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(parts: &[&[u8]]) -> Bytes {
        parts.concat().into()
    }

    #[test]
    fn names_are_bytes() {
        let names = packet(&[
            b"\x68\0\0\0\x09\0\0\0\x01",
            b"\0\0\0\x02\xff\xfe\0\0\0\x01x",
            b"\0\0\0\x0d\0\0\0\0\0\0\0\x05\0\0\x81\xa4\0\0\0\x01\0\0\0\x02",
        ]);
        let (id, reply) = decode(names).unwrap();
        assert_eq!(id, 9);
        let Reply::Names(names) = reply else {
            panic!("{reply:?}")
        };
        assert_eq!(&*names[0].name, b"\xff\xfe");
        assert_eq!(names[0].attributes.kind(), Kind::File);
        let revision = names[0].attributes.revision().unwrap();
        assert_eq!((revision.size, revision.mtime_ns), (5, 2_000_000_000));
    }

    #[test]
    fn a_version_tells_its_extensions() {
        let version = packet(&[b"\x02\0\0\0\x03", b"\0\0\0\x12", LIMITS, b"\0\0\0\x011"]);
        assert!(decode_version(version).unwrap().tells_limits);
        assert_eq!(
            decode_version(packet(&[b"\x02\0\0\0\x06"])).unwrap().number,
            6
        );
        assert!(decode_version(packet(&[b"Welcome to the server"])).is_err());
    }

    /// Every prefix of good packets, and counts and lengths that lie.
    #[test]
    fn what_breaks_off_is_refused() {
        let names = packet(&[
            b"\x68\0\0\0\x09\0\0\0\x01\0\0\0\x01a\0\0\0\x01x",
            b"\x80\0\0\x0f\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\x81\xa4\0\0\0\x01\0\0\0\x02",
            b"\0\0\0\x01\0\0\0\x01k\0\0\0\x01v",
        ]);
        assert!(decode(names.clone()).is_ok());
        for end in 0..names.len() {
            assert!(decode(names.slice(..end)).is_err(), "{end}");
        }
        for lie in [
            &b"\x68\0\0\0\x01\xff\xff\xff\xff"[..],
            b"\x67\0\0\0\x01\xff\xff\xff\xffabc",
            b"\x69\0\0\0\x01\x80\0\0\0\xff\xff\xff\xff",
            b"\x03\0\0\0\x01",
            b"",
        ] {
            assert!(decode(Bytes::from_static(lie)).is_err(), "{lie:?}");
        }
    }

    #[test]
    fn a_servers_words_cannot_command_a_terminal() {
        let status = packet(&[b"\x65\0\0\0\x01\0\0\0\x04\0\0\0\x07a\x1b[2J\nb"]);
        assert_eq!(decode(status).unwrap().1, Reply::Status(4, "a[2Jb".into()));
    }
}
