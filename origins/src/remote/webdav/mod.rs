//! A folder of a WebDAV server (RFC 4918).
//!
//! Directories are listed one by one, several at once: `Depth: infinity` is refused by nginx and
//! lighttpd, and elsewhere is one answer of any size. Listing and stat ask the same question, so
//! that they agree: some servers have entity tags here and not there.

mod multistatus;
mod walk;

use async_trait::async_trait;
use eventlog::{OriginPath, Revision};
use futures::stream::BoxStream;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Body, Method, Request, StatusCode, Url};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::answer::{Refused, text};
use super::escape::{escape_path, unescape};
use super::http::Http;
use super::xml::BadXml;
use super::{Server, address};
use crate::origin::{Depth, Directory, ErrorKind, OriginError, WalkError};
use crate::settings::{WebdavLogin, WebdavSettings};

use multistatus::{Member, Parts, parts};

/// Only what is needed: asking for all properties doubles the answer.
const QUESTION: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/>"#,
    "<getlastmodified/><getetag/></prop></propfind>",
);

/// Longest answer to one question: some 200,000 files in one directory.
const LONGEST: usize = 128 << 20;

/// A folder and how it is reached.
pub(super) struct Folder {
    http: Http,
    base: Url,
    /// The address as people read it.
    shown: String,
    authorization: Option<HeaderValue>,
    connections: usize,
}

impl Folder {
    pub(super) fn new(settings: &WebdavSettings) -> Result<Self, OriginError> {
        let base = address(&settings.url)?;
        let authorization = settings.login.as_ref().map(authorization).transpose()?;
        Ok(Self {
            http: Http::new(settings.connections)?,
            shown: String::from_utf8_lossy(&unescape(base.as_str())).into_owned(),
            base,
            authorization,
            connections: settings.connections.max(1),
        })
    }

    /// The members of a folder and itself, or of a path itself.
    async fn ask(
        &self,
        path: &OriginPath,
        depth: &'static str,
        doing: &str,
    ) -> Result<(Parts, Vec<Member>), OriginError> {
        let method = Method::from_bytes(b"PROPFIND").unwrap_or(Method::OPTIONS);
        let mut request = self.request(method, path)?;
        // What is asked for as a folder has the slash that a folder ends in; without it, servers
        // send us there.
        if depth == "1" && !path.is_root() {
            let folder = format!("{}/", request.url().path());
            request.url_mut().set_path(&folder);
        }
        let headers = request.headers_mut();
        headers.insert("Depth", HeaderValue::from_static(depth));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/xml; charset=utf-8"),
        );
        *request.body_mut() = Some(Body::from(QUESTION));
        let asked = parts(request.url().path());

        let reply = self.http.send(request, doing).await?;
        if reply.response.status() != StatusCode::MULTI_STATUS {
            return Err(self.not_told(path, doing, &reply.refused().await));
        }
        let body: Bytes = reply.body(LONGEST, doing).await?;
        // Hundreds of thousands of elements would keep other work of this thread waiting.
        let read = tokio::task::spawn_blocking(move || multistatus::members(&body)).await;
        let members = read.unwrap_or_else(|_| Err(BadXml::from("it cannot be read")));
        Ok((asked, members.map_err(|bad| wrong(doing, &bad))?))
    }

    /// What it means that properties are not told.
    fn not_told(&self, path: &OriginPath, doing: &str, refused: &Refused) -> OriginError {
        let kind = refused.kind(SystemTime::now());
        let location = text(&refused.headers, &LOCATION);
        // The slash that is missing says that this is a folder, and no file.
        if refused.status.is_redirection() && location.is_some_and(|to| to.ends_with('/')) {
            return not_found(&self.place(path));
        }
        let said = match refused.status.as_u16() {
            200 | 405 | 501 => "this is no WebDAV folder",
            _ => "",
        };
        refused.error(doing, kind, said)
    }

    /// Lists one directory.
    pub(super) async fn list(&self, path: &OriginPath) -> Result<Directory, OriginError> {
        match self.list_here(path).await {
            Err(error) if error.kind == ErrorKind::NotFound => Err(self.root_or(path, error).await),
            listed => listed,
        }
    }

    async fn list_here(&self, path: &OriginPath) -> Result<Directory, OriginError> {
        let doing = format!("list {}", self.place(path));
        let (asked, members) = self.ask(path, "1", &doing).await?;
        let listed = multistatus::directory(path, &asked, members);
        let (directory, left_out) = listed.map_err(|unfit| unfit.error(&doing))?;
        if left_out > 0 {
            tracing::warn!(
                count = left_out,
                directory = self.place(path),
                "left out: names that are no names here, or files without a size"
            );
        }
        Ok(directory)
    }

    /// The state of what is at a path; `None` where that is no file.
    async fn look(&self, path: &OriginPath) -> Result<Option<Revision>, OriginError> {
        let doing = format!("look at {}", self.place(path));
        let (asked, members) = self.ask(path, "0", &doing).await?;
        multistatus::file(&asked, members).map_err(|unfit| unfit.error(&doing))
    }

    /// True where a path is below a file, so that it cannot be there: of such, Apache says that the
    /// request is bad, and lighttpd that it is not for us.
    async fn is_below_a_file(&self, path: &OriginPath) -> bool {
        let mut holder = path.parent();
        while !holder.is_root() {
            match self.look(&holder).await {
                Ok(file) => return file.is_some(),
                Err(error) if could_be_below_a_file(&error) => holder = holder.parent(),
                Err(_) => return false,
            }
        }
        false
    }

    /// What is missing where `path` is: itself, or all that it is in.
    async fn root_or(&self, path: &OriginPath, error: OriginError) -> OriginError {
        if path.is_root() {
            return away(&self.shown);
        }
        self.check().await.err().unwrap_or(error)
    }
}

fn authorization(login: &WebdavLogin) -> Result<HeaderValue, OriginError> {
    let text = match login {
        WebdavLogin::Password(user, password) => {
            use base64::Engine;
            let both = Zeroizing::new(format!("{user}:{}", password.reveal()));
            let both = base64::engine::general_purpose::STANDARD.encode(&*both);
            format!("Basic {both}")
        }
        WebdavLogin::Token(token) => format!("Bearer {}", token.reveal()),
    };
    let mut value = HeaderValue::try_from(text).map_err(|_| OriginError {
        kind: ErrorKind::Denied,
        message: "a token for WebDAV has characters that none can have".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn could_be_below_a_file(error: &OriginError) -> bool {
    matches!(error.kind, ErrorKind::Denied | ErrorKind::Io)
}

fn wrong(doing: &str, bad: &BadXml) -> OriginError {
    OriginError {
        kind: ErrorKind::Io,
        message: format!("cannot {doing}: the server's answer is wrong: {bad}"),
    }
}

fn not_found(place: &str) -> OriginError {
    OriginError {
        kind: ErrorKind::NotFound,
        message: format!("there is no file {place}"),
    }
}

fn away(place: &str) -> OriginError {
    OriginError {
        kind: ErrorKind::Offline,
        message: format!("there is no folder {place}; check its address"),
    }
}

#[async_trait]
impl Server for Folder {
    fn http(&self) -> &Http {
        &self.http
    }

    fn request(&self, method: Method, path: &OriginPath) -> Result<Request, OriginError> {
        let url = format!("{}{}", self.base, escape_path(path.as_bytes()));
        let url = Url::parse(&url).map_err(|error| OriginError {
            kind: ErrorKind::Io,
            message: format!("{} has no address: {error}", self.place(path)),
        })?;
        let mut request = Request::new(method, url);
        if let Some(authorization) = &self.authorization {
            let headers = request.headers_mut();
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }

    fn place(&self, path: &OriginPath) -> String {
        format!("{}{path}", self.shown)
    }

    fn tags_are_strong(&self) -> bool {
        false
    }

    fn refusal(&self, doing: &str, refused: &Refused) -> OriginError {
        refused.error(doing, refused.kind(SystemTime::now()), "")
    }

    fn walk(
        self: Arc<Self>,
        from: OriginPath,
        depth: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>> {
        // One is left to those who listen.
        let at_once = self.connections.saturating_sub(1);
        walk::walk(self, from, depth, at_once)
    }

    async fn stat(&self, path: &OriginPath) -> Result<Revision, OriginError> {
        if path.is_root() {
            return Err(not_found(&self.shown));
        }
        match self.look(path).await {
            Ok(Some(revision)) => Ok(revision),
            Ok(None) => Err(not_found(&self.place(path))),
            Err(error) if could_be_below_a_file(&error) && self.is_below_a_file(path).await => {
                Err(not_found(&self.place(path)))
            }
            Err(error) => Err(error),
        }
    }

    async fn check(&self) -> Result<(), OriginError> {
        let doing = format!("look at {}", self.shown);
        match self.ask(&OriginPath::root(), "0", &doing).await {
            Err(error) if error.kind == ErrorKind::NotFound => Err(away(&self.shown)),
            Err(error) => Err(error),
            Ok((asked, members)) => {
                if multistatus::is_folder(&asked, &members) {
                    Ok(())
                } else {
                    Err(away(&self.shown))
                }
            }
        }
    }
}
