//! Signatures of requests without a body: AWS Signature Version 4, as headers. Pure.

use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;
use zeroize::Zeroizing;

use crate::Secret;

/// The SHA-256 of no bytes.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Who signs, and for which region.
pub(super) struct Signer {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) token: Option<Secret>,
    pub(super) region: String,
}

impl Signer {
    /// Adds what proves that a request is ours. Its path has to be escaped, its query escaped and
    /// sorted. Of its headers, the service's own (`x-amz-…`) are signed; others need not be. `None` where a part cannot be in a header.
    #[must_use]
    pub(super) fn sign(&self, request: &mut Request, now: SystemTime) -> Option<()> {
        let now = OffsetDateTime::from(now);
        let time = format_description!("[year][month][day]T[hour][minute][second]Z");
        let time = now.format(time).ok()?;
        let day = time.get(..8)?;

        let url = request.url();
        let host = match (url.host_str()?, url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let token = self.token.as_ref().map(Secret::reveal);
        let mut added = vec![("x-amz-content-sha256", EMPTY), ("x-amz-date", &time)];
        added.extend(token.map(|token| ("x-amz-security-token", token)));
        let mut headers = vec![("host", host.as_str())];
        for (name, value) in request.headers() {
            if name.as_str().starts_with("x-amz-") {
                headers.push((name.as_str(), value.to_str().ok()?));
            }
        }
        headers.extend(&added);
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let canonical = format!(
            "{}\n{}\n{}\n{}\n{names}\n{EMPTY}",
            request.method(),
            url.path(),
            url.query().unwrap_or_default(),
            lines.concat(),
        );
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let digest = hex::encode(Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}");

        let first = Zeroizing::new(format!("AWS4{}", self.secret.reveal()).into_bytes());
        let key = [day, &self.region, "s3", "aws4_request"]
            .iter()
            .try_fold(first, |key, part| mac(&key, part))?;
        let signature = hex::encode(&*mac(&key, &text)?);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
            self.id
        );

        added.push((AUTHORIZATION.as_str(), &authorization));
        let added: Option<Vec<_>> = added
            .into_iter()
            .map(|(name, value)| {
                let mut value = HeaderValue::from_str(value).ok()?;
                value.set_sensitive(!matches!(name, "x-amz-date" | "x-amz-content-sha256"));
                Some((
                    reqwest::header::HeaderName::from_bytes(name.as_bytes()).ok()?,
                    value,
                ))
            })
            .collect();
        request.headers_mut().extend(added?);
        Some(())
    }
}

fn mac(key: &[u8], text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::{Method, Url};

    use super::*;

    fn signed(url: &str, token: Option<&str>) -> Request {
        let signer = Signer {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            token: token.map(|token| Secret::new(token.to_owned())),
            region: "us-east-1".to_owned(),
        };
        let mut request = Request::new(Method::GET, Url::parse(url).unwrap());
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        signer.sign(&mut request, time).unwrap();
        request
    }

    /// The example of the "GET Bucket (List Objects)" request in the documentation of Amazon S3,
    /// "Authenticating Requests: Using the Authorization Header".
    #[test]
    fn the_documented_example_comes_out() {
        let request = signed(
            "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
            None,
        );
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert_eq!(
            authorization,
            "AWS4-HMAC-SHA256 \
             Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=host;x-amz-content-sha256;x-amz-date,\
             Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
        assert!(request.headers().get("host").is_none());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let request = signed("http://127.0.0.1:3900/b/k", Some("temporary"));
        assert_eq!(request.headers()["x-amz-security-token"], "temporary");
        let shown = format!("{request:?}");
        assert!(
            !shown.contains("temporary") && !shown.contains("AKIA"),
            "{shown}"
        );
    }
}
