//! Checksums of objects: the ETag, where it is one, and those that uploads come with.
//!
//! "Checking object integrity" in the user guide of Amazon S3: the ETag of an object is the MD5 of its
//! bytes, or where it was uploaded in N parts, the MD5 of the parts' MD5s with `-N` behind it; not so
//! where it is encrypted with a key of a key service or of the customer.

use std::num::NonZero;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventlog::{OriginPath, Revision};
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH};

use super::Bucket;
use crate::checksum::{Algorithm, Checksum};
use crate::origin::{ErrorKind, OriginError};
use crate::remote::answer::{tag, text};
use crate::remote::escape::escape_path;
use crate::remote::{Server, changed};

const MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");
const SHA256: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");
const SHA1: HeaderName = HeaderName::from_static("x-amz-checksum-sha1");
const ENCRYPTION: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");
const CUSTOMER: HeaderName =
    HeaderName::from_static("x-amz-server-side-encryption-customer-algorithm");

/// Asks for the head of an object's first part, which tells how long the parts are.
///
/// # Errors
/// Where the object is another by now, or nobody answers; a service that refuses offers no checksum.
pub(super) async fn ask(
    bucket: &Bucket,
    path: &OriginPath,
    revision: &Revision,
) -> Result<Option<Checksum>, OriginError> {
    // Nothing else would tell of which bytes the answer is.
    let Some(expected) = revision.tag.as_deref() else {
        return Ok(None);
    };
    let place = bucket.place(path);
    let doing = format!("ask for the checksum of {place}");
    let key = escape_path(&bucket.key(path, false));
    let mut headers = HeaderMap::new();
    headers.insert(MODE, HeaderValue::from_static("ENABLED"));
    if let Ok(tag) = HeaderValue::from_str(expected) {
        headers.insert(IF_MATCH, tag);
    }
    let request = bucket.signed(Method::HEAD, &format!("{key}?partNumber=1"), headers)?;
    let reply = bucket.http().send(request, &doing).await?;
    let status = reply.response.status();
    if !status.is_success() {
        let error = bucket.refusal(&doing, &reply.refused().await);
        return match error.kind {
            ErrorKind::Denied | ErrorKind::Io => {
                tracing::debug!("no checksum: {error}");
                Ok(None)
            }
            _ => Err(error),
        };
    }
    let headers = reply.response.headers();
    if text(headers, &ETAG).map(tag).as_deref() != Some(expected) {
        return Err(changed(&place));
    }
    Ok(offered(expected, headers, revision.size))
}

/// What an answer tells of all the bytes of an object of that size.
fn offered(etag: &str, headers: &HeaderMap, size: u64) -> Option<Checksum> {
    let etag = etag.trim_matches('"');
    let (digest, parts) = match etag.split_once('-') {
        Some((digest, parts)) => (digest, Some(parts.parse::<u64>().ok()?)),
        None => (etag, None),
    };
    let key_service = text(headers, &ENCRYPTION).is_some_and(|how| how.starts_with("aws:"));
    let digest = hex::decode(digest).ok().filter(|digest| digest.len() == 16);
    let digest = digest.filter(|_| !key_service && !headers.contains_key(&CUSTOMER));
    let told = text(headers, &CONTENT_LENGTH).and_then(|told| told.parse().ok());
    let (part, disproves) = match parts {
        // A service that does not know of parts tells of the whole.
        Some(parts) if told == Some(size) && parts > 1 => (Some(likely(size, parts)?), false),
        Some(parts) => {
            // The last part may be shorter; else, whoever uploaded it chose no one size.
            let part = NonZero::new(told?)?;
            if size.div_ceil(part.get()) != parts {
                return None;
            }
            (Some(part), true)
        }
        // Some services have tags that look like MD5s and are none.
        None => (None, false),
    };
    if let Some(value) = digest {
        return Some(Checksum {
            algorithm: Algorithm::Md5,
            part,
            value,
            disproves,
        });
    }
    // With parts, the answer's are those of the first.
    let whole = |name: HeaderName, algorithm| {
        let value = text(headers, &name).filter(|_| part.is_none())?;
        Some(Checksum {
            algorithm,
            part: None,
            value: STANDARD.decode(value).ok()?,
            disproves: true,
        })
    };
    whole(SHA256, Algorithm::Sha256).or_else(|| whole(SHA1, Algorithm::Sha1))
}

/// Sizes of parts that programs upload with unless told otherwise, in MiB.
const USUAL: [u64; 12] = [5, 8, 10, 15, 16, 25, 32, 50, 64, 100, 128, 256];

/// The usual size of which that many parts make that many bytes, where only one does.
fn likely(size: u64, parts: u64) -> Option<NonZero<u64>> {
    let sizes = USUAL.iter().map(|mebibytes| mebibytes << 20);
    let mut fit = sizes.filter(|part| size.div_ceil(*part) == parts);
    let only = fit.next()?;
    NonZero::new(only).filter(|_| fit.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "c3fcd3d76192e4007dfb496cca67e13b";

    fn of(etag: &str, headers: &[(&'static str, &str)], size: u64) -> Option<Checksum> {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_str(value).unwrap())
        });
        offered(&format!("\"{etag}\""), &headers.collect(), size)
    }

    #[test]
    fn an_etag_is_a_checksum_where_it_is_one() {
        let plain = of(MD5, &[], 26).unwrap();
        assert_eq!((plain.algorithm, plain.part), (Algorithm::Md5, None));
        assert_eq!(hex::encode(plain.value), MD5);
        for no in ["", "1234", "33a64df551425fcc55e4d42a148795d9f25f89d4"] {
            assert_eq!(of(no, &[], 26), None, "{no}");
        }
        let encryption = |how| of(MD5, &[("x-amz-server-side-encryption", how)], 26);
        assert!(encryption("AES256").is_some());
        assert_eq!(encryption("aws:kms"), None);
        let customer = "x-amz-server-side-encryption-customer-algorithm";
        assert_eq!(of(MD5, &[(customer, "AES256")], 26), None);
    }

    #[test]
    fn parts_are_as_long_as_the_first_of_them() {
        let parts = |size, parts, first| {
            let etag = format!("{MD5}-{parts}");
            of(&etag, &[("content-length", first)], size)
        };
        assert_eq!(parts(26, 3, "10").unwrap().part, NonZero::new(10));
        assert_eq!(parts(20, 2, "10").unwrap().part, NonZero::new(10));
        assert_eq!(parts(7, 1, "7").unwrap().part, NonZero::new(7));
        // Of parts that differ, and of a service that tells of the whole.
        assert_eq!(parts(26, 4, "10"), None);
        assert_eq!(parts(26, 3, "0"), None);
    }

    #[test]
    fn where_the_parts_are_not_told_their_usual_size_is_likely() {
        let whole = |size: u64, parts| {
            let etag = format!("{MD5}-{parts}");
            of(&etag, &[("content-length", &size.to_string())], size)
        };
        let likely = whole(30 << 20, 4).unwrap();
        assert_eq!(likely.part, NonZero::new(8 << 20));
        assert!(!likely.disproves);
        assert_eq!(whole(30 << 20, 2), None, "15 or 16, 25");
        assert_eq!(whole(26, 3), None);
    }

    #[test]
    fn where_the_etag_is_none_the_upload_may_have_come_with_one() {
        let encrypted = ("x-amz-server-side-encryption", "aws:kms");
        let sha1 = ("x-amz-checksum-sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
        let told = of(MD5, &[encrypted, sha1], 3).unwrap();
        let mut verify = told.verify();
        verify.update(b"abc");
        assert!(told.algorithm == Algorithm::Sha1 && verify.holds());
        // FIPS 180-4 names this one of "abc", too.
        let sha256 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        let told = of(MD5, &[encrypted, ("x-amz-checksum-sha256", sha256)], 3).unwrap();
        let mut verify = told.verify();
        verify.update(b"abc");
        assert!(told.algorithm == Algorithm::Sha256 && verify.holds());
        let parts = of(
            &format!("{MD5}-2"),
            &[encrypted, sha1, ("content-length", "2")],
            3,
        );
        assert_eq!(parts, None);
    }
}
