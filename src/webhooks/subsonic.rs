//! The Subsonic API, as far as Navidrome is asked to scan over it. Pure.

use md5::{Digest, Md5};
use reqwest::Url;
use serde::Deserialize;

use super::answer::Outcome;
use super::request::ask;
use crate::config::Secret;

/// The version of the API that knows all that is asked for.
const VERSION: &str = "1.16.1";

/// Errors that another try does not mend: a parameter, a version, a password, a right, a licence.
const FINAL: std::ops::RangeInclusive<u32> = 10..=70;

/// Adds who asks to an address: the password is not sent, only MD5 of it and a salt.
pub(super) fn log_in(url: &mut Url, user: &str, password: &Secret, salt: u64) {
    let salt = format!("{salt:016x}");
    let token = Md5::new()
        .chain_update(password.reveal())
        .chain_update(&salt)
        .finalize();
    for (name, value) in [
        ("u", user),
        ("t", &hex::encode(token)),
        ("s", &salt),
        ("v", VERSION),
        ("c", "musicfs"),
        ("f", "json"),
    ] {
        ask(url, name, value);
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "subsonic-response")]
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    status: String,
    error: Option<Error>,
    #[serde(rename = "scanStatus")]
    scan: Option<Scan>,
}

#[derive(Deserialize)]
struct Error {
    code: u32,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Scan {
    scanning: bool,
}

/// What an answer of status 200 means: failures are told inside.
pub(super) fn judge(body: &[u8]) -> Outcome {
    let Ok(Envelope { response }) = serde_json::from_slice(body) else {
        return Outcome::Later {
            problem: "it answered with something that is not Subsonic's JSON".to_owned(),
            after: None,
        };
    };
    if response.status == "ok" {
        return Outcome::Taken;
    }
    let (code, message) = response
        .error
        .map_or((0, String::new()), |error| (error.code, error.message));
    let problem = format!("it answered error {code}: {message}");
    if FINAL.contains(&code) {
        Outcome::Never { problem }
    } else {
        Outcome::Later {
            problem,
            after: None,
        }
    }
}

/// True where an answer to `getScanStatus` tells of a scan under way.
pub(super) fn is_scanning(body: &[u8]) -> bool {
    let envelope: Option<Envelope> = serde_json::from_slice(body).ok();
    envelope
        .and_then(|envelope| envelope.response.scan)
        .is_some_and(|scan| scan.scanning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_salted() {
        // The example of the API's documentation: sesame, c19b2d.
        let digest = Md5::new()
            .chain_update("sesame")
            .chain_update("c19b2d")
            .finalize();
        assert_eq!(hex::encode(digest), "26719a1196d2a940705a59634eb18eab");
        let mut url = Url::parse("http://nas/rest/ping").unwrap();
        log_in(&mut url, "me & you", &Secret::new("sesame".to_owned()), 7);
        let query: Vec<_> = url.query().unwrap().split('&').collect();
        assert_eq!(query[0], "u=me%20%26%20you");
        assert_eq!(query[2], "s=0000000000000007");
        assert!(!url.as_str().contains("sesame"));
    }

    #[test]
    fn failures_are_inside() {
        let failed = |code: u32| {
            format!(
                r#"{{"subsonic-response":{{"status":"failed","error":{{"code":{code},"message":"no"}}}}}}"#
            )
        };
        let ok =
            r#"{"subsonic-response":{"status":"ok","scanStatus":{"scanning":true,"count":3}}}"#;
        assert_eq!(judge(ok.as_bytes()), Outcome::Taken);
        assert!(is_scanning(ok.as_bytes()));
        assert!(matches!(
            judge(failed(40).as_bytes()),
            Outcome::Never { .. }
        ));
        assert!(matches!(judge(failed(0).as_bytes()), Outcome::Later { .. }));
        assert!(matches!(judge(b"<html>"), Outcome::Later { .. }));
        assert!(!is_scanning(failed(40).as_bytes()) && !is_scanning(b""));
    }
}
