//! What is waited for, and what comes.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Shared;
use crate::sftp::error::Failure;
use crate::sftp::wire::{Attributes, Name, Reply, Request};

/// An answer whose handle, if it has one, is closed when nobody takes it.
#[derive(Debug)]
pub(super) enum Answer {
    Handle(Handle),
    Other(Reply),
}

/// Something open at the server; closed when dropped.
#[derive(Debug)]
pub(in crate::sftp) struct Handle {
    pub(super) bytes: Bytes,
    pub(super) shared: Weak<Shared>,
}

impl Handle {
    pub(in crate::sftp) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.send(Request::Close(&self.bytes), oneshot::channel().0);
        }
    }
}

/// An answer that is waited for. Dropping it gives the question up; what the answer may have opened
/// is closed.
#[derive(Debug)]
pub(in crate::sftp) struct Pending {
    pub(super) receiver: oneshot::Receiver<Result<Answer, Failure>>,
    pub(super) shared: Arc<Shared>,
    pub(super) done: bool,
}

impl Future for Pending {
    type Output = Result<Replied, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.receiver).poll(context));
        self.done = true;
        Poll::Ready(match answer {
            Ok(answer) => answer.and_then(|answer| match answer {
                Answer::Other(Reply::Status(code, text)) => Err(Failure::Refused(code, text)),
                answer => Ok(Replied(answer)),
            }),
            Err(_) => Err(Failure::Lost("it was closed".into())),
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.done {
            let mut state = self.shared.lock();
            state.given_up |= state.is_silent();
        }
    }
}

/// An answer that is no refusal.
#[derive(Debug)]
pub(in crate::sftp) struct Replied(Answer);

impl Replied {
    pub(in crate::sftp) fn handle(self) -> Result<Handle, Failure> {
        match self.0 {
            Answer::Handle(handle) => Ok(handle),
            other => Err(other.unexpected("a handle")),
        }
    }

    /// At most `asked` bytes.
    pub(in crate::sftp) fn data(self, asked: u32) -> Result<Bytes, Failure> {
        match self.0 {
            Answer::Other(Reply::Data(data)) if data.len() as u64 <= u64::from(asked) => Ok(data),
            other => Err(other.unexpected("data, no more than asked for")),
        }
    }

    pub(in crate::sftp) fn names(self) -> Result<Vec<Name>, Failure> {
        match self.0 {
            Answer::Other(Reply::Names(names)) => Ok(names),
            other => Err(other.unexpected("names")),
        }
    }

    /// The one path that is the answer to [`Request::RealPath`].
    pub(in crate::sftp) fn path(self) -> Result<Bytes, Failure> {
        let mut names = self.names()?.into_iter();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok(only.name),
            _ => Err(Failure::Nonsense("it should be one path".into())),
        }
    }

    pub(in crate::sftp) fn attributes(self) -> Result<Attributes, Failure> {
        match self.0 {
            Answer::Other(Reply::Attributes(attributes)) => Ok(attributes),
            other => Err(other.unexpected("a file's state")),
        }
    }

    pub(in crate::sftp) fn extended(self) -> Result<Bytes, Failure> {
        match self.0 {
            Answer::Other(Reply::Extended(bytes)) => Ok(bytes),
            other => Err(other.unexpected("an extended reply")),
        }
    }
}

impl Answer {
    fn unexpected(&self, wanted: &str) -> Failure {
        let got = match self {
            Self::Handle(_) => "a handle",
            Self::Other(Reply::Data(_)) => "data",
            Self::Other(Reply::Names(_)) => "names",
            Self::Other(Reply::Attributes(_)) => "a file's state",
            Self::Other(_) => "something else",
        };
        Failure::Nonsense(format!("it should be {wanted} and is {got}").into())
    }
}
