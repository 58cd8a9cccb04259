//! A receiver: a small HTTP server that keeps what it was sent, and answers as it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// By name in small letters.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    pub(super) at: Instant,
}

impl Hit {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Answer with a status.
    Status(u16),
    /// Answer with a status and a header.
    With(u16, &'static str, String),
    /// Answer with 200 and a body.
    Body(String),
    /// Never answer.
    Hang,
    /// Close the connection.
    Close,
}

type Answers = dyn Fn(&Hit) -> Reply + Send + Sync;

/// A server on loopback. Stops when dropped; what is under way is cut off.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    hits: Arc<Mutex<Vec<Hit>>>,
    gone: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Receiver {
    /// A server on a port of its own that takes everything.
    pub(super) fn new() -> Self {
        Self::answering(|_| Reply::Status(204))
    }

    pub(super) fn answering(answer: impl Fn(&Hit) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), answer)
    }

    /// A server at an address, such as that of one that is gone.
    pub(super) fn at(
        address: SocketAddr,
        answer: impl Fn(&Hit) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let hits = Arc::new(Mutex::new(Vec::new()));
        let gone = Arc::new(AtomicBool::new(false));
        let answer: Arc<Answers> = Arc::new(answer);
        let (kept, ended) = (Arc::clone(&hits), Arc::clone(&gone));
        let serve = move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let (kept, ended, answer) = (kept.clone(), ended.clone(), Arc::clone(&answer));
                std::thread::spawn(move || {
                    // A client that goes away is no concern of the server's.
                    drop(exchange(stream, &kept, &ended, &*answer));
                });
            }
        };
        Self {
            address,
            hits,
            gone,
            thread: Some(std::thread::spawn(serve)),
        }
    }

    /// Its address, with a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it was sent so far.
    pub(super) fn hits(&self) -> Vec<Hit> {
        self.hits.lock().unwrap().clone()
    }

    /// Forgets what it was sent.
    pub(super) fn clear(&self) {
        self.hits.lock().unwrap().clear();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::SeqCst);
        // Wakes the one that waits for connections.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn exchange(
    stream: TcpStream,
    kept: &Mutex<Vec<Hit>>,
    gone: &AtomicBool,
    answer: &Answers,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut parts = line.split_whitespace();
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (method, target) = (next(), next());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            // The sender was killed in the middle of it: no request, as any server would say.
            return Ok(());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length");
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let hit = Hit {
        method,
        target,
        headers,
        body,
        at: Instant::now(),
    };
    let reply = answer(&hit);
    kept.lock().unwrap().push(hit);
    respond(stream, reply, gone)
}

fn respond(mut stream: TcpStream, reply: Reply, gone: &AtomicBool) -> std::io::Result<()> {
    let mut send = |status: u16, header: &str, body: &str| {
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status} Whatever\r\n{header}Content-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
    };
    match reply {
        Reply::Status(status) => send(status, "", ""),
        Reply::With(status, name, value) => send(status, &format!("{name}: {value}\r\n"), ""),
        Reply::Body(body) => send(200, "Content-Type: application/json\r\n", &body),
        Reply::Close => Ok(()),
        Reply::Hang => {
            while !gone.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
    }
}
