//! A file of an SFTP server, opened at one revision.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use eventlog::{OriginPath, Revision};
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::sync::Mutex;

use super::error::{Failure, code};
use super::handles::Open;
use super::link::Replied;
use super::place;
use super::server::Server;
use super::session::Session;
use super::wire::{Attributes, Kind, Request};
use crate::origin::{ErrorKind, OriginError, OriginFile};

/// Requests of one read that are under way at once, at most: about 4 MiB.
const AHEAD: usize = 16;

/// Most bytes that room is made for before they are there: sizes are a server's word.
const ROOM: usize = 16 * 1024 * 1024;

/// A regular file that is read only as long as it is in its revision. What is open at the server is
/// kept among [`Handles`](super::handles::Handles), and opened anew when it is needed and was closed.
#[derive(Debug)]
pub(super) struct SftpFile {
    server: Arc<Server>,
    number: u64,
    path: OriginPath,
    revision: Revision,
    /// Held by who opens the file, so that others wait for it and do not open it as well.
    opening: Mutex<()>,
}

impl SftpFile {
    /// Opens the file at `expected`.
    pub(super) async fn open(
        server: Arc<Server>,
        path: OriginPath,
        expected: Revision,
    ) -> Result<Self, OriginError> {
        let file = Self {
            number: server.handles().number(),
            server,
            path,
            revision: expected,
            opening: Mutex::new(()),
        };
        let opened = file.server.with_session(|session| file.open_over(session));
        let opened = opened.await.map_err(|failure| file.told("open", failure))?;
        file.server.handles().put(file.number, Arc::new(opened));
        Ok(file)
    }

    async fn open_over(&self, session: Arc<Session>) -> Result<Open, Failure> {
        let root = self.server.root();
        let found = place::find(&session, root, &self.path).await?;
        // Before it is opened: opening a pipe would wait for a writer, and the session with it.
        if found.attributes.kind() != Kind::File {
            return Err(Failure::not_there("it is no file"));
        }
        self.unchanged(&found.attributes)?;
        let opened = session.ask(Request::Open(&root.at(&self.path))).await?;
        let handle = opened.handle()?;
        let stat = session.ask(Request::FStat(handle.bytes())).await?;
        self.unchanged(&stat.attributes()?)?;
        Ok(Open { session, handle })
    }

    async fn opened(&self) -> Result<Arc<Open>, Failure> {
        let handles = self.server.handles();
        if let Some(open) = handles.get(self.number) {
            return Ok(open);
        }
        let _others_wait = self.opening.lock().await;
        if let Some(open) = handles.get(self.number) {
            return Ok(open);
        }
        let open = self.server.with_session(|session| self.open_over(session));
        let open = Arc::new(open.await?);
        handles.put(self.number, Arc::clone(&open));
        Ok(open)
    }

    async fn read(&self, open: &Open, offset: u64, len: usize) -> Result<Bytes, Failure> {
        let end = offset.saturating_add(len as u64);
        let mut next = offset;
        let mut parts = FuturesOrdered::new();
        let mut bytes = BytesMut::new();
        let mut after = None;
        let (mut asked_again, mut is_short) = (false, false);
        loop {
            while next < end && parts.len() < AHEAD {
                let most = open.session.max_read();
                let len = u32::try_from(end - next).map_or(most, |left| left.min(most));
                parts.push_back(fill(open, next, len));
                next += u64::from(len);
            }
            if next == end && after.is_none() {
                // The server answers for one file in the order of the questions, so this is of a
                // time after the bytes were read.
                after = Some(open.session.ask(Request::FStat(open.handle.bytes())));
            }
            let Some(part) = parts.next().await else {
                break;
            };
            let part = part?;
            asked_again |= part.asked_again;
            is_short |= part.is_short;
            if bytes.is_empty() && parts.is_empty() {
                bytes = BytesMut::from(part.bytes);
            } else {
                if bytes.is_empty() {
                    bytes.reserve(len.min(ROOM));
                }
                bytes.extend_from_slice(&part.bytes);
            }
        }
        let stat = match after {
            Some(asked) if !asked_again => asked,
            _ => open.session.ask(Request::FStat(open.handle.bytes())),
        };
        self.unchanged(&stat.await?.attributes()?)?;
        if is_short {
            return Err(Failure::Nonsense("the file is shorter than it says".into()));
        }
        Ok(bytes.freeze())
    }

    fn unchanged(&self, found: &Attributes) -> Result<(), Failure> {
        let found = found.revision();
        let found = found.ok_or_else(|| Failure::Nonsense("the file has no size".into()))?;
        if (found.size, found.mtime_ns) == (self.revision.size, self.revision.mtime_ns) {
            return Ok(());
        }
        Err(Failure::Told(OriginError {
            kind: ErrorKind::Changed,
            message: format!(
                "the file changed: {} bytes now, {} before; open it again",
                found.size, self.revision.size
            ),
        }))
    }

    fn told(&self, doing: &str, failure: Failure) -> OriginError {
        self.server.told(doing, &self.path, failure)
    }
}

/// A part of what is read.
struct Part {
    bytes: Bytes,
    is_short: bool,
    /// It took more than one question.
    asked_again: bool,
}

/// Reads `len` bytes from `offset`, fewer only at the file's end. Asks at once; the future waits for
/// the answer, and asks again where the server gave less than it was asked for, as it may.
fn fill(
    open: &Open,
    offset: u64,
    len: u32,
) -> impl Future<Output = Result<Part, Failure>> + use<'_> {
    let ask = move |offset, len| {
        let handle = open.handle.bytes();
        open.session.ask(Request::Read {
            handle,
            offset,
            len,
        })
    };
    let first = ask(offset, len);
    async move {
        let mut bytes = taken(first.await, len)?;
        let mut asked_again = false;
        let mut at_end = bytes.is_empty();
        while bytes.len() < len as usize && !at_end {
            asked_again = true;
            let left = len - u32::try_from(bytes.len()).unwrap_or(len);
            let more = taken(ask(offset + bytes.len() as u64, left).await, left)?;
            at_end = more.is_empty();
            bytes = [bytes, more].concat().into();
        }
        Ok(Part {
            is_short: at_end,
            bytes,
            asked_again,
        })
    }
}

/// The bytes of an answer; none at the file's end.
fn taken(answer: Result<Replied, Failure>, asked: u32) -> Result<Bytes, Failure> {
    match answer {
        Ok(replied) => replied.data(asked),
        Err(Failure::Refused(code::EOF, _)) => Ok(Bytes::new()),
        Err(failure) => Err(failure),
    }
}

#[async_trait]
impl OriginFile for SftpFile {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        let left = self.revision.size.saturating_sub(offset);
        let len = len.min(usize::try_from(left).unwrap_or(usize::MAX));
        if len == 0 {
            return Ok(Bytes::new());
        }
        let attempt = async || self.read(&*self.opened().await?, offset, len).await;
        let mut read = attempt().await;
        if matches!(read, Err(Failure::Lost(_))) {
            self.server.handles().forget(self.number);
            read = attempt().await;
        }
        read.map_err(|failure| self.told("read", failure))
    }
}

impl Drop for SftpFile {
    fn drop(&mut self) {
        self.server.handles().forget(self.number);
    }
}
