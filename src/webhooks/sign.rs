//! Signatures of requests. Pure.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Secret;

/// The value of `X-MusicFS-Signature`: `sha256=` and, in small hexadecimal, the HMAC-SHA256
/// (RFC 2104) of the timestamp, a full stop and the body, as they are sent; the key is the secret's
/// UTF-8.
#[must_use]
pub(super) fn signature(secret: &Secret, timestamp: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else {
        return String::new();
    };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_computes() {
        // printf '1700000000.{"id":"a"}' | openssl dgst -sha256 -hmac 'hunter2'
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(
            signature(&secret, "1700000000", br#"{"id":"a"}"#),
            "sha256=962780fa3b4e2acf3ea403b267dbcf16e1649b7f36be1a137009ae7334fec30c"
        );
    }
}
