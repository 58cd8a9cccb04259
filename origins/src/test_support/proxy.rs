//! A TCP proxy with faults.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::need;

/// What goes wrong between client and server; by default nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// How long each piece of an answer is kept back.
    pub latency: Duration,
    /// How many bytes of answers a connection carries in a second.
    pub rate: Option<u64>,
    /// After how many bytes of answers a connection ends.
    pub cut: Option<u64>,
    /// Which byte of the answers of a connection, counted from 0, has one bit changed.
    pub corrupt: Option<u64>,
    /// Connections, old and new, are reset.
    pub reset: bool,
    /// Nothing goes through any more, and nobody is told.
    pub black_hole: bool,
}

/// What went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Connections.
    pub connections: u64,
    /// Requests of HTTP/1.1.
    pub requests: u64,
    /// Bytes to the server.
    pub sent: u64,
    /// Bytes from the server.
    pub received: u64,
}

/// A proxy to one server, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    counters: Arc<Counters>,
    _accepting: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Proxy {
    /// A proxy to `server` on a port of its own.
    ///
    /// # Panics
    /// Where there is no port.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = need(listener, "listen");
        let address = need(listener.local_addr(), "listen");
        let (faults, given) = watch::channel(Faults::default());
        let counters = Arc::new(Counters::default());
        let accepting = tokio::spawn(accept(listener, server, given, Arc::clone(&counters)));
        Self {
            address,
            faults,
            counters,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, this goes wrong.
    pub fn set(&self, faults: Faults) {
        self.faults.send_replace(faults);
    }

    /// What went through up to now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let Counters {
            connections,
            requests,
            sent,
            received,
        } = &*self.counters;
        Counts {
            connections: connections.load(Ordering::Relaxed),
            requests: requests.load(Ordering::Relaxed),
            sent: sent.load(Ordering::Relaxed),
            received: received.load(Ordering::Relaxed),
        }
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    faults: watch::Receiver<Faults>,
    counters: Arc<Counters>,
) {
    while let Ok((client, _)) = listener.accept().await {
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let (faults, counters) = (faults.clone(), Arc::clone(&counters));
        tokio::spawn(async move {
            // However it ends, both sides see that.
            drop(connection(client, server, faults, &counters).await);
        });
    }
}

async fn connection(
    client: TcpStream,
    server: SocketAddr,
    mut faults: watch::Receiver<Faults>,
    counters: &Counters,
) -> io::Result<()> {
    // What is closed without linger is reset.
    client.set_zero_linger()?;
    // The proxy itself is gone once nobody can set faults.
    if faults.wait_for(|faults| !faults.black_hole).await.is_err() || faults.borrow().reset {
        return Ok(());
    }
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut resetting = faults.clone();
    tokio::select! {
        () = up(from_client, to_server, faults.clone(), counters) => {}
        () = down(from_server, to_client, faults, counters) => {}
        _ = resetting.wait_for(|faults| faults.reset) => {}
    }
    Ok(())
}

async fn up(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut faults: watch::Receiver<Faults>,
    counters: &Counters,
) {
    const MARK: &[u8] = b" HTTP/1.1\r\n";
    let mut buffer = vec![0; 64 << 10];
    let mut seen: Vec<u8> = Vec::new();
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let piece = buffer.get(..read).unwrap_or_default();
        seen.extend_from_slice(piece);
        let requests = seen.windows(MARK.len()).filter(|it| *it == MARK).count();
        seen.drain(..seen.len().saturating_sub(MARK.len() - 1));
        if faults.wait_for(|faults| !faults.black_hole).await.is_err() {
            return;
        }
        counters
            .requests
            .fetch_add(requests as u64, Ordering::Relaxed);
        counters.sent.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
}

async fn down(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut faults: watch::Receiver<Faults>,
    counters: &Counters,
) {
    let mut buffer = vec![0; 16 << 10];
    let mut passed = 0_u64;
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let Ok(now) = faults
            .wait_for(|faults| !faults.black_hole)
            .await
            .map(|it| *it)
        else {
            return;
        };
        tokio::time::sleep(now.latency).await;
        let piece = buffer.get_mut(..read).unwrap_or_default();
        let wrong = now.corrupt.and_then(|place| place.checked_sub(passed));
        let wrong = wrong.and_then(|place| usize::try_from(place).ok());
        if let Some(byte) = wrong.and_then(|place| piece.get_mut(place)) {
            *byte ^= 1;
        }
        let left = now.cut.map_or(u64::MAX, |cut| cut.saturating_sub(passed));
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let piece = piece.get(..left).unwrap_or(piece);
        passed += piece.len() as u64;
        counters
            .received
            .fetch_add(piece.len() as u64, Ordering::Relaxed);
        if to.write_all(piece).await.is_err() {
            return;
        }
        if let Some(rate) = now.rate {
            tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / rate as f64)).await;
        }
        if left <= piece.len() && now.cut.is_some() {
            // What was written is still to arrive: an end, and no reset.
            drop(to.shutdown().await);
            let mut rest = vec![0; 1024];
            while let Ok(1..) = from.read(&mut rest).await {}
            return;
        }
    }
}
