//! A page of a listing: the answer to `ListObjectsV2`. Pure.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use eventlog::Revision;

use crate::remote::answer::tag;
use crate::remote::escape::unescape;
use crate::remote::xml::{BadXml, Element, children};

/// At most 1,000 keys, or prefixes that they have in common, by key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Keys and their states.
    pub(super) objects: Vec<(Vec<u8>, Revision)>,
    /// What keys have in common up to a delimiter.
    pub(super) prefixes: Vec<Vec<u8>>,
    /// Where the next page begins; `None` on the last.
    pub(super) next: Option<String>,
}

/// Reads a page of the listing of what is below `prefix` in `bucket`.
///
/// # Errors
/// Where it is not clear that this is what was asked for: what is taken for a listing decides what
/// is taken for gone (ORG-6).
pub(super) fn page(body: &[u8], bucket: &str, prefix: &[u8]) -> Result<Page, BadXml> {
    let mut page = Page::default();
    let mut truncated = None;
    let mut escaped = false;
    children(body, None, "ListBucketResult", |element| {
        let text = element.text.trim();
        match element.name.as_str() {
            "Contents" => page.objects.push(object(&element)?),
            "CommonPrefixes" => {
                let prefix = element.text_of("Prefix");
                let prefix = prefix.ok_or_else(|| BadXml::from("a prefix has no name"))?;
                page.prefixes.push(prefix.into());
            }
            "Name" if text != bucket => {
                return Err(BadXml(format!("it is the listing of the bucket {text}")));
            }
            "IsTruncated" => truncated = Some(text == "true"),
            "NextContinuationToken" if !text.is_empty() => page.next = Some(text.to_owned()),
            "EncodingType" => escaped = text == "url",
            _ => {}
        }
        Ok(())
    })?;
    match truncated {
        None => return Err("it does not say whether it is complete".into()),
        Some(false) => page.next = None,
        Some(true) if page.next.is_none() => return Err("it does not say how it goes on".into()),
        Some(true) => {}
    }
    if escaped {
        let keys = page.objects.iter_mut().map(|(key, _)| key);
        for key in keys.chain(&mut page.prefixes) {
            *key = plain(key);
        }
    }
    let mut keys = page
        .objects
        .iter()
        .map(|(key, _)| key)
        .chain(&page.prefixes);
    if !keys.all(|key| key.starts_with(prefix)) {
        return Err("it lists what was not asked for".into());
    }
    Ok(page)
}

fn object(element: &Element) -> Result<(Vec<u8>, Revision), BadXml> {
    let part = |name: &str| {
        let text = element.text_of(name);
        text.ok_or_else(|| BadXml(format!("an object has no {name}")))
    };
    let size = part("Size")?.trim();
    let revision = Revision {
        size: size
            .parse()
            .map_err(|_| BadXml(format!("{size:?} is no size")))?,
        mtime_ns: seconds(part("LastModified")?.trim())
            .ok_or_else(|| BadXml::from("a time of change is none"))?,
        tag: element
            .text_of("ETag")
            .filter(|text| !text.trim().is_empty())
            .map(tag),
    };
    Ok((part("Key")?.into(), revision))
}

/// A key as `encoding-type=url` writes it: escaped as in a form, so that `+` is a blank.
fn plain(key: &[u8]) -> Vec<u8> {
    unescape(&String::from_utf8_lossy(key).replace('+', " "))
}

/// A time in whole seconds, as nanoseconds since the Unix epoch: the head of an object has no more.
fn seconds(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    time.unix_timestamp().checked_mul(1_000_000_000)
}

/// What a service says of a refusal: its code and its message.
pub(super) fn refusal(body: &[u8]) -> Option<(String, String)> {
    let (mut code, mut message) = (None, String::new());
    children(body, None, "Error", |element| {
        match element.name.as_str() {
            "Code" => code = Some(element.text),
            "Message" => message = element.text,
            _ => {}
        }
        Ok(())
    })
    .ok()?;
    Some((code?, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<?xml version=\"1.0\"?>\
        <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <Name>b</Name><Prefix>a/</Prefix><IsTruncated>false</IsTruncated>\
        <EncodingType>url</EncodingType><Contents><Key>a/b%2Bc+%C3%A9</Key>\
        <LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;e&quot;</ETag>\
        <Size>7</Size></Contents></ListBucketResult>";

    fn read(text: &str) -> Result<Page, BadXml> {
        page(text.as_bytes(), "b", b"a/")
    }

    #[test]
    fn a_page_tells_keys_and_revisions() {
        let page = read(PAGE).unwrap();
        assert_eq!(page.next, None);
        let (key, revision) = &page.objects[0];
        assert_eq!(key, "a/b+c é".as_bytes());
        assert_eq!(revision.size, 7);
        assert_eq!(revision.mtime_ns, 1_767_323_045_000_000_000);
        assert_eq!(revision.tag.as_deref(), Some("\"e\""));
        let plain = read(&PAGE.replace("<EncodingType>url</EncodingType>", "")).unwrap();
        assert_eq!(plain.objects[0].0, b"a/b%2Bc+%C3%A9");
        let bare = read(&PAGE.replace("&quot;", "")).unwrap();
        assert_eq!(bare.objects[0].1.tag.as_deref(), Some("\"e\""));
    }

    #[test]
    fn what_is_not_the_whole_listing_is_none() {
        let cut = &PAGE[..PAGE.len() - 30];
        for bad in [
            "",
            cut,
            "<html><body>Log in</body></html>",
            "<Error><Code>InternalError</Code></Error>",
            "<ListBucketResult></ListBucketResult>",
            &PAGE.replace("<IsTruncated>false</IsTruncated>", ""),
            &PAGE.replace("false", "true"),
            &PAGE.replace("<Name>b<", "<Name>c<"),
            &PAGE.replace("<Key>a/", "<Key>c/"),
            &PAGE.replace("<Size>7", "<Size>-7"),
            &PAGE.replace("<Size>7</Size>", ""),
            &PAGE.replace("2026", "last year"),
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_has_a_code() {
        let told = refusal(b"<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>");
        assert_eq!(told, Some(("NoSuchBucket".to_owned(), "no".to_owned())));
        assert_eq!(refusal(b"<html></html>"), None);
    }
}
