//! A server that answers what it is told to, and may be as wrong as it likes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::need;

/// What a server does, one step after the other; after the last it waits for the next request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends nothing any more, for ever.
    Stall,
    /// Ends the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// An HTTP/1.1 server on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Odd {
    address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

impl Odd {
    /// A server that does what `answer` says to the head of each request.
    ///
    /// # Panics
    /// Where there is no port.
    pub async fn start(answer: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = need(listener, "listen");
        let address = need(listener.local_addr(), "listen");
        let answer = Arc::new(answer);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move { drop(serve(client, &*answer).await) });
            }
        });
        Self {
            address,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The steps of an answer with this status line (`206 Partial Content`), headers and body; its
/// length is told.
#[must_use]
pub fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<Step> {
    let length = body.len().to_string();
    let mut all = headers.to_vec();
    all.push(("Content-Length", &length));
    bare(status, &all, body)
}

/// As [`answer`], with no other headers than these.
#[must_use]
pub fn bare(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<Step> {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    vec![Step::Send(bytes)]
}

async fn serve(
    mut client: TcpStream,
    answer: &(impl Fn(&str) -> Vec<Step> + ?Sized),
) -> io::Result<()> {
    while let Some(head) = request(&mut client).await? {
        for step in answer(&head) {
            match step {
                Step::Send(bytes) => client.write_all(&bytes).await?,
                Step::Stall => std::future::pending().await,
                Step::Close => return client.shutdown().await,
                Step::Reset => return client.set_zero_linger(),
            }
        }
    }
    Ok(())
}

/// The head of the next request, whose body is dropped; `None` after the last.
async fn request(client: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if client.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length = name.eq_ignore_ascii_case("content-length");
        length.then(|| value.trim().parse().ok()).flatten()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).await?;
    Ok(Some(head))
}
