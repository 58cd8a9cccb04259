//! Checksums that origins offer of whole files, which prove what a file is without reading it (CAS-3).

use std::num::NonZero;

use md5::Md5;
use sha1::Sha1;
use sha2::Sha256;
use sha2::digest::DynDigest;

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5 (RFC 1321).
    Md5,
    /// SHA-1 (FIPS 180-4).
    Sha1,
    /// SHA-256 (FIPS 180-4).
    Sha256,
}

impl Algorithm {
    fn begin(self) -> Box<dyn DynDigest> {
        match self {
            Self::Md5 => Box::new(Md5::default()),
            Self::Sha1 => Box::new(Sha1::default()),
            Self::Sha256 => Box::new(Sha256::default()),
        }
    }
}

/// What an origin tells of the bytes of a file at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// How it is computed.
    pub algorithm: Algorithm,
    /// Of a file that was uploaded in parts, the bytes of each but the last: its checksum is that of
    /// the parts' checksums, one after the other.
    pub part: Option<NonZero<u64>>,
    /// The checksum itself.
    pub value: Vec<u8>,
    /// False where it is only likely what was computed, and of which parts: it can then prove that bytes
    /// are the same, and not that they are others.
    pub disproves: bool,
}

impl Checksum {
    /// Begins to compute it of other bytes.
    #[must_use]
    pub fn verify(&self) -> Verify<'_> {
        let parts = self.part.map(|size| Parts {
            size,
            left: size.get(),
            checksums: self.algorithm.begin(),
        });
        Verify {
            checksum: self,
            bytes: self.algorithm.begin(),
            parts,
        }
    }
}

/// A checksum that is being computed.
pub struct Verify<'c> {
    checksum: &'c Checksum,
    /// Of the bytes since the beginning, or of those of the part that is at hand.
    bytes: Box<dyn DynDigest>,
    parts: Option<Parts>,
}

struct Parts {
    size: NonZero<u64>,
    /// Bytes that the part at hand still wants.
    left: u64,
    checksums: Box<dyn DynDigest>,
}

impl Verify<'_> {
    /// Takes the bytes that follow.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let Some(parts) = &mut self.parts else {
            return self.bytes.update(bytes);
        };
        while !bytes.is_empty() {
            let len = usize::try_from(parts.left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (now, rest) = bytes.split_at(len);
            self.bytes.update(now);
            parts.left -= len as u64;
            if parts.left == 0 {
                parts.checksums.update(&self.bytes.finalize_reset());
                parts.left = parts.size.get();
            }
            bytes = rest;
        }
    }

    /// True where the bytes, all of which were taken, are those that the origin has.
    #[must_use]
    pub fn holds(mut self) -> bool {
        let value = match self.parts {
            Some(mut parts) => {
                if parts.left < parts.size.get() {
                    parts.checksums.update(&self.bytes.finalize_reset());
                }
                parts.checksums.finalize()
            }
            None => self.bytes.finalize(),
        };
        *value == *self.checksum.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(part: Option<u64>, hex: &str, pieces: &[&[u8]]) -> bool {
        let checksum = Checksum {
            algorithm: Algorithm::Md5,
            part: part.and_then(NonZero::new),
            value: hex::decode(hex).unwrap(),
            disproves: true,
        };
        let mut verify = checksum.verify();
        pieces.iter().for_each(|piece| verify.update(piece));
        verify.holds()
    }

    #[test]
    fn the_pieces_that_bytes_come_in_change_nothing() {
        // RFC 1321, A.5.
        let of = "c3fcd3d76192e4007dfb496cca67e13b";
        assert!(holds(None, of, &[b"abcdefghijklmnopqrstuvwxyz"]));
        assert!(holds(None, of, &[b"abc", b"", b"defghijklmnopqrstuvwxyz"]));
        assert!(!holds(None, of, &[b"abcdefghijklmnopqrstuvwxyZ"]));
        assert!(holds(None, "d41d8cd98f00b204e9800998ecf8427e", &[]));
    }

    /// Values of `(printf abcd | md5sum; printf efgh | md5sum; …) | xxd -r -p | md5sum`.
    #[test]
    fn parts_are_summed_each_by_itself() {
        let (even, odd) = (
            "cb93ad6c9c920e2602b79a11ded63ddb",
            "8c7423f079d1d123f65ff1de7afac977",
        );
        assert!(holds(Some(4), even, &[b"abcdefgh"]));
        assert!(holds(Some(4), even, &[b"ab", b"cdefg", b"h"]));
        assert!(!holds(Some(5), even, &[b"abcdefgh"]));
        assert!(holds(Some(4), odd, &[b"abcdefghi"]));
        assert!(!holds(Some(4), odd, &[b"abcdefgh"]));
    }
}
