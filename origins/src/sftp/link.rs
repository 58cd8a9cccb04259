//! Requests and answers over one session: many at once, matched by their numbers.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::error::Failure;
use super::wire::{self, Attributes, MAX_PACKET, Name, Reply, Request};

/// For how long a server may leave everything unanswered before other sessions are preferred.
const SILENCE: Duration = Duration::from_secs(1);

/// The client's side of an SFTP session that has begun. A task of its own reads and writes, so that
/// whoever asks may be dropped at any time; it ends with this value.
#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next_id: u32,
    waiting: HashMap<u32, oneshot::Sender<Result<Answer, Failure>>>,
    /// When the server was last heard, or the first of what waits was asked.
    heard: Instant,
    used: Instant,
    /// Somebody stopped waiting while the server was silent, and it is so still.
    given_up: bool,
    ended: Option<Box<str>>,
}

/// An answer whose handle, if it has one, is closed when nobody takes it.
#[derive(Debug)]
enum Answer {
    Handle(Handle),
    Other(Reply),
}

/// Something open at the server; closed when dropped.
#[derive(Debug)]
pub(super) struct Handle {
    bytes: Bytes,
    shared: Weak<Shared>,
}

impl Handle {
    pub(super) fn bytes(&self) -> &[u8] {
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

impl Link {
    /// Starts to read and write `stream`; `keep` is dropped when the session ends, which it does
    /// after `idle` without a request.
    pub(super) fn start<S, K>(stream: S, keep: K, idle: Duration) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
        K: Send + 'static,
    {
        let (outgoing, requests) = mpsc::unbounded_channel();
        let now = Instant::now();
        let state = State {
            next_id: 0,
            waiting: HashMap::new(),
            heard: now,
            used: now,
            given_up: false,
            ended: None,
        };
        let shared = Arc::new(Shared {
            outgoing,
            state: Mutex::new(state),
        });
        let served = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let (mut incoming, mut outgoing) = tokio::io::split(stream);
            let why = tokio::select! {
                why = hear(&served, &mut incoming) => why,
                why = say(requests, &mut outgoing) => why,
                () = served.idle(idle) => "it was not used".into(),
            };
            served.end(why);
            drop(keep);
        });
        Self {
            shared,
            task: task.abort_handle(),
        }
    }

    /// Asks the server. The request is on its way, after all that were asked before, when this
    /// returns; what is returned waits for the answer.
    pub(super) fn ask(&self, request: Request<'_>) -> Pending {
        let (answer, receiver) = oneshot::channel();
        self.shared.send(request, answer);
        Pending {
            receiver,
            shared: Arc::clone(&self.shared),
            done: false,
        }
    }

    /// How many requests wait for an answer; `None` once the session has ended.
    pub(super) fn load(&self) -> Option<usize> {
        let state = self.shared.lock();
        state.ended.is_none().then(|| state.waiting.len())
    }

    /// True where requests wait and the server has not been heard for a while.
    pub(super) fn is_silent(&self) -> bool {
        self.shared.lock().is_silent()
    }

    /// True while the session lasts. Ends it where the server is silent and somebody has stopped
    /// waiting for it: the next call shall not wait in the same line.
    pub(super) fn lasts(&self) -> bool {
        let given_up = {
            let state = self.shared.lock();
            state.given_up && state.is_silent()
        };
        if given_up {
            self.end("the server does not answer");
        }
        self.shared.lock().ended.is_none()
    }

    /// Ends the session; who waits for an answer is told `why`.
    pub(super) fn end(&self, why: &str) {
        self.task.abort();
        self.shared.end(why.into());
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.end("it was closed");
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, request: Request<'_>, answer: oneshot::Sender<Result<Answer, Failure>>) {
        let mut state = self.lock();
        if let Some(why) = &state.ended {
            // Who asked may have stopped waiting.
            let _ = answer.send(Err(Failure::Lost(why.clone())));
            return;
        }
        let now = Instant::now();
        state.used = now;
        if state.waiting.is_empty() {
            state.heard = now;
        }
        while state.waiting.contains_key(&state.next_id) {
            state.next_id = state.next_id.wrapping_add(1);
        }
        let id = state.next_id;
        state.next_id = id.wrapping_add(1);
        state.waiting.insert(id, answer);
        // Under the lock, so that requests go out in the order of their asking. Where the other end
        // is gone, `end` answers.
        let _ = self.outgoing.send(request.encode(id));
    }

    fn take(self: &Arc<Self>, packet: Bytes) -> Result<(), Box<str>> {
        let (id, reply) = wire::decode(packet).map_err(|error| error.to_string())?;
        let answer = match reply {
            Reply::Handle(bytes) => Answer::Handle(Handle {
                bytes,
                shared: Arc::downgrade(self),
            }),
            other => Answer::Other(other),
        };
        let asked = self.lock().waiting.remove(&id);
        // Without the lock: a handle that nobody waits for is closed here, which takes it again.
        let asked = asked.ok_or("an answer came that nobody asked for")?;
        let _ = asked.send(Ok(answer));
        Ok(())
    }

    fn heard(&self) {
        let mut state = self.lock();
        state.heard = Instant::now();
        state.given_up = false;
    }

    fn end(&self, why: Box<str>) {
        let waiting = {
            let mut state = self.lock();
            state.ended.get_or_insert_with(|| why.clone());
            std::mem::take(&mut state.waiting)
        };
        for asked in waiting.into_values() {
            let _ = asked.send(Err(Failure::Lost(why.clone())));
        }
    }

    /// Returns, and takes no more requests, once there were none for `idle`.
    async fn idle(&self, idle: Duration) {
        loop {
            let end = {
                let mut state = self.lock();
                let end = state.used + idle;
                if state.waiting.is_empty() && end <= Instant::now() {
                    state.ended = Some("it was not used".into());
                    return;
                }
                end.max(Instant::now() + idle / 8)
            };
            sleep_until(end).await;
        }
    }
}

impl State {
    fn is_silent(&self) -> bool {
        !self.waiting.is_empty() && self.heard.elapsed() >= SILENCE
    }
}

/// Reads packets until the session breaks; says why it did.
async fn hear(shared: &Arc<Shared>, incoming: &mut (impl AsyncRead + Unpin)) -> Box<str> {
    loop {
        let taken = match read_packet(incoming, || shared.heard()).await {
            Ok(packet) => shared.take(packet),
            Err(error) => return error.to_string().into(),
        };
        if let Err(why) = taken {
            return why;
        }
    }
}

/// Writes requests until the session breaks; says why it did.
async fn say(
    mut requests: mpsc::UnboundedReceiver<Vec<u8>>,
    outgoing: &mut (impl AsyncWrite + Unpin),
) -> Box<str> {
    let mut batch = Vec::new();
    while requests.recv_many(&mut batch, 64).await > 0 {
        let bytes = batch.concat();
        batch.clear();
        if let Err(error) = outgoing.write_all(&bytes).await {
            return error.to_string().into();
        }
        if let Err(error) = outgoing.flush().await {
            return error.to_string().into();
        }
    }
    "it was closed".into()
}

/// Reads one packet, without its length; calls `heard` for each piece of it.
///
/// # Errors
/// Where the stream breaks or ends, or the packet is larger than any that is taken.
pub(super) async fn read_packet(
    incoming: &mut (impl AsyncRead + Unpin),
    heard: impl Fn(),
) -> Result<Bytes, std::io::Error> {
    let len = usize::try_from(incoming.read_u32().await?).unwrap_or(usize::MAX);
    if len > MAX_PACKET {
        let what = format!("the server sends a packet of {len} bytes, which is no SFTP");
        return Err(std::io::Error::other(what));
    }
    let mut packet = BytesMut::with_capacity(len);
    let mut rest = incoming.take(len as u64);
    while packet.len() < len {
        if rest.read_buf(&mut packet).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        heard();
    }
    Ok(packet.freeze())
}

/// An answer that is waited for. Dropping it gives the question up; what the answer may have opened
/// is closed.
#[derive(Debug)]
pub(super) struct Pending {
    receiver: oneshot::Receiver<Result<Answer, Failure>>,
    shared: Arc<Shared>,
    done: bool,
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
pub(super) struct Replied(Answer);

impl Replied {
    pub(super) fn handle(self) -> Result<Handle, Failure> {
        match self.0 {
            Answer::Handle(handle) => Ok(handle),
            other => Err(other.unexpected("a handle")),
        }
    }

    /// At most `asked` bytes.
    pub(super) fn data(self, asked: u32) -> Result<Bytes, Failure> {
        match self.0 {
            Answer::Other(Reply::Data(data)) if data.len() as u64 <= u64::from(asked) => Ok(data),
            other => Err(other.unexpected("data, no more than asked for")),
        }
    }

    pub(super) fn names(self) -> Result<Vec<Name>, Failure> {
        match self.0 {
            Answer::Other(Reply::Names(names)) => Ok(names),
            other => Err(other.unexpected("names")),
        }
    }

    /// The one path that is the answer to [`Request::RealPath`].
    pub(super) fn path(self) -> Result<Bytes, Failure> {
        let mut names = self.names()?.into_iter();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok(only.name),
            _ => Err(Failure::Nonsense("it should be one path".into())),
        }
    }

    pub(super) fn attributes(self) -> Result<Attributes, Failure> {
        match self.0 {
            Answer::Other(Reply::Attributes(attributes)) => Ok(attributes),
            other => Err(other.unexpected("a file's state")),
        }
    }

    pub(super) fn extended(self) -> Result<Bytes, Failure> {
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
