//! What a server says of a folder or file: `multistatus` (RFC 4918 §13). Pure.

use eventlog::{OriginPath, Revision};

use crate::origin::{Directory, Entry, ErrorKind, OriginError};
use crate::remote::answer::{http_time, tag};
use crate::remote::escape::unescape;
use crate::remote::xml::{BadXml, Element, children};

/// The parts of a path in an address, unescaped.
pub(super) type Parts = Vec<Box<[u8]>>;

/// One thing that the server tells of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    parts: Parts,
    /// What it is, or the status of why that is not told.
    state: Result<State, u16>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Folder,
    File(Revision),
    /// It is no folder and has no length, so that nothing can be read of it.
    Endless,
}

/// Why an answer says nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The status that the server has for it.
    Status(u16),
    /// It is a file, and a folder was asked for.
    NoFolder,
    /// The server is wrong.
    Wrong(String),
}

impl Unfit {
    pub(super) fn error(&self, doing: &str) -> OriginError {
        let (kind, why) = match self {
            Self::Status(status @ (401 | 403)) => (ErrorKind::Denied, format!("status {status}")),
            Self::Status(status @ (404 | 410)) => (ErrorKind::NotFound, format!("status {status}")),
            Self::Status(status) => (ErrorKind::Io, format!("status {status}")),
            Self::NoFolder => (ErrorKind::NotFound, "it is no folder".to_owned()),
            Self::Wrong(why) => (
                ErrorKind::Io,
                format!("the server's answer is wrong: {why}"),
            ),
        };
        OriginError {
            kind,
            message: format!("cannot {doing}: {why}"),
        }
    }
}

/// Everything that an answer tells of.
pub(super) fn members(body: &[u8]) -> Result<Vec<Member>, BadXml> {
    let mut found = Vec::new();
    children(body, Some("DAV:"), "multistatus", |element| {
        if element.name == "response" {
            found.push(member(&element)?);
        }
        Ok(())
    })?;
    Ok(found)
}

fn member(response: &Element) -> Result<Member, BadXml> {
    let href = response.text_of("href").map(str::trim);
    let href = href.filter(|href| !href.is_empty());
    let href = href.ok_or_else(|| BadXml::from("it does not say what it is about"))?;
    Ok(Member {
        parts: parts(path_of(href)),
        state: state(response)?,
    })
}

fn state(response: &Element) -> Result<Result<State, u16>, BadXml> {
    if let Some(status) = response.text_of("status") {
        let status = status_of(status)?;
        if !is_success(status) {
            return Ok(Err(status));
        }
    }
    let mut properties = Vec::new();
    for told in response.children.iter().filter(|it| it.name == "propstat") {
        let status = status_of(told.text_of("status").unwrap_or_default())?;
        if is_success(status) {
            properties.extend(
                told.child("prop")
                    .into_iter()
                    .flat_map(|prop| &prop.children),
            );
        } else if status != 404 {
            // 404: it has no such property.
            return Ok(Err(status));
        }
    }
    let property = |name: &str| properties.iter().find(|it| it.name == name);
    let text = |name: &str| property(name).map(|it| it.text.trim());
    if property("resourcetype").is_some_and(|kind| kind.child("collection").is_some()) {
        return Ok(Ok(State::Folder));
    }
    let Some(size) = text("getcontentlength").and_then(|size| size.parse().ok()) else {
        return Ok(Ok(State::Endless));
    };
    let tags = text("getetag").filter(|text| !text.is_empty());
    Ok(Ok(State::File(Revision {
        size,
        mtime_ns: text("getlastmodified").and_then(http_time).unwrap_or(0),
        tag: tags.map(tag),
    })))
}

/// `HTTP/1.1 200 OK` as 200.
fn status_of(line: &str) -> Result<u16, BadXml> {
    let status = line.split_whitespace().nth(1);
    let status = status.and_then(|status| status.parse().ok());
    status.ok_or_else(|| BadXml(format!("{line:?} is no status")))
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// The path of an address or of a part of one. What would begin a query is part of it: no member
/// has one, and there are servers that do not escape.
fn path_of(href: &str) -> &str {
    match href.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest
            .find('/')
            .map_or("", |slash| rest.get(slash..).unwrap_or_default()),
        _ => href,
    }
}

/// A path of an address in parts; an escaped slash is none that parts.
pub(super) fn parts(path: &str) -> Parts {
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts.map(|part| unescape(part).into()).collect()
}

/// The directory `path` that was `asked` for, and how much was left out of it: names that no path
/// has, and what has no length.
pub(super) fn directory(
    path: &OriginPath,
    asked: &Parts,
    members: Vec<Member>,
) -> Result<(Directory, usize), Unfit> {
    let mut directory = Directory {
        path: path.clone(),
        files: Vec::new(),
        directories: Vec::new(),
    };
    let mut left_out = 0;
    let mut itself = false;
    for Member { mut parts, state } in members {
        if parts == *asked {
            match state.map_err(Unfit::Status)? {
                State::Folder => itself = true,
                State::File(_) | State::Endless => return Err(Unfit::NoFolder),
            }
            continue;
        }
        let name = parts.pop().filter(|_| parts == *asked);
        let name = name.ok_or_else(|| Unfit::Wrong("it lists what is elsewhere".to_owned()))?;
        if path.join(&name).is_err() {
            left_out += 1;
            continue;
        }
        match state {
            Ok(State::Folder) => directory.directories.push(name),
            Ok(State::File(revision)) => directory.files.push(Entry { name, revision }),
            Ok(State::Endless) => left_out += 1,
            // It was removed meanwhile.
            Err(404 | 410) => {}
            Err(status) => return Err(Unfit::Status(status)),
        }
    }
    if !itself {
        return Err(Unfit::Wrong(
            "it says nothing of the folder itself".to_owned(),
        ));
    }
    directory.files.sort_by(|a, b| a.name.cmp(&b.name));
    directory.files.dedup_by(|a, b| a.name == b.name);
    directory.directories.sort();
    directory.directories.dedup();
    Ok((directory, left_out))
}

/// The file that was `asked` for; `None` where that is something else.
pub(super) fn file(asked: &Parts, members: Vec<Member>) -> Result<Option<Revision>, Unfit> {
    let found = members.into_iter().find(|member| member.parts == *asked);
    let found = found.ok_or_else(|| Unfit::Wrong("it says nothing of the file".to_owned()))?;
    match found.state.map_err(Unfit::Status)? {
        State::File(revision) => Ok(Some(revision)),
        State::Folder => Ok(None),
        // It is there nevertheless, and nobody is to take it for gone.
        State::Endless => Err(Unfit::Wrong(
            "it does not tell how long the file is".to_owned(),
        )),
    }
}

/// True where what was `asked` for is a folder.
pub(super) fn is_folder(asked: &Parts, members: &[Member]) -> bool {
    let is = |member: &Member| member.parts == *asked && member.state == Ok(State::Folder);
    members.iter().any(is)
}
