//! A bucket of an S3-compatible service, or what is below a prefix in it.
//!
//! A tree is one flat listing: 1,000 keys a request, however many directories they are in.

mod checksum;
mod list;
mod page;
mod sign;
mod tree;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use eventlog::{OriginPath, Revision};
use futures::stream::BoxStream;
use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap};
use reqwest::{Method, Request, Url};

use super::answer::{Refused, modified, tag, text};
use super::escape::{escape, escape_path};
use super::http::Http;
use super::{Server, address};
use crate::checksum::Checksum;
use crate::origin::{Depth, Directory, ErrorKind, OriginError, WalkError};
use crate::settings::S3Settings;

use page::Page;
use sign::Signer;

/// The region that is meant where none is named.
const REGION: &str = "us-east-1";

/// Longest page: 1,000 keys of 1,024 bytes, all of them escaped, and what is said of each.
const LONGEST: usize = 8 << 20;

/// A bucket and how it is reached.
pub(super) struct Bucket {
    http: Http,
    /// The address of the bucket, with a slash at its end.
    base: Url,
    name: String,
    prefix: OriginPath,
    signer: Option<Signer>,
}

impl Bucket {
    pub(super) fn new(settings: &S3Settings) -> Result<Self, OriginError> {
        let name = settings.bucket.clone();
        if name.is_empty() || name.contains('/') {
            return Err(OriginError {
                kind: ErrorKind::Io,
                message: format!("{name:?} is no name of a bucket"),
            });
        }
        let region = settings.region.as_deref().unwrap_or(REGION);
        let base = match &settings.endpoint {
            Some(endpoint) => {
                let endpoint = address(endpoint)?;
                address(&format!("{endpoint}{}", escape(name.as_bytes())))?
            }
            // A certificate for all buckets is for none with a dot.
            None if name.contains('.') => {
                address(&format!("https://s3.{region}.amazonaws.com/{name}"))?
            }
            None => address(&format!("https://{name}.s3.{region}.amazonaws.com"))?,
        };
        let signer = settings.key.as_ref().map(|(id, secret)| Signer {
            id: id.clone(),
            secret: secret.clone(),
            token: settings.session_token.clone(),
            region: region.to_owned(),
        });
        Ok(Self {
            http: Http::new(settings.connections)?,
            base,
            name,
            prefix: settings.prefix.clone(),
            signer,
        })
    }

    /// The key of a path, or what the keys of a directory begin with.
    fn key(&self, path: &OriginPath, folder: bool) -> Vec<u8> {
        let mut key = self.prefix.as_bytes().to_vec();
        if !key.is_empty() && !path.is_root() {
            key.push(b'/');
        }
        key.extend_from_slice(path.as_bytes());
        if folder && !key.is_empty() {
            key.push(b'/');
        }
        key
    }

    fn signed(
        &self,
        method: Method,
        rest: &str,
        headers: HeaderMap,
    ) -> Result<Request, OriginError> {
        let failed = |why: &str| OriginError {
            kind: ErrorKind::Io,
            message: format!("cannot ask for {}{rest}: {why}", self.base),
        };
        let url = Url::parse(&format!("{}{rest}", self.base));
        let mut request = Request::new(method, url.map_err(|error| failed(&error.to_string()))?);
        request.headers_mut().extend(headers);
        if let Some(signer) = &self.signer {
            let signed = signer.sign(&mut request, SystemTime::now());
            signed
                .ok_or_else(|| failed("the key or its token have characters that none can have"))?;
        }
        Ok(request)
    }

    /// One page of what keys begin with `prefix`, from `token` on.
    async fn page(
        &self,
        prefix: &[u8],
        delimiter: &str,
        token: Option<&str>,
        most: usize,
        doing: &str,
    ) -> Result<Page, OriginError> {
        // Sorted, since it is signed like this.
        let mut query = String::from("?");
        if let Some(token) = token {
            query.push_str(&format!("continuation-token={}&", escape(token.as_bytes())));
        }
        if !delimiter.is_empty() {
            query.push_str(&format!("delimiter={}&", escape(delimiter.as_bytes())));
        }
        query.push_str(&format!(
            "encoding-type=url&list-type=2&max-keys={most}&prefix={}",
            escape(prefix)
        ));
        let request = self.signed(Method::GET, &query, HeaderMap::new())?;
        let reply = self.http.send(request, doing).await?;
        if reply.response.status() != 200 {
            let error = self.refusal(doing, &reply.refused().await);
            // Of a listing, only the bucket itself can be missing.
            return Err(match error.kind {
                ErrorKind::NotFound => OriginError {
                    kind: ErrorKind::Offline,
                    ..error
                },
                _ => error,
            });
        }
        let body = reply.body(LONGEST, doing).await?;
        let page = page::page(&body, &self.name, prefix);
        page.map_err(|bad| OriginError {
            kind: ErrorKind::Io,
            message: format!("cannot {doing}: the service's answer is wrong: {bad}"),
        })
    }

    /// What it means that there is nothing below the prefix: nobody can tell an empty one from one
    /// that was mistyped, and all that was known would be taken for gone.
    fn nothing(&self) -> OriginError {
        let place = self.place(&OriginPath::root());
        OriginError {
            kind: ErrorKind::Offline,
            message: format!(
                "there is nothing below {place}; check the prefix, or put an empty object {}/ there",
                self.prefix
            ),
        }
    }
}

#[async_trait]
impl Server for Bucket {
    fn http(&self) -> &Http {
        &self.http
    }

    fn request(&self, method: Method, path: &OriginPath) -> Result<Request, OriginError> {
        let key = escape_path(&self.key(path, false));
        self.signed(method, &key, HeaderMap::new())
    }

    fn place(&self, path: &OriginPath) -> String {
        let key = self.key(path, false);
        format!("{}{}", self.base, String::from_utf8_lossy(&key))
    }

    fn tags_are_strong(&self) -> bool {
        true
    }

    fn refusal(&self, doing: &str, refused: &Refused) -> OriginError {
        let kind = refused.kind(SystemTime::now());
        let Some((code, message)) = page::refusal(&refused.words) else {
            return refused.error(doing, kind, "");
        };
        let kind = match code.as_str() {
            "NoSuchBucket" => ErrorKind::Offline,
            "AuthorizationHeaderMalformed"
            | "ExpiredToken"
            | "InvalidToken"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch" => ErrorKind::Denied,
            "RequestTimeout" => ErrorKind::Offline,
            "SlowDown" | "TooManyRequests" if !matches!(kind, ErrorKind::Throttled { .. }) => {
                ErrorKind::Throttled { retry_after: None }
            }
            _ => kind,
        };
        let said = match (code.as_str(), message.as_str()) {
            ("NoSuchBucket", _) => "there is no such bucket; check its name",
            (_, "") => &code,
            _ => &format!("{code}: {message}"),
        };
        refused.error(doing, kind, said)
    }

    fn walk(
        self: Arc<Self>,
        from: OriginPath,
        depth: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>> {
        list::walk(self, from, depth)
    }

    async fn stat(&self, path: &OriginPath) -> Result<Revision, OriginError> {
        let place = self.place(path);
        let doing = format!("look at {place}");
        if path.is_root() {
            return Err(OriginError {
                kind: ErrorKind::NotFound,
                message: format!("{place} is no file"),
            });
        }
        let request = self.request(Method::HEAD, path)?;
        let reply = self.http.send(request, &doing).await?;
        if reply.response.status() != 200 {
            return Err(self.refusal(&doing, &reply.refused().await));
        }
        let headers = reply.response.headers();
        // Not that of the body, of which there is none.
        let size = text(headers, &CONTENT_LENGTH).and_then(|size| size.parse().ok());
        let size = size.ok_or_else(|| OriginError {
            kind: ErrorKind::Io,
            message: format!("cannot {doing}: the service does not tell its size"),
        })?;
        Ok(Revision {
            size,
            mtime_ns: modified(headers).unwrap_or(0),
            tag: text(headers, &ETAG).map(tag),
        })
    }

    async fn checksum(
        &self,
        path: &OriginPath,
        revision: &Revision,
    ) -> Result<Option<Checksum>, OriginError> {
        checksum::ask(self, path, revision).await
    }

    async fn check(&self) -> Result<(), OriginError> {
        let root = OriginPath::root();
        let doing = format!("list {}", self.place(&root));
        let prefix = self.key(&root, true);
        let page = self.page(&prefix, "", None, 1, &doing).await?;
        if page.objects.is_empty() && !self.prefix.is_root() {
            return Err(self.nothing());
        }
        Ok(())
    }
}
