//! Which keys a server may show: the file of known hosts, as `ssh` keeps it (sshd(8)).
//!
//! Names may be plain, patterns with `*`, `?` and `!`, `[name]:port`, or hashed. `@revoked` keys are
//! refused wherever they are named. Certificates (`@cert-authority`) are not taken: a server that
//! has one has a plain key beside it.

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::{Algorithm, HashAlg, PublicKey, parse_public_key_base64};
use sha1::Sha1;

/// What the file says of one server.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Keys under the server's name and port.
    keys: Vec<PublicKey>,
    /// Keys under its name alone, where its port is another than 22: they are good, but a different
    /// key there may belong to another server of the same machine.
    elsewhere: Vec<PublicKey>,
    revoked: Vec<PublicKey>,
}

/// Whether a server is the one that it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Known,
    Unknown,
    /// Another key of the same type is known.
    Changed,
    Revoked,
}

impl Known {
    /// What `file` says of the server `host` at `port`. Lines that cannot be read are passed over, as
    /// `ssh` does.
    pub(super) fn read(file: &[u8], host: &str, port: u16) -> Self {
        let host = host.to_ascii_lowercase();
        let with_port = if port == 22 {
            host.clone()
        } else {
            format!("[{host}]:{port}")
        };
        let mut known = Self::default();
        for line in String::from_utf8_lossy(file).lines() {
            let Some(line) = Line::read(line) else {
                continue;
            };
            let here = line.names(&with_port);
            let elsewhere = port != 22 && line.names(&host);
            match (line.revoked, here, elsewhere) {
                (true, _, _) if here || elsewhere => known.revoked.push(line.key),
                (false, true, _) => known.keys.push(line.key),
                (false, false, true) => known.elsewhere.push(line.key),
                _ => {}
            }
        }
        known
    }

    /// Whether `key` is that of the server.
    pub(super) fn judge(&self, key: &PublicKey) -> Verdict {
        let has = |keys: &[PublicKey]| keys.iter().any(|known| known.key_data() == key.key_data());
        if has(&self.revoked) {
            Verdict::Revoked
        } else if has(&self.keys) || has(&self.elsewhere) {
            Verdict::Known
        } else if self
            .keys
            .iter()
            .any(|known| known.algorithm() == key.algorithm())
        {
            Verdict::Changed
        } else {
            Verdict::Unknown
        }
    }

    /// The types of keys to ask the server for, those of which one is known first: it shows the first
    /// that it has. RSA is left out (ADR 8).
    pub(super) fn algorithms(&self, offered: &[Algorithm]) -> Vec<Algorithm> {
        let known = |algorithm: &Algorithm| {
            let mut keys = self.keys.iter().chain(&self.elsewhere);
            keys.any(|key| key.algorithm() == *algorithm)
        };
        let taken = offered
            .iter()
            .filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { .. }));
        let (mut first, last): (Vec<_>, Vec<_>) = taken.cloned().partition(known);
        first.extend(last);
        first
    }
}

/// A key's fingerprint, as `ssh-keygen -l` shows it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

struct Line<'a> {
    revoked: bool,
    names: &'a str,
    key: PublicKey,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace().peekable();
        let marker = words.next_if(|word| word.starts_with('@'));
        let revoked = match marker {
            None => false,
            Some("@revoked") => true,
            Some(_) => return None,
        };
        let names = words.next().filter(|names| !names.starts_with('#'))?;
        let _type = words.next()?;
        let key = parse_public_key_base64(words.next()?).ok()?;
        Some(Self {
            revoked,
            names,
            key,
        })
    }

    fn names(&self, host: &str) -> bool {
        if let Some(hashed) = self.names.strip_prefix("|1|") {
            return is_hash_of(hashed, host).unwrap_or(false);
        }
        let mut named = false;
        for pattern in self.names.split(',') {
            match pattern.strip_prefix('!') {
                Some(pattern) if matches(pattern.as_bytes(), host.as_bytes()) => return false,
                Some(_) => {}
                None => named |= matches(pattern.as_bytes(), host.as_bytes()),
            }
        }
        named
    }
}

/// `hashed` is salt and HMAC-SHA1 of the name, both in base 64.
fn is_hash_of(hashed: &str, host: &str) -> Option<bool> {
    use base64::Engine;
    let engine = base64::engine::general_purpose::STANDARD;
    let (salt, hash) = hashed.split_once('|')?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&engine.decode(salt).ok()?).ok()?;
    mac.update(host.as_bytes());
    Some(mac.verify_slice(&engine.decode(hash).ok()?).is_ok())
}

/// Whether `text` is of the form `pattern`, in which `*` stands for any letters and `?` for one.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Where to go on when the letters after the last `*` do not fit: try it one letter longer.
    let (mut at, mut place, mut again) = (0, 0, None);
    loop {
        match (pattern.get(at), text.get(place)) {
            (Some(b'*'), _) => {
                again = Some((at + 1, place + 1));
                at += 1;
            }
            (Some(letter), Some(found))
                if *letter == b'?' || letter.eq_ignore_ascii_case(found) =>
            {
                at += 1;
                place += 1;
            }
            (None, None) => return true,
            _ => match again {
                Some((after, next)) if next <= text.len() => {
                    (at, place) = (after, next);
                    again = Some((after, next + 1));
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::EcdsaCurve;

    const A: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const B: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn key(line: &str) -> PublicKey {
        parse_public_key_base64(line.split(' ').nth(1).unwrap()).unwrap()
    }

    fn judged(file: &str, host: &str, port: u16) -> Verdict {
        Known::read(file.as_bytes(), host, port).judge(&key(A))
    }

    #[test]
    fn names_are_found_in_all_their_forms() {
        for (names, host, port) in [
            ("nas", "nas", 22),
            ("nas", "NAS", 22),
            ("x,nas,y", "nas", 22),
            ("*.example.org,!b.example.org", "a.example.org", 22),
            ("n?s", "nas", 22),
            ("[nas]:2222", "nas", 2222),
            ("[*]:2222", "nas", 2222),
            // Under the name alone, as ssh takes it, too.
            ("nas", "nas", 2222),
        ] {
            let file = format!("# a comment\n\nrubbish\n{names} {A} who@where\n");
            assert_eq!(judged(&file, host, port), Verdict::Known, "{names}");
        }
        for (names, host, port) in [
            ("nas", "nas2", 22),
            ("[nas]:2222", "nas", 22),
            ("[nas]:2222", "nas", 2223),
            ("*.example.org,!b.example.org", "b.example.org", 22),
            ("#nas", "nas", 22),
            ("@cert-authority nas", "nas", 22),
        ] {
            let file = format!("{names} {A}");
            assert_eq!(judged(&file, host, port), Verdict::Unknown, "{names}");
        }
    }

    #[test]
    fn hashed_names_are_found() {
        let file = "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak= ssh-ed25519 \
                    AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";
        let known = Known::read(file.as_bytes(), "example.com", 22);
        assert_eq!(known.keys.len(), 1);
        assert!(
            Known::read(file.as_bytes(), "example.org", 22)
                .keys
                .is_empty()
        );
        let broken = format!("|1|???|x {A}\n|1| {A}\n");
        assert_eq!(judged(&broken, "nas", 22), Verdict::Unknown);
    }

    #[test]
    fn another_key_is_a_change_and_a_revoked_one_is_refused() {
        assert_eq!(judged(&format!("nas {B}"), "nas", 22), Verdict::Changed);
        let both = format!("nas {B}\nnas {A}");
        assert_eq!(judged(&both, "nas", 22), Verdict::Known);
        let revoked = format!("{both}\n@revoked * {A}");
        assert_eq!(judged(&revoked, "nas", 22), Verdict::Revoked);
        // That of another server of the machine.
        assert_eq!(judged(&format!("nas {B}"), "nas", 2222), Verdict::Unknown);
    }

    #[test]
    fn known_types_are_asked_for_first() {
        let other = Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        };
        let offered = [
            Algorithm::Rsa { hash: None },
            other.clone(),
            Algorithm::Ed25519,
        ];
        let file = format!("nas {A}");
        let asked = Known::read(file.as_bytes(), "nas", 22).algorithms(&offered);
        assert_eq!(asked, [Algorithm::Ed25519, other]);
    }
}
