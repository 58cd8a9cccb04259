//! A part of a file, at one revision.

use bytes::Bytes;
use eventlog::{OriginPath, Revision};
use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, HeaderValue, IF_MATCH, RANGE};

use super::answer::{Proof, Unfit, Wanted, fits};
use super::{Server, changed};
use crate::origin::{ErrorKind, OriginError};

/// Reads up to `len` bytes from `offset` with one request, and a second one where the server proves
/// nothing with the first (lighttpd, of files whose type it does not know). None is sent where there
/// is nothing to read.
///
/// # Errors
/// [`ErrorKind::NotFound`] may mean that the whole origin is missing.
pub(super) async fn read(
    server: &dyn Server,
    path: &OriginPath,
    revision: &Revision,
    offset: u64,
    len: usize,
) -> Result<Bytes, OriginError> {
    let left = revision.size.saturating_sub(offset);
    let len = usize::try_from(left).map_or(len, |left| left.min(len));
    if len == 0 {
        return Ok(Bytes::new());
    }
    let wanted = Wanted {
        offset,
        len: len as u64,
    };
    let place = server.place(path);
    let doing = format!("read {len} bytes from {offset} of {place}");
    let wrong = |why: &str| OriginError {
        kind: ErrorKind::Io,
        message: format!("cannot {doing}: the server is wrong: {why}"),
    };

    let mut request = server.request(Method::GET, path)?;
    let headers = request.headers_mut();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let range = HeaderValue::try_from(wanted.range()).map_err(|_| wrong("no range"))?;
    headers.insert(RANGE, range);
    let tag = revision.tag.as_deref();
    let tag = tag.filter(|_| server.tags_are_strong());
    // One that cannot be sent is still compared with that of the answer.
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
        headers.insert(IF_MATCH, tag);
    }

    let reply = server.http().send(request, &doing).await?;
    let status = reply.response.status();
    if !status.is_success() {
        return Err(server.refusal(&doing, &reply.refused().await));
    }
    let proof = fits(status, reply.response.headers(), revision, wanted);
    let proof = proof.map_err(|unfit| match unfit {
        Unfit::Changed => changed(&place),
        Unfit::Wrong(why) => wrong(why),
    })?;
    let body = reply.body(len, &doing).await?;
    if body.len() < len {
        return Err(wrong("it sends less than it says"));
    }
    // Looked at afterwards, so that what was sent is older than what is seen.
    if proof == Proof::Missing && server.stat(path).await? != *revision {
        return Err(changed(&place));
    }
    Ok(body)
}
